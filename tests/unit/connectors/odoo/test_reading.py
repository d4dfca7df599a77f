"""Footprints are read whole, typed, in few calls, and stamps before what they stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from connectors.contract import Answer, Call, Image, Kind, Record, Ref, Step
from connectors.odoo.actions import STAMP, Guard, OdooAction, Query, Server, Target
from connectors.odoo.catalogue import Catalogue
from connectors.odoo.reading import CHUNK, Reader
from core.errors import AccessDenied, BadAnswer, NotFound
from tests.unit.connectors.odoo.wire import Odoo

FIELDS: dict[str, dict[str, dict[str, Any]]] = {
    "purchase.order": {
        "name": {"type": "char", "store": True},
        "amount_total": {"type": "monetary", "store": True},
        "write_date": {"type": "datetime", "store": True},
        "active": {"type": "boolean", "store": True},
        "picking_ids": {"type": "many2many", "store": True, "relation": "stock.picking"},
    },
    "purchase.order.line": {
        "order_id": {"type": "many2one", "store": True, "relation": "purchase.order"},
        "name": {"type": "text", "store": True},
    },
    "stock.picking": {
        "state": {"type": "selection", "store": True, "selection": [["done", "Done"]]},
        "move_ids": {"type": "one2many", "store": True, "relation": "stock.move"},
    },
}

ORDERS = {
    1: {
        "name": "P1",
        "amount_total": 178.25,
        "write_date": "2026-11-22 02:51:14",
        "active": False,
        "picking_ids": [8, 7],
    },
    2: {"name": "P2", "amount_total": 5.0, "write_date": False, "active": True, "picking_ids": [7]},
}
LINES: dict[int, dict[str, Any]] = {
    4: {"order_id": 1, "name": "a"},
    5: {"order_id": 2, "name": False},
}
PICKINGS: dict[int, dict[str, Any]] = {
    7: {"state": "done", "move_ids": []},
    8: {"state": False, "move_ids": [3, 2]},
    9: {"state": "done", "move_ids": []},
}
TABLES: dict[str, dict[int, dict[str, Any]]] = {
    "purchase.order": ORDERS,
    "purchase.order.line": LINES,
    "stock.picking": PICKINGS,
}


class AccessError(Exception):
    """Odoo's exception of this name."""


class Close(OdooAction):
    """An action with a footprint of three models."""

    name = "purchase_order.close"
    kind = Kind.PURCHASE_ORDER
    title = "close"
    model = "purchase.order"
    wanted = frozenset({"name", "amount_total", "unknown"})
    queries = (
        Query("purchase.order.line", "order_id", "purchase.order", frozenset({"name"})),
        Query("stock.picking", "picking_ids", "purchase.order", frozenset({"state"}), True),
        Query("mrp.production", "origin", "purchase.order", frozenset({"name"})),
    )
    stamped = ("purchase.order",)
    ours: Mapping[str, frozenset[str]] = {}  # type: ignore[misc]

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return True

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return ()

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        return []


def table(model: str) -> dict[str, Any]:
    """Return the methods of a model that reads from a table."""

    def fields_get(**_: Any) -> Any:
        return FIELDS[model]

    def row(key: int, names: Sequence[str]) -> dict[str, Any]:
        return {"id": key, **{name: TABLES[model][key][name] for name in names if name != "id"}}

    def read(ids: Sequence[int], names: Sequence[str], **_: Any) -> Any:
        return [row(key, names) for key in ids if key in TABLES[model]]

    def fits(key: int, condition: Sequence[Any]) -> bool:
        field, sign, given = condition
        value = key if field == "id" else TABLES[model][key][field]
        return value in given if sign == "in" else bool(value > given)

    def search(domain: Sequence[Any], *, limit: int | None = None, **_: Any) -> list[int]:
        found = [key for key in sorted(TABLES[model]) if all(fits(key, each) for each in domain)]
        return found[:limit]

    def search_read(domain: Sequence[Any], names: Sequence[str], **named: Any) -> Any:
        return [row(key, names) for key in search(domain, **named)]

    found = {
        "fields_get": fields_get,
        "read": read,
        "search": search,
        "search_read": search_read,
    }
    return {f"{model}.{name}": method for name, method in found.items()}


def reader_of(odoo: Odoo, *, guard: Guard | None = None) -> tuple[Reader, Target]:
    """Return a reader of three tables and the target."""
    for model in FIELDS:
        odoo.methods.update(table(model))

    def unknown(**_: Any) -> Any:
        raise UserError("Object mrp.production doesn't exist")

    odoo.methods["mrp.production.fields_get"] = unknown
    session = odoo.session()
    session.guard = guard
    catalogue = Catalogue(session)
    return Reader(session, catalogue), Target(fields=catalogue, guard=guard)


class UserError(Exception):
    """Odoo's exception of this name."""


def test_rows_are_typed() -> None:
    """Moments are UTC, money is exact, False of a boolean stays and of every other type is nothing."""
    reader, _ = reader_of(Odoo())
    rows = reader.rows("purchase.order", [2, 1, 99], FIELDS["purchase.order"])

    assert rows == {
        1: {
            "id": 1,
            "name": "P1",
            "amount_total": Decimal("178.25"),
            "write_date": datetime(2026, 11, 22, 2, 51, 14, tzinfo=UTC),
            "active": False,
            "picking_ids": (7, 8),
        },
        2: {
            "id": 2,
            "name": "P2",
            "amount_total": Decimal(5),
            "write_date": None,
            "active": True,
            "picking_ids": (7,),
        },
    }


def test_rows_in_chunks_without_names_of_relations() -> None:
    """Many records are read in several calls; archived ones are there, names of relations are not asked for."""
    odoo = Odoo()
    reader, _ = reader_of(odoo)
    reader.rows("purchase.order", range(1, CHUNK + 2), ["name"])
    calls = odoo.called("purchase.order.read")

    assert [CHUNK, 1] == [len(given[0]) for given, _ in calls]
    assert all(named["load"] == "" for _, named in calls)
    assert all(named["context"]["active_test"] is False for _, named in calls)


def test_unknown_names_are_not_asked_for() -> None:
    """A field or model that the server has not is named before anything is read."""
    odoo = Odoo()
    reader, _ = reader_of(odoo)
    with pytest.raises(NotFound, match="nofield"):
        reader.rows("purchase.order", [1], ["nofield"])
    with pytest.raises(NotFound, match=r"mrp\.production"):
        reader.rows("mrp.production", [1], ["name"])

    assert [] == odoo.called("purchase.order.read")


def test_hidden_is_not_missing() -> None:
    """A record that a rule hides refuses the reading."""
    odoo = Odoo()
    reader, _ = reader_of(odoo)

    def refuse(*_: Any, **__: Any) -> Any:
        raise AccessError("Due to security restrictions")

    odoo.methods["purchase.order.read"] = refuse
    with pytest.raises(AccessDenied):
        reader.rows("purchase.order", [1], ["name"])


@pytest.mark.parametrize("answer", [[{"id": 3, "name": "P3"}], [{"name": "P1"}], [{"id": 1}], {}])
def test_answers_that_do_not_fit(answer: Any) -> None:
    """Records that nobody asked for, and rows without a field, are no answer."""
    odoo = Odoo()
    reader, _ = reader_of(odoo)
    odoo.methods["purchase.order.read"] = lambda *_, **__: answer
    if answer == {}:
        assert reader.rows("purchase.order", [1], ["name"]) == {}
        return
    with pytest.raises(BadAnswer):
        reader.rows("purchase.order", [1], ["name"])


def test_pages_by_last_id() -> None:
    """A page begins after the last id of the one before; a page that is not full is the last."""
    odoo = Odoo()
    reader, _ = reader_of(odoo)
    pages = list(reader.pages("stock.picking", [["state", "in", ["done"]]], ["state"], size=1))

    assert [[7], [9]] == [[row["id"] for row in page] for page in pages]
    assert [0, 7, 9] == [given[0][1][2] for given, _ in odoo.called("stock.picking.search_read")]


def close_steps() -> list[Step]:
    """Return one step for each order, and one for an order that is gone."""
    return [Step(Close.name, Ref("purchase.order", key)) for key in ("1", "2", "3")]


def test_capture() -> None:
    """Roots, records that name them and records that they name, each once, sorted; a missing root is there as gone."""
    odoo = Odoo()
    reader, target = reader_of(odoo)
    images = reader.capture(Close(target), close_steps(), [None, None, None])

    line, picking = "purchase.order.line", "stock.picking"
    assert images[0] == Image(
        (
            Record(Ref("purchase.order", "1"), {"name": "P1", "amount_total": Decimal("178.25")}),
            Record(Ref(line, "4"), {"name": "a"}),
            Record(Ref(picking, "7"), {"state": "done"}),
            Record(Ref(picking, "8"), {"state": None}),
        )
    )
    assert [Ref("purchase.order", "2"), Ref(line, "5"), Ref(picking, "7")] == list(images[1].refs())
    assert images[2] == Image((Record(Ref("purchase.order", "3"), None),))
    assert ["purchase.order.read", f"{line}.search_read", f"{picking}.read"] == [
        name for name, _, _ in odoo.calls if not name.endswith("fields_get")
    ]


def test_the_id_of_another_model_is_another_document() -> None:
    """A step that names a task never captures the order that has the same id: it is there as missing."""
    odoo = Odoo()
    reader, target = reader_of(odoo)
    task = Ref("project.task", "1")

    images = reader.capture(Close(target), [Step(Close.name, task)], [None])

    assert [Image((Record(task, None),))] == images


def test_capture_reads_known_records_again() -> None:
    """A record of an earlier image that no query finds any more is read by its id; a deleted one shows as gone.

    One of a model outside the footprint is left alone.
    """
    reader, target = reader_of(Odoo())
    known = Image(
        (
            Record(Ref("purchase.order.line", "44"), {"name": "was"}),
            Record(Ref("stock.picking", "9"), {"state": "done"}),
            Record(Ref("res.partner", "1"), {"name": "x"}),
        )
    )
    (image,) = reader.capture(Close(target), close_steps()[:1], [known])

    assert image.get(Ref("purchase.order.line", "44")) == Record(
        Ref("purchase.order.line", "44"), None
    )
    assert image.get(Ref("stock.picking", "9")) == Record(
        Ref("stock.picking", "9"), {"state": "done"}
    )
    assert image.get(Ref("res.partner", "1")) is None


def test_stamps_come_before_contents() -> None:
    """With the guard, the stamp of a record is read before its fields: what changes in between has an old stamp."""
    odoo = Odoo()
    reader, target = reader_of(odoo, guard=Guard(77, 1))

    def run(ids: Sequence[int], context: Mapping[str, Any]) -> Any:
        assert [77] == ids
        return {"infos": {"storno": 1, "stamps": {str(key): "t" for key in context["storno_ids"]}}}

    odoo.methods["ir.actions.server.run"] = run
    (image,) = reader.capture(Close(target), close_steps()[:1], [None])
    names = [name for name, _, _ in odoo.calls if not name.endswith("fields_get")]

    assert ["ir.actions.server.run", "purchase.order.read"] == names[:2]
    assert image.records[0].fields is not None
    assert "t" == image.records[0].fields[STAMP]
    assert 1 == names.count("ir.actions.server.run")


def test_relations_to_many_are_read_by_id() -> None:
    """`search_read` leaves archived records out of relations to many, `read` does not: both ways must agree."""
    odoo = Odoo()
    reader, _ = reader_of(odoo)
    query = Query("stock.picking", "state", "purchase.order", frozenset({"move_ids"}))
    rows = reader.linked_rows(query, ["done"])  # type: ignore[list-item]

    assert [
        {"id": 7, "move_ids": (), "state": "done"},
        {"id": 9, "move_ids": (), "state": "done"},
    ] == rows
    assert [] == odoo.called("stock.picking.search_read")


def test_catalogue_asks_once() -> None:
    """The fields of a model are asked for when they are first needed; a model that is not there is missing."""
    odoo = Odoo()
    _, target = reader_of(odoo)

    assert target.has("purchase.order", "name")
    assert not target.has("purchase.order", "nofield")
    assert not target.has("mrp.production")
    assert not target.has("mrp.production")
    assert 1 == len(odoo.called("purchase.order.fields_get"))
    assert 1 == len(odoo.called("mrp.production.fields_get"))
