"""`storno rollback` names what rests on what was asked for, takes a time or single operations, and tells it per system."""

from __future__ import annotations

from connectors.fake.engine import FakeERP
from tests.integration.cli.conftest import Storno
from tests.integration.cli.test_story import applied


def story(storno: Storno) -> tuple[str, str]:
    """Cancel quotations, then put one back and cancel it once more by another change set."""
    first = applied(storno)
    storno.done(
        *("rollback", first, "--only", "PO00001", "--reason", "wrong", "--yes"),
    )
    return first, applied(storno)


def test_a_time_is_taken_back(storno: Storno, erp: FakeERP) -> None:
    """What was done since then, whichever change set it was in; the rollback of that time is named and left out."""
    before = erp.dump(with_trace=False)
    first, second = story(storno)
    seen = storno("rollback", "--since", "1h", "--preview")

    assert first in seen.out
    assert second in seen.out
    assert "1 rollbacks of that time are left out" in seen.out
    assert "storno rollback --since 1h --reason TEXT" in seen.out

    storno("rollback", "--since", "1h", "--reason", "all of it", "--yes")

    assert before == erp.dump(with_trace=False)


def test_what_was_asked_wrongly(storno: Storno) -> None:
    """Two ways at once, operations without a change set, a name without a time, a time that ends before it begins."""
    first = applied(storno)
    for words, said in (
        (("rollback", first, "--since", "1h", "--preview"), "Name one of these"),
        (("rollback", "--preview"), "Name one of these"),
        (("rollback", "--since", "1h", "--operations", "1", "--preview"), "name it by its id"),
        (("rollback", first, "--by", "lin", "--preview"), "--by belongs to a time"),
        (("rollback", "--since", "1h", "--until", "2h", "--preview"), "is not after --since"),
        (("rollback", first, "--operations", "one", "--preview"), "must be numbers"),
        (("rollback", "--until", "yesterday", "--preview"), "--until: neither"),
    ):
        answer = storno(*words)

        assert (answer.code, said in answer.err) == (2, True), (words, answer.err)


def test_groups_on_the_screen_and_in_json(storno: Storno, erp: FakeERP) -> None:
    """What was asked for, what would have to come along and why; with --with-dependents it does."""
    done = applied(storno, "remainders")
    seen = storno("rollback", done, "--operations", "1", "--preview")

    assert seen.code == 1
    assert "Asked for" in seen.out
    assert "Rests on it, and was not asked for: --with-dependents" in seen.out

    document = storno("rollback", done, "--operations", "1", "--preview", "--json").json
    (asked,), offered = document["documents"], document["offered"]

    assert "blocked" == asked["status"]
    assert {done} == {each["change_set_id"][:13] for each in offered}
    assert {each["change_set_id"] for each in asked["rest_on_it"]} == {asked["change_set_id"]}

    words = ("rollback", done, "--operations", "1", "--with-dependents")
    along = storno.done(*words, "--preview")

    assert "Comes along, because it rests on that" in along.out

    before = erp.dump(with_trace=False)
    storno.done(*words, "--reason", "wrong", "--yes")

    assert before != erp.dump(with_trace=False)


def test_half_done_is_never_silent(storno: Storno) -> None:
    """The last link of a chain alone."""
    done = applied(storno, "remainders")
    operations = storno.done("changes", "show", done, "--json").json["operations"]
    last = max(each["position"] for each in operations)
    seen = storno.done("rollback", done, "--operations", str(last), "--preview")

    assert "is left half done" in seen.out


def test_which_operations_were_taken_back_is_told(storno: Storno) -> None:
    """Where only some were; and `last` is typed on by its id, because another one may be the last by then."""
    plan = applied(storno, "stale", "PO00001", "PO00002")
    storno.done("rollback", plan, "--only", "PO00001", "--reason", "one of them", "--yes")
    shown = storno.done("changes", "show", plan).out
    back = storno.done("changes", "list", "--json").json["change_sets"][0]["id"][:13]
    previewed = storno("rollback", "last", "--preview").out

    assert "1. PO00001: Cancel the quotation [confirmed, taken back]" in shown
    assert "2. PO00002: Cancel the quotation [confirmed]" in shown
    assert f"storno rollback {back} --reason" in previewed
    assert "storno rollback last" not in previewed
