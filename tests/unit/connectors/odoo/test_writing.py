"""Promises about writing back: only what differs, never alone where Odoo recomputes, never what it works out itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from connectors.contract import Call, FieldInfo, Image, Ref, Step
from connectors.odoo.actions import Target
from connectors.odoo.writing import wire_value, write_in_groups, write_values
from core.encoding import Value
from core.errors import (
    AccessDenied,
    Busy,
    ContractBroken,
    Frozen,
    LoginFailed,
    OutcomeUnknown,
    Rejected,
    StornoError,
)

LINE = "purchase.order.line"
NOW: dict[str, Value] = {
    "product_qty": Decimal(3),
    "price_unit": Decimal("77.5"),
    "discount": Decimal(5),
    "name": "desk",
    "date_planned": datetime(2026, 11, 20, 8, 0, tzinfo=UTC),
}


def server(model: str, *names: str, readonly: Sequence[str] = ()) -> Target:
    fields = {
        name: FieldInfo(
            name,
            "tuple" if name.endswith("_ids") else "str",
            is_stored=True,
            is_readonly=name in readonly,
        )
        for name in names
    }
    return Target(fields={model: fields})


LINES = server(LINE, *NOW)


def test_what_is_there_already_is_not_sent() -> None:
    """An unchanged value is never written: Odoo would fetch the list price over the negotiated one."""
    assert {} == write_values(LINES, LINE, NOW, NOW, ours=frozenset(NOW))


def test_quantity_goes_with_what_odoo_would_recompute() -> None:
    """Price, discount, text and date go along with a quantity: explicit values win over recomputed ones."""
    found = write_values(
        LINES, LINE, NOW, {"product_qty": Decimal(2)}, ours=frozenset({"product_qty"})
    )
    expected = {
        "product_qty": 2.0,
        "price_unit": 77.5,
        "discount": 5.0,
        "name": "desk",
        "date_planned": "2026-11-20 08:00:00",
    }
    assert expected == found


def test_what_goes_along_takes_the_wanted_value() -> None:
    """Where the price goes back too, it is the old one that goes along, not today's."""
    wanted: dict[str, Value] = {"product_qty": Decimal(2), "price_unit": Decimal(70)}
    found = write_values(LINES, LINE, NOW, wanted, ours=frozenset(wanted))
    assert (2.0, 70.0) == (found["product_qty"], found["price_unit"])


def test_price_alone_goes_alone() -> None:
    """Nothing goes along with a field that makes Odoo recompute nothing."""
    wanted: dict[str, Value] = {"price_unit": Decimal(70)}
    assert {"price_unit": 70.0} == write_values(LINES, LINE, NOW, wanted, ours=frozenset(wanted))


def test_quantity_needs_its_price_read() -> None:
    """A footprint that has a quantity without its price cannot write it back safely."""
    now = {name: value for name, value in NOW.items() if name != "price_unit"}
    with pytest.raises(ContractBroken, match="price_unit"):
        write_values(LINES, LINE, now, {"product_qty": Decimal(2)}, ours=frozenset({"product_qty"}))


@pytest.mark.parametrize(
    "model, name, value",
    [
        ("stock.quant", "quantity", Decimal(12)),
        ("stock.picking", "state", "assigned"),
        ("stock.move", "state", "assigned"),
        ("purchase.order", "state", "done"),
        ("purchase.order", "partner_id", 4),
        ("sale.order", "pricelist_id", 4),
        ("sale.order", "picking_ids", ()),
        ("account.move", "state", "draft"),
        ("res.partner", "write_date", None),
        ("res.partner", "create_uid", 2),
    ],
)
def test_refused(model: str, name: str, value: Value) -> None:
    """Odoo would accept these and keep a document that lies; the connector never sends them."""
    target = server(model, name)
    with pytest.raises(ContractBroken, match=name):
        write_values(target, model, {name: 1}, {name: value}, ours=frozenset({name}))


def test_read_only_is_refused() -> None:
    """What a screen shows read-only is Odoo's to work out, though its RPC would take it."""
    target = server("purchase.order", "amount_tax", readonly=("amount_tax",))
    with pytest.raises(ContractBroken, match="amount_tax"):
        write_values(
            target, "purchase.order", {"amount_tax": Decimal(1)}, {"amount_tax": Decimal(2)},
            ours=frozenset({"amount_tax"}),
        )  # fmt: skip


def test_not_ours_is_refused() -> None:
    """A field that the action does not call its own is somebody else's."""
    with pytest.raises(ContractBroken, match="not ours"):
        write_values(LINES, LINE, NOW, {"name": "table"}, ours=frozenset({"price_unit"}))


@pytest.mark.parametrize(
    "model, name, value",
    [
        ("stock.move", "state", "draft"),
        ("stock.move", "reservation_date", date(2026, 11, 20)),
        ("purchase.order", "state", "purchase"),
        ("sale.order", "state", "sale"),
        ("sale.order", "state", "sent"),
    ],
)
def test_measured_exceptions(model: str, name: str, value: Value) -> None:
    """What was measured to give a cancelled document back may be written although it is read-only."""
    target = server(model, name, readonly=(name,))
    found = write_values(target, model, {name: "cancel"}, {name: value}, ours=frozenset({name}))
    assert {name: str(value)} == found


@pytest.mark.parametrize(
    "kind, value, expected",
    [
        ("str", None, False),
        ("tuple", None, [[6, 0, []]]),
        ("tuple", (3, 1), [[6, 0, [3, 1]]]),
        ("bool", False, False),
        ("Decimal", Decimal("77.50"), 77.5),
        ("date", date(2026, 11, 20), "2026-11-20"),
        ("datetime", datetime(2026, 11, 20, 8, 0, tzinfo=UTC), "2026-11-20 08:00:00"),
    ],
)
def test_wire(kind: str, value: Value, expected: Any) -> None:
    """Nothing is False, moments are UTC text, a relation to many replaces the whole set."""
    info = FieldInfo("x", kind, is_stored=True, is_readonly=False)
    assert expected == wire_value(info, value)


def test_same_ids_in_another_order_are_the_same() -> None:
    """Databases order relations at will."""
    target = server("purchase.order", "reference_ids")
    found = write_values(
        target, "purchase.order", {"reference_ids": (2, 1)}, {"reference_ids": (1, 2)},
        ours=frozenset({"reference_ids"}),
    )  # fmt: skip
    assert {} == found


# --- several values in one batch --------------------------------------------------------------------------


def calls(*keys: str) -> list[Call]:
    return [Call(key, Step("a", Ref("m", key)), Image(())) for key in keys]


class Fenced:
    """A server that counts how often its fence was asked; the n-th time (from 1) it raises."""

    system = "erp"

    def __init__(self, falls_at: int = 0) -> None:
        self.asked = 0
        self._falls_at = falls_at

    def fence(self) -> None:
        self.asked += 1
        if self.asked == self._falls_at:
            raise Frozen(freeze="01a2", scope="all", person="mei", said="stock count")

    def call(self, *_parameters: Any, **_named: Any) -> Any:
        raise AssertionError("not asked here")

    guarded = call


def by_letter(call: Call) -> str:
    return call.operation_id[0]


def saying(*errors: Exception | None) -> Callable[[str, Sequence[Call]], None]:
    """Return a sender that raises these errors one by one."""
    left = list(errors)

    def send(_key: str, _members: Sequence[Call]) -> None:
        error = left.pop(0)
        if error is not None:
            raise error

    return send


def test_equal_values_share_a_request() -> None:
    """Documents that need the same go in one request; one that needs nothing is not sent."""
    seen: list[tuple[str, list[str]]] = []
    answers = write_in_groups(
        Fenced(),
        calls("a1", "b1", "a2", "-"),
        lambda call: None if call.operation_id == "-" else call.operation_id[0],
        lambda key, members: seen.append((key, [m.operation_id for m in members])),
    )
    assert [("a", ["a1", "a2"]), ("b", ["b1"])] == seen
    assert ["a1", "b1", "a2", "-"] == [answer.operation_id for answer in answers]


def test_refused_request_is_tried_one_by_one() -> None:
    """A refusal undid the whole request, so the innocent are sent again alone and only the culprit is refused."""

    def send(_key: str, members: Sequence[Call]) -> None:
        if any(member.operation_id == "a2" for member in members):
            raise Rejected(system="erp", said="no")

    server = Fenced()
    answers = write_in_groups(server, calls("a1", "a2", "b1"), by_letter, send)
    assert [False, True, False] == [answer.refused is not None for answer in answers]
    assert 3 == server.asked, "before each request but the first"


@pytest.mark.parametrize(
    "error",
    [
        Busy(system="erp", problem="later"),
        AccessDenied(system="erp", said="no"),
        LoginFailed(system="erp", user="storno", said="no"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_ends_a_batch_is_told_of_the_rest(error: StornoError) -> None:
    """What was written before stands, and whoever reads the answers knows which documents that are."""
    answers = write_in_groups(Fenced(), calls("a1", "b1", "c1"), by_letter, saying(None, error))
    assert [None, error, error] == [answer.unsent for answer in answers]
    assert [None, None, None] == [answer.refused for answer in answers]


def test_a_freeze_ends_a_batch_before_its_next_request() -> None:
    """Also where documents are tried alone after a refusal."""
    refused = Rejected(system="erp", said="no")
    answers = write_in_groups(
        Fenced(falls_at=2), calls("a1", "a2", "b1"), by_letter, saying(refused, None)
    )
    assert [False, True, True] == [isinstance(answer.unsent, Frozen) for answer in answers]


@pytest.mark.parametrize("falls_at", [0, 1])
def test_before_anything_was_written_an_error_is_that_of_all(falls_at: int) -> None:
    """Nothing happened then, to none of them; a refused request did nothing either."""
    said = [Rejected(system="erp", said="no"), Busy(system="erp", problem="later")]
    with pytest.raises((Busy, Frozen)):
        write_in_groups(Fenced(falls_at), calls("a1", "a2"), by_letter, saying(*said))


def test_missing_right_is_not_tried_again() -> None:
    """Every other document would meet it too: it stops the run with the first request."""
    with pytest.raises(AccessDenied):
        write_in_groups(
            Fenced(), calls("a1", "a2"), by_letter, saying(AccessDenied(system="erp", said="no"))
        )


def test_a_lost_answer_leaves_the_whole_batch_in_doubt() -> None:
    """What comes after it was not sent, but whoever settles reads all of it anyway."""
    with pytest.raises(OutcomeUnknown):
        write_in_groups(
            Fenced(),
            calls("a1", "b1"),
            by_letter,
            saying(None, OutcomeUnknown(system="erp", problem="cut")),
        )
