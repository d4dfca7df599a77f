"""Who may write into a database: the vendor's word first, then storno.yaml, then what was proved."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from config.recipe_files import load_recipe
from config.systems import OdbcOptions
from connectors.odbc.proof import Trust
from connectors.proving import Proof, ProofSubject

FINGERPRINT = {"recipe": "u8 1"}
NAMES = ("purchase_order.close", "purchase_order.reopen", "purchase_order.restore")


def trust(recipe: str = "u8", proved: Sequence[str] | None = None, **options: Any) -> Trust:
    """Return the trust in a system of this recipe, of which these actions are proved."""
    given = OdbcOptions.model_validate({"driver": "SQLite3", "database": "x.db", **options})
    made = Trust("erp", given, load_recipe(recipe))
    if proved is not None:
        proof = Proof(
            "erp",
            "copy",
            "there",
            datetime(2026, 11, 22, tzinfo=UTC),
            "mei",
            FINGERPRINT,
            tuple(proved),
        )
        made.learn(lambda: proof)
    return made


def subject() -> ProofSubject:
    return ProofSubject("here", FINGERPRINT, NAMES[:2])


def refused(made: Trust) -> set[str]:
    return set(made.refusals(NAMES, subject))


def test_without_a_proof_nothing_is_written() -> None:
    """And nothing is asked of the database for it."""

    def unasked() -> ProofSubject:
        raise AssertionError

    assert set(trust().refusals(NAMES, unasked)) == set(NAMES)


def test_what_was_proved_may_be_taken_back() -> None:
    """The way back was proved with whatever it takes back."""
    assert refused(trust(proved=NAMES[:2])) == set()
    assert refused(trust(proved=NAMES[:1])) == {"purchase_order.reopen"}
    assert refused(trust(proved=())) == set(NAMES)


@pytest.mark.parametrize("recipe", ["sap_business_one", "nav"])
def test_what_the_vendor_forbids(recipe: str) -> None:
    """No proof and no copy changes it, and where to go instead is told."""
    made = trust(recipe, proved=NAMES[:2])
    made.as_copy()
    found = made.refusals(NAMES, subject)

    assert set(found) == set(NAMES)
    assert all("forbids" in str(reason) for reason in found.values())


def test_a_system_that_is_read_only() -> None:
    """Whatever was proved."""
    assert refused(trust(proved=NAMES[:2], read_only=True)) == set(NAMES)


def test_a_copy_is_trusted() -> None:
    """It is there to be written to."""
    made = trust()
    made.as_copy()

    assert refused(made) == set()
    assert made.standing(subject) is None


def test_the_newest_proof_is_asked_for_each_time() -> None:
    """One that was made meanwhile counts at once."""
    found: list[Proof] = []
    made = trust()
    made.learn(lambda: found[-1] if found else None)
    assert refused(made) == set(NAMES)
    proof = trust(proved=NAMES[:2]).proof
    assert proof is not None
    found.append(proof)

    assert refused(made) == set()
