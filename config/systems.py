"""One model a kind of system, chosen by `kind`. A kind of a third party has whatever options it likes."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    ConfigDict,
    Discriminator,
    Field,
    SecretStr,
    Tag,
    field_validator,
    model_validator,
)

from config.fields import (
    FilePath,
    Flag,
    Seconds,
    Secret,
    Section,
    WebAddress,
    Whole,
    Words,
    as_plain,
    wrong,
)
from config.politeness import PoliteSection
from config.sap import SapOptions
from config.secrets import REDACTED, FromOutside, is_secret_name
from config.source import Key
from config.web import TimeLimits, WebSection
from core.text import N_

TAG: Final = "kind:"
"""Begins the tags of the union below, which occur in pydantic's paths and are no keys of the file."""


class FakeOptions(PoliteSection):
    """A small ERP of Storno's own, to try and to test with."""

    kind: Literal["fake"] = "fake"
    """Chooses this sort of system."""
    url: WebAddress | None = None
    """Where it is served; without it the ERP lives in memory and forgets when the command ends."""
    user: Words = "storno"
    """User in the ERP."""
    password: SecretStr = SecretStr("storno")
    """Password of that user; here alone it may stand in the file."""
    document_count: Whole = Field(default=100, ge=0, le=1_000_000)
    """How many purchase orders an ERP in memory begins with."""
    is_atomic_batch: Flag = True
    """Whether one refused document undoes the whole batch."""
    has_compare_and_set: Flag = True
    """Whether the ERP refuses to change a record that was changed since it was read."""
    timeout_seconds: TimeLimits = TimeLimits()
    """How long the system may take."""


class TrytonOptions(WebSection):
    """A Tryton server, series 8.0 or later."""

    kind: Literal["tryton"] = "tryton"
    """Chooses this sort of system."""
    url: WebAddress
    """Address of the server, without the name of the database."""
    database: Words
    """Name of the database."""
    user: Words
    """Log-in name; the ERP shows this person as the one who closed."""
    password: Secret
    """Password of that user, as `${NAME}` or `${file:path}`."""
    transport: Literal["auto", "json", "xml"] = "auto"
    """JSON-RPC, XML-RPC, or what fits each call best."""
    company: Whole | None = Field(default=None, ge=1)
    """Id of the company to work in; the default is the user's own."""
    language: Words = "en"
    """Language in which the ERP shall answer."""


class OdooOptions(WebSection):
    """An Odoo server, 14 or later. Odoo itself ends a request after 120 seconds by default."""

    kind: Literal["odoo"] = "odoo"
    """Chooses this sort of system."""
    url: WebAddress
    """Address of the server."""
    database: Words | None = None
    """Name of the database; only `transport: json2` can do without, where the server has one alone."""
    user: Words
    """Log-in name; the ERP shows this person as the one who closed."""
    password: Secret
    """Password of that user or, better, an API key of theirs, as `${NAME}` or `${file:path}`."""
    transport: Literal["auto", "json", "xml", "json2"] = "auto"
    """JSON-RPC, XML-RPC, JSON-2 (from version 19, needs an API key), or the first of them that is there."""
    company: Whole | None = Field(default=None, ge=1)
    """Id of the company to work in; the default is every company of the user."""
    parallel_calls: Whole = Field(default=2, ge=1, le=16)
    """Calls at the same time, to read and to close or reopen orders; no more than Odoo has workers."""

    @model_validator(mode="after")
    def _database_is_named(self) -> OdooOptions:
        if self.database is None and self.transport != "json2":
            raise wrong(N_("needs database: only transport: json2 can do without"))
        return self


class OdbcLimits(Section):
    """How long a database may take; kept by the server itself, since drivers do not keep theirs."""

    connect: Seconds = 15.0
    """Seconds until a connection counts as not to be had."""
    lock: Seconds = 10.0
    """Seconds that a statement waits for a row which somebody else holds."""
    statement: Seconds = 300.0
    """Seconds until a statement is given up; five later Storno stops waiting for a server that says nothing at all."""


OdbcDialect = Literal["sqlserver", "postgresql", "mariadb", "sqlite", "oracle", "db2"]
"""The sorts of SQL; `mariadb` stands for MySQL too."""


class OdbcOptions(PoliteSection):
    """A database of a legacy ERP, reached over ODBC."""

    kind: Literal["odbc"] = "odbc"
    """Chooses this sort of system."""
    connection_string: Secret | None = None
    """The whole ODBC connection string, as `${NAME}` or `${file:path}`; or the parts of one below."""
    driver: Words | None = None
    """Name of the ODBC driver as `odbcinst -q -d` lists it, or the path of its library."""
    server: Words | None = None
    """Name or address of the database server."""
    port: Whole | None = Field(default=None, ge=1, le=65_535)
    """Port of the database server; the default is the driver's own."""
    database: Words | None = None
    """Name of the database (the set of books); the path of the file with SQLite."""
    user: Words | None = None
    """User of the database."""
    password: Secret | None = None
    """Password of that user, as `${NAME}` or `${file:path}`."""
    dialect: OdbcDialect | None = None
    """Sort of SQL; without it, the driver tells."""
    recipe: Words | None = None
    """Name of the recipe that knows this ERP's tables."""
    recipes: FilePath | None = None
    """Folder with recipes of this site; they add to those that Storno ships, or replace them."""
    closer: Words | None = None
    """User of the ERP whose name a close writes."""
    closers: dict[str, Words] = Field(default_factory=dict)
    """Per person of Storno, the user of the ERP whose name a close writes; others get `closer`."""
    encoding: Words | None = None
    """What the bytes in text columns really are (`gbk`), where the database itself does not know it."""
    time_zone: Words = "UTC"
    """Zone of the dates and times in the database (`Asia/Shanghai`)."""
    read_only: Flag = False
    """Whether nothing is ever written to it."""
    backup_query: Words | None = None
    """SQL that returns the moment of the last backup, where the database itself does not keep it."""
    backup_file: FilePath | None = None
    """A file that every backup writes, or a folder of backups: the time of the newest file counts."""
    timeout_seconds: OdbcLimits = OdbcLimits()
    """How long the database may take."""

    @model_validator(mode="after")
    def _is_complete(self) -> OdbcOptions:
        parts = (self.driver, self.server, self.port, self.database, self.user, self.password)
        if (self.connection_string is None) == (self.driver is None):
            raise wrong(N_("needs either connection_string or driver"))
        if self.connection_string is not None and any(part is not None for part in parts):
            raise wrong(
                N_("has connection_string, so no driver, server, port, database, user, password")
            )
        return self

    @field_validator("encoding")
    @classmethod
    def _encoding_is_known(cls, given: str | None) -> str | None:
        try:
            return given if given is None else codecs.lookup(given).name
        except LookupError:
            raise wrong(N_("must be an encoding that Python knows, such as gbk")) from None

    @field_validator("time_zone")
    @classmethod
    def _zone_is_known(cls, given: str) -> str:
        try:
            ZoneInfo(given)
        except (ValueError, OSError, KeyError):
            raise wrong(N_("must be a time zone such as Asia/Shanghai")) from None
        return given


class GenericOptions(PoliteSection):
    """A kind that a third party brings: every option is handed to its connector as it stands."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow")

    kind: Words
    """Name under which the connector is registered."""

    @model_validator(mode="before")
    @classmethod
    def _unmark(cls, given: Any) -> Any:
        return as_plain(given)

    @property
    def options(self) -> Mapping[str, Any]:
        """Everything but the kind, secrets put in."""
        return dict(self.__pydantic_extra__ or {})

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        """Show the names of the options alone: any of them may be a secret."""
        return [("kind", self.kind), *((name, REDACTED) for name in self.options)]


def plain_secrets(given: Any, key: Key) -> Iterator[Key]:
    """Yield the keys that look like secrets and whose text stands in the file itself."""
    if isinstance(given, dict):
        for name, value in given.items():
            yield from plain_secrets(value, (*key, name))
    elif isinstance(given, tuple):
        for place, value in enumerate(given):
            yield from plain_secrets(value, (*key, place))
    elif isinstance(given, str | int | Decimal) and not isinstance(given, FromOutside | bool):
        names = [part for part in key if isinstance(part, str)]
        if is_secret_name(names[-1]):
            yield key


def _tag(given: Any) -> str:
    kind = given.get("kind") if isinstance(given, dict) else getattr(given, "kind", None)
    return f"{TAG}{kind}" if kind in BUILT_IN else TAG


SystemOptions = Annotated[
    Annotated[FakeOptions, Tag(f"{TAG}fake")]
    | Annotated[OdbcOptions, Tag(f"{TAG}odbc")]
    | Annotated[OdooOptions, Tag(f"{TAG}odoo")]
    | Annotated[SapOptions, Tag(f"{TAG}sap")]
    | Annotated[TrytonOptions, Tag(f"{TAG}tryton")]
    | Annotated[GenericOptions, Tag(TAG)],
    Discriminator(_tag),
]
"""The options of one system; which model it is follows from its kind."""

BUILT_IN: Final[Mapping[str, type[Section]]] = {
    "fake": FakeOptions,
    "odbc": OdbcOptions,
    "odoo": OdooOptions,
    "sap": SapOptions,
    "tryton": TrytonOptions,
}
