"""What the columns of MariaDB and MySQL hold, by their native types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from connectors.odbc.values import Sort

SORTS: Final[Mapping[str, Sort]] = {
    "tinyint": Sort.INTEGER,
    "smallint": Sort.INTEGER,
    "mediumint": Sort.INTEGER,
    "int": Sort.INTEGER,
    "bigint": Sort.INTEGER,
    "year": Sort.INTEGER,
    "bit": Sort.INTEGER,
    "decimal": Sort.DECIMAL,
    "float": Sort.FLOAT,
    "double": Sort.FLOAT,
    "date": Sort.DATE,
    "datetime": Sort.MOMENT,
    "timestamp": Sort.ZONED,
    "time": Sort.TIME,
    "binary": Sort.BYTES,
    "varbinary": Sort.BYTES,
    "tinyblob": Sort.BYTES,
    "blob": Sort.BYTES,
    "mediumblob": Sort.BYTES,
    "longblob": Sort.BYTES,
}
TEXTS: Final = frozenset(
    {"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set", "json"}
)
SHAPES: Final = frozenset(
    {
        "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring",
        "multipolygon", "geometrycollection",
    }
)  # fmt: skip
