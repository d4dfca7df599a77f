"""The catalogue is whole for whoever finds a model in it."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.contract import FieldInfo
from connectors.odoo import catalogue
from connectors.odoo.catalogue import Catalogue
from tests.unit.connectors.odoo.wire import Odoo, always


def test_who_comes_while_a_model_is_asked_for_finds_all_of_it_or_asks_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two calls that read at the same time need the same model first: neither finds a half of it."""
    odoo = Odoo({"m.fields_get": always({"name": {"type": "char", "store": True}})})
    found, make = Catalogue(odoo.session()), catalogue.field_info
    met: list[set[str]] = []

    def meet(name: str, about: Any) -> FieldInfo:
        if not met:
            met.append(set())
            met[0] |= set(found["m"])  # the other thread, in the middle of the first one's work
        return make(name, about)

    monkeypatch.setattr(catalogue, "field_info", meet)

    assert {"name"} == set(found["m"])
    assert [{"name"}] == met
