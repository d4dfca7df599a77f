"""What tests of the service share."""

from __future__ import annotations

import pytest

from service.text import Language


@pytest.fixture
def english() -> Language:
    """English, in UTC."""
    return Language()
