"""Compiles the catalogues of people's text while Storno is built, for wheels and editable installs.

Git keeps only the `.po` files that translators write; the `.mo` files that gettext reads are made
here, so the two cannot drift apart.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CatalogueHook(BuildHookInterface):  # type: ignore[type-arg]
    """Writes a `.mo` beside every `.po`; a tree without any is built all the same."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        for source in sorted(Path(self.root).glob("service/locale/*/LC_MESSAGES/storno.po")):
            compile_catalogue(source)


def compile_catalogue(source: Path) -> None:
    """Fuzzy entries are left out: a guess is worse than the English text."""
    with source.open("rb") as lines:
        catalogue = read_po(lines, locale=source.parents[1].name, abort_invalid=True)
    target = source.with_suffix(".mo")
    draft = target.with_suffix(".mo.part")
    with draft.open("wb") as compiled:
        write_mo(compiled, catalogue, use_fuzzy=False)
    draft.replace(target)
