"""What was said about conflicts: on the command line, and by policy in storno.yaml."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from core.text import N_, text
from service.cli.change_view import Labels, field_text, value_text, value_texts
from service.cli.output import Column, Table
from service.cli.session import Session

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from config.settings import Settings
    from recovery.conflicts.resolutions import Rule, Rules
    from recovery.conflicts.rule_checks import Unfit
    from service.cli.parser import Builder

_KEY: Final = ("rollback", "conflicts")


def add_resolve(parser: ArgumentParser, builder: Builder) -> None:
    """Put `--resolve` into a parser."""
    parser.add_argument(
        "--resolve",
        action="append",
        metavar="FIELD=WAY",
        default=[],
        help=builder.translate(
            N_(
                "what becomes of a field that somebody else changed: keep_theirs, add_difference,"
                " recompute, put_back or ask; NUMBER:FIELD for one document, MODEL.FIELD or"
                " MODEL,KEY.FIELD for one sort of record or one record, * for every field; may be"
                " given more than once"
            )
        ),
    )


def rules_of(settings: Settings, written: Sequence[str]) -> Rules:
    """Return everything that was said. Raises `BadInput` for what cannot be read, or says two things."""
    from recovery.conflicts.resolutions import Rules, parse_rule, require_one_answer

    commands = [parse_rule(each) for each in written]
    require_one_answer(commands)
    return Rules((*commands, *_policies(settings)))


def _policies(settings: Settings) -> Iterable[Rule]:
    from recovery.conflicts.resolutions import Origin, Rule, Way

    for kind, fields in settings.rollback.conflicts.items():
        for place, way in fields.items():
            model, _, name = place.rpartition(".")
            yield Rule(Way(way), name, Origin.POLICY, kind=kind, model=model or None)


def require_fitting(session: Session, unfit: Sequence[Unfit]) -> None:
    """Refuse policies that fit no system here. Raises `ConfigError` with file, line and key.

    A field that these systems do not have may be one of another system in storno.yaml: then it is only noted.
    """
    settings = session.services.settings
    seen: dict[Rule, list[Unfit]] = {}
    for each in unfit:
        seen.setdefault(each.rule, []).append(each)
    for rule, problems in seen.items():
        name = rule.field if rule.model is None else f"{rule.model}.{rule.field}"
        key = (*_KEY, str(rule.kind), name)
        others = set(settings.systems) - {each.system for each in problems}
        if others and all(each.is_unknown for each in problems):
            session.output.note(
                text(
                    N_("{key} in storno.yaml: {problem}"),
                    key=".".join(key),
                    problem=problems[0].problem,
                )
            )
            continue
        raise settings.problem(key, problems[0].problem)


# --- shown --------------------------------------------------------------------------------------


def show_conflicts(
    session: Session, rows: Sequence[Mapping[str, Any]], labels: Labels | None = None
) -> None:
    """Show fields in conflict: before, ours, now, who and when where the ERP tells, and what becomes of each."""
    language, redaction = session.language, session.output.redaction
    rows = redaction.masked(rows) if redaction else rows
    columns: list[tuple[str, Callable[[Mapping[str, Any]], str]]] = [
        (N_("Record"), lambda row: f"{row['model']},{row['key']}"),
        (N_("Field"), lambda row: field_text(labels or {}, str(row["model"]), str(row["field"]))),
        (N_("Before"), lambda row: _side_by_side(session, row)[0]),
        (N_("Ours"), lambda row: _side_by_side(session, row)[1]),
        (N_("Now"), lambda row: _side_by_side(session, row)[2]),
        (N_("By"), lambda row: str(row.get("changed_by") or "")),
        (N_("When"), lambda row: _moment(session, row.get("changed_at"))),
        (N_("Resolved"), lambda row: _way_text(session, row)),
        (N_("Will be"), lambda row: _target_text(session, row)),
    ]
    cells = [[show(row) for _, show in columns] for row in rows]
    used = [n for n in range(len(columns)) if n < 5 or any(line[n] for line in cells)]
    session.output.table(
        Table(
            [Column(language.say(columns[n][0]), is_whole=n == 1) for n in used],
            [[line[n] for n in used] for line in cells],
        )
    )


def _side_by_side(session: Session, row: Mapping[str, Any]) -> list[str]:
    return value_texts(session, [row["before"], row["ours"], row["now"]])


def _moment(session: Session, moment: Any) -> str:
    from core.encoding import parse_moment

    if moment is None:
        return ""
    return session.language.moment(parse_moment(moment) if isinstance(moment, str) else moment)


def _resolution(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what was said about a conflict; a row of the journal's own has it beside its values."""
    if "way" in row:
        return {**row, "has_target": row["way"] != "recompute"}
    return row.get("resolution") or {}


def _way_text(session: Session, row: Mapping[str, Any]) -> str:
    found, language = _resolution(row), session.language
    if not found:
        return ""
    said = language.word(str(found["way"]))
    origins = {"policy": N_("by policy"), "later_business": N_("by itself")}
    origin = origins.get(str(found["origin"]))
    if row.get("author"):
        said = f"{said} ({row['author']}: {row.get('reason') or ''})"
    if found.get("problem") is not None:
        refused = language.say(N_("not possible"))
        return f"{said}: {refused}"
    return said if origin is None else f"{said} ({language.say(origin)})"


def _target_text(session: Session, row: Mapping[str, Any]) -> str:
    found = _resolution(row)
    return value_text(session, found.get("target")) if found.get("has_target") else ""


def typed_resolves(written: Sequence[str]) -> list[str]:
    """Return the options as they are typed again."""
    return [part for each in written for part in ("--resolve", each)]
