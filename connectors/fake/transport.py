"""The two ways to the fake ERP: a call in this process, or HTTP on loopback. Both behave alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from connectors.fake.engine import FakeERP
from connectors.fake.errors import AnswerLostError, ERPError, as_lost, as_storno_error
from connectors.fake.request import ApplyCall, Captured, Query, Refusals
from connectors.fake.table import Row
from core.ids import new_id

T = TypeVar("T")


class Transport(Protocol):
    """The requests of the fake ERP; errors are those of `core.errors`."""

    name: str

    def login(self) -> dict[str, Any]: ...

    def search(
        self, model: str, criteria: Mapping[str, Sequence[Any]], after: str | None, limit: int
    ) -> list[tuple[str, Row]]: ...

    def read(self, model: str, keys: Sequence[str], fields: Sequence[str]) -> list[Row | None]: ...

    def capture(
        self,
        action: str,
        roots: Sequence[tuple[str, str]],
        footprint: Mapping[str, frozenset[str]],
        queries: Mapping[str, Sequence[Query]],
        known: Sequence[Sequence[tuple[str, str]]],
    ) -> Captured: ...

    def apply(self, action: str, calls: Sequence[ApplyCall]) -> Refusals: ...

    def close(self) -> None: ...


class MemoryTransport:
    """Calls the ERP in this process."""

    name = "memory"

    def __init__(
        self,
        erp: FakeERP,
        *,
        system: str,
        user: str,
        password: str,
        read_timeout_seconds: float,
        write_timeout_seconds: float,
    ) -> None:
        self.erp = erp
        self._system = system
        self._user = user
        self._password = password
        self._read_timeout_seconds = read_timeout_seconds
        self._write_timeout_seconds = write_timeout_seconds

    def login(self) -> dict[str, Any]:
        return self._read(lambda: self.erp.login(new_id(), self._user, self._password))

    def search(
        self, model: str, criteria: Mapping[str, Sequence[Any]], after: str | None, limit: int
    ) -> list[tuple[str, Row]]:
        return self._read(lambda: self.erp.search(new_id(), model, criteria, after, limit))

    def read(self, model: str, keys: Sequence[str], fields: Sequence[str]) -> list[Row | None]:
        return self._read(lambda: self.erp.read(new_id(), model, keys, fields))

    def capture(
        self,
        action: str,
        roots: Sequence[tuple[str, str]],
        footprint: Mapping[str, frozenset[str]],
        queries: Mapping[str, Sequence[Query]],
        known: Sequence[Sequence[tuple[str, str]]],
    ) -> Captured:
        return self._read(
            lambda: self.erp.capture(new_id(), action, roots, footprint, queries, known)
        )

    def apply(self, action: str, calls: Sequence[ApplyCall]) -> Refusals:
        return self._call(
            lambda: self.erp.apply(new_id(), action, calls),
            seconds=self._write_timeout_seconds,
            is_write=True,
        )

    def close(self) -> None:
        return

    def _read(self, request: Callable[[], T]) -> T:
        return self._call(request, seconds=self._read_timeout_seconds, is_write=False)

    def _call(self, request: Callable[[], T], *, seconds: float, is_write: bool) -> T:
        try:
            return request()
        except ERPError as error:
            raise as_storno_error(
                error, system=self._system, user=self._user, is_write=is_write
            ) from error
        except AnswerLostError as error:
            raise as_lost(error, system=self._system, seconds=seconds, is_write=is_write) from error
