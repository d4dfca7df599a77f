"""A plan as plain data: what an approver signs, and one row a document. No terminal, no colours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Protocol

from connectors.contract import Executor, Kind, Reversibility, Step
from core.text import N_, Text
from recovery.model import PlanException

SHOWN_CONVERTERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "date": date.fromisoformat,
    "due": date.fromisoformat,
    "closed_at": datetime.fromisoformat,
    **dict.fromkeys(
        (
            "amount",
            "ordered_quantity",
            "received_quantity",
            "invoiced_quantity",
            "remaining_quantity",
            "remaining_amount",
            "ordered",
            "received",
            "invoiced",
            "quantity",
        ),
        Decimal,
    ),
}
"""The journal gives decimals and dates back as text; here they become values again."""

REVERSIBILITY_TEXT: Final[Mapping[Reversibility, str]] = {
    Reversibility.EXACT: N_("{count} exact"),
    Reversibility.COMPENSATING: N_("{count} by counter-document"),
    Reversibility.MANUAL: N_("{count} by a person"),
    Reversibility.NONE: N_("{count} cannot be taken back"),
}


class Planned(Protocol):
    """What a planned operation and one of the journal have in common."""

    @property
    def kind(self) -> Kind: ...
    @property
    def number(self) -> str | None: ...
    @property
    def step(self) -> Step: ...
    @property
    def executor(self) -> Executor: ...
    @property
    def reversibility(self) -> Reversibility: ...
    @property
    def details(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """The figures of one plan."""

    looked_at: int
    ready: int
    exceptions: int
    operations: int
    by_route: tuple[tuple[str, int], ...]
    by_code: tuple[tuple[str, int], ...]  # a document with two reasons counts under both
    reversibility: tuple[tuple[Reversibility, int], ...]  # best first
    remainder: tuple[tuple[str, Decimal], ...]  # currency, amount

    def reversibility_texts(self) -> tuple[Text, ...]:
        """Return "188 exact", "11 by counter-document" ...: what an approver signs."""
        return tuple(Text(REVERSIBILITY_TEXT[r], {"count": n}) for r, n in self.reversibility)

    def as_dict(self) -> dict[str, Any]:
        """Return the figures for `--json`."""
        return {
            "looked_at": self.looked_at,
            "ready": self.ready,
            "exceptions": self.exceptions,
            "operations": self.operations,
            "by_route": dict(self.by_route),
            "by_code": dict(self.by_code),
            "reversibility": {key.value: count for key, count in self.reversibility},
            "remainder": dict(self.remainder),
        }


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One document of a plan: ready by a route, or an exception with every reason. Texts in figures: masked."""

    number: str | None
    key: str | None
    is_ready: bool
    route: str | None
    action: str | None
    executor: Executor | None
    reversibility: Reversibility | None
    reference: str | None
    partner: str | None
    date: date | str | None
    state: str | None
    ordered: Decimal | str | None
    received: Decimal | str | None
    invoiced: Decimal | str | None
    remainder_quantity: Decimal | str | None
    remainder_amount: Decimal | str | None
    currency: str | None
    codes: tuple[str, ...]
    reasons: tuple[Text, ...]
    closed_by: str | None  # the change set that closed it (reopening)
    closer: str | None = None  # who closed it in the ERP, where that keeps it (reopening)
    closed_at: datetime | str | None = None
    closed_how: str | None = None  # by_itself or by_hand

    def as_dict(self) -> dict[str, Any]:
        """Return the row for `--json`."""
        row = {name: getattr(self, name) for name in self.__slots__}
        row["reasons"] = [reason.as_dict() for reason in self.reasons]
        return row


def summarize(details: Mapping[str, Any]) -> PlanSummary:
    """Return the figures that a plan was stored with (`ChangeSet.details` or `Draft.details`)."""
    counts = details.get("counts") or {}
    reversibility = details.get("reversibility") or {}
    return PlanSummary(
        looked_at=counts.get("looked_at", 0),
        ready=counts.get("ready", 0),
        exceptions=counts.get("exceptions", 0),
        operations=counts.get("operations", 0),
        by_route=tuple((route["name"], route["ready"]) for route in details.get("routes") or ()),
        by_code=tuple(sorted((details.get("exceptions") or {}).items())),
        reversibility=tuple(
            (known, reversibility[known.value])
            for known in Reversibility
            if known.value in reversibility
        ),
        remainder=tuple(
            (currency, _value("amount", amount))
            for currency, amount in sorted((details.get("remainder") or {}).items())
        ),
    )


def rows(
    operations: Iterable[Planned], exceptions: Iterable[PlanException] = ()
) -> Iterator[PlanRow]:
    """Yield one row a document: those that are ready in the order of the plan, then the exceptions."""
    for operation in operations:
        if operation.details.get("link", 1) == 1:
            yield _ready_row(operation)
    yield from _exception_rows(exceptions)


def _ready_row(operation: Planned) -> PlanRow:
    details = operation.details
    facts = {name: _value(name, value) for name, value in (details.get("facts") or {}).items()}
    remainder = {
        name: _value(name, value) for name, value in (details.get("remainder") or {}).items()
    }

    def quantity(name: str) -> Any:
        known = remainder.get(name)
        return known if known is not None else facts.get(f"{name}_quantity")

    return PlanRow(
        number=operation.number,
        key=operation.step.ref.key,
        is_ready=True,
        route=details.get("route"),
        action=details.get("action", operation.step.action),
        executor=operation.executor,
        reversibility=operation.reversibility,
        reference=facts.get("reference"),
        partner=facts.get("partner"),
        date=facts.get("date"),
        state=facts.get("state"),
        ordered=quantity("ordered"),
        received=quantity("received"),
        invoiced=quantity("invoiced"),
        remainder_quantity=remainder.get("quantity"),
        remainder_amount=remainder.get("amount"),
        currency=remainder.get("currency") or facts.get("currency"),
        codes=(),
        reasons=(),
        closed_by=details.get("closed_by"),
        closer=facts.get("closed_by"),
        closed_at=facts.get("closed_at"),
        closed_how=facts.get("closed_how"),
    )


def _exception_rows(exceptions: Iterable[PlanException]) -> Iterator[PlanRow]:
    """Join the reasons of one document; they stand beside one another in every plan."""
    held: list[PlanException] = []
    for found in exceptions:
        if held and (found.ref, found.number) != (held[0].ref, held[0].number):
            yield _exception_row(held)
            held = []
        held.append(found)
    if held:
        yield _exception_row(held)


def _exception_row(reasons: Sequence[PlanException]) -> PlanRow:
    first = reasons[0]
    return PlanRow(
        number=first.number,
        key=None if first.ref is None else first.ref.key,
        is_ready=False,
        route=None,
        action=None,
        executor=None,
        reversibility=None,
        reference=None,
        partner=None,
        date=None,
        state=None,
        ordered=None,
        received=None,
        invoiced=None,
        remainder_quantity=None,
        remainder_amount=None,
        currency=None,
        codes=tuple(found.code for found in reasons),
        reasons=tuple(found.text for found in reasons),
        closed_by=None,
    )


def _value(name: str, value: Any) -> Any:
    convert = SHOWN_CONVERTERS.get(name)
    if convert is not None and isinstance(value, str):
        try:
            value = convert(value)
        except (ValueError, InvalidOperation):  # a remainder that the ERP gives as text
            return value
    return _trimmed(value) if isinstance(value, Decimal) else value


def _trimmed(value: Decimal) -> Decimal:
    """Drop zeros behind the point: the canonical columns have nine places. The value stays exact."""
    written = format(value, "f")
    return Decimal(written.rstrip("0").rstrip(".")) if "." in written else value
