"""Answers that a real Tryton 8.0 gave, kept in tests/data/tryton."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[3] / "data" / "tryton"


@dataclass(frozen=True)
class Recorded:
    status: int
    body: bytes
    is_write: bool


def recorded(name: str) -> Recorded:
    kept = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return Recorded(kept["status"], kept["body"].encode(), kept["is_write"])
