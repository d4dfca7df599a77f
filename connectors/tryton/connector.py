"""Tryton behind the contract."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from config.systems import TrytonOptions
from connectors.contract import (
    Action,
    Answer,
    Call,
    Criteria,
    Fence,
    FieldInfo,
    Image,
    Kind,
    Record,
    Ref,
    Step,
    SystemCheck,
    no_fence,
)
from connectors.finding import action_of, find_action, names_of_users
from connectors.http import client_for
from connectors.tryton import target as targets
from connectors.tryton.actions import TIMESTAMP, USERS, Target, TrytonAction
from connectors.tryton.invoice_actions import invoice_actions
from connectors.tryton.order_actions import order_actions
from connectors.tryton.period_actions import period_actions
from connectors.tryton.project_actions import project_actions
from connectors.tryton.reading import Reader
from connectors.tryton.stock_actions import stock_actions
from connectors.tryton.transport import (
    Dialect,
    JsonDialect,
    Session,
    XmlDialect,
    field_value,
)
from core.errors import ContractBroken, NotFound, RefusedError, Rejected
from core.text import N_

if TYPE_CHECKING:
    import pyarrow as pa

    from connectors.tryton.kinds import Setting, Source

ACTIONS: Final[tuple[type[TrytonAction], ...]] = (
    *order_actions(),
    *invoice_actions(),
    *stock_actions(),
    *project_actions(),
    *period_actions(),
)

_TYPES: Final[Mapping[str, str]] = {
    "integer": "int",
    "float": "Decimal",
    "numeric": "Decimal",
    "boolean": "bool",
    "date": "date",
    "datetime": "datetime",
    "timestamp": "datetime",
    "time": "time",
    "timedelta": "timedelta",
    "binary": "bytes",
    "many2one": "int",
    "one2one": "int",
    "one2many": "tuple",
    "many2many": "tuple",
    "multiselection": "tuple",
}
"""Tryton's types of fields and what a record holds for them; every other one is text."""


class TrytonSystem:
    """One company in one database of a Tryton server, as a `connectors.contract.System`."""

    kind = "tryton"
    parallel_calls = 1

    def __init__(self, name: str, session: Session) -> None:
        self.name = name
        self._session = session
        self._reader = Reader(session)
        self._target: Target | None = None
        self._actions: Mapping[str, TrytonAction] = {}
        self._company: str | None = None

    def check(self) -> SystemCheck:
        actions = self._tryton_actions()
        return targets.check(self._session, self._look(), actions)

    def actions(self) -> Mapping[str, Action]:
        return self._tryton_actions()

    def documents(self, kind: Kind, criteria: Criteria) -> Iterator[pa.RecordBatch]:
        from connectors.tryton.kinds import read_documents

        return read_documents(_sources(kind), criteria, self._reader, self._setting())

    def lines(self, kind: Kind, criteria: Criteria) -> Iterator[pa.RecordBatch]:
        from connectors.tryton.kinds import read_lines

        return read_lines(_sources(kind), criteria, self._reader, self._setting())

    def find(self, kind: Kind, numbers: Sequence[str]) -> Mapping[str, tuple[Ref, ...]]:
        setting = self._setting()
        found: dict[str, tuple[Ref, ...]] = dict.fromkeys(numbers, ())
        for source in _sources(kind):
            domain = source.filter(Criteria(numbers=tuple(numbers)), setting)
            for page in self._reader.pages(source.model, domain, source.named, size=500):
                for row in page:
                    ref = Ref(source.model, str(row["id"]))
                    for number in {row[name] for name in source.named} & found.keys():
                        found[number] += (ref,)
        return found

    def preparation(self, *, remove: bool) -> tuple[Step, ...]:
        del remove
        return ()

    def people(self, users: Collection[str]) -> Mapping[str, str]:
        return names_of_users(self, USERS, users)

    def schema(self, model: str) -> Mapping[str, FieldInfo]:
        try:
            fields = self._session.model(model, "fields_get", [], 0)
        except (RefusedError, NotFound) as error:
            raise NotFound(what="model", name=model) from error
        stamp = FieldInfo(TIMESTAMP, "str", is_stored=False, is_readonly=True)
        return {TIMESTAMP: stamp} | {name: _field_info(name, f) for name, f in fields.items()}

    def read(self, refs: Sequence[Ref], fields: Sequence[str]) -> list[Record]:
        if not refs:
            return []
        (model,) = {ref.model for ref in refs}
        try:
            rows = self._reader.rows(model, [int(ref.key) for ref in refs], list(fields))
        except Rejected as error:
            # Of a name that it does not know Tryton says only the name.
            unknown = str(error.details.get("said", "")).strip("'\"")
            if unknown == model or unknown in fields:
                what = "model" if unknown == model else "field"
                raise NotFound(what=what, name=unknown) from error
            raise
        return [
            Record(ref, {name: field_value(row[name]) for name in fields})
            if (row := rows.get(int(ref.key))) is not None
            else Record(ref, None)
            for ref in refs
        ]

    def capture(self, steps: Sequence[Step], known: Sequence[Image | None]) -> list[Image]:
        if not steps:
            return []
        return self._reader.capture(self._action(steps[0].action), steps, known)

    def apply(self, calls: Sequence[Call], fence: Fence = no_fence) -> list[Answer]:
        if not calls:
            return []
        action = action_of(self._tryton_actions(), calls)
        fence()
        return action.perform(self._session, calls)

    def close(self) -> None:
        self._session.close()

    def _look(self) -> Target:
        if self._target is None:
            self._target = targets.look(self._session)
        return self._target

    def _tryton_actions(self) -> Mapping[str, TrytonAction]:
        if not self._actions:
            target = self._look()
            self._actions = {action.name: action(target) for action in ACTIONS}
        return self._actions

    def _action(self, name: str) -> TrytonAction:
        return find_action(self._tryton_actions(), name)

    def _setting(self) -> Setting:
        from connectors.tryton.kinds import Setting

        target, company = self._look(), self._session.context.get("company")
        if self._company is None and company is not None:
            (row,) = self._session.model("company.company", "read", [company], ["rec_name"])
            self._company = row["rec_name"]
        return Setting(target, self._company, company)


def open_system(name: str, options: Any) -> TrytonSystem:
    """Open a system with its validated options; the first call logs in."""
    if not isinstance(options, TrytonOptions):
        raise ContractBroken(problem="options of another kind of system")
    http = client_for(
        name,
        options,
    )
    dialect: Dialect = XmlDialect() if options.transport == "xml" else JsonDialect()
    return TrytonSystem(
        name,
        Session(
            name,
            http,
            dialect,
            database=options.database,
            user=options.user,
            password=options.password.get_secret_value(),
            company=options.company,
            language=options.language,
        ),
    )


def _sources(kind: Kind) -> tuple[Source, ...]:
    from connectors.tryton.sources import SOURCES

    found = SOURCES.get(kind)
    if found is None:
        raise NotFound(
            N_("Tryton's connector does not know documents of kind {name}."),
            what="kind",
            name=kind.value,
        )
    return found


def _field_info(name: str, about: Mapping[str, Any]) -> FieldInfo:
    kind = str(about["type"])
    # Tryton does not mark computed fields. Those that it cannot search are computed for certain.
    return FieldInfo(
        name,
        _TYPES.get(kind, "str"),
        is_stored=bool(about.get("searchable", True)),
        is_readonly=bool(about.get("readonly")),
        relation=about.get("relation"),
    )
