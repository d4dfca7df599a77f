"""A subject on a real server: documents are made a handful at a time, and a proxy stands before the connector."""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count

from connectors.contract import Ref, Step
from core.encoding import Value
from tests.contract.subject import Subject
from tests.proxy import Proxy

Made = list[tuple[Ref, dict[str, Value]]]
"""Documents with the arguments that their action needs."""


class StockedSubject(Subject):
    """Every sort of document is made several at once, which servers do quicker, and handed out one by one."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self.last_made: dict[str, Ref] = {}
        self._edits = count(1)
        self._stock: dict[str, deque[tuple[Ref, dict[str, Value]]]] = {}
        self._makers = self._all_makers()

    @abstractmethod
    def _all_makers(self) -> Mapping[str, Callable[[], Made]]:
        """Return, per action, what makes documents on which it is possible."""

    def make(self, action: str) -> Step:
        ref, arguments = self._take(action, self._makers[action])
        self.last_made[action] = ref
        return Step(action, ref, arguments)

    def _take(self, name: str, make: Callable[[], Made]) -> tuple[Ref, dict[str, Value]]:
        stock = self._stock.setdefault(name, deque())
        if not stock:
            stock.extend(make())
        return stock.popleft()

    def do_by_hand(self, step: Step) -> None:
        raise AssertionError(f"the interface can do {step.action}")

    @contextmanager
    def hold_answers(self, *, is_write: bool) -> Iterator[None]:
        with self.proxy.hold(is_write=is_write):
            yield


def refs(model: str, keys: Sequence[int]) -> Made:
    """Return documents without arguments."""
    return [(Ref(model, str(key)), {}) for key in keys]
