"""A proof is good for exactly what was proved."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connectors.proving import Proof, ProofSubject, differing, distrust, standing
from core.text import Text

FINGERPRINT = {"recipe": "u8 1", "table PO_Pomain": "a", "triggers of PO_Pomain": "b"}
SUBJECT = ProofSubject("here", FINGERPRINT, ("purchase_order.close", "sales_order.close"))
PROOF = Proof(
    "erp", "copy", "there", datetime(2026, 11, 22, tzinfo=UTC), "mei", FINGERPRINT, SUBJECT.actions
)


def test_what_was_proved_is_trusted() -> None:
    """Every action of the proof, while nothing has changed."""
    assert standing(SUBJECT, PROOF, "erp").is_valid
    assert distrust(SUBJECT, PROOF, "purchase_order.close", "erp") is None


def test_without_a_proof_the_command_is_told() -> None:
    """Whoever reads it can type it."""
    refusal = distrust(SUBJECT, None, "purchase_order.close", "erp")

    assert "storno systems prove erp --on COPY" in str(refusal)
    assert not standing(SUBJECT, None, "erp").is_valid


@pytest.mark.parametrize("name", FINGERPRINT)
def test_what_changed_is_named(name: str) -> None:
    """Changed, gone or new: the proof does not hold, and says for what."""
    gone = {key: value for key, value in FINGERPRINT.items() if key != name}
    for now in ({**FINGERPRINT, name: "other"}, gone):
        found = standing(replace(SUBJECT, fingerprint=now), PROOF, "erp")

        assert not found.is_valid
        assert len(found.problems) == 1
        assert name in str(found.problems[0])
    assert (name,) == differing(gone, FINGERPRINT)


def test_an_action_that_was_not_proved() -> None:
    """It alone is refused."""
    part = replace(PROOF, actions=("purchase_order.close",))

    assert distrust(SUBJECT, part, "purchase_order.close", "erp") is None
    assert "sales_order.close" in str(distrust(SUBJECT, part, "sales_order.close", "erp"))
    assert not standing(SUBJECT, part, "erp").is_valid


def test_what_is_forbidden_no_proof_allows() -> None:
    """The vendor's word goes before every proof."""
    forbidden = replace(SUBJECT, refusal=Text("the vendor forbids it"))

    assert "the vendor forbids it" == str(distrust(forbidden, PROOF, "purchase_order.close", "erp"))
