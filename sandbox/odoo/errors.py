"""What Odoo refuses with, by the names that it puts on the wire.

Python's own errors (`ValueError`, `TypeError`, `AttributeError`, `KeyError`) are raised as they are: Odoo answers
them with a traceback, whose last line is all that a client can go by.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar


class OdooError(Exception):
    """Something that Odoo says in words of its own; `qualname` is the class that JSON names."""

    qualname: ClassVar[str] = "odoo.exceptions.UserError"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @property
    def arguments(self) -> list[Any]:
        """Return `arguments` as JSON shows them."""
        return [self.message]


class UserError(OdooError):
    """A business rule refused."""


class RedirectWarning(OdooError):
    """A refusal with a button that leads elsewhere."""

    qualname = "odoo.exceptions.RedirectWarning"

    def __init__(
        self, message: str, action: Any, button_text: str, additional_context: Any = None
    ) -> None:
        super().__init__(message)
        self.action, self.button_text, self.additional_context = (
            action,
            button_text,
            additional_context,
        )

    @property
    def arguments(self) -> list[Any]:
        return [self.message, self.action, self.button_text, self.additional_context]

    def __str__(self) -> str:
        return str(tuple(self.arguments))


class AccessDenied(OdooError):
    """Wrong password or key."""

    qualname = "odoo.exceptions.AccessDenied"

    def __init__(self) -> None:
        super().__init__("Access Denied")


class AccessError(OdooError):
    """The user lacks a right."""

    qualname = "odoo.exceptions.AccessError"


class MissingError(OdooError):
    """A record that does not exist."""

    qualname = "odoo.exceptions.MissingError"

    @classmethod
    def of(cls, model: str, ids: Iterable[int], uid: int) -> MissingError:
        """Return the error for records that are gone."""
        return cls(
            "Record does not exist or has been deleted.\n"
            f"(Record: {model}{tuple(ids)!r}, User: {uid})"
        )


class ValidationError(OdooError):
    """A constraint, of Odoo or of its database."""

    qualname = "odoo.exceptions.ValidationError"


class OperationalError(Exception):
    """The database cannot be reached."""

    qualname = "psycopg2.OperationalError"


class SerializationFailure(Exception):
    """Another transaction was faster, five times."""

    qualname = "psycopg2.errors.SerializationFailure"

    def __init__(self) -> None:
        super().__init__("could not serialize access due to concurrent update\n")


class ExpatError(Exception):
    """The body is no XML."""

    qualname = "xml.parsers.expat.ExpatError"
