"""What became of one operation: where it goes, and what is stored with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core import encoding
from recovery.sql.rows import text_json

if TYPE_CHECKING:
    from core.text import Text
    from recovery.model import Operation
    from recovery.reversing.created import Created
    from recovery.states import OperationState


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where one operation goes, and what is stored with it."""

    operation: Operation
    to: OperationState
    after: bytes | None = None  # encoded after image
    reason: Text | None = None
    error_code: str | None = None
    result: dict[str, Any] | None = None
    created: tuple[Created, ...] = ()  # documents with a number of their own

    @property
    def has_words(self) -> bool:
        """Whether there is more to store than the state and an image: of most operations there is not."""
        return self.reason is not None or self.error_code is not None or bool(self.result)

    def words(self) -> dict[str, str | None]:
        """Return what is told of it, as it is stored."""
        return {
            "b_reason": None if self.reason is None else text_json(self.reason),
            "b_error_code": self.error_code,
            "b_result": encoding.dumps(self.result).decode() if self.result else None,
        }
