"""What the bulk face is asked for."""

from __future__ import annotations

import pytest

from connectors.contract import Criteria


@pytest.mark.parametrize(
    "keys, wanted",
    [
        (None, None),
        ((), ()),
        (("12", "13"), ("12", "13")),
        (("project.task,12", "project.project,13", "14"), ("12", "14")),
    ],
)
def test_a_key_may_carry_its_model(
    keys: tuple[str, ...] | None, wanted: tuple[str, ...] | None
) -> None:
    """The key of another model names no document of this one; a bare key may name one of each."""
    assert wanted == Criteria(keys=keys).keys_of("project.task")
