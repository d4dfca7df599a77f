"""The fake ERP behind the contract."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from config.systems import FakeOptions
from connectors.contract import (
    Action,
    ActionSupport,
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
from connectors.fake.actions import FakeAction, Target
from connectors.fake.client import HTTPTransport
from connectors.fake.engine import FakeERP
from connectors.fake.errors import as_storno_error
from connectors.fake.kinds import SOURCES, document_row, documents_batch, line_row, lines_batch
from connectors.fake.others import OTHER_ACTIONS
from connectors.fake.purchase import PURCHASE_ACTIONS
from connectors.fake.purchase_chain import CHAIN_ACTIONS
from connectors.fake.request import ApplyCall, ERPSettings
from connectors.fake.sample import COMPANY_ORDERS, add_company
from connectors.fake.schema import SCHEMA
from connectors.fake.table import Row
from connectors.fake.transport import MemoryTransport, Transport
from connectors.http import HttpClient
from core.errors import NotFound, RefusedError
from core.text import N_, Text

if TYPE_CHECKING:
    import pyarrow as pa

PAGE_SIZE: Final = 1000


class FakeSystem:
    """The fake ERP as a `connectors.contract.System`."""

    kind = "fake"

    def __init__(
        self,
        name: str,
        transport: Transport,
        *,
        user: str = "storno",
        batch_size: int = 100,
        parallel_calls: int = 1,
        settles_after: timedelta = timedelta(seconds=60),
    ) -> None:
        self.name = name
        self.parallel_calls = parallel_calls
        self._transport = transport
        self._user = user
        self._batch_size = batch_size
        self._settles_after = settles_after
        self._actions: Mapping[str, FakeAction] | None = None
        self._about: Mapping[str, Any] | None = None

    def check(self) -> SystemCheck:
        about = self._log_in()
        sees_everything: bool = about["sees_everything"]
        return SystemCheck(
            product="Fake ERP",
            version=about["version"],
            target=self._transport.name,
            transport=self._transport.name,
            acting_as=self._user,
            sees_everything=sees_everything,
            limits=()
            if sees_everything
            else (Text(N_("{user} sees only one company"), {"user": self._user}),),
            kinds=tuple(SOURCES),
            actions=tuple(
                ActionSupport(
                    action.name,
                    is_available=True,
                    reversibility=action.reversibility,
                    is_atomic_batch=action.is_atomic_batch,
                    has_compare_and_set=action.has_compare_and_set,
                )
                for action in self.actions().values()
            ),
        )

    def actions(self) -> Mapping[str, Action]:
        return self._fake_actions()

    def documents(self, kind: Kind, criteria: Criteria) -> Iterator[pa.RecordBatch]:
        is_empty = True
        for page in self._pages(kind, criteria):
            lines = self._lines_of(kind, [key for key, _ in page])
            rows = [
                document_row(kind, key, row, lines.get(key, ()), criteria.native)
                for key, row in page
            ]
            is_empty = False
            yield documents_batch(rows, criteria.native)
        if is_empty:
            yield documents_batch([], criteria.native)

    def lines(self, kind: Kind, criteria: Criteria) -> Iterator[pa.RecordBatch]:
        is_empty = True
        for page in self._pages(kind, criteria):
            lines = self._lines_of(kind, [key for key, _ in page])
            rows = [
                line_row(kind, header, line, criteria.native)
                for header in page
                for line in lines.get(header[0], ())
            ]
            if rows:
                is_empty = False
                yield lines_batch(rows, criteria.native)
        if is_empty:
            yield lines_batch([], criteria.native)

    def find(self, kind: Kind, numbers: Sequence[str]) -> Mapping[str, tuple[Ref, ...]]:
        found: dict[str, tuple[Ref, ...]] = dict.fromkeys(numbers, ())
        for page in self._pages(kind, Criteria(numbers=tuple(numbers))):
            for key, row in page:
                found[row["number"]] += (Ref(SOURCES[kind].model, key),)
        return found

    def preparation(self, *, remove: bool) -> tuple[Step, ...]:
        del remove
        return ()

    def people(self, users: Collection[str]) -> Mapping[str, str]:
        del users
        return {}

    def schema(self, model: str) -> Mapping[str, FieldInfo]:
        if model not in SCHEMA:
            raise NotFound(what="model", name=model)
        return SCHEMA[model]

    def read(self, refs: Sequence[Ref], fields: Sequence[str]) -> list[Record]:
        if not refs:
            return []
        model = refs[0].model
        rows = self._transport.read(model, [ref.key for ref in refs], fields)
        return [Record(ref, row) for ref, row in zip(refs, rows, strict=True)]

    def capture(self, steps: Sequence[Step], known: Sequence[Image | None]) -> list[Image]:
        if not steps:
            return []
        action = self._action(steps[0].action)
        captured = self._transport.capture(
            action.name,
            [(step.ref.model, step.ref.key) for step in steps],
            action.footprint,
            action.queries,
            [
                () if image is None else [(r.ref.model, r.ref.key) for r in image.records]
                for image in known
            ],
        )
        return [
            Image((Record(step.ref, rows[0][2]),))
            if len(rows) == 1
            else Image(tuple(Record(Ref(model, key), row) for model, key, row in rows))
            for step, rows in zip(steps, captured, strict=True)
        ]

    def apply(self, calls: Sequence[Call], fence: Fence = no_fence) -> list[Answer]:
        if not calls:
            return []
        action = self._action(calls[0].step.action)
        has_compare_and_set = action.has_compare_and_set
        fence()
        answers = self._transport.apply(
            action.name,
            [
                ApplyCall(
                    call.operation_id,
                    call.step.ref.model,
                    call.step.ref.key,
                    call.step.arguments,
                    _versions(call.before) if has_compare_and_set else (),
                )
                for call in calls
            ],
        )
        return [
            Answer(call.operation_id)
            if error is None
            else Answer(call.operation_id, self._refusal(error, call))
            for call, error in zip(calls, answers, strict=True)
        ]

    def close(self) -> None:
        self._transport.close()

    def _refusal(self, error: Any, call: Call) -> RefusedError:
        error.offenders = (call.operation_id,)
        refused = as_storno_error(error, system=self.name, user=self._user, is_write=True)
        if not isinstance(refused, RefusedError):
            raise refused from error
        return refused

    def _log_in(self) -> Mapping[str, Any]:
        self._about = self._transport.login()
        return self._about

    def _fake_actions(self) -> Mapping[str, FakeAction]:
        if self._actions is None:
            about = self._about or self._log_in()
            target = Target(
                user=self._user,
                is_atomic_batch=about["is_atomic_batch"],
                has_compare_and_set=about["has_compare_and_set"],
                batch_size=self._batch_size,
                is_parallel=self.parallel_calls > 1,
                settles_after=self._settles_after,
            )
            made = [kind(target) for kind in (*PURCHASE_ACTIONS, *CHAIN_ACTIONS, *OTHER_ACTIONS)]
            self._actions = {action.name: action for action in made}
        return self._actions

    def _action(self, name: str) -> FakeAction:
        try:
            return self._fake_actions()[name]
        except KeyError:
            raise NotFound(what="action", name=name) from None

    def _pages(self, kind: Kind, criteria: Criteria) -> Iterator[list[tuple[str, Row]]]:
        source = SOURCES.get(kind)
        if source is None:
            raise NotFound(what="kind", name=str(kind))
        unknown = [name for name in criteria.native if not self._is_native(source.model, name)]
        if unknown:
            raise NotFound(
                N_("{model} has no field {name!r}."),
                what="field",
                name=unknown[0],
                model=source.model,
            )
        asked: dict[str, Sequence[Any]] = dict(source.criteria or {})
        keys = criteria.keys_of(source.model)
        if keys is not None:
            asked["key"] = keys
        if criteria.numbers is not None:
            asked["number"] = criteria.numbers
        after: str | None = None
        while True:
            page = self._transport.search(source.model, asked, after, PAGE_SIZE)
            wanted = [
                (key, row)
                for key, row in page
                if criteria.is_closed is None
                or (row["state"] in source.closed_states) == criteria.is_closed
            ]
            if wanted:
                yield wanted
            if len(page) < PAGE_SIZE:
                return
            after = page[-1][0]

    def _is_native(self, model: str, name: str) -> bool:
        line_models = [s.line_model for s in SOURCES.values() if s.model == model and s.line_model]
        return any(name in SCHEMA[candidate] for candidate in (model, *line_models))

    def _lines_of(self, kind: Kind, keys: Sequence[str]) -> dict[str, list[tuple[str, Row]]]:
        source = SOURCES[kind]
        found: dict[str, list[tuple[str, Row]]] = {}
        if source.line_model is None or not keys:
            return found
        parent = source.line_parent
        after: str | None = None
        while True:
            page = self._transport.search(source.line_model, {parent: keys}, after, 10 * PAGE_SIZE)
            for key, row in page:
                found.setdefault(row[parent], []).append((key, row))
            if len(page) < 10 * PAGE_SIZE:
                return found
            after = page[-1][0]


def _versions(before: Image) -> list[tuple[str, str, int | None]]:
    return [
        (
            record.ref.model,
            record.ref.key,
            None if record.fields is None else record.fields["version"],  # type: ignore[misc]
        )
        for record in before.records
    ]


def system_in_memory(
    erp: FakeERP,
    *,
    name: str = "fake",
    user: str = "storno",
    password: str = "storno",  # noqa: S107 - a practice ERP on loopback
    batch_size: int = 100,
    parallel_calls: int = 1,
    settles_after: timedelta = timedelta(seconds=60),
    read_timeout_seconds: float = 60.0,
    write_timeout_seconds: float = 300.0,
) -> FakeSystem:
    """Open a system on an ERP of this process."""
    transport = MemoryTransport(
        erp,
        system=name,
        user=user,
        password=password,
        read_timeout_seconds=read_timeout_seconds,
        write_timeout_seconds=write_timeout_seconds,
    )
    return FakeSystem(
        name,
        transport,
        user=user,
        batch_size=batch_size,
        parallel_calls=parallel_calls,
        settles_after=settles_after,
    )


def open_system(name: str, options: Any) -> FakeSystem:
    """Open a fake system as `storno.yaml` describes it: served at `url`, or a new one in memory."""
    chosen = options if isinstance(options, FakeOptions) else FakeOptions.model_validate(options)
    user, password = chosen.user, chosen.password.get_secret_value()
    limits = chosen.timeout_seconds
    if chosen.url is not None:
        http = HttpClient(
            name,
            chosen.url,
            read_timeout_seconds=limits.read,
            write_timeout_seconds=limits.write,
        )
        return FakeSystem(
            name, HTTPTransport(http, system=name, user=user, password=password), user=user
        )
    erp = FakeERP(
        ERPSettings(
            user=user,
            password=password,
            is_atomic_batch=chosen.is_atomic_batch,
            has_compare_and_set=chosen.has_compare_and_set,
        )
    )
    has_company = chosen.document_count >= COMPANY_ORDERS
    erp.populate(purchase_orders=chosen.document_count - COMPANY_ORDERS * has_company)
    if has_company:
        add_company(erp)
    return system_in_memory(
        erp,
        name=name,
        user=user,
        password=password,
        read_timeout_seconds=limits.read,
        write_timeout_seconds=limits.write,
    )
