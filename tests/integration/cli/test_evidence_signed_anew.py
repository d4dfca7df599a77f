"""Who may sign an evidence pack can still not tell in it what its audit lines do not say."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core import encoding
from recovery.auditing import audit
from recovery.auditing import pack as packs
from recovery.auditing.signing import SigningKey
from tests.integration.cli.conftest import PUBLIC, Storno, content_of
from tests.integration.cli.test_story import applied, planned


def owners_key() -> SigningKey:
    """Return the right key, in the hands of a dishonest owner."""
    return SigningKey.read(Path("secrets/audit.pem").read_text(), "x")


def signed_anew(pack: Path, content: dict[str, Any], **said: Any) -> None:
    """Write other content and sign it with the right key, as a dishonest owner of the key could."""
    written = encoding.dumps(content) + b"\n"
    (pack / "evidence.json").write_bytes(written)
    manifest = encoding.loads((pack / "signature.json").read_bytes())
    manifest["files"]["evidence.json"] = hashlib.sha256(written).hexdigest()
    (pack / "signature.json").write_bytes(encoding.dumps(owners_key().sign(manifest | said)))


def problems_of(storno: Storno, pack: str = "evidence") -> list[str]:
    """Return what checking a pack with the right key finds."""
    answer = storno("audit", "verify", "--pack", pack, *PUBLIC, "--json")

    assert answer.code == (0 if answer.json["is_intact"] else 1)
    return [str(each["text"]) for each in answer.json["problems"]]


def other_state(content: dict[str, Any]) -> None:
    content["operations"][1]["state"] = "confirmed"


def other_document(content: dict[str, Any]) -> None:
    content["operations"][0]["number"] = "PO99999"


def other_plan(content: dict[str, Any]) -> None:
    operation = content["operations"][0]
    operation["signed"][operation["signed"].index("PO00001")] = operation["number"] = "PO99999"


def other_approver(content: dict[str, Any]) -> None:
    content["change_set"]["approved_by"]["name"] = "Li Na"


def other_move(content: dict[str, Any]) -> None:
    line = next(line for line in content["chain"][0]["lines"] if line.get("moves"))
    line["moves"][0][6] = "Li Na"


def other_line(content: dict[str, Any]) -> None:
    content["chain"][0]["lines"][1]["written_at"] = "2020-01-01T00:00:00Z"


def line_left_out(content: dict[str, Any]) -> None:
    del content["chain"][0]["lines"][2]


def operation_left_out(content: dict[str, Any]) -> None:
    del content["operations"][1]


def other_words(content: dict[str, Any]) -> None:
    content["operations"][1]["reason"]["template"] = "the period is closed"


def other_words_told(content: dict[str, Any]) -> None:
    content["operations"][1] |= {"reason": None, "told": [None, None, None]}


def other_time(content: dict[str, Any]) -> None:
    content["operations"][1]["sent_at"] = "2020-01-01T00:00:00Z"


def other_end(content: dict[str, Any]) -> None:
    content["change_set"]["finished_at"] = "2020-01-01T00:00:00Z"


def other_note(content: dict[str, Any]) -> None:
    content["change_set"]["note"] = {"template": "all is well", "values": {}}


def other_before(content: dict[str, Any]) -> None:
    operations = content["operations"]
    operations[0]["before_hash"] = operations[1]["before_hash"]


def other_after(content: dict[str, Any]) -> None:
    content["operations"][0]["after_hash"] = content["operations"][0]["before_hash"]


def other_outcome(content: dict[str, Any]) -> None:
    content["change_set"]["state"] = "applied"


def other_planner(content: dict[str, Any]) -> None:
    content["change_set"]["actor"]["name"] = "Li Na"


def other_plan_hash(content: dict[str, Any]) -> None:
    content["change_set"]["plan_hash"] = "00" * 32


def other_approved_image(content: dict[str, Any]) -> None:
    content["operations"][0]["signed"][-1] = content["operations"][1]["signed"][-1]


def other_left_out(content: dict[str, Any]) -> None:
    content["exceptions"][0]["number"] = "PO99999"


def other_code(content: dict[str, Any]) -> None:
    content["operations"][1]["error_code"] = "STO-0302"


def other_result(content: dict[str, Any]) -> None:
    content["operations"][0]["result"] = {"is_exact": True}


def words_with_what_they_were(content: dict[str, Any]) -> None:
    operation = content["operations"][1]
    operation["error_code"] = operation["told"][1] = "STO-0302"


def nothing_told(content: dict[str, Any]) -> None:
    content["operations"][1] |= {"reason": None, "told": None}


def nothing_signed(content: dict[str, Any]) -> None:
    content["operations"][0] |= {"number": "PO99999", "signed": None}


def other_settled(content: dict[str, Any]) -> None:
    content["operations"][1]["settled_at"] = None


def other_checkpoint(content: dict[str, Any]) -> None:
    content["checkpoint"]["made_by"] = "Li Na"


def lines_told_twice(content: dict[str, Any]) -> None:
    """First with moves that somebody made up, then as they are, without their moves."""
    (run,) = content["chain"]
    told = encoding.loads(encoding.dumps(run))
    for line in run["lines"]:
        line.pop("moves", None)
    content["chain"] = [told, run]


def another_beginning(content: dict[str, Any]) -> None:
    """Lines before a gap that is none: they lead nowhere, and those after it are as they were."""
    (run,) = content["chain"]
    hashed = bytes.fromhex(run["previous"])
    for number, line in enumerate(run["lines"][:2], start=1):
        moment = encoding.parse_moment(line["written_at"])
        hashed = audit.line_hash(hashed, number, moment, bytes.fromhex(line["moves_hash"]))
    later = {"first": 3, "previous": hashed.hex(), "lines": run["lines"][2:]}
    run["lines"][0]["written_at"] = "2020-01-01T00:00:00Z"
    content["chain"] = [run | {"lines": run["lines"][:2]}, later]


def other_exception(content: dict[str, Any]) -> None:
    content["exceptions"][0]["text"]["template"] = "its goods are all here"


@pytest.mark.parametrize(
    "change, said",
    [
        (other_state, "operation 2 is not what its history says of it"),
        (other_document, "operation 1 is shown otherwise than it was approved"),
        (other_plan, "the plan in it is not the one that was approved"),
        (other_approver, "it was approved otherwise than the pack says"),
        (other_move, "the moves of audit line 1 were edited"),
        (other_line, "do not lead to the line that was signed"),
        (line_left_out, "do not lead to the line that was signed"),
        (operation_left_out, "operations are missing or were added"),
        (other_words, "what it tells of operation 2 is not what its history says"),
        (other_words_told, "what it tells of operation 2 is not what its history says"),
        (other_time, "operation 2 has other times in it than in its history"),
        (other_end, "finished_at in it is not what its history says"),
        (other_note, "note in it is not what its history says"),
        (other_exception, "the exceptions in it are not those of the plan"),
        (other_before, "operation 1 is not what its history says of it"),
        (other_after, "operation 1 is not what its history says of it"),
        (other_outcome, "the change set is applied, but its history ends in partly_applied"),
        (other_planner, "it was planned otherwise than the pack says"),
        (other_plan_hash, "it was planned otherwise than the pack says"),
        (other_plan_hash, "it was approved otherwise than the pack says"),
        (other_approved_image, "the plan in it is not the one that was approved"),
        (other_left_out, "the plan in it is not the one that was approved"),
        (other_code, "what it tells of operation 2 is not what its history says"),
        (other_result, "what it tells of operation 1 is not what its history says"),
        (words_with_what_they_were, "what it tells of operation 2 is not what its history says"),
        (nothing_told, "what it tells of operation 2 is not what its history says"),
        (nothing_signed, "operation 1 is shown otherwise than it was approved"),
        (other_settled, "operation 2 has other times in it than in its history"),
        (other_checkpoint, "the checkpoint in it was not signed with this key"),
        (lines_told_twice, "do not lead to the line that was signed"),
        (another_beginning, "do not lead to the line that was signed"),
    ],
)
def test_even_who_signs_must_agree_with_the_chain(
    signer: Storno, pack: Path, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    """What a pack shows is computed from its audit lines, and these from each other."""
    content = content_of(pack)
    change(content)
    signed_anew(pack, content)

    assert any(said in problem for problem in problems_of(signer))


@pytest.mark.parametrize(
    "name",
    [
        "position",
        "after_position",
        "system",
        "kind",
        "number",
        "action",
        "model",
        "key",
        "executor",
        "reversibility",
        "reverses_operation_id",
    ],
)
def test_nothing_is_shown_otherwise_than_it_was_approved(
    signer: Storno, pack: Path, name: str
) -> None:
    """Neither the document nor what is done to it."""
    content = content_of(pack)
    content["operations"][0][name] = 2 if name == "position" else "other"
    signed_anew(pack, content)
    place = 2 if name == "position" else 1

    assert f"operation {place} is shown otherwise than it was approved" in problems_of(signer)


@pytest.mark.parametrize("place", ["change_set", "journal", "content", "checkpoint"])
def test_the_files_of_one_pack_belong_together(signer: Storno, pack: Path, place: str) -> None:
    """A signature of one change set, or of one journal, is none of another."""
    content = content_of(pack)
    said = {place: "other"} if place in {"change_set", "journal"} else {}
    if place == "content":
        content["journal"] = "other"
    elif place == "checkpoint":
        content["checkpoint"] = owners_key().sign(content["checkpoint"] | {"journal": "other"})
    signed_anew(pack, content, **said)

    assert ["its files are of different change sets or journals"] == problems_of(signer)


@pytest.mark.parametrize("is_of_signature", [False, True], ids=["content", "signature"])
def test_a_pack_of_another_format_is_refused(
    signer: Storno, pack: Path, is_of_signature: bool
) -> None:
    """Whoever cannot read it does not say that it is intact."""
    content, other = content_of(pack), {"format": "storno-evidence/2"}
    if is_of_signature:
        signed_anew(pack, content, **other)
    else:
        signed_anew(pack, content | other)
    answer = signer("audit", "verify", "--pack", "evidence", *PUBLIC)

    assert 2 == answer.code
    assert "is no evidence pack of Storno" in answer.err


def test_moves_of_one_line_count_in_their_order(signer: Storno) -> None:
    """However they are written: what hashes alike is told alike."""
    plan = planned(signer, "stale", "PO00001")
    signer.done("close", "approve", plan)
    signer.done("audit", "export", plan, "--out", "evidence")
    content = content_of(Path("evidence"))
    for line in content["chain"][0]["lines"]:
        line["moves"].reverse()
    signed_anew(Path("evidence"), content)

    assert [] == problems_of(signer)


def test_a_line_may_tell_of_two_change_sets(signer: Storno) -> None:
    """What a rollback moves in the change set that it takes back is not mixed up with its own moves."""
    done = applied(signer, "stale", "PO00001")
    signer.done("rollback", done, "--reason", "mistake", "--yes")
    signer.done("audit", "export", done, "--out", "evidence")
    signer.done("audit", "export", "last", "--out", "its-rollback")

    assert done == content_of(Path("evidence"))["change_set"]["id"][: len(done)]
    assert done == content_of(Path("its-rollback"))["change_set"]["reverses_id"][: len(done)]
    assert [[], []] == [problems_of(signer, each) for each in ("evidence", "its-rollback")]


# --- checkpoints that were kept elsewhere -----------------------------------------------------------


def stored_checkpoint(**other: Any) -> None:
    """Write the newest checkpoint of a file anew, signed with the right key."""
    path = Path("cp.jsonl")
    *_, newest = path.read_text().splitlines()
    signed = owners_key().sign(encoding.loads(newest) | other)
    path.write_text(encoding.dumps(signed).decode())


@pytest.mark.parametrize(
    "other, said",
    [
        ({"hash": "00" * 32}, "is not the one that the checkpoint of"),
        ({"journal": "00" * 32}, "is of another journal"),
        ({"signature": "AAAA"}, "was not signed with this key, or was edited"),
    ],
)
def test_a_pack_that_a_checkpoint_contradicts_is_found(
    signer: Storno, pack: Path, other: dict[str, str], said: str
) -> None:
    """And what is no checkpoint of this journal, or signed by nobody who is known, agrees with nothing."""
    signer.done("audit", "checkpoint", "--begin", "--out", "cp.jsonl")
    stored_checkpoint(**other)
    if "signature" in other:
        path = Path("cp.jsonl")
        path.write_text(encoding.dumps(encoding.loads(path.read_text()) | other).decode())
    answer = signer(
        "audit", "verify", "--pack", str(pack), *PUBLIC, "--checkpoint", "cp.jsonl", "--json"
    )

    assert 1 == answer.code
    assert 0 == answer.json["checkpoint_count"]
    (problem,) = answer.json["problems"]
    assert said in problem["text"]


def test_checkpoints_of_lines_that_are_not_in_a_pack_do_not_count(
    signer: Storno, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where lines between were too many, that is said; the line before each stretch is known by its hash."""
    monkeypatch.setattr(packs, "LONGEST_LINK", 1)
    first = planned(signer, "stale", "PO00001")
    for number, begin in (("PO00002", ["--begin"]), ("PO00003", [])):
        planned(signer, "stale", number)
        signer.done("audit", "checkpoint", *begin, "--out", "cp.jsonl")
    signer.done("close", "approve", first)
    signer.done("audit", "export", first, "--out", "evidence")
    lines = [encoding.loads(each)["line"] for each in Path("cp.jsonl").read_text().splitlines()]
    stretches = [
        (run["first"], run["first"] + len(run["lines"]) - 1)
        for run in content_of(Path("evidence"))["chain"]
    ]
    found = signer.done(
        "audit", "verify", "--pack", "evidence", *PUBLIC, "--checkpoint", "cp.jsonl", "--json"
    ).json

    assert len(stretches) == 2
    assert [stretches[1][0] - 1] == [each for each in lines if each == stretches[1][0] - 1]
    assert (1, 1) == (found["gap_count"], found["checkpoint_count"])
