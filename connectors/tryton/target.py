"""What kind of Tryton this is and what our user may see and do there, found by reading only."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from connectors.contract import ActionSupport, Kind, SystemCheck
from connectors.judging import number_in
from connectors.tryton.actions import Target, TrytonAction, Unit
from connectors.tryton.transport import Session
from core.errors import AccessDenied, RefusedError, Rejected
from core.text import N_, Text

POSTGRESQL: Final = "PostgreSQL"
SQLITE: Final = "SQLite"
OLDEST_SERIES: Final = (8, 0)

READ_ONLY: Final = frozenset({("party.party", Kind.PARTNER), ("product.product", Kind.ITEM)})

_STAMP_SAMPLE: Final = 20
_STAMPED_MODELS: Final = ("ir.model.log", "party.party", "res.user")
_COMPANY_RULE: Final = ('"v": "companies"', '"company"')


def look(session: Session) -> Target:
    """Return what actions must know of this server. Raises `Rejected` for a series that is too old."""
    session.log_in()
    series = _series(session.version())
    if series < OLDEST_SERIES:
        raise Rejected(
            N_("{system} is Tryton {series}; Storno needs 8.0 or later"),
            system=session.system,
            series=".".join(map(str, series)),
            said="",
        )
    statuses = _all(session, "project.work.status", ["progress", "sequence"])
    return Target(
        series=series,
        user_id=session.user_id,
        has_compare_and_set=backend(session) == POSTGRESQL,
        units={
            row["id"]: Unit(
                row["name"], row["category"], number_in(row["factor"]), number_in(row["rate"])
            )
            for row in _all(session, "product.uom", ["name", "category", "factor", "rate"])
        },
        currencies={row["id"]: row["code"] for row in _all(session, "currency.currency", ["code"])},
        open_status=_first(statuses, is_done=False),
        done_status=_first(statuses, is_done=True),
        done_statuses=frozenset(s["id"] for s in statuses if number_in(s["progress"]) >= 1),
    )


def backend(session: Session) -> str | None:
    """Return which database stands behind Tryton, by the stamps that it makes; None when nothing tells.

    Tryton does not say it. PostgreSQL writes a stamp with six places always, SQLite with five at most. It
    matters because only on PostgreSQL the stamps are checked in the same transaction that writes: of two
    simultaneous writers on SQLite both may win.
    """
    for model in _STAMPED_MODELS:
        try:
            rows = session.model(
                model, "search_read", [], 0, _STAMP_SAMPLE, [["id", "DESC"]], ["_timestamp"]
            )
        except RefusedError:
            continue
        stamps = [str(row["_timestamp"]) for row in rows if row.get("_timestamp")]
        if stamps:
            places = max(len(stamp.partition(".")[2]) for stamp in stamps)
            return POSTGRESQL if places >= 6 else SQLITE
    return None


def check(session: Session, target: Target, actions: Mapping[str, TrytonAction]) -> SystemCheck:
    """Return what `storno systems check` shows."""
    (user,) = session.model(
        "res.user", "read", [session.user_id], ["name", "login", "companies", "employee.rec_name"]
    )
    kinds = {(action.model, action.kind) for action in actions.values()} | READ_ONLY
    models = sorted({model for action in actions.values() for model in action.footprint})
    models = sorted({*models, *(model for model, _ in READ_ONLY)})
    present = _present(session, models)
    access = session.model("ir.model.access", "get_access", sorted(present)) if present else {}
    limits = [
        *_missing(models, present, access),
        *_companies(session, user),
        *_rules(session, models),
    ]
    database = backend(session)
    return SystemCheck(
        product="Tryton",
        version=".".join(map(str, target.series)),
        target=database or N_("unknown database"),
        transport=session.dialect.name,
        acting_as=f"{user['name']} ({user['login']})",
        sees_everything=not limits,
        limits=tuple(limits),
        kinds=tuple(sorted({kind for model, kind in kinds if _may(access, model, "read")})),
        actions=tuple(_support(action, access) for action in actions.values()),
        notes=tuple(_notes(session, target, database, user)),
    )


def _support(action: TrytonAction, access: Mapping[str, Any]) -> ActionSupport:
    missing = [m for m in {action.model, *action.stamped} if not _may(access, m, "write")]
    is_present = action.model in access
    note = None
    if not is_present:
        note = Text(N_("this Tryton has no {model}"), {"model": action.model})
    elif not action.is_available:
        note = Text(N_("this series refuses it"))
    elif missing:
        note = Text(N_("the user may not write {models}"), {"models": ", ".join(sorted(missing))})
    return ActionSupport(
        action.name,
        is_available=note is None,
        reversibility=action.reversibility,
        is_atomic_batch=action.is_atomic_batch,
        has_compare_and_set=action.has_compare_and_set,
        note=note,
    )


def _may(access: Mapping[str, Any], model: str, right: str) -> bool:
    return bool(access.get(model, {}).get(right))


def _present(session: Session, models: list[str]) -> set[str]:
    rows = session.model(
        "ir.model", "search_read", [["name", "in", models]], 0, None, None, ["name"]
    )
    return {row["name"] for row in rows}


def _missing(models: list[str], present: set[str], access: Mapping[str, Any]) -> list[Text]:
    hidden = sorted(m for m in models if m in present and not _may(access, m, "read"))
    if not hidden:
        return []
    return [Text(N_("the user may not read {models}"), {"models": ", ".join(hidden)})]


def _companies(session: Session, user: Mapping[str, Any]) -> list[Text]:
    if len(user["companies"] or ()) < 2:
        return []
    company = session.context.get("company")
    rows = session.model("company.company", "read", list(user["companies"]), ["rec_name"])
    names = {row["id"]: row["rec_name"] for row in rows}
    return [
        Text(
            N_("only {company} is read, one of {count} companies of the user"),
            {"company": names.get(company, company), "count": len(names)},
        )
    ]


def _rules(session: Session, models: list[str]) -> list[Text]:
    """Record rules hide single records without a word; the rule that every company has is no limit."""
    try:
        groups = session.model(
            "ir.rule.group",
            "search_read",
            [["model", "in", models], ["perm_read", "=", True]],
            0,
            None,
            None,
            ["name", "model", "rules.domain"],
        )
    except AccessDenied:
        return [Text(N_("the user may not see which record rules hide something"))]
    found = []
    for group in groups:
        domains = [str(rule["domain"]) for rule in group["rules."]]
        if not all(all(sign in domain for sign in _COMPANY_RULE) for domain in domains):
            found.append(
                Text(
                    N_("the rule “{rule}” may hide records of {model}"),
                    {"rule": group["name"], "model": group["model"]},
                )
            )
    return found


def _notes(
    session: Session, target: Target, database: str | None, user: Mapping[str, Any]
) -> list[Text]:
    found = []
    if not target.has_compare_and_set:
        found.append(
            Text(
                N_(
                    "two users who change a document at the same instant may both win: this database "
                    "({database}) does not check and write in one step"
                ),
                {"database": database or N_("unknown")},
            )
        )
    if target.enforces_readonly:
        found.append(Text(N_("this series refuses to write states: some ways back are closed")))
    if not user.get("employee."):
        found.append(
            Text(N_("the user has no employee: Tryton shows nobody as the one who quoted an order"))
        )
    if session.dialect.name != "JSON-RPC":
        found.append(Text(N_("over XML-RPC the name of a warning is lost")))
    return found


def _series(version: str) -> tuple[int, int]:
    major, _, minor = version.partition(".")
    digits = minor.partition(".")[0]
    return (int(major), int(digits)) if major.isdigit() and digits.isdigit() else (0, 0)


def _all(session: Session, model: str, fields: list[str]) -> list[dict[str, Any]]:
    """Return every record of a small model; none where the module is not there or not readable."""
    try:
        rows: list[dict[str, Any]] = session.model(
            model,
            "search_read",
            [],
            0,
            None,
            [["id", "ASC"]],
            fields,
            context={"active_test": False},
        )
    except RefusedError:
        return []
    return rows


def _first(statuses: list[dict[str, Any]], *, is_done: bool) -> int | None:
    fitting = [s for s in statuses if (number_in(s["progress"]) >= Decimal(1)) == is_done]
    fitting.sort(key=lambda s: (s["sequence"] is None, s["sequence"] or 0, s["id"]))
    return int(fitting[0]["id"]) if fitting else None
