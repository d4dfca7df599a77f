"""A plan as an approver reads it: each document, each exception, the totals, and what the ERP will show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from core.text import N_, Text, text
from service.cli.output import Column, Table
from service.cli.session import Session

if TYPE_CHECKING:
    from closing.report import PlanRow, PlanSummary
    from recovery.model import ChangeSet

SCREEN_ROWS: Final = 100
NOTES: Final = (
    (N_("To know"), "remark"),
    (N_("What does not come back"), "note"),
    (N_("Trace that stays"), "trace"),
    (N_("Meanwhile"), "window"),
)
"""Headings, and under which name an action's sentence stands in the plan."""


def show_plan(session: Session, change_set: ChangeSet) -> None:
    """Show a stored plan, and what to type next."""
    from closing.report import rows

    output = session.output
    journal = session.journal
    output.say(
        text(
            N_("Plan {name}: {title} ({state})"),
            name=change_set.short_id,
            title=session.language.word(change_set.title),
            state=change_set.state.value,
        ),
        style="bold",
    )
    found = rows(journal.operations(change_set.id), journal.exceptions(change_set.id))
    show_rows(session, found, change_set.details)
    show_totals(session, change_set.details, change_set.expires_at)
    _show_approval(session, change_set)


def show_rows(session: Session, rows: Iterable[PlanRow], details: Mapping[str, Any]) -> None:
    """Show what is ready, then the exceptions with their reasons."""
    output = session.output
    ready: list[PlanRow] = []
    exceptions: list[PlanRow] = []
    left_out = 0
    limit = SCREEN_ROWS if output.is_terminal else None
    for row in rows:
        kept = ready if row.is_ready else exceptions
        if limit is not None and len(kept) >= limit:
            left_out += 1
        else:
            kept.append(row)
    if ready:
        _show_ready(session, ready, details)
    if exceptions:
        _show_exceptions(session, exceptions)
    if left_out:
        output.note(
            text(
                N_("{count} more documents are not shown; all of them: --xlsx FILE"), count=left_out
            )
        )


def _show_ready(session: Session, rows: list[PlanRow], details: Mapping[str, Any]) -> None:
    output, language = session.output, session.language
    has_remainder = any(
        row.remainder_quantity is not None or row.remainder_amount is not None for row in rows
    )
    has_partner = any(row.partner for row in rows)
    # Where not every document has a partner, its reference (the name of a project) tells which one it is.
    has_reference = any(row.reference and not row.partner for row in rows)
    is_narrow = output.is_narrow
    say = language.say
    columns = [Column(say(N_("Number")), is_whole=True)]
    if has_reference:
        columns.append(Column(say(N_("Reference"))))
    if has_partner:
        columns.append(Column(say(N_("Partner"))))
    columns.append(Column(say(N_("What is done"))))
    if has_remainder and is_narrow:
        columns += [
            Column(say(N_("Ordered / received / invoiced"))),
            Column(say(N_("Given up"))),
        ]
    elif has_remainder:
        columns += [
            Column(say(N_("Ordered")), is_number=True),
            Column(say(N_("Received")), is_number=True),
            Column(say(N_("Invoiced")), is_number=True),
            Column(say(N_("Given up")), is_number=True),
            Column(say(N_("Amount given up")), is_number=True),
        ]
    is_closed_one = any(row.closer or row.closed_at or row.closed_how for row in rows)
    if is_closed_one:
        columns += [
            Column(say(N_("Closed by"))),
            Column(say(N_("Closed at"))),
            Column(say(N_("How it was closed"))),
        ]
    columns.append(Column(say(N_("Taken back")), is_whole=True))
    titles = action_titles(details)
    cells = []
    for row in rows:
        line = [row.number or row.key or "-"]
        if has_reference:
            line.append(row.reference or "")
        if has_partner:
            line.append(row.partner or "")
        line.append(_what(session, row, titles))
        if has_remainder:
            line += _remainder(session, row, is_narrow=is_narrow)
        if is_closed_one:
            line += [
                row.closer or "-",
                _moment(session, row.closed_at),
                language.word(row.closed_how),
            ]
        line.append(language.word(None if row.reversibility is None else row.reversibility.value))
        cells.append(line)
    output.say()
    output.say(N_("Ready"), style="bold")
    output.table(Table(columns, cells))


def _moment(session: Session, at: datetime | str | None) -> str:
    if isinstance(at, str):  # masked
        return at
    return "-" if at is None else session.language.moment(at)


def _what(session: Session, row: PlanRow, titles: Mapping[str, Text]) -> str:
    """Return the action in words, who does it where that is a person, and who closed it before."""
    from connectors.contract import Executor

    language = session.language
    action = row.action or ""
    said = language.say(titles[action]) if action in titles else action
    if row.executor is Executor.BY_PERSON:
        said = language.say(text(N_("{action} (by a person, from the worklist)"), action=said))
    if row.closed_by is not None:
        hint = text(N_("closed by Storno: storno rollback {name}"), name=row.closed_by[:13])
        said += f" ({language.say(hint)})"
    return said


def _remainder(session: Session, row: PlanRow, *, is_narrow: bool) -> list[str]:
    language = session.language

    def number(value: Any) -> str:
        # A quantity is missing where units differ; what nobody shall see is masked already.
        if isinstance(value, str):
            return value
        return "-" if value is None else language.number(value)

    three = [number(value) for value in (row.ordered, row.received, row.invoiced)]
    quantity = number(row.remainder_quantity)
    amount = "-"
    if isinstance(row.remainder_amount, str):
        amount = row.remainder_amount
    elif row.remainder_amount is not None:
        amount = language.total(row.remainder_amount, row.currency)
    if is_narrow:
        return ["/".join(three), f"{quantity}; {amount}"]
    return [*three, quantity, amount]


def _show_exceptions(session: Session, rows: list[PlanRow]) -> None:
    output, language = session.output, session.language
    columns = [
        Column(language.say(N_("Number")), is_whole=True),
        Column(language.say(N_("Why it is not ready"))),
    ]
    cells = [
        [row.number or row.key or "-", "; ".join(language.say(reason) for reason in row.reasons)]
        for row in rows
    ]
    output.say()
    output.say(N_("Exceptions"), style="bold")
    output.table(Table(columns, cells))


def action_titles(details: Mapping[str, Any]) -> dict[str, Text]:
    """Return what people call the actions of a plan, as it was stored with them."""
    found = {
        route["action"]: Text.from_dict(route["title"]) for route in details.get("routes") or ()
    }
    for name, action in (details.get("actions") or {}).items():
        found[name] = Text.from_dict(action["title"])
        if action.get("word"):
            own = {"action": found[name], "word": action["word"]}
            found[name] = Text(N_("{action} ({word})"), own)
    return found


def show_totals(
    session: Session,
    details: Mapping[str, Any],
    expires_at: datetime | None = None,
    *,
    has_notes: bool = True,
) -> None:
    """Show what an approver signs: figures, what is given up, whose name the ERP shows, which window remains."""
    from closing.report import summarize

    output, language = session.output, session.language
    summary = summarize(details)
    output.say()
    output.facts(
        [
            (N_("Documents"), _figures(session, summary)),
            (
                N_("Taken back"),
                ", ".join(language.say(each) for each in summary.reversibility_texts()),
            ),
            (
                N_("Given up"),
                ", ".join(
                    language.total(amount, currency) for currency, amount in summary.remainder
                ),
            ),
            (N_("The ERP shows"), _who(session, details)),
            (N_("Last backup"), _backup(session, details)),
            (N_("Good until"), "" if expires_at is None else language.moment(expires_at)),
            *_arguments(details),
            *_repeated(session, details),
            *(
                (N_("Not seen"), language.say(Text.from_dict(limit)))
                for limit in details.get("limits") or ()
            ),
        ]
    )
    if has_notes:
        _show_actions(session, details)


def _figures(session: Session, summary: PlanSummary) -> str:
    return session.language.say(
        text(
            N_("{looked_at} looked at, {ready} ready, {exceptions} exceptions"),
            looked_at=summary.looked_at,
            ready=summary.ready,
            exceptions=summary.exceptions,
        )
    )


def _who(session: Session, details: Mapping[str, Any]) -> str:
    if not details.get("acting_as"):
        return ""
    return session.language.say(
        text(
            N_("{user} on the day of the run ({system}: {product})"),
            user=details["acting_as"],
            system=details.get("system", ""),
            product=details.get("product", ""),
        )
    )


def _backup(session: Session, details: Mapping[str, Any]) -> str:
    """Return how old the last backup was when the plan was made; empty for systems that know none."""
    found = details.get("backup")
    if found is None:
        return ""

    from core.encoding import parse_moment

    language, taken_at = session.language, found.get("taken_at")
    when = N_("unknown")
    shown = language.say(when) if taken_at is None else language.moment(parse_moment(taken_at))
    return f"{shown} ({language.say(Text.from_dict(found['source']))})"


def _arguments(details: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what each route in use tells its action; what is installed in a system is shown in full elsewhere."""
    from connectors.contract import Kind

    if details.get("kind") == Kind.SETTING:
        return []
    return [
        (N_("Arguments"), f"{route['name']}: {name} = {_argument(value)}")
        for route in details.get("routes") or ()
        if route["ready"]
        for name, value in sorted((route.get("arguments") or {}).items())
    ]


def _argument(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _repeated(session: Session, details: Mapping[str, Any]) -> list[tuple[str, str]]:
    repeated = details.get("repeated")
    if not repeated:
        return []
    shown = ", ".join(islice(repeated["numbers"], 5))
    said = text(N_("{count}, taken once each: {numbers}"), count=repeated["count"], numbers=shown)
    return [(N_("Given twice"), session.language.say(said))]


def _show_actions(session: Session, details: Mapping[str, Any]) -> None:
    """Say what stays behind and what could happen meanwhile: each sentence once, with the actions it is true of."""
    output, language = session.output, session.language
    actions: Mapping[str, Any] = details.get("actions") or {}
    for heading, name in NOTES:
        said: dict[str, list[str]] = {}
        for action in actions.values():
            if action.get(name):
                sentence = language.say(Text.from_dict(action[name]))
                said.setdefault(sentence, []).append(language.say(Text.from_dict(action["title"])))
        if not said:
            continue
        output.say()
        output.say(heading, style="bold")
        for sentence, titles in said.items():
            whom = "" if len(titles) == len(actions) else f"  ({'; '.join(titles)})"
            output.line(f"  {sentence}{whom}")


def _show_approval(session: Session, change_set: ChangeSet) -> None:
    """Say who approved, and what to type next."""
    from recovery.states import ChangeSetState
    from service.cli.running import is_allowed_without_person

    output, name = session.output, change_set.short_id
    if change_set.approved_by is not None and change_set.approved_at is not None:
        output.say(
            text(
                N_("Approved by {person} ({how}) at {at}."),
                person=change_set.approved_by.name,
                how=change_set.approved_by.how,
                at=change_set.approved_at,
            )
        )
    if not change_set.operation_count:
        output.say(N_("Nothing is ready, so there is nothing to approve."))
        return
    output.say()
    match change_set.state:
        case ChangeSetState.PLANNED | ChangeSetState.AWAITING_APPROVAL:
            if is_allowed_without_person(session, change_set):
                output.command(
                    f"storno close run {name}", why=N_("the policy asks for no approval")
                )
            else:
                output.command(f"storno close approve {name}", why=N_("then it may run"))
                output.command(f"storno close reject {name} --reason TEXT")
        case ChangeSetState.APPROVED:
            output.command(f"storno close run {name}")
        case ChangeSetState.RUNNING | ChangeSetState.PAUSED:
            output.command(f"storno changes resume {name}")
        case _:
            output.command(f"storno changes show {name}")
