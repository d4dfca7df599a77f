"""The guard's code compares and sets; installing and removing it are each other's way back."""

from __future__ import annotations

import dis
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from connectors.contract import Call, FieldInfo, Image, Record, Ref, Step
from connectors.odoo import guard
from connectors.odoo.actions import Guard, Target
from connectors.odoo.guard import CODE, METHODS, MODEL, NAME, InstallGuard, RemoveGuard
from core.errors import Rejected
from tests.unit.connectors.odoo.wire import Odoo, always

COMPANY = Ref("res.company", "1")
INSTALL = Step(InstallGuard.name, COMPANY, {"name": NAME, "code": CODE})


class UserError(Exception):
    """Odoo's exception of this name, which the sandbox offers."""


@dataclass
class Rows:
    """Records as Odoo's sandbox shows them: iterated, and called as one."""

    world: World
    model: str
    ids: list[int]

    def __iter__(self) -> Any:
        return iter([self.world.records[self.model][key] for key in self.ids])

    def exists(self) -> Rows:
        """Keep those that exist."""
        return Rows(self.world, self.model, [i for i in self.ids if i in self._known])

    def browse(self, ids: list[int]) -> Rows:
        """Take records by id, existing or not."""
        return Rows(self.world, self.model, ids)

    def search(self, domain: list[Any], order: str) -> Rows:
        """Find records by one condition."""
        ((link, _, owners),) = domain
        found = [i for i, record in self._known.items() if getattr(record, link) in owners]
        assert order == "id"
        return Rows(self.world, self.model, found)

    @property
    def _known(self) -> dict[int, Line]:
        return self.world.records.get(self.model, {})

    def write(self, values: dict[str, Any]) -> bool:
        """Remember a write."""
        self.world.done.append(("write", self.ids, values))
        return True

    def __getattr__(self, name: str) -> Any:
        def call() -> Any:
            self.world.done.append((name, self.ids, None))
            return {"res_model": "sale.order.cancel"} if name == "action_cancel" else None

        return call


@dataclass
class Line:
    """One record."""

    id: int
    write_date: str
    order_id: int = 1


@dataclass
class World:
    """An environment of Odoo: models by name, a context, a copy with another context."""

    context: dict[str, Any]
    records: dict[str, dict[int, Line]]
    done: list[tuple[str, list[int], Any]] = field(default_factory=list)
    clean: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, context: dict[str, Any]) -> World:
        self.clean.append(context)
        return self

    def __getitem__(self, model: str) -> Rows:
        return Rows(self, model, [])


def run(context: dict[str, Any]) -> tuple[Any, World]:
    """Run the code as Odoo does: one dictionary is all there is, and `action` is the answer."""
    world = World(
        context,
        {
            "purchase.order": {1: Line(1, "t1"), 2: Line(2, "t2")},
            "purchase.order.line": {4: Line(4, "t4"), 5: Line(5, "t5", order_id=2)},
        },
    )
    names: dict[str, Any] = {"env": world, "UserError": UserError}
    exec(CODE, names)  # noqa: S102 - it is the code under test
    return names["action"]["infos"], world


def call_context(**changed: Any) -> dict[str, Any]:
    """Return the context of a guarded call."""
    return {
        "lang": "en_US",
        "tracking_disable": True,
        "storno_mode": "call",
        "storno_model": "purchase.order",
        "storno_method": "button_done",
        "storno_ids": [1, 2],
        "storno_expected": {"purchase.order": {"1": "t1", "2": "t2"}},
        **changed,
    }


def test_unchanged_records_are_called() -> None:
    """Where every stamp fits, the method is called once for all, without Storno's own context."""
    infos, world = run(call_context())

    assert {"storno": 1, "returned": ""} == infos
    assert [("button_done", [1, 2], None)] == world.done
    assert [{"lang": "en_US", "tracking_disable": True}] == world.clean


def test_stale_records_are_named_and_nothing_is_done() -> None:
    """A record with another stamp, and one that is gone, refuse the whole call."""
    expected = {
        "purchase.order": {"1": "t1", "2": "old", "9": "t9"},
        "purchase.order.line": {"4": "old"},
    }
    with pytest.raises(UserError) as caught:
        run(call_context(storno_expected=expected))

    assert "STORNO_CONFLICT purchase.order.2,purchase.order.9,purchase.order.line.4" == str(
        caught.value
    )


def test_write_takes_values() -> None:
    """A write is guarded like every method."""
    _, world = run(call_context(storno_method="write", storno_parameters=[{"state": "done"}]))

    assert [("write", [1, 2], {"state": "done"})] == world.done


@pytest.mark.parametrize("method", METHODS)
def test_methods_are_written_out(method: str) -> None:
    """Every method of the list is called by its own name; a wizard that it returns is told by its model."""
    infos, world = run(call_context(storno_method=method))

    assert [(method, [1, 2], None)] == world.done
    assert infos["returned"] == ("sale.order.cancel" if method == "action_cancel" else "")


def test_nothing_else_can_be_called() -> None:
    """A method outside the list is refused: the guard opens no door."""
    with pytest.raises(UserError, match="sudo"):
        run(call_context(storno_method="sudo"))


def test_stamps_of_records_and_of_what_hangs_on_them() -> None:
    """Stamps come by id, of those that exist, or of those whose link names an owner."""
    asked = {"storno_mode": "stamps", "storno_model": "purchase.order", "storno_ids": [1, 9]}
    linked = {
        "storno_mode": "stamps",
        "storno_model": "purchase.order.line",
        "storno_ids": [2],
        "storno_link": "order_id",
    }

    assert {"1": "t1"} == run(asked)[0]["stamps"]
    assert {"5": "t5"} == run(linked)[0]["stamps"]


def test_code_fits_the_sandbox() -> None:
    """Odoo's sandbox knows no imports, no attributes that are set, no `getattr`, no names with two underscores."""
    code = compile(CODE, "guard", "exec")
    names = {each.opname for each in dis.get_instructions(code)}

    assert names.isdisjoint({"IMPORT_NAME", "STORE_ATTR", "STORE_GLOBAL"})
    assert not any("__" in name for name in code.co_names)
    assert "getattr" not in code.co_names


# --- installing and removing ------------------------------------------------------------------------------


TEXT = FieldInfo("x", "str", is_stored=True, is_readonly=False)


def target(**more: Any) -> Target:
    """Return a target of version 18 that has server actions."""
    names = dict.fromkeys(("name", "code", "state", *more), TEXT)
    return Target(company_id=1, fields={"res.company": {"name": TEXT}, MODEL: names})


def image(*found: tuple[int, str, str]) -> Image:
    """Return the company and the guards (id, name, code)."""
    guards = [
        Record(Ref(MODEL, str(key)), {"name": name, "code": code, "state": "code"})
        for key, name, code in found
    ]
    return Image((*guards, Record(COMPANY, {"name": "Ours"})))


def call(action: str, before: Image) -> Call:
    """Return the call of a step on the company."""
    return Call("op", INSTALL if action == INSTALL.action else Step(action, COMPANY), before)


def test_install_and_remove_are_each_others_way_back() -> None:
    """What is installed can be removed, and what was removed installed again."""
    empty, full = image(), image((5, NAME, CODE))
    (back,) = InstallGuard(target()).inverse(INSTALL, empty, full)
    (again,) = RemoveGuard(target()).inverse(back, full, empty)

    assert (RemoveGuard.name, INSTALL) == (back.action, again)
    assert (INSTALL,) == guard.guard_steps(target(), remove=False)
    assert (back,) == guard.guard_steps(target(), remove=True)


def test_done_is_what_was_read() -> None:
    """Installed is a guard with exactly our code; Odoo strips its end. Removed is no guard of any version."""
    install, remove, step = InstallGuard(target()), RemoveGuard(target()), INSTALL

    assert install.is_done(step, image(), image((5, NAME, CODE.strip())))
    assert not install.is_done(step, image(), image((5, NAME, "pass")))
    assert not install.is_done(step, image(), image())
    assert remove.is_done(step, image((5, NAME, CODE)), image())
    assert not remove.is_done(step, image((5, NAME, CODE)), image((5, NAME, CODE)))


def test_problems() -> None:
    """A guard is installed once; one of another version is removed first."""
    install, remove, step = InstallGuard(target()), RemoveGuard(target()), INSTALL
    other = f"{guard.PREFIX} 0"

    assert () == install.problems(step, image())
    assert ["installed"] == [p.code for p in install.problems(step, image((5, NAME, CODE)))]
    assert ["other_version"] == [p.code for p in install.problems(step, image((5, other, "")))]
    assert ["missing"] == [p.code for p in remove.problems(step, image())]


@pytest.mark.parametrize("field_name, has_field", [("groups_id", False), ("group_ids", True)])
def test_install(field_name: str, *, has_field: bool) -> None:
    """One server action for every internal user, found by a model that has no screen."""
    odoo = Odoo(
        {
            "ir.model.data.search_read": always([{"id": 1, "res_id": 11}]),
            "ir.model.search_read": always([{"id": 22}]),
            f"{MODEL}.create": always([33]),
        }
    )
    action = InstallGuard(target(**({"group_ids": 1} if has_field else {})))
    action.perform(odoo.session(), [call(action.name, image())])
    (((values,),), _) = odoo.called(f"{MODEL}.create")[0]

    assert values == {
        "name": NAME,
        "state": "code",
        "code": CODE,
        "model_id": 22,
        "binding_model_id": 22,
        field_name: [[6, 0, [11]]],
    }


def test_install_where_odoos_own_records_are_missing() -> None:
    """Without the group of internal users nothing is created."""
    odoo = Odoo({"ir.model.data.search_read": always([])})
    action = InstallGuard(target())
    with pytest.raises(Rejected):
        action.perform(odoo.session(), [call(action.name, image())])


def test_remove() -> None:
    """What the before image shows is removed, whatever version it is."""
    odoo = Odoo({f"{MODEL}.unlink": always(True)})
    action = RemoveGuard(target())
    action.perform(odoo.session(), [call(action.name, image((5, NAME, CODE), (4, "x", "")))])

    assert [[4, 5]] == odoo.called(f"{MODEL}.unlink")[0][0]


def bindings(*names: str) -> Mapping[str, Any]:
    """Return the answer to which actions are bound."""
    return {"action": [{"id": place, "name": name} for place, name in enumerate(names, 5)]}


@pytest.mark.parametrize(
    "answer, found",
    [
        (bindings(NAME), Guard(5, 1)),
        (bindings("Other", f"{guard.PREFIX} 0", NAME), Guard(7, 1)),
        (bindings(f"{guard.PREFIX} 9"), Guard(5, 9)),
        (bindings("Other"), None),
    ],
)
def test_guard_is_found_by_everybody(answer: Any, found: Guard | None) -> None:
    """Users may not read server actions; which actions are bound to a model everybody may ask."""
    odoo = Odoo({"ir.actions.actions.get_bindings": always(answer)})

    assert found == guard.find(odoo.session())


def test_guard_is_found_by_name() -> None:
    """Where a version does not tell what is bound, who may read server actions finds it by its name."""

    class AccessError(Exception):
        """Odoo's exception of this name."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise AccessError("no")

    odoo = Odoo(
        {
            "ir.actions.actions.get_bindings": refuse,
            f"{MODEL}.search_read": always([{"id": 5, "name": NAME}]),
        }
    )
    assert Guard(5, 1) == guard.find(odoo.session())
    odoo.methods[f"{MODEL}.search_read"] = refuse
    assert guard.find(odoo.session()) is None
