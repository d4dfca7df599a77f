"""What actions send, what they judge, and what they ask the SAP team for."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest

import connectors.sap
from connectors.contract import Call, Effect, Executor, Image, Record, Ref, Step
from connectors.sap.actions import SapAction, Target
from connectors.sap.connector import ACTIONS
from connectors.sap.layouts import PURCHASE_ORDERS, SALES_ORDERS
from connectors.sap.shapes import Member, Structure
from connectors.sap.values import Scalar, Sort
from connectors.sap.wrapper import INTERFACES, abap_source, main, parameters_of
from core.encoding import Value
from core.errors import BadInput, StateRefused

ORDER: Final = Ref("POHEADER", "4500000001")


def target() -> Target:
    """Return a system that describes every field that any action wants."""
    names: dict[str, set[str]] = {}
    for action in ACTIONS:
        for model, fields in action.wanted.items():
            names.setdefault(model, set()).update(fields)
    structures = {
        model: Structure(model, {name: Member(name, name, Scalar(Sort.TEXT)) for name in fields})
        for model, fields in names.items()
    }
    return Target(system="erp", structures=structures, rejection_reason="10", reversal_reason="01")


def made(name: str) -> SapAction:
    (found,) = [action for action in ACTIONS if action.name == name]
    return found(target())


def order(**items: Mapping[str, Value]) -> Image:
    header = Record(ORDER, {"PO_NUMBER": ORDER.key, "CURRENCY": "EUR"})
    plain = {"NO_MORE_GR": "", "FINAL_INV": "", "DELETE_IND": "", "PO_UNIT": "PC"}
    records = [
        Record(
            Ref("POITEM", f"{ORDER.key}/{position.removeprefix('i')}"),
            {**plain, "QUANTITY": Decimal(10), "NET_PRICE": Decimal(3), **fields},
        )
        for position, fields in items.items()
    ]
    return Image((header, *records))


def received(image: Image, quantity: int) -> Image:
    ref = Ref("POHISTORY_TOTALS", f"{ORDER.key}/00010/00")
    return Image((*image.records, Record(ref, {"DELIV_QTY": Decimal(quantity), "IV_QTY": None})))


def call(name: str, image: Image, **arguments: Value) -> Call:
    return Call("1", Step(name, image.records[0].ref, arguments), image)


def test_only_marks_that_change_are_sent() -> None:
    """Closed and deleted items are left alone, and each sent field has its X-flag."""
    image = order(i00010={}, i00020={"NO_MORE_GR": "X"}, i00030={"DELETE_IND": "L"})
    sent = made("purchase_order.close").parameters(call("purchase_order.close", image))
    assert [{"PO_ITEM": "00010", "NO_MORE_GR": "X"}] == sent["POITEM"]
    assert [{"PO_ITEM": "00010", "PO_ITEMX": "X", "NO_MORE_GR": "X"}] == sent["POITEMX"]


def test_named_items_alone_are_meant() -> None:
    """Positions are named as people write them."""
    image = order(i00010={}, i00020={})
    action = made("purchase_order.close")
    sent = action.parameters(call("purchase_order.close", image, items=("20",)))
    assert [{"PO_ITEM": "00020", "NO_MORE_GR": "X"}] == sent["POITEM"]


@pytest.mark.parametrize(
    "image, arguments, code",
    [
        (Image((Record(ORDER, None),)), {}, "missing"),
        (order(i00010={"NO_MORE_GR": "X"}), {}, "nothing"),
        (order(i00010={}), {"items": ("30",)}, "item.missing"),
        (order(i00010={"DELETE_IND": "L"}), {"items": ("10",)}, "item.state"),
        (order(i00010={}), {}, None),
    ],
)
def test_problems_are_foreseen(image: Image, arguments: dict[str, Value], code: str | None) -> None:
    """Each reason has its code, and what is possible has none."""
    step = Step("purchase_order.close", ORDER, arguments)
    found = made("purchase_order.close").problems(step, image)
    assert ([] if code is None else [code]) == [problem.code for problem in found]


def test_nothing_is_sent_for_nothing() -> None:
    """An order without a fitting item is a refusal of ours: SAP would say yes and change nothing."""
    image = order(i00010={"NO_MORE_GR": "X"})
    with pytest.raises(StateRefused):
        made("purchase_order.close").parameters(call("purchase_order.close", image))


def test_a_blocked_item_keeps_its_block() -> None:
    """S is a block, not a deletion: neither delete nor undelete touches it."""
    image = order(i00010={"DELETE_IND": "S"})
    for name in ("purchase_order.delete", "purchase_order.undelete"):
        assert made(name).problems(Step(name, ORDER), image)


def test_the_way_back_names_what_was_changed() -> None:
    """An item that was closed before stays closed when ours is taken back."""
    before = order(i00010={}, i00020={"NO_MORE_GR": "X"})
    after = order(i00010={"NO_MORE_GR": "X"}, i00020={"NO_MORE_GR": "X"})
    step = Step("purchase_order.close", ORDER)
    (back,) = made("purchase_order.close").inverse(step, before, after)
    assert Step("purchase_order.reopen", ORDER, {"items": ("00010",)}) == back


def test_a_rejection_that_is_taken_back_is_given_back_with_its_reason() -> None:
    """Each item had a reason of its own; taking the reopening back puts each there again."""
    ref = Ref("ORDER_HEADERS_OUT", "0000012001")

    def image(*reasons: str) -> Image:
        items = [
            Record(Ref("ORDER_ITEMS_OUT", f"{ref.key}/{place:06d}"), {"REA_FOR_RE": reason})
            for place, reason in zip((10, 20), reasons, strict=True)
        ]
        return Image((Record(ref, {"DOC_NUMBER": ref.key}), *items))

    reopen, close = made("sales_order.reopen"), made("sales_order.close")
    (back,) = reopen.inverse(Step("sales_order.reopen", ref), image("52", "10"), image("", ""))
    assert {"items": ("000010", "000020"), "reasons": ("52", "10")} == back.arguments
    sent = close.parameters(Call("1", back, image("", "")))
    assert [
        {"ITM_NUMBER": "000010", "REASON_REJ": "52"},
        {"ITM_NUMBER": "000020", "REASON_REJ": "10"},
    ] == sent["ORDER_ITEM_IN"]


def test_what_is_given_up_is_what_did_not_come() -> None:
    """Ten ordered, four came: six times the price."""
    image = received(order(i00010={}, i00020={"NO_MORE_GR": "X"}), 4)
    found = made("purchase_order.close").remainder(image)
    assert found is not None
    assert (Decimal(6), Decimal(18), "EUR") == (found.quantity, found.amount, found.currency)


def test_later_business_is_sorted() -> None:
    """Goods that came are reported, another quantity changes the result, a deletion blocks."""
    action, step = made("purchase_order.close"), Step("purchase_order.close", ORDER)
    after = order(i00010={"NO_MORE_GR": "X"})

    def effects(now: Image) -> list[Effect]:
        return [each.effect for each in action.later_business(step, after, now)]

    assert [] == effects(after)
    assert [Effect.HARMLESS] == effects(received(after, 3))
    more = order(i00010={"NO_MORE_GR": "X", "QUANTITY": Decimal(11)})
    assert [Effect.CHANGES_RESULT] == effects(more)
    assert [Effect.BLOCKS] == effects(order(i00010={"NO_MORE_GR": "X", "DELETE_IND": "L"}))
    assert [Effect.BLOCKS] == effects(Image((Record(ORDER, None),)))


def test_lines_are_named_by_position() -> None:
    """A rollback of some lines names them as the screen does."""
    image = order(i00010={})
    action = made("purchase_order.close")
    assert (Ref("POITEM", "4500000001/00010"),) == action.lines(image, ["10"])
    with pytest.raises(BadInput):
        action.lines(image, ["30"])


def test_without_a_way_to_commit_an_action_is_a_persons() -> None:
    """No service makes its change permanent: it is said why, and who does it."""
    action = made("purchase_order.close")
    assert (Executor.BY_PERSON,) == action.executors
    assert "BAPI_PO_CHANGE" in str(action.refusal)


@pytest.mark.parametrize("name", [action.name for action in ACTIONS if action.function])
def test_a_wrapper_takes_what_is_sent(name: str) -> None:
    """What the SAP team is asked for has every parameter that Storno sends."""
    action = made(name)
    arguments: dict[str, Value] = {"items": ("10",)} if hasattr(action, "mark") else {}
    image = order(i00010={})
    sent = action.parameters(call(name, image, date="2026-11-30", **arguments))
    assert set(sent) <= set(parameters_of(action.function))


@pytest.mark.parametrize("function", sorted(INTERFACES))
def test_a_wrapper_commits_or_rolls_back(function: str) -> None:
    """Its source ends the unit of work in both cases, and waits for the update."""
    source = abap_source(function, "Z_X")
    for part in ("BAPI_TRANSACTION_ROLLBACK", "BAPI_TRANSACTION_COMMIT", "wait = 'X'"):
        assert part in source


def test_the_source_is_written_for_whoever_asks(capsys: pytest.CaptureFixture[str]) -> None:
    """The check names this command; a name of the site's own may be given."""
    assert 0 == main(["BAPI_PO_CHANGE"])
    assert abap_source("BAPI_PO_CHANGE", "Z_STORNO_PO_CHANGE") == capsys.readouterr().out
    assert 0 == main(["bapi_po_change", "z_mine"])
    assert "FUNCTION z_mine." in capsys.readouterr().out
    assert 2 == main([])
    assert "BAPI_PRODORD_CLOSE" in capsys.readouterr().err


def test_the_readme_shows_the_wrapper_as_it_is() -> None:
    """What people copy from the page is what the program would write."""
    page = Path(connectors.sap.__file__).with_name("README.md").read_text(encoding="utf-8")
    assert abap_source("BAPI_PO_CHANGE", "Z_STORNO_PO_CHANGE") in page


@pytest.mark.parametrize(
    "number, key",
    [
        ("12001", "0000012001"),
        (" 4500000001 ", "4500000001"),
        ("ab1", "AB1"),
        ("45000000012", None),
        ("", None),
        ("1/2", None),
    ],
)
def test_numbers_become_keys(number: str, key: str | None) -> None:
    """Digits are filled up with zeros as SAP does; what SAP cannot have is nothing."""
    assert key == SALES_ORDERS.key_of(number) == PURCHASE_ORDERS.key_of(number)


@pytest.mark.parametrize(
    "name, ref, told",
    [
        ("sales_order.close", Ref("ORDER_HEADERS_OUT", "0000012001"), ("VA02", "12001", "10")),
        ("goods_receipt.cancel", Ref("GOODSMVT_HEADER", "4900000001/2026"), ("MBST", "2026", "")),
        ("supplier_invoice.cancel", Ref("HEADERDATA", "5105600001/2026"), ("MR8M", "2026", "01")),
        ("stock_count.apply", Ref("HEAD", "0100000101/2026"), ("MI07", "100000101", "")),
        ("journal_entry.reverse", Ref("BKPF", "1000/0100000001/2026"), ("FB08", "100000001", "01")),
    ],
)
def test_a_person_is_told_where_and_with_which_reason(
    name: str, ref: Ref, told: tuple[str, str, str]
) -> None:
    """SAP's screens ask for a reason: the key of the site's own list that Storno would have sent."""
    items = [Record(Ref("ORDER_ITEMS_OUT", f"{ref.key}/000010"), {"REA_FOR_RE": ""})]
    image = Image((Record(ref, {"STBLG": ""}), *(items if name.startswith("sales") else [])))
    found = made(name).instruction(Step(name, ref), image)
    assert told[0] in str(found.screen)
    assert told[1] in str(found.screen)
    assert told[2] in str(found.reason)


def test_each_reason_is_told_with_its_item() -> None:
    """What is rejected again had a reason of its own, item by item."""
    ref = Ref("ORDER_HEADERS_OUT", "0000012001")
    step = Step("sales_order.close", ref, {"items": ("000010", "000020"), "reasons": ("52", "10")})
    found = made("sales_order.close").instruction(step, Image((Record(ref, {}),)))
    assert "10: 52, 20: 10" in str(found.reason)
