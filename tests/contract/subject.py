"""What the contract suite must know of a connector in order to test it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, ClassVar

from connectors.contract import Kind, Ref, Step, System
from core.encoding import Value

Content = Mapping[str, Mapping[str, Mapping[str, Any]]]


class Subject(ABC):
    """A connector with an ERP behind it that a test may fill, change behind its back, and slow down.

    `ACTIONS` are those for which `make` can make a document, links of chains by the action that they belong to.
    """

    ACTIONS: ClassVar[tuple[str, ...]]
    BATCH_ACTION: ClassVar[str]  # one call a document, exact, carried out by the interface
    KINDS: ClassVar[tuple[Kind, ...]]  # kinds of which `make_document` can make one
    NUMBER: ClassVar[str] = "number"  # the field with the number of a document of the first kind
    # Fields that a way back writes and that nobody can give a third value, so that they are never taken over.
    TWO_VALUES: ClassVar[frozenset[tuple[str, str]]] = frozenset()

    @abstractmethod
    def open(self, *, seconds: float = 30.0) -> System:
        """Open a new system; reads and writes may take so long."""

    @abstractmethod
    def make(self, action: str) -> Step:
        """Make a new document on which the action is possible now, and return the step."""

    @abstractmethod
    def make_impossible(self, action: str) -> Step:
        """Make a new document on which the ERP will refuse the action by its state."""

    @abstractmethod
    def make_document(self, kind: Kind, *, is_closed: bool) -> tuple[Ref, str]:
        """Make a new document that is closed or not, and return its ref and its number."""

    @abstractmethod
    def make_typed(self) -> tuple[Ref, Mapping[str, Value]]:
        """Make a record with unicode, '' and None, a decimal with zeros at its end, dates ... Return what it holds."""

    @abstractmethod
    def edit(self, step: Step) -> None:
        """Somebody else changes a field of the step's document that is not ours, and saves."""

    def make_wide(self, action: str) -> Step:
        """Make a new document and a step of the action that changes as many of its fields as it can."""
        return self.make(action)

    def take_over(self, step: Step) -> tuple[Ref, str] | None:
        """Somebody else changes a field that the step changed and whose way back writes it by itself.

        Returns where; None where no such field of the document can be changed to a third value (`TWO_VALUES`).
        """
        del step
        return None

    @abstractmethod
    def delete(self, ref: Ref) -> None:
        """Somebody else deletes a record."""

    @abstractmethod
    def do_by_hand(self, step: Step) -> None:
        """A person carries the step out on the screen."""

    @abstractmethod
    def write_count(self) -> int:
        """Return how many writing requests the ERP has received."""

    @abstractmethod
    def hold_answers(self, *, is_write: bool) -> AbstractContextManager[None]:
        """Inside, reads (or writes) reach the ERP and are carried out, and their answers never come."""

    @abstractmethod
    def dump(self) -> Content:
        """Return the whole content of the ERP, read by another way than the connector."""

    @abstractmethod
    def child_of(self, step: Step) -> Ref | None:
        """Return a record of the step's footprint, below the document, that `delete` can delete; None if none."""
