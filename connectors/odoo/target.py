"""What kind of Odoo this is and what our user may see and do there, found by reading only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from connectors.contract import ActionSupport, Kind, SystemCheck
from connectors.odoo import guard as guards
from connectors.odoo.actions import OdooAction, Target
from connectors.odoo.catalogue import Catalogue, Selections
from connectors.odoo.transport import Session
from core.errors import AccessDenied, NotFound, RefusedError, Rejected
from core.text import N_, Text

OLDEST: Final = 14
PROVEN: Final = range(16, 20)
"""Versions whose facts were measured on real servers; every other one is marked as unproven."""

_GROUP_FIELDS: Final = ("all_group_ids", "groups_id", "group_ids")
"""Where the groups of a user stand, those that follow from others included where a version tells them."""

_TRIVIAL: Final = "[(1,'=',1)]"
_COMPANY_RULE: Final = ("company_ids", "company_id")
_PRIVATE_RULE: Final = "['|',('project_id','!=',False),('user_ids','in',user.id)"
"""Begins the rule of project managers: it hides the private to-dos of others, which are no documents here."""


def look(session: Session) -> Target:
    """Return what actions must know of this server. Raises `Rejected` for a version that is too old."""
    session.log_in()
    version = session.version()
    if version.series < OLDEST:
        raise Rejected(
            N_("{system} is Odoo {version}; Storno needs {oldest} or later"),
            system=session.system,
            version=version.text,
            oldest=OLDEST,
            said="",
        )
    (user,) = session.call("res.users", "read", [session.user_id], ["company_id"], load="")
    catalogue = Catalogue(session)
    found = guards.find(session)
    # An older guard speaks another language: it is not used, and `check` offers to renew it.
    session.guard = found if found is not None and found.version == guards.VERSION else None
    return Target(
        version=version.series,
        user_id=session.user_id,
        company_id=session.company or _id(user["company_id"]),
        fields=catalogue,
        selections=Selections(catalogue),
        guard=session.guard,
        currencies={
            row["id"]: row["name"]
            for row in session.call(
                "res.currency", "search_read", [], ["name"], context={"active_test": False}
            )
        },
    )


def check(
    session: Session, target: Target, actions: Mapping[str, OdooAction], kinds: Mapping[Kind, str]
) -> SystemCheck:
    """Return what `storno systems check` shows. `kinds` names the model of each kind that can be read."""
    groups = [name for name in _GROUP_FIELDS if target.has("res.users", name)][:1]
    (user,) = session.call(
        "res.users",
        "read",
        [session.user_id],
        ["name", "login", "company_ids", *groups],
        load="",
    )
    models = {
        model
        for action in actions.values()
        for model in action.footprint
        if action.kind is not Kind.SETTING
    }
    models = {model for model in models | set(kinds.values()) if target.has(model)}
    access = _Access(session, target.version, models | {guards.MODEL})
    limits = [
        *_missing(access, models),
        *_companies(session, user),
        *_rules(session, sorted(models), {group for name in groups for group in user[name] or ()}),
    ]
    return SystemCheck(
        product="Odoo",
        version=session.version().text,
        target="PostgreSQL",
        transport=session.dialect.name,
        acting_as=f"{user['name']} ({user['login']})",
        sees_everything=not limits,
        limits=tuple(limits),
        kinds=tuple(sorted(kind for kind, model in kinds.items() if access.may(model, "read"))),
        actions=tuple(_support(action, access) for action in actions.values()),
        notes=tuple(_notes(session, target, access, kinds.values())),
    )


class _Access:
    """Which rights our user has, model by model."""

    def __init__(self, session: Session, version: int, models: Iterable[str]) -> None:
        self._session = session
        self._version = version
        self._found: dict[tuple[str, str], bool] = {}
        self.models = frozenset(models)

    def may(self, model: str, right: str) -> bool:
        """Whether our user may do it with at least some records of the model."""
        if model not in self.models:
            return False
        if (model, right) not in self._found:
            self._found[model, right] = self._ask(model, right)
        return self._found[model, right]

    def _ask(self, model: str, right: str) -> bool:
        try:
            if self._version < 18:
                found = self._session.call(
                    model, "check_access_rights", right, raise_exception=False
                )
            else:
                found = self._session.call(model, "has_access", [], right)
        except (AccessDenied, NotFound):
            return False
        return bool(found)


def _support(action: OdooAction, access: _Access) -> ActionSupport:
    written = {action.model, *action.stamped} if action.kind is not Kind.SETTING else {guards.MODEL}
    missing = [model for model in written if not access.may(model, "write")]
    note = None
    if not action.target.has(action.model):
        note = Text(N_("this Odoo has no {model}"), {"model": action.model})
    elif not action.is_available:
        note = Text(N_("this version has it under another name, or not at all"))
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


def _missing(access: _Access, models: Iterable[str]) -> list[Text]:
    hidden = sorted(model for model in models if not access.may(model, "read"))
    if not hidden:
        return []
    return [Text(N_("the user may not read {models}"), {"models": ", ".join(hidden)})]


def _companies(session: Session, user: Mapping[str, Any]) -> list[Text]:
    """Only who may manage users sees companies that are not their own; nobody else can be told of them."""
    rows = session.call("res.company", "search_read", [], ["name"], context={"active_test": False})
    names = {row["id"]: str(row["name"]) for row in rows}
    own = set(user["company_ids"] or ())
    found = []
    if session.company is not None and len(own) > 1:
        found.append(
            Text(
                N_("only {company} is read, one of {count} companies of the user"),
                {"company": names.get(session.company, session.company), "count": len(own)},
            )
        )
    others = sorted(name for key, name in names.items() if key not in own)
    if others:
        found.append(
            Text(
                N_("the user does not work in these companies: {companies}"),
                {"companies": ", ".join(others)},
            )
        )
    return found


def _rules(session: Session, models: Sequence[str], groups: set[int]) -> list[Text]:
    """Record rules hide single records without a word; the rule that every company has is no limit."""
    try:
        rules = session.call(
            "ir.rule",
            "search_read",
            [["model_id.model", "in", list(models)], ["perm_read", "=", True]],
            ["name", "model_id", "domain_force", "groups"],
        )
    except AccessDenied:
        return [Text(N_("the user may not see which record rules hide something"))]
    found = []
    given: dict[str, list[Mapping[str, Any]]] = {}
    for rule in rules:
        if not rule["groups"] and not _is_harmless(rule):
            found.append(rule)
        elif groups & set(rule["groups"]):
            given.setdefault(str(rule["model_id"]), []).append(rule)
    for several in given.values():
        # Rules of groups add up: one that lets everything through makes the others harmless.
        if not any(_is_harmless(rule) for rule in several):
            found += several
    return [
        Text(
            N_("the rule “{rule}” may hide records of {model}"),
            {"rule": rule["name"], "model": _name(rule["model_id"])},
        )
        for rule in found
    ]


def _is_harmless(rule: Mapping[str, Any]) -> bool:
    domain = "".join(str(rule["domain_force"] or "").split()).replace('"', "'")
    if domain.startswith(_PRIVATE_RULE):
        return True
    return domain in ("", "[]", _TRIVIAL) or any(part in domain for part in _COMPANY_RULE)


def _notes(session: Session, target: Target, access: _Access, models: Iterable[str]) -> list[Text]:
    version = session.version()
    found = []
    if version.series not in PROVEN or "saas" in version.text:
        found.append(
            Text(
                N_("version {version} is unproven: Storno was measured on 16 to 19"),
                {"version": version.text},
            )
        )
    found += _concurrency(session, target)
    if session.dialect.name == "XML-RPC":
        found.append(Text(N_("over XML-RPC Odoo does not name the class of a refusal")))
    if version.series >= 19 and session.dialect.name != "JSON-2":
        found.append(
            Text(
                N_("{transport} goes away in Odoo 22; transport: json2 with an API key stays"),
                {"transport": session.dialect.name},
            )
        )
    counts = [
        (model, _count(session, model))
        for model in sorted(set(models))
        if access.may(model, "read")
    ]
    seen = ", ".join(f"{model} {count}" for model, count in counts if count is not None)
    if seen:
        found.append(Text(N_("records that the user sees: {counts}"), {"counts": seen}))
    return found


def _concurrency(session: Session, target: Target) -> list[Text]:
    if target.guard is not None:
        return [
            Text(
                N_("changes go through the guard (server action {number}): nobody is overwritten"),
                {"number": target.guard.action_id},
            )
        ]
    found = [
        Text(
            N_(
                "who changes a document between Storno's last reading and its call is overwritten, and seen only"
                " afterwards: Odoo itself checks nothing. To close this window: storno systems prepare {system}"
            ),
            {"system": session.system},
        )
    ]
    if guards.find(session) is not None:
        found.append(
            Text(N_("the guard in Odoo is of another version: remove it and install it anew"))
        )
    return found


def _count(session: Session, model: str) -> int | None:
    try:
        return int(session.call(model, "search_count", [], context={"active_test": False}))
    except RefusedError:
        return None


def _id(value: Any) -> int:
    return int(value[0] if isinstance(value, list) else value or 0)


def _name(value: Any) -> str:
    return str(value[1] if isinstance(value, list) else value)
