"""The enqueue table: who holds which document. A lock dies with its owner's unit of work, or with the session."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lock:
    """One entry: the lock object's table, the document's number, the session that owns it, its user."""

    table: str
    key: str
    owner: str
    user: str


class Locks:
    """All locks that are held."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], Lock] = {}

    def take(self, table: str, key: str, *, owner: str, user: str) -> Lock | None:
        """Take a lock and return None, or return the one that stands in the way."""
        other = self._held.get((table, key))
        if other is not None and other.owner != owner:
            return other
        self._held[table, key] = Lock(table, key, owner, user)
        return None

    def hand_over(self, owner: str, to: str) -> None:
        """Let the update task have what its dialog session held."""
        for place, lock in self._held.items():
            if lock.owner == owner:
                self._held[place] = Lock(lock.table, lock.key, to, lock.user)

    def release(self, owner: str) -> None:
        """Give back everything that `owner` holds."""
        self._held = {p: lock for p, lock in self._held.items() if lock.owner != owner}

    def listed(self) -> list[Lock]:
        """Return all of them, as the lock monitor shows."""
        return [self._held[place] for place in sorted(self._held)]

    # What somebody at a screen does.

    def hold(self, table: str, key: str, user: str = "MUELLER") -> None:
        """Somebody opens the document in change mode."""
        self.take(table, key, owner=f"GUI {user}", user=user)

    def let_go(self, user: str = "MUELLER") -> None:
        """Somebody leaves the transaction."""
        self.release(f"GUI {user}")
