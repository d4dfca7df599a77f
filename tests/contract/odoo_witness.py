"""What an Odoo holds, told by somebody who is not the connector: by its database, or over RPC."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from tests.contract.odoo_colleague import Colleague
from tests.contract.subject import Content

Witness = Callable[[], Content]

_ABOUT_ITSELF: Final = (
    "ir_", "bus_", "res_users_log", "res_device", "res_country", "res_groups", "report_",
    "mail_template", "base_", "web_",
)  # fmt: skip
"""Beginnings of tables in which Odoo keeps itself: views, rights, sessions, signals between workers."""

_KEPT: Final = frozenset({"ir_sequence", "ir_attachment"})
_WIZARDS: Final = "transient"

RPC_MODELS: Final = (
    "purchase.order", "purchase.order.line", "sale.order", "sale.order.line", "stock.picking",
    "stock.move", "stock.move.line", "stock.quant", "account.move", "account.move.line",
    "account.payment", "account.partial.reconcile", "mrp.production", "mrp.unbuild",
    "project.project", "project.task", "project.update", "res.company", "mail.message",
)  # fmt: skip
"""What is read where there is no other way: the models that actions name."""


def database_witness(dsn: str) -> Witness:
    """Return a witness that reads every stored column of every business table of a PostgreSQL database."""
    return lambda: dump_database(dsn)


def dump_database(dsn: str, only: Sequence[str] | None = None) -> Content:
    """Return all rows by model and id, relations to many as fields of the models that own them.

    `only` names the models that are wanted; the default is everything but what Odoo keeps of itself.
    """
    import psycopg
    from psycopg.rows import dict_row

    found: dict[str, dict[str, dict[str, Any]]] = {}
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        models = _models(connection)
        tables = [
            row["tablename"]
            for row in connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
            )
        ]
        switches = _switches(connection)
        for table in tables:
            model = models.get(table)
            if model is None or (only is not None and model not in only) or _is_its_own(table):
                continue
            rows = connection.execute(f'SELECT * FROM "{table}"')  # noqa: S608
            found[model] = {
                str(row["id"]): {
                    name: _plain(value, is_switch=(table, name) in switches)
                    for name, value in row.items()
                }
                for row in rows
                if "id" in row
            }
        for relation in _relations(connection):
            owner = found.get(relation["model"])
            if owner is None or relation["relation_table"] not in tables:
                continue
            _add_relation(connection, owner, relation)
    return found


def _models(connection: Any) -> dict[str, str]:
    """Return the model of each table; wizards, whose records are swept away, left out."""
    rows = connection.execute("SELECT model FROM ir_model WHERE NOT transient")
    names = [row["model"] for row in rows]
    return {name.replace(".", "_"): name for name in names}


def _relations(connection: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = connection.execute(
        "SELECT model, name, relation_table, column1, column2 FROM ir_model_fields"
        " WHERE ttype = 'many2many' AND relation_table IS NOT NULL AND store ORDER BY id"
    ).fetchall()
    return found


def _add_relation(
    connection: Any, owner: dict[str, dict[str, Any]], relation: Mapping[str, Any]
) -> None:
    table, own, other = (relation[name] for name in ("relation_table", "column1", "column2"))
    name = relation["name"]
    for row in owner.values():
        row[name] = ()
    rows = connection.execute(f'SELECT "{own}" AS own, "{other}" AS other FROM "{table}"')  # noqa: S608
    for pair in rows:
        holder = owner.get(str(pair["own"]))
        if holder is not None:
            holder[name] = tuple(sorted((*holder[name], pair["other"]), key=str))


def _is_its_own(table: str) -> bool:
    return table.startswith(_ABOUT_ITSELF) and table not in _KEPT


def _switches(connection: Any) -> set[tuple[str, str]]:
    """Return the boolean columns: to Odoo nothing and false are one there."""
    rows = connection.execute(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = current_schema() AND data_type = 'boolean'"
    )
    return {(row["table_name"], row["column_name"]) for row in rows}


def _plain(value: Any, *, is_switch: bool) -> Any:
    if is_switch:
        return bool(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return bytes(value).hex() if isinstance(value, memoryview) else value


def rpc_witness(colleague: Colleague) -> Witness:
    """Return a witness that reads the stored fields of `RPC_MODELS` as another user, over XML-RPC."""
    fields: dict[str, list[str]] = {}
    for model in RPC_MODELS:
        found = colleague.fields(model)
        fields[model] = [
            name for name, about in found.items() if about["store"] and about["type"] != "one2many"
        ]

    def dump() -> Content:
        content: dict[str, dict[str, dict[str, Any]]] = {}
        for model, names in fields.items():
            rows = colleague.call(
                model, "search_read", [], names, load="", context={"active_test": False}
            )
            content[model] = {str(row["id"]): row for row in rows}
        return content

    return dump
