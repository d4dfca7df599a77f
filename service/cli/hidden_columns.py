"""Columns of lists that would tell what nobody shall see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from recovery.at_rest.redaction import MASK

if TYPE_CHECKING:
    import pyarrow as pa

    from recovery.at_rest.redaction import Redaction


def shown_batches(
    redaction: Redaction, system: str, batches: Iterator[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """Yield documents or lines with hidden columns masked: texts by `***`; numbers, dates and the like are empty.

    A column keeps its type, so that files of many batches stay one table.
    """
    for batch in batches:
        yield _shown(redaction, system, batch)


def _shown(redaction: Redaction, system: str, batch: pa.RecordBatch) -> pa.RecordBatch:
    import pyarrow as pa

    models = batch.column("model").to_pylist()
    columns = []
    for field in batch.schema:
        column = batch.column(field.name)
        hiding = {m for m in set(models) if m and redaction.hides_column(system, m, field.name)}
        if hiding:
            mask = MASK if pa.types.is_string(field.type) else None
            values = [
                mask if model in hiding and value is not None else value
                for model, value in zip(models, column.to_pylist(), strict=True)
            ]
            column = pa.array(values, type=field.type)
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)
