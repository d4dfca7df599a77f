"""An evidence pack of a journal shows what happened, of nobody else, and nothing that shall not be seen."""

from __future__ import annotations

import hashlib
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connectors.contract import Image
from connectors.fake.faults import FaultKind, Moment
from connectors.fake.schema import ORDER
from core import clock, encoding
from core.errors import JournalBroken
from recovery.at_rest.redaction import Redaction, Rule
from recovery.at_rest.retention import prune
from recovery.at_rest.sealing import Keys
from recovery.auditing.pack import JSON_NAME, PAGE_NAME, SIGNATURE_NAME, build_pack, manifest
from recovery.auditing.pack_check import PackReport, check_pack
from recovery.auditing.signing import SigningKey
from recovery.journal import Journal
from recovery.model import ChangeSet
from tests.integration.recovery.scene import CANCEL, MEI, UPDATE, Scene
from tests.integration.recovery.sealed import HIDDEN, NEW, OPEN, SECRET
from tests.integration.recovery.tampering import tamper

KEY = SigningKey.make()
PAGE = b"<html>"


def pack_of(
    url: str, change_set: ChangeSet, redaction: Redaction = OPEN, keys: Keys | None = None
) -> dict[str, Any]:
    """Return what `evidence.json` of a change set holds."""
    with closing(Journal.open(url, keys=keys or Keys(), redaction=redaction)) as journal:
        content = build_pack(journal, journal.change_set(change_set.id), KEY, MEI)
        return content | {"operations": list(content["operations"])}


def checked(url: str, change_set: ChangeSet, content: dict[str, Any]) -> PackReport:
    """Sign a pack and check it."""
    files = {JSON_NAME: encoding.dumps(content), PAGE_NAME: PAGE}
    digests = {name: hashlib.sha256(each).hexdigest() for name, each in files.items()}
    with closing(Journal.open(url, keys=Keys([NEW]))) as journal:
        files[SIGNATURE_NAME] = encoding.dumps(manifest(journal, change_set, digests, KEY, MEI))
    return check_pack(files, "evidence", [KEY.public])


def test_what_somebody_else_changed_meanwhile_is_said(scene: Scene, sqlite_url: str) -> None:
    """Of every field that differs, whether it was Storno that changed it."""
    (key,) = scene.orders()
    scene.fail(FaultKind.EDIT, key=key, changes={"note": "call me"}, moment=Moment.AFTER)
    done = scene.do(CANCEL, [key])
    (operation,) = pack_of(sqlite_url, done)["operations"]

    assert {"note": True, "state": False}.items() <= {
        each["field"]: each["is_foreign"] for each in operation["changes"]
    }.items()


def test_moves_of_other_change_sets_stay_at_home(scene: Scene, sqlite_url: str) -> None:
    """Their lines are there as hashes alone, so that those of the change set follow each other."""
    first = scene.plan(CANCEL, scene.orders())
    second = scene.plan(CANCEL, scene.orders())
    scene.approve(first)
    content = pack_of(sqlite_url, first)

    assert second.id not in encoding.dumps(content["chain"]).decode()
    assert [False] == [
        "moves" in line
        for line in content["chain"][0]["lines"]
        if not any(first.id in move for move in line.get("moves", ()))
    ]


def test_pruned_images_are_said_to_be_pruned(scene: Scene, sqlite_url: str) -> None:
    """Since when; all else can be told as before."""
    done = scene.do(CANCEL, scene.orders())
    prune(scene.journal, clock.now() + timedelta(days=1), actor=MEI)
    content = pack_of(sqlite_url, done)
    (operation,) = content["operations"]

    assert content["images_pruned_at"] is not None
    assert (None, None, []) == (operation["before"], operation["after"], operation["changes"])
    assert operation["before_hash"]


def test_images_that_nobody_pruned_are_not_said_to_be_pruned(scene: Scene, sqlite_url: str) -> None:
    """A row alone does not hide the images of a change set from who reads its evidence."""
    done = scene.do(CANCEL, scene.orders())
    said = "INSERT INTO pruned_change_set SELECT id, created_at, 'x', NULL FROM change_set"

    assert tamper(sqlite_url, said)
    with pytest.raises(JournalBroken, match="nobody pruned them"):
        pack_of(sqlite_url, done)


@pytest.mark.parametrize(
    "statement, words",
    [
        ("UPDATE move SET actor = 'x' WHERE audit_number = 1", "audit line 1 were edited"),
        ("UPDATE change_set SET title = 'other'", "planned otherwise than its row says"),
        ("UPDATE operation SET settled_at = 'yesterday'", "cannot be read"),
        ("UPDATE operation SET number = 'PO9'", "was edited after it was made"),
    ],
)
def test_what_was_edited_is_no_evidence(
    scene: Scene, sqlite_url: str, statement: str, words: str
) -> None:
    """Nobody signs it: neither a chain that was edited, nor rows that do not fit it, nor another plan."""
    done = scene.do(CANCEL, scene.orders())

    assert tamper(sqlite_url, statement)
    with pytest.raises(JournalBroken, match=words):
        pack_of(sqlite_url, done)


def test_a_rule_that_came_later_hides_arguments_and_results(scene: Scene, sqlite_url: str) -> None:
    """What the rows still hold in plain is shown nowhere, so neither are the rows as they were signed."""
    (key,) = scene.orders(note="first")
    done = scene.update(key, note=SECRET)
    (edited,) = scene.orders(note="")
    scene.fail(FaultKind.EDIT, key=edited, changes={"note": SECRET}, moment=Moment.AFTER)
    other = scene.do(CANCEL, [edited])
    both = scene.do(UPDATE, scene.orders(2, note="first"), arguments={"note": "second"})
    scene.erp.edit(ORDER, scene.operations(both)[0].ref.key, {"note": SECRET})
    back = scene.plan_rollback(scene.selection(both))
    asked = (done, other, back)
    open_packs = [pack_of(sqlite_url, each) for each in asked]
    packs = [pack_of(sqlite_url, each, HIDDEN, Keys([NEW])) for each in asked]
    (updated,), (cancelled,), reversing = (each["operations"] for each in packs)
    (conflict,) = (each for each in reversing if "conflicts" in each["details"])

    assert [True] * 3 == [SECRET in encoding.dumps(each).decode() for each in open_packs]
    assert [False] * 3 == [SECRET in encoding.dumps(each).decode() for each in packs]
    assert "***" == updated["arguments"]["note"]
    assert "***" == conflict["details"]["conflicts"][0]["now"]
    assert [None] * 3 == [updated["signed"], cancelled["told"], conflict["signed"]]
    reports = [checked(sqlite_url, *each) for each in zip(asked, packs, strict=True)]
    assert [()] * 3 == [each.problems for each in reports]
    assert [False, True, False] == [each.plan_is_checked for each in reports]


def test_what_an_erp_keeps_as_it_is_hides_too(
    scene: Scene, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image may hold a record in the words of its ERP beside its fields."""
    capture, raw = scene.system.capture, {"note": SECRET, "name": "PO1"}

    def with_raw(*asked: Any) -> list[Image]:
        return [
            replace(image, records=tuple(replace(each, raw=raw) for each in image.records))
            for image in capture(*asked)
        ]

    monkeypatch.setattr(scene.system, "capture", with_raw)
    done = scene.do(CANCEL, scene.orders())
    (shown,) = pack_of(sqlite_url, done)["operations"]
    (hidden,) = pack_of(sqlite_url, done, HIDDEN, Keys([NEW]))["operations"]

    assert raw == shown["before"][0]["raw"]
    assert {"note": "***", "name": "PO1"} == hidden["before"][0]["raw"]


def test_a_rule_that_came_later_hides_what_a_plan_tells_of_conflicts(
    scene: Scene, sqlite_url: str
) -> None:
    """Also where the action itself is given no hidden field: then its row is not shown as it was signed."""
    keys = scene.orders(2)
    done = scene.do(CANCEL, keys)
    scene.erp.edit(ORDER, keys[0], {"state": "draft"})
    back = scene.plan_rollback(scene.selection(done))
    hidden = Redaction([Rule(ORDER, frozenset({"state"}))])
    found = pack_of(sqlite_url, back, hidden, Keys([NEW]))["operations"]
    (conflict,) = (each for each in found if "conflicts" in each["details"])

    assert "***" == conflict["details"]["conflicts"][0]["now"]
    assert conflict["signed"] is None
