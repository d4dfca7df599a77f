"""The page of an evidence pack: one HTML file for people, that asks nothing from anywhere and prints well."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from itertools import islice
from pathlib import Path
from typing import Any, Final

from core.text import N_, Text
from service.cli.plan_view import action_titles
from service.evidence_words import PageWords
from service.text import Language

STYLE: Final = Path(__file__).with_name("evidence_page.css")
MOST_SHOWN: Final = 1_000
"""So many documents are shown field by field; all of them are in the JSON file beside the page."""
MOST_LINES: Final = 200

# Babel does not look into f-strings, so what stands in one is marked here.
TAKEN_BACK: Final = N_("Taken back by change set {name} ({state}).")
MASKED: Final = N_("Fields that nobody shall see are masked: ***")
PRUNED: Final = N_("Its images were removed by retention at {moment}.")
EVIDENCE: Final = N_("evidence of one change set")
WHO: Final = N_("Who, when, why")
HISTORY: Final = N_("History")
DONE: Final = N_("What was done to each document")
CREATED: Final = N_("Created: {what} {number}")
EXACT: Final = N_("Exactly as it was before.")
SOMEBODY_ELSE: Final = N_("somebody else")
LEFT_ALONE: Final = N_("Looked at and left alone: {count}")
LINES: Final = N_("Lines of the audit chain")
LINE: Final = N_("line {line}")
HOW_TO_CHECK: Final = N_("How to check this pack")
ZONE: Final = N_("Moments are in the time zone {zone}.")


class Page(PageWords):
    """Writes the page of one pack in one language."""

    def __init__(self, language: Language, content: Mapping[str, Any]) -> None:
        super().__init__(language)
        self._content = content
        self._change_set: Mapping[str, Any] = content["change_set"]
        details: Mapping[str, Any] = self._change_set["details"]
        self._titles = action_titles(details)
        self._actions: Mapping[str, Any] = details.get("actions") or {}

    def pieces(self, operations: Iterable[Mapping[str, Any]], digest: str) -> Iterator[str]:
        """Yield the page; `digest` is the SHA-256 of the JSON file that it shows."""
        style = STYLE.read_text(encoding="utf-8")
        hashed = b64encode(hashlib.sha256(style.encode()).digest()).decode()
        title = self.say(N_("Evidence: change set {name}"), name=str(self._change_set["id"])[:13])
        yield (
            f'<!doctype html>\n<html lang="{self.language.code.replace("_", "-")}">\n<head>\n'
            '<meta charset="utf-8">\n'
            # Even if a text of the ERP got past the escaping, nothing of it would run or be loaded.
            f'<meta http-equiv="Content-Security-Policy" content="default-src \'none\';'
            f" style-src 'sha256-{hashed}'\">\n"
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{escape(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        )
        yield self._head()
        yield self._facts()
        yield self._story()
        yield from self._documents(operations)
        yield self._left_out()
        yield self._chain()
        yield self._seal(digest)
        yield "</body>\n</html>\n"

    # --- sections -------------------------------------------------------------------------------

    def _head(self) -> str:
        change_set, counts = self._change_set, self._content["counts"]
        title = escape(self.language.word(change_set["title"]))
        figures = [(change_set["operation_count"], self.h(N_("operations")))]
        figures += [(count, self.word(state)) for state, count in counts.items()]
        shown = "".join(
            f'<div class="figure"><b>{count}</b><span>{what}</span></div>'
            for count, what in figures
        )
        taken_back = "".join(
            f"<p>{self.h(TAKEN_BACK, name=each['id'], state=each['state'])}</p>"
            for each in self._content["taken_back_by"]
        )
        notes = ""
        if self._content["is_masked"]:
            notes += f'<p class="soft">{self.h(MASKED)}</p>'
        if self._content["images_pruned_at"] is not None:
            at = self._content["images_pruned_at"]
            notes += f'<p class="soft">{self.h(PRUNED, moment=at)}</p>'
        return (
            f'<header>\n<p class="kicker">Storno · {self.h(EVIDENCE)}</p>\n'
            f"<h1>{title} {self.badge(change_set['state'])}</h1>\n"
            f'<p class="mono soft">{escape(change_set["id"])}</p>\n{taken_back}{notes}'
            f'<div class="figures">{shown}</div>\n</header>\n'
        )

    def _facts(self) -> str:
        each = self._change_set
        rows = [
            (N_("Purpose"), self.word(each["purpose"])),
            (N_("Reason"), escape(each["reason"] or "–")),
            (
                N_("Planned by"),
                f"{self.person(each['actor'])}, {self.moment(each['created_at'])}",
            ),
            (
                N_("Approved by"),
                "–"
                if each["approved_by"] is None
                else f"{self.person(each['approved_by'])}, {self.moment(each['approved_at'])}",
            ),
            (N_("Began"), self.moment(each["started_at"])),
            (N_("Ended"), self.moment(each["finished_at"])),
            (N_("Note"), self.text(each["note"])),
            (N_("Takes back"), escape(each["reverses_id"] or "")),
            (N_("Approved plan"), f"<code>{escape(each['plan_hash'] or '–')}</code>"),
        ]
        acting = each["details"].get("acting_as")
        if acting:
            rows.insert(4, (N_("In the ERP as"), escape(str(acting))))
        listed = "".join(
            f"<dt>{self.h(name)}</dt><dd>{value}</dd>" for name, value in rows if value
        )
        return f'<h2>{self.h(WHO)}</h2>\n<dl class="facts">{listed}</dl>\n'

    def _moves(self) -> Iterator[tuple[int, str, list[Any]]]:
        """Yield number, moment and moves of every audit line of the change set."""
        for run in self._content["chain"]:
            for number, line in enumerate(run["lines"], start=run["first"]):
                for move in line.get("moves") or ():
                    yield number, line["written_at"], move

    def _story(self) -> str:
        items = []
        for _, moment, move in self._moves():
            if len(move) < 8 or move[1] != self._change_set["id"]:
                continue
            if move[2] not in ("change_set", "run"):
                continue
            by = escape(move[6] or "")
            items.append(
                f'<li><span class="nowrap soft">{self.moment(moment)}</span>'
                f"<span>{self.badge(move[3])}</span><span>{by}</span></li>"
            )
        return f'<h2>{self.h(HISTORY)}</h2>\n<ol class="story">{"".join(items)}</ol>\n'

    def _documents(self, operations: Iterable[Mapping[str, Any]]) -> Iterator[str]:
        yield f"<h2>{self.h(DONE)}</h2>\n"
        for operation in islice(operations, MOST_SHOWN):
            yield self._card(operation)
        left = int(self._change_set["operation_count"]) - MOST_SHOWN
        if left > 0:
            said = self.h(
                N_("{count} more operations are in {name}."), count=left, name="evidence.json"
            )
            yield f'<p class="soft">{said}</p>\n'

    def _card(self, operation: Mapping[str, Any]) -> str:
        called = operation["number"] or operation["key"]
        action = operation["action"]
        title = self.text(self._titles[action]) if action in self._titles else escape(action)
        state = (
            operation["error_code"] if operation["error_code"] == "already" else operation["state"]
        )
        facts = [
            escape(operation["system"]),
            self.word(operation["kind"]),
            self.word(operation["reversibility"]),
            *([self.moment(operation["sent_at"])] if operation["sent_at"] is not None else []),
        ]
        body = f'<p class="soft">{" · ".join(facts)}</p>'
        if operation["reason"] is not None:
            body += f"<p>{self.text(operation['reason'])}</p>"
        body += self._created(operation) + self._fields(operation) + self._found(operation)
        return (
            f'<section class="card"><div class="head"><span class="soft">{operation["position"]}</span>'
            f'<h3 class="number">{escape(str(called))}</h3><span>{title}</span>'
            f'<span class="push">{self.badge(state)}</span></div>'
            f'<div class="body">{body}</div></section>\n'
        )

    def _created(self, operation: Mapping[str, Any]) -> str:
        titles = (self._actions.get(operation["action"]) or {}).get("creates") or {}
        said = ""
        for each in operation["created"]:
            what = Text.from_dict(titles[each["model"]])
            number = each["number"] or f"{each['model']},{each['key']}"
            said += f"<p>{self.h(CREATED, what=what, number=number)}</p>"
        return said

    def _fields(self, operation: Mapping[str, Any]) -> str:
        about = self._actions.get(operation["action"]) or {}
        trace: Mapping[str, Sequence[str]] = about.get("trace_fields") or {}
        changes = operation["changes"]
        shown = [each for each in changes if each["field"] not in trace.get(each["model"], ())]
        said = self._table(shown, ("before", "after"), about.get("labels") or {})
        if len(shown) < len(changes):
            count = len(changes) - len(shown)
            note = self.language.ngettext(
                "and {count} field of trace, in {name}",
                "and {count} fields of trace, in {name}",
                count,
                name="evidence.json",
            )
            said += f'<p class="soft">{escape(note)}</p>'
        return said

    def _found(self, operation: Mapping[str, Any]) -> str:
        result, details = operation["result"], operation["details"]
        labels = (self._actions.get(operation["action"]) or {}).get("labels") or {}
        said = ""
        if result.get("is_exact"):
            said += f"<p>{self.h(EXACT)}</p>"
        for place, name, heading, names in (
            (
                result,
                "residue",
                N_("Residue: differs from what it was before"),
                ("before", "after"),
            ),
            (result, "recomputed", N_("Recomputed by the ERP"), ("before", "after")),
            (result, "kept", N_("Somebody else's, left alone"), ("before", "after")),
            (details, "conflicts", N_("Changed by somebody else"), ("before", "ours", "now")),
            (
                details,
                "resolutions",
                N_("Changed by somebody else, and resolved:"),
                ("before", "ours", "now", "target"),
            ),
        ):
            rows = place.get(name) or ()
            if rows:
                said += f"<p>{self.h(heading)}</p>" + self._table(rows, names, labels)
        return said

    def _table(
        self,
        rows: Sequence[Mapping[str, Any]],
        names: Sequence[str],
        labels: Mapping[str, Mapping[str, str]],
    ) -> str:
        if not rows:
            return ""
        headings = {
            "before": N_("Before"),
            "after": N_("After"),
            "ours": N_("Ours"),
            "now": N_("Now"),
            "target": N_("Will be"),
        }
        head = "".join(
            f"<th>{self.h(name)}</th>"
            for name in (N_("Record"), N_("Field"), *(headings[each] for each in names))
        )
        lines = []
        for row in rows:
            model, field = str(row["model"]), str(row["field"])
            label = (labels.get(model) or {}).get(field)
            named = escape(field) + (f' <span class="soft">{escape(label)}</span>' if label else "")
            is_foreign = bool(row.get("is_foreign"))
            if is_foreign:
                named += f' <span class="badge care">{self.h(SOMEBODY_ELSE)}</span>'
            cells = "".join(
                f'<td class="{name}">{self.value(row.get(name))}</td>' for name in names
            )
            record = escape(f"{model},{row['key']}")
            lines.append(
                f'<tr{" class=foreign" if is_foreign else ""}><td class="mono">{record}</td>'
                f"<td>{named}</td>{cells}</tr>"
            )
        return f'<table class="fields"><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table>'

    def _left_out(self) -> str:
        exceptions = self._content["exceptions"]
        if not exceptions:
            return ""
        rows = "".join(
            f"<tr><td>{escape(str(each['number'] or each['key'] or '–'))}</td>"
            f"<td>{escape(each['system'])}</td><td>{self.word(each['kind'])}</td>"
            f"<td>{self.text(each['text'])}</td></tr>"
            for each in exceptions[:MOST_SHOWN]
        )
        head = "".join(
            f"<th>{self.h(name)}</th>"
            for name in (N_("Number"), N_("System"), N_("Kind"), N_("Reason"))
        )
        return (
            f"<h2>{self.h(LEFT_ALONE, count=len(exceptions))}</h2>\n"
            f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>\n"
        )

    def _chain(self) -> str:
        rows, last, shown = [], None, 0
        for number, moment, move in self._moves():
            if shown == MOST_LINES:
                break
            if len(move) < 8 or move[1] != self._change_set["id"]:
                continue
            shown += 1
            what = "" if move[2] == "change_set" else escape(str(move[4] or ""))
            rows.append(
                f"<tr><td class=right>{number if number != last else ''}</td>"
                f"<td class=nowrap>{self.moment(moment) if number != last else ''}</td>"
                f"<td>{self.word(_SUBJECTS.get(move[2], move[2]))} {what}</td>"
                f"<td>{self.word(move[3])}</td><td>{escape(move[6] or '')}</td></tr>"
            )
            last = number
        head = "".join(
            f"<th{' class=right' if place == 0 else ''}>{self.h(name)}</th>"
            for place, name in enumerate(
                (N_("Line"), N_("When"), N_("What"), N_("State"), N_("By"))
            )
        )
        said = self.h(
            N_(
                "Each commit of the journal is one line, and each line holds the hash of the line before it."
                " The lines of this change set, with those between them, are in {name}."
            ),
            name="evidence.json",
        )
        return (
            f"<h2>{self.h(LINES)}</h2>\n<p class=soft>{said}</p>\n"
            f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>\n"
        )

    def _seal(self, digest: str) -> str:
        checkpoint = self._content["checkpoint"]
        command = "storno audit verify --pack FOLDER --public-key FILE"
        facts = "".join(
            f"<dt>{self.h(name)}</dt><dd>{value}</dd>"
            for name, value in (
                (
                    N_("Exported by"),
                    ", ".join(
                        (
                            self.person(self._content["exported_by"]),
                            self.moment(self._content["exported_at"]),
                        )
                    ),
                ),
                (N_("Key"), f"<code>{escape(checkpoint['key'])}</code>"),
                (N_("Journal"), f"<code>{escape(self._content['journal'])}</code>"),
                (
                    N_("Audit chain"),
                    f"{self.h(LINE, line=checkpoint['line'])} <code>{escape(checkpoint['hash'])}</code>",
                ),
                (N_("{name}, SHA-256"), f"<code>{escape(digest)}</code>"),
            )
        ).replace("{name}", "evidence.json")
        said = self.h(
            N_(
                "This page and {name} are signed: whoever has the public key of the key below, from you and not"
                " from this pack, can see that neither was changed, that the audit lines follow each other, and"
                " that the plan is the one that was approved. No journal and no network is needed for it:"
            ),
            name="evidence.json",
        )
        limits = self.h(
            N_(
                "What the signature alone vouches for: the values of fields before and after. The hashes of"
                " images are keyed, and their key stays in the journal."
            )
        )
        return (
            f"<h2>{self.h(HOW_TO_CHECK)}</h2>\n"
            f'<div class="seal"><p>{said}</p><pre><code>{command}</code></pre>'
            f'<dl class="facts">{facts}</dl><p class="soft">{limits}</p></div>\n'
            f"<footer>{self.h(ZONE, zone=str(self.language.zone))}</footer>\n"
        )


_SUBJECTS: Final = {"change_set": "change set"}
