"""Is every difference in the ERP's database one that the plans had named? Judged from the actions' declarations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from core.text import N_, Text, text

if TYPE_CHECKING:
    from connectors.contract import Action

WHOLE_RECORD: Final = "*"

SESSIONS: Final[frozenset[str]] = frozenset(
    {"ir.session", "ir.session.wizard", "ir.cache", "res.user.login.attempt", "res.user.device"}
)
"""Tables that every log-in and every call changes, whoever makes it; they hold no business."""

COUNTERS: Final = "sqlite_sequence"
"""Where SQLite keeps the highest id that each table has given out; it never goes back."""

_FIELD: Final = N_("trace that the plans named: {table}.{column}")
_ROWS: Final = N_("trace that the plans named: rows of {table}")
_COUNTERS_TEXT: Final = N_("row counters of the database, which only go forward")
_SESSIONS_TEXT: Final = N_("log-in sessions and caches of the ERP itself")


class Difference(Protocol):
    """One difference between two dumps: a value, or a whole row when `column` is None."""

    @property
    def table(self) -> str: ...

    @property
    def key(self) -> str: ...

    @property
    def column(self) -> str | None: ...

    @property
    def before(self) -> Any: ...

    @property
    def after(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class Proof:
    """Differences with their explanations (and how many each explains), and those without one."""

    explained: tuple[tuple[Text, int], ...]
    unexplained: tuple[Difference, ...]


def prove(
    differences: Sequence[Difference],
    actions: Sequence[Action],
    expected: Mapping[tuple[str, str], Text],
) -> Proof:
    """Sort every difference: declared trace, what was left alone on purpose, or unexplained.

    `expected` maps (record, field or `*`) to its reason, a record written as `model,key`.
    """
    trace: dict[str, set[str]] = {}
    for action in actions:
        for model, fields in action.trace.items():
            trace.setdefault(_table(model), set()).update(fields)
    sessions = {_table(model) for model in SESSIONS}
    reasons = {
        (_table(record.partition(",")[0]), record.partition(",")[2], field): reason
        for (record, field), reason in expected.items()
    }
    counted: Counter[str] = Counter()
    texts: dict[str, Text] = {}
    unexplained: list[Difference] = []
    for difference in differences:
        column = difference.column or WHOLE_RECORD
        reason = reasons.get((difference.table, difference.key, column)) or reasons.get(
            (difference.table, difference.key, WHOLE_RECORD)
        )
        if reason is None and difference.table in sessions:
            reason = Text(_SESSIONS_TEXT)
        if reason is None and difference.table == COUNTERS:
            reason = Text(_COUNTERS_TEXT)
        if reason is None and column in trace.get(difference.table, ()):
            named = _ROWS if column == WHOLE_RECORD else _FIELD
            reason = text(named, table=difference.table, column=column)
        if reason is None:
            unexplained.append(difference)
        else:
            counted[str(reason)] += 1
            texts[str(reason)] = reason
    explained = tuple((texts[name], count) for name, count in counted.most_common())
    return Proof(explained, tuple(unexplained))


def _table(model: str) -> str:
    return model.replace(".", "_")
