"""What must be proved before Storno writes into a database, and whether it was.

A database commits what it is told, and every ERP's tables have triggers, defaults and columns that somebody added. So
nothing is written before it was tried on a restored copy. A proof is good for the tables, columns, types, triggers,
server, driver and recipe that it was made with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from config.recipes import DOCUMENT, LINES
from connectors.odbc import facts
from connectors.odbc.images import DATABASE, Images
from connectors.odbc.writing import no_transactions
from connectors.proving import ProofStanding, ProofSubject, distrust, standing
from core import encoding
from core.text import N_, Text

if TYPE_CHECKING:
    from config.recipes import Recipe
    from config.systems import OdbcOptions
    from connectors.contract import Image, Step
    from connectors.odbc.connection import Database
    from connectors.odbc.recipe_actions import RecipeAction
    from connectors.odbc.target import LiveKind, Target
    from connectors.odbc.values import Table
    from connectors.proving import FindProof, Proof

HASH_SIGNS: Final = 16
RESTORE: Final = "restore"


class Trust:
    """Whether Storno itself may write: what the vendor forbids, what storno.yaml says, what was proved."""

    def __init__(self, system: str, options: OdbcOptions, recipe: Recipe) -> None:
        self._system = system
        self._options = options
        self._recipe = recipe
        self._find: FindProof | None = None
        self._is_copy = False

    def learn(self, find: FindProof) -> None:
        """Learn where the proof is to be found."""
        self._find = find

    def as_copy(self) -> None:
        """Trust without a proof: this is the copy on which it is made."""
        self._is_copy = True

    @property
    def proof(self) -> Proof | None:
        """The newest proof, None where there is none or nobody keeps any."""
        return None if self._find is None else self._find()

    def refusals(
        self, names: Sequence[str], subject: Callable[[], ProofSubject]
    ) -> Mapping[str, Text]:
        """Return why Storno itself does not carry out each of these actions; those without a reason it does."""
        refusal = self.refusal()
        if refusal is not None:
            return dict.fromkeys(names, refusal)
        if self._is_copy:
            return {}
        found = self.proof
        about = _NOTHING if found is None else subject()
        reasons = {name: distrust(about, found, name, self._system) for name in names}
        for name in names:
            kind, _, verb = name.partition(".")
            if verb == RESTORE:
                # What takes back was proved with whatever it takes back.
                others = [
                    reasons[each]
                    for each in names
                    if each != name and each.partition(".")[0] == kind
                ]
                reasons[name] = None if None in others else reasons[name]
        return {name: reason for name, reason in reasons.items() if reason is not None}

    def refusal(self) -> Text | None:
        """Return why Storno writes nothing here, whatever was proved."""
        forbidden = self._recipe.forbidden
        if forbidden is not None:
            return Text(
                N_(
                    "the vendor forbids writing by SQL ({reason}): a person closes here, or a program by the"
                    " way that the vendor supports: {instead}"
                ),
                {"reason": Text(forbidden.reason), "instead": Text(forbidden.instead)},
            )
        if self._options.read_only:
            return Text(N_("storno.yaml says read_only; a person closes"))
        return None

    def standing(self, subject: Callable[[], ProofSubject]) -> ProofStanding | None:
        """Return how the newest proof stands against what is here now; None where none would be of use."""
        if self.refusal() is not None or self._is_copy:
            return None
        return standing(subject(), self.proof, self._system)


_NOTHING: Final = ProofSubject("", {}, ())


def subject_of(
    database: Database, recipe: Recipe, target: Target, options: OdbcOptions, trust: Trust
) -> ProofSubject:
    """Say what a proof of this database is about, by reading only."""
    written = _written_kinds(target)
    return ProofSubject(
        place=facts.place_of(database),
        fingerprint=dict(_fingerprint(database, recipe, options, written)),
        actions=tuple(
            f"{kind.name}.{verb}"
            for kind in written
            for verb, rules in (("close", kind.rules.close), ("reopen", kind.rules.reopen))
            if rules is not None
        ),
        facts=tuple(_facts(database, written)),
        is_follower=facts.follows(database),
        refusal=trust.refusal() or _untaken(written) or _hidden_triggers(database, written),
    )


def _untaken(kinds: Sequence[LiveKind]) -> Text | None:
    """Return why nothing could be taken back: a table that is written keeps no transactions."""
    written = {live.name: live for live in _written_live(kinds)}
    reasons = (no_transactions(written[name]) for name in sorted(written))
    return next((reason for reason in reasons if reason is not None), None)


def _hidden_triggers(database: Database, kinds: Sequence[LiveKind]) -> Text | None:
    """Return why nobody can prove what a write sets off: a trigger that is not seen may change at any time."""
    hidden = [
        table
        for live in _written_live(kinds)
        for table in (live.name, *live.behind)
        if facts.has_hidden_triggers(facts.triggers_of(database, table))
    ]
    if not hidden:
        return None
    return Text(
        N_(
            "our user may not see the triggers of {tables}, so nobody knows what a write sets off; a person"
            " closes until an administrator grants the right to see them (SQL Server: VIEW DEFINITION;"
            " MariaDB, MySQL: TRIGGER)"
        ),
        {"tables": ", ".join(dict.fromkeys(hidden))},
    )


def _written_live(kinds: Sequence[LiveKind]) -> list[Table]:
    return [
        live for kind in kinds for place, live in kind.tables.items() if place in (DOCUMENT, LINES)
    ]


def _written_tables(kinds: Sequence[LiveKind]) -> dict[str, str | None]:
    """Return the tables that a write changes, each with its row version."""
    found = {
        live.name: kind.rules.table_of(place).row_version
        for kind in kinds
        for place, live in kind.tables.items()
        if place in (DOCUMENT, LINES)
    }
    return dict(sorted(found.items()))


def capture_whole(database: Database, action: RecipeAction, steps: Sequence[Step]) -> list[Image]:
    """Read every column of every row of these documents, of their lines and of what hangs on them."""
    parts = [
        replace(part, fields=frozenset(database.table(part.table).columns)) for part in action.parts
    ]
    with database.reading() as session:
        return Images(session).capture(parts, [step.ref.key for step in steps])


def forward_only(target: Target) -> Mapping[str, frozenset[str]]:
    """Return per table what never goes back: what the recipe says, and what the database fills by itself."""
    found: dict[str, set[str]] = {}
    for kind in _written_kinds(target):
        for place, live in kind.tables.items():
            rules = kind.rules.table_of(place)
            declared = {*rules.advances} | ({rules.row_version} if rules.row_version else set())
            by_itself = {
                column.name
                for column in live.columns.values()
                if column.is_generated or column.updates_itself
            }
            found.setdefault(rules.table, set()).update(declared | by_itself)
    return {table: frozenset(names | {DATABASE}) for table, names in found.items()}


def census(database: Database, target: Target) -> Mapping[str, int]:
    """Count the rows of every table that the recipe knows."""
    dialect = database.dialect
    found: dict[str, int] = {}
    for live in _tables(_written_kinds(target)):
        count = sa.select(sa.func.count()).select_from(dialect.table(live.name))
        with database.reading() as session:
            found[live.name] = int(session.rows(dialect.compile(count))[0][0])
    return found


# --- the fingerprint ------------------------------------------------------------------------------


def _written_kinds(target: Target) -> list[LiveKind]:
    return [
        kind
        for kind in target.kinds.values()
        if not kind.blocking
        and kind.rules.closed is not None
        and (kind.rules.close is not None or kind.rules.reopen is not None)
    ]


def _tables(kinds: Sequence[LiveKind]) -> list[Table]:
    found = {live.name: live for kind in kinds for live in kind.tables.values()}
    return [found[name] for name in sorted(found)]


def _fingerprint(
    database: Database, recipe: Recipe, options: OdbcOptions, kinds: Sequence[LiveKind]
) -> Iterator[tuple[str, str]]:
    written = recipe.model_dump_json().encode()
    yield "recipe", f"{recipe.name} {recipe.version} {_digest(written)}"
    yield "server", facts.server_of(database)
    yield "driver", database.driver()
    yield "collation", facts.collation_of(database)
    if options.encoding is not None:
        yield "encoding", options.encoding
    for live in _tables(kinds):
        columns = [
            [
                column.name,
                column.type,
                column.is_nullable,
                column.is_generated,
                column.updates_itself,
                column.charset,
            ]
            for column in live.columns.values()
        ]
        about = [columns, list(live.key), live.is_transactional, live.is_view]
        yield f"table {live.name}", _digest(encoding.encode_json(about))
        for name in (live.name, *live.behind):
            triggers = facts.triggers_of(database, name)
            yield (
                f"triggers of {name}",
                facts.UNTOLD if triggers is None else _digest(encoding.dumps(triggers)),
            )


def _digest(content: bytes) -> str:
    return encoding.digest(content)[:HASH_SIGNS]


def _facts(database: Database, kinds: Sequence[LiveKind]) -> Iterator[Text]:
    yield Text(
        N_("{server}, {driver}, collation {collation}"),
        {
            "server": facts.server_of(database),
            "driver": database.driver(),
            "collation": facts.collation_of(database),
        },
    )
    for table, version in _written_tables(kinds).items():
        yield from facts.trigger_notes(database, table)
        if version is not None:
            yield Text(
                N_("table {table} has a row version: {column}"),
                {"table": table, "column": version},
            )
