"""`load`: many records with values of their own in one call; a bad row saves nothing and is named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sandbox.odoo.errors import OdooError

if TYPE_CHECKING:
    from sandbox.odoo.schema import Field
    from sandbox.odoo.table import Table


class _BadValue(Exception):
    def __init__(self, text: str, more: list[str] | None = None) -> None:
        super().__init__(text)
        self.text, self.more = text, more


def load(table: Table, fields: Sequence[str], data: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Create or, with `.id`, write one record for each row of texts."""
    ready: list[tuple[int, dict[str, Any]]] = []
    messages: list[dict[str, Any]] = []
    for number, row in enumerate(data):
        vals: dict[str, Any] = {}
        record_id = 0
        for name, text in zip(fields, row, strict=True):
            if name == ".id":
                record_id = int(text)
                continue
            base = name.partition("/")[0]
            field = table.model.fields[base]
            try:
                vals[base] = _value(table, field, name, text)
            except _BadValue as error:
                label = table.env.label(table.model.name, base)
                messages.append(_message(number, base, label, error))
        ready.append((record_id, vals))
    if messages:
        return {"ids": False, "messages": messages, "nextrow": 0}
    made = []
    for number, (record_id, vals) in enumerate(ready):
        try:
            if record_id:
                table.write([record_id], vals)
                made.append(record_id)
            else:
                made.append(table.create(vals))
        except (OdooError, ValueError) as error:
            raise_after_rollback(number, error)
    return {"ids": made, "messages": [], "nextrow": 0}


class LoadFailed(Exception):
    """Undoes the transaction and still answers `load` with messages."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__("load failed")
        self.answer = answer


def raise_after_rollback(number: int, error: Exception) -> None:
    """Leave the call: nothing of it stays, and the answer names the row."""
    text = error.message if isinstance(error, OdooError) else str(error)
    message = {
        "rows": {"from": number, "to": number},
        "type": "error",
        "record": number,
        "field": False,
        "message": text,
    }
    raise LoadFailed({"ids": False, "messages": [message], "nextrow": 0}) from error


def _message(number: int, name: str, label: str, error: _BadValue) -> dict[str, Any]:
    told = {
        "rows": {"from": number, "to": number},
        "type": "error",
        "record": number,
        "field": name,
        "message": error.text,
        "field_name": label,
    }
    return told if error.more is None else {**told, "moreinfo": error.more}


def _value(table: Table, field: Field, name: str, text: str) -> Any:
    if not text:
        return False
    kind = field.type
    if kind == "selection":
        for key, label in field.selection:
            if text in (key, label):
                return key
        raise _BadValue(
            f"Value '{text}' not found in selection field '{field.string}'",
            [label for _, label in field.selection],
        )
    if kind in ("integer", "float", "monetary"):
        try:
            return float(text) if kind != "integer" else int(text)
        except ValueError:
            what = "a number" if kind != "integer" else "an integer"
            raise _BadValue(
                f"'{text}' does not seem to be {what} for field '{field.string}'"
            ) from None
    if kind == "boolean":
        return text.lower() in ("1", "true", "yes")
    if kind == "many2one":
        if name.endswith("/.id"):
            return int(text)
        other = table.env.sudo()[field.relation]
        for each in other.rows:
            if other.display_name(each) == text:
                return each
        raise _BadValue(f"No matching record found for name '{text}' in field '{field.string}'")
    return text
