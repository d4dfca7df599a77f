"""A practice ERP, a copy of it on which writing is proved, and a person who has both in storno.yaml."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from recovery.journal import Journal
from sandbox.legacy.build import Practice
from sandbox.legacy.data import PEOPLE
from tests.integration.odbc.desk import RECIPES, SETTINGS, Desk, Desks, desks

COPIES: Final = {"u8": "UFDATA_999_2024", "k3": "AIS_copy", "digiwin": "COPY01", "tiptop": "copy"}
ORDERS: Final = 60

Prepare = Callable[..., "Pair"]


@dataclass(frozen=True)
class Pair:
    """A practice ERP, a copy of it, and a person at the command line who has both in storno.yaml."""

    desk: Desk
    live: Practice
    copy: Practice

    def prove(self, *, code: int = 0) -> Any:
        """Prove on the copy; return what was told."""
        return self.desk.done(
            "systems", "prove", "erp", "--on", "erp_copy", "--yes", "--json", code=code
        ).json

    def proof(self) -> Any:
        """Return what `systems check` tells of the proof."""
        answer = self.desk("systems", "check", "erp", "--json")
        return answer.json["systems"][0]["proof"]

    def executor(self, closing: str = "remainders") -> set[str]:
        """Return who would close, by a plan that says nothing of it."""
        planned = self.desk("close", "plan", closing, "--json").json
        return {row["executor"] for row in planned["documents"] if row["is_ready"]}

    def journal(self) -> Journal:
        """Open the journal beside the commands."""
        return Journal.open(f"sqlite:///{self.desk.folder / 'journal.db'}")

    def run_sql(self, *statements: str, on: Practice | None = None) -> None:
        """Somebody changes the database."""
        with closing((on or self.live).connect()) as session:
            for statement in statements:
                session.run(statement)
            session.commit()


@contextmanager
def pairs(
    request: pytest.FixtureRequest,
    folder: Path,
    patch: pytest.MonkeyPatch,
    capture: pytest.CaptureFixture[str],
) -> Iterator[Prepare]:
    """Make pairs on the backend of the test (`sqlite` where it says none)."""
    with desks(request, getattr(request, "param", "sqlite"), folder, patch, capture) as all_:
        yield lambda erp: pair(all_, folder, capture, patch, erp)


def pair(
    all_: Desks,
    folder: Path,
    capture: pytest.CaptureFixture[str],
    patch: pytest.MonkeyPatch,
    erp: str,
) -> Pair:
    live, copy = all_.practice(erp, ORDERS), all_.practice(erp, ORDERS, database=COPIES[erp])
    person = PEOPLE[1][1] if erp == "u8" else PEOPLE[1][0]
    common = {"recipe": RECIPES[erp], "closer": person, "time_zone": "Asia/Shanghai"}
    systems = {
        name: {"kind": "odbc", **all_.address(practice), **common}
        for name, practice in (("erp", live), ("erp_copy", copy))
    }
    place = folder / "desk"
    place.mkdir()
    write_settings(place, {**SETTINGS, "systems": systems})
    patch.chdir(place)
    return Pair(Desk(place, capture, live), live, copy)


def write_settings(folder: Path, settings: dict[str, Any]) -> None:
    text = yaml.safe_dump(settings, allow_unicode=True, sort_keys=False)
    (folder / "storno.yaml").write_text(text, encoding="utf-8")


def change_settings(pair: Pair, change: Callable[[dict[str, Any]], None]) -> None:
    settings = yaml.safe_load((pair.desk.folder / "storno.yaml").read_text(encoding="utf-8"))
    change(settings)
    write_settings(pair.desk.folder, settings)


def without_trace(content: Any) -> Any:
    return {
        table: {
            key: {name: value for name, value in row.items() if name not in ("ufts", "FLAG")}
            for key, row in rows.items()
        }
        for table, rows in content.items()
        if table != "rowversion_counter"
    }
