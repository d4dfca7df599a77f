"""Conflicts in a database of a legacy ERP: another spelling is none, and one field is resolved without the others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from config.systems import OdbcOptions
from connectors.odbc.connector import OdbcSystem, open_system
from recovery.approval import approve
from recovery.conflicts.resolutions import Rules, parse_rule
from recovery.conflicts.targets import with_values
from recovery.images import differences
from recovery.journal import Journal
from recovery.model import ChangeSet
from recovery.reversing.preview import preview
from recovery.reversing.rollback_item import RollbackPreview, Status
from recovery.reversing.selection import Selection
from recovery.rollback import store_rollback
from sandbox.legacy.build import build
from sandbox.legacy.data import PEOPLE
from sandbox.legacy.databases import Server
from tests.integration.odbc.ground import DRIVERS, MEI, Ground, place_of

SIZE: Final = 400
LINES: Final = "PO_Podetails"
CLOSER: Final = PEOPLE[1][1]
OTHER: Final = "别人"
SPELLINGS: Final = {
    "sqlite": {
        "a moment with another sign between day and hour": "cbCloseTime = replace(cbCloseTime, ' ', 'T')",
        "a moment with a fraction": "cbCloseTime = cbCloseTime || '.000'",
        "a day with an hour": "cbCloseDate = cbCloseDate || ' 00:00:00'",
        "blanks at the end": "cbCloser = cbCloser || '   '",
        "a number with a fraction": "iQuantity = iQuantity * 1.0",
    },
    "postgresql": {
        "a moment with a fraction": '"cbCloseTime" = "cbCloseTime" + interval \'123 milliseconds\'',
        "blanks at the end": '"cbCloser" = "cbCloser" || \'   \'',
        "the same again": '"cbCloser" = "cbCloser"',
    },
    "mariadb": {
        "a moment with a fraction": "cbCloseTime = cbCloseTime + interval 123000 microsecond",
        "blanks at the end": "cbCloser = concat(cbCloser, '   ')",
        "the same again": "cbCloser = cbCloser",
    },
}
"""How other programs write back what they read."""


class U8(Ground):
    """The tables of a practice U8, where a close writes a name, a day and a moment into each line."""

    def open(self, **changes: Any) -> OdbcSystem:
        options = {
            **self.address,
            "recipe": "u8",
            "closer": CLOSER,
            "time_zone": "Asia/Shanghai",
            **changes,
        }
        self.opened.append(open_system("erp", OdbcOptions.model_validate(options)))
        self.opened[-1].trust_as_copy()
        return self.opened[-1]

    def quoted(self, name: str) -> str:
        return f"`{name}`" if self.backend == "mariadb" else f'"{name}"'

    def closed_lines(self, done: ChangeSet) -> list[int]:
        """Return the keys of the lines that Storno closed."""
        operations = list(self.journal.operations(done.id))
        images = self.journal.images({operation.after_hash for operation in operations})
        return sorted(
            int(record.ref.key) for image in images.values() for record in image.of_model(LINES)
        )

    def write_lines(self, assignment: str, lines: list[int]) -> None:
        """Let another program write into lines."""
        keys = ", ".join(map(str, lines))
        self.sql(
            f"update {self.quoted(LINES)} set {assignment} where {self.quoted('ID')} in ({keys})"
        )

    def look(self, done: ChangeSet, *rules: str) -> RollbackPreview:
        return preview(
            self.journal,
            lambda _: self.system,
            Selection(change_set_id=done.id),
            rules=Rules(tuple(map(parse_rule, rules))),
        )


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def u8(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[U8]:
    """A practice U8 with a journal, on each database in turn."""
    where = place_of(request, request.param, tmp_path)
    practice = build("u8", where, size=SIZE)
    address: dict[str, Any] = {"driver": "SQLite3", "database": str(where)}
    if isinstance(where, Server):
        address = {
            "driver": DRIVERS[where.backend],
            "server": where.host,
            "port": where.port,
            "database": practice.database,
            "user": where.user,
            **({"password": where.password} if where.password else {}),
        }
    with closing(Journal.open(f"sqlite:///{tmp_path / 'journal.db'}")) as journal:
        made = U8(practice, address, journal, system=None)  # type: ignore[arg-type]
        made.system = made.open()
        yield made
        for system in made.opened:
            system.close()
        practice.drop()


def test_another_spelling_is_no_conflict(u8: U8) -> None:
    """What other programs write back unchanged is nobody's change, and what is written back is exact to the letter."""
    before = u8.dump()
    done = u8.run(u8.approved(u8.numbers(4)))
    for spelling in SPELLINGS[u8.backend].values():
        u8.write_lines(spelling, u8.closed_lines(done))
    found = u8.look(done)

    assert [(Status.CLEAN, (), ())] * 4 == [
        (item.status, item.conflicts, item.kept) for item in found.items
    ]

    u8.roll_back(done)
    forward = {"ufts", "iQuantity"}

    assert _without(before, forward) == _without(u8.dump(), forward)


def test_another_value_is_a_conflict(u8: U8) -> None:
    """A form hides no change: another name, another second, another day."""
    done = u8.run(u8.approved(u8.numbers(1)))
    u8.write_lines(f"{u8.quoted('cbCloser')} = '{CLOSER} {OTHER}'", u8.closed_lines(done))
    (item,) = u8.look(done).items

    assert Status.CONFLICT is item.status
    assert {"cbCloser"} == {conflict.field for conflict in item.conflicts}


def test_one_field_of_one_line_is_kept(u8: U8) -> None:
    """Somebody took one line over: its closer stays, every other cell goes back, and the header follows its lines."""
    before = u8.dump()
    (number,) = u8.numbers(1)
    done = u8.run(u8.approved([number]))
    line = u8.closed_lines(done)[0]
    u8.write_lines(f"{u8.quoted('cbCloser')} = '{OTHER}'", [line])
    found = u8.look(done, f"{number}:{LINES},{line}.cbCloser=keep_theirs")
    planned = store_rollback(u8.journal, found, actor=MEI, reason="taken over")
    u8.run(approve(u8.journal, planned.id, MEI))
    (back,) = u8.journal.operations(planned.id)
    left, was = u8.dump()[LINES], before[LINES]
    differing = {
        (key, name)
        for key, row in left.items()
        for name, value in row.items()
        if value != was[key][name] and name != "ufts"
    }

    assert {"cbCloser"} == {name for _, name in differing}
    assert 1 == len(differing)
    assert back.result["is_exact"] is False
    assert "residue" not in back.result
    assert [OTHER] == [row["after"] for row in back.result["resolved"]]


def test_what_derives_is_worked_out_from_what_was(u8: U8) -> None:
    """A kept field changes what the header was worked out from: the way back must see that, and recompute."""
    done = u8.run(u8.approved(u8.numbers(1)))
    (operation,) = u8.journal.operations(done.id)
    images = u8.journal.images([operation.before_hash, operation.after_hash])
    before, after = images[str(operation.before_hash)], images[str(operation.after_hash)]
    action = u8.system.actions()[operation.step.action]
    spot = (after.of_model(LINES)[0].ref, "cbCloser")
    target, now = (with_values(image, {spot: OTHER}) for image in (before, after))
    (plain,) = action.inverse(operation.step, before, after)
    (resolved,) = action.inverse_to(operation.step, before, now, target)
    inputs = {name for name in plain.arguments if name.startswith("inputs:")}

    assert inputs
    assert {n: plain.arguments[n] for n in inputs} == {n: resolved.arguments[n] for n in inputs}
    assert f"{spot[0]}.cbCloser" in plain.arguments
    assert f"{spot[0]}.cbCloser" not in resolved.arguments
    assert differences(target, before)


def _without(content: Any, names: set[str]) -> Any:
    return {
        table: {
            key: {name: value for name, value in row.items() if name not in names}
            for key, row in rows.items()
        }
        for table, rows in content.items()
    }
