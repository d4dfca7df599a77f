"""Server actions of the practice Odoo run the code that Odoo's sandbox would run, and no other."""

from __future__ import annotations

import pytest

from sandbox.odoo.engine import AccessError, UserError, ValidationError
from tests.sandbox.odoo.desk import Desk
from tests.sandbox.odoo.office import PO

ACTION = "ir.actions.server"


def _made(desk: Desk, code: str, login: str = "admin") -> int:
    (model,) = desk.find("ir.model", ("model", "=", PO))
    vals = {"name": "x", "state": "code", "model_id": model, "code": code}
    return int(desk.call(ACTION, "create", vals, login=login))


def test_code_reads_stamps_to_the_microsecond_and_answers_in_action(desk: Desk) -> None:
    """What is left in `action` is the answer."""
    (order,) = desk.arrange(lambda office: office.purchases())
    code = "action = {'infos': {str(r.id): str(r.write_date) for r in model.browse(env.context['which'])}}"

    answer = desk.call(ACTION, "run", [_made(desk, code)], which=[order])

    stamp = desk.odoo.dump()[PO][order]["write_date"]
    assert {str(order): stamp.removesuffix(".000000")} == answer["infos"]


def test_code_calls_methods_as_the_caller(desk: Desk) -> None:
    """A buyer may run what an administrator made, with his own rights."""
    (order,) = desk.arrange(lambda office: office.purchases())
    action = _made(desk, f"model.browse({order}).{desk.lock_order}()")

    with pytest.raises(AccessError):
        desk.call(ACTION, "run", [action], login="lim")
    assert False is desk.call(ACTION, "run", [action], login="buyer")

    name = "locked" if desk.version >= 19 else "state"
    assert desk.get(PO, order, name) in (True, "done")


def test_a_refusal_in_code_undoes_what_it_did(desk: Desk) -> None:
    """A `UserError` comes out in its own words."""
    (order,) = desk.arrange(lambda office: office.purchases())
    action = _made(
        desk, f"model.browse({order}).write({{'origin': 'x'}})\nraise UserError('STOP 1')"
    )

    with pytest.raises(UserError, match="STOP 1"):
        desk.call(ACTION, "run", [action])

    assert False is desk.get(PO, order, "origin")


@pytest.mark.parametrize(
    "code",
    [
        "import os",
        "model.__class__",
        "record.name = 'x'",
        "class A: pass",
        "def f():\n    x = 1\n    return lambda: x",
    ],
)
def test_code_that_the_sandbox_forbids_is_not_stored(desk: Desk, code: str) -> None:
    """Imports, names with two underscores, set attributes, classes and closures."""
    with pytest.raises(ValidationError):
        _made(desk, code)


def test_there_is_no_getattr(desk: Desk) -> None:
    """A name that the sandbox lacks is Python's error, wrapped as Odoo wraps it."""
    action = _made(desk, "getattr(model, 'button_draft')")

    with pytest.raises(ValueError, match="getattr"):
        desk.call(ACTION, "run", [action])


def test_only_administrators_make_server_actions(desk: Desk) -> None:
    """A buyer may not."""
    with pytest.raises(AccessError):
        _made(desk, "pass", login="buyer")
