"""An account with the rights that the first evening asks for, and no others, closes and takes back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest

from config.recipe_files import load_recipe
from config.recipes import DOCUMENT, LINES, Lookup
from recovery.states import ChangeSetState, OperationState
from tests.integration.odbc.ground import Ground

COUNT: Final = 5
USER: Final = "storno_write"
PASSWORD: Final = "only-what-it-needs"

on_servers = pytest.mark.parametrize("ground", ["postgresql", "mariadb"], indirect=True)


def read_tables() -> set[str]:
    """Return every table that the recipe reads."""
    recipe = load_recipe("workflow")
    found = {period.table for period in recipe.periods.values()}
    if recipe.closer is not None and recipe.closer.users is not None:
        found.add(recipe.closer.users.table)
    for kind in recipe.kinds.values():
        for place in kind.places():
            table = kind.table_of(place)
            found.add(table.table)
            lookups: dict[str, Lookup] = getattr(table, "lookups", {})
            found |= {each.table for each in lookups.values()}
    return {name.rpartition(".")[2] for name in found}


def written_columns() -> dict[str, set[str]]:
    """Return what closing and taking back may write in the tables of documents and lines; nothing in some of them."""
    found: dict[str, set[str]] = {}
    for kind in load_recipe("workflow").kinds.values():
        for place in (DOCUMENT, LINES):
            if kind.close is not None and place in kind.places():
                table, columns = kind.table_of(place), kind.written(place)
                found.setdefault(table.table, set()).update(columns, table.advances)
    return found


@pytest.fixture
def granted(ground: Ground) -> Iterator[Ground]:
    """A ground whose Storno logs in with these rights alone."""
    quote = '"' if ground.backend == "postgresql" else "`"
    there = set(ground.dump())

    def named(name: str) -> str:
        return f"{quote}{name}{quote}"

    if ground.backend == "postgresql":
        who = USER
        begin = [f"create role {USER} login password '{PASSWORD}'"]
        end = [f"drop owned by {USER}", f"drop role {USER}"]
    else:
        who = f"'{USER}'@'%'"
        begin = [f"create user {who} identified by '{PASSWORD}'"]
        end = [f"drop user {who}"]
    rights = [f"grant select on {named(name)} to {who}" for name in sorted(read_tables() & there)]
    for table, columns in written_columns().items():
        if table not in there:
            continue
        listed = ", ".join(map(named, sorted(columns)))
        if columns:
            rights.append(f"grant update ({listed}) on {named(table)} to {who}")
        if ground.backend == "mariadb":
            rights.append(f"grant trigger on {named(table)} to {who}")
    # An order's header has no column that Workflow writes, and is locked all the same.
    if ground.backend == "postgresql":
        rights.append(f'grant update ("TC050") on "PURTC" to {who}')
    ground.sql(*begin, *rights)
    ground.begin_anew(user=USER, password=PASSWORD)
    yield ground
    ground.system.close()
    ground.sql(*end)


@on_servers
def test_these_rights_are_enough(granted: Ground) -> None:
    """Plan, close, roll back: nothing asks for more."""
    checked = granted.system.check()
    numbers = granted.numbers(COUNT)
    before = granted.dump()
    closed = granted.run(granted.approved(numbers))

    assert checked.sees_everything
    assert not [note for note in checked.notes if "cannot be seen" in str(note)]
    assert {OperationState.CONFIRMED} == set(granted.states(closed).values())
    assert ChangeSetState.APPLIED is granted.roll_back(closed).state
    assert granted.writes(before) == {number: {2} for number in numbers}
