"""What is found out about a server by reading only, and what `systems check` says of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from connectors.contract import Kind, SystemCheck
from connectors.http import HttpAnswer
from connectors.odoo.actions import Guard, MethodAction
from connectors.odoo.guard import NAME, InstallGuard
from connectors.odoo.target import check, look
from connectors.odoo.transport import Session
from core.errors import Rejected
from tests.unit.connectors.odoo.wire import Odoo, Wire, always, json_answer

CHAR = {"type": "char", "store": True, "readonly": False}
USER = {
    "id": 2,
    "name": "Storno",
    "login": "storno",
    "company_id": 1,
    "company_ids": [1],
    "groups_id": [4],
}
OWN_RULE = {"id": 1, "name": "Own", "model_id": [5, "Order"], "groups": [4]}


class AccessError(Exception):
    """Odoo's exception of this name."""


def refuse(*_: Any, **__: Any) -> Any:
    """Refuse as Odoo does."""
    raise AccessError("You are not allowed")


class Close(MethodAction):
    """An action on orders."""

    name = "purchase_order.close"
    kind = Kind.PURCHASE_ORDER
    title = "close"
    model = "purchase.order"
    method = "button_done"
    wanted = frozenset({"name"})
    stamped = ("purchase.order",)
    until = 18
    ours: Mapping[str, frozenset[str]] = {}  # type: ignore[misc]

    def is_done(self, *_: Any) -> bool:
        return True

    def inverse(self, *_: Any) -> Any:
        return ()


def odoo_with(**more: Any) -> Odoo:
    """Return an Odoo with orders and nothing to hide; `more` replaces methods (`.` as `__`)."""
    odoo = Odoo(
        {
            "res.users.read": always([USER]),
            "res.users.fields_get": always({"groups_id": {**CHAR, "type": "many2many"}}),
            "res.currency.search_read": always([{"id": 1, "name": "USD"}]),
            "res.company.search_read": always([{"id": 1, "name": "Ours"}]),
            "res.company.fields_get": always({"name": CHAR}),
            "ir.rule.search_read": always([]),
            "ir.actions.actions.get_bindings": always({}),
            "ir.actions.server.search_read": always([]),
            "ir.actions.server.fields_get": always({"name": CHAR, "code": CHAR, "state": CHAR}),
            "ir.actions.server.has_access": always(False),
            "purchase.order.fields_get": always(
                {
                    "name": CHAR,
                    "state": {**CHAR, "type": "selection", "selection": [["done", "Locked"]]},
                }
            ),
            "purchase.order.has_access": always(True),
            "purchase.order.search_count": always(3),
        }
    )
    odoo.methods.update({name.replace("__", "."): method for name, method in more.items()})
    return odoo


def checked(
    odoo: Odoo, *, session: Session | None = None, actions: Sequence[type[Any]] = (Close,)
) -> SystemCheck:
    """Look and check."""
    session = session or odoo.session()
    target = look(session)
    return check(
        session,
        target,
        {action.name: action(target) for action in actions},
        {Kind.PURCHASE_ORDER: "purchase.order"},
    )


def said(texts: Sequence[Any]) -> str:
    """Return all texts in one."""
    return "\n".join(map(str, texts))


def test_look() -> None:
    """Version, user, company, currencies and fields come by reading; fields when they are asked for."""
    odoo = odoo_with()
    session = odoo.session()
    target = look(session)

    assert (18, 2, 1, {1: "USD"}) == (
        target.version,
        target.user_id,
        target.company_id,
        target.currencies,
    )
    assert [] == odoo.called("purchase.order.fields_get")
    assert target.has("purchase.order", "name")
    assert ("done",) == target.selections["purchase.order", "state"]
    assert target.selections.get(("purchase.order", "name")) is None
    assert target.guard is session.guard is None


def test_guard_in_use_is_of_our_version() -> None:
    """A guard of another version is not used, and the check offers to renew it."""

    def bound(name: str) -> Any:
        return always({"action": [{"id": 5, "name": name}]})

    ours = odoo_with(ir__actions__actions__get_bindings=bound(NAME))
    other = odoo_with(ir__actions__actions__get_bindings=bound(NAME[:-1] + "99"))

    assert Guard(5, 1) == look(ours.session()).guard
    assert look(other.session()).guard is None
    assert "nobody is overwritten" in said(checked(ours).notes)
    assert "install it anew" in said(checked(other).notes)
    assert "systems prepare erp" in said(checked(other).notes)


def test_too_old() -> None:
    """A version before 14 is refused in words."""
    version = {"server_version": "13.0", "server_version_info": [13, 0, 0, "final", 0, ""]}

    def answer(sent: Any) -> HttpAnswer:
        return json_answer(version) if b'"version"' in sent.body else odoo_with().answer(sent)

    session = Session("erp", Wire(answer), database="db", user="u", secret="s")
    with pytest.raises(Rejected, match=r"13\.0"):
        look(session)


@pytest.mark.parametrize("series, unproven", [(14, True), (15, True), (16, False), (20, True)])
def test_unproven_versions(series: int, *, unproven: bool) -> None:
    """Versions whose facts nobody measured are supported, and marked."""
    version = {
        "server_version": f"{series}.0",
        "server_version_info": [series, 0, 0, "final", 0, ""],
    }
    odoo = odoo_with(purchase__order__check_access_rights=always(True))
    odoo.methods["ir.actions.server.check_access_rights"] = always(True)

    def answer(sent: Any) -> HttpAnswer:
        return json_answer(version) if b'"version"' in sent.body else odoo.answer(sent)

    session = Session("erp", Wire(answer), database="db", user="u", secret="s")
    found = checked(odoo, session=session)

    assert unproven == ("unproven" in said(found.notes))
    assert (series >= 19) == ("goes away" in said(found.notes))
    assert (series <= 18) == found.actions[0].is_available


def test_user_who_sees_everything() -> None:
    """Without companies, rules and missing rights in the way there are no limits; what is seen is counted."""
    found = checked(odoo_with())

    assert found.sees_everything
    assert () == found.limits
    assert (Kind.PURCHASE_ORDER,) == found.kinds
    assert "purchase.order 3" in said(found.notes)
    assert ("Odoo", "18.0", "JSON-RPC", "Storno (storno)") == (
        found.product,
        found.version,
        found.transport,
        found.acting_as,
    )


def test_missing_rights() -> None:
    """What the user may not read or write is named, model by model; a refused count is no crash."""
    found = checked(
        odoo_with(purchase__order__has_access=always(False), purchase__order__search_count=refuse)
    )

    assert "may not read purchase.order" in said(found.limits)
    assert "may not write purchase.order" in str(found.actions[0].note)
    assert () == found.kinds


def test_module_that_is_not_installed() -> None:
    """An action whose model is missing says so."""

    class UserError(Exception):
        """Odoo's exception of this name."""

    def unknown(**_: Any) -> Any:
        raise UserError("Object purchase.order doesn't exist")

    found = checked(odoo_with(purchase__order__fields_get=unknown))

    assert not found.actions[0].is_available
    assert "has no purchase.order" in str(found.actions[0].note)


def test_installing_the_guard_needs_its_own_right() -> None:
    """That the user may not make server actions limits the guard alone, and nothing that is read."""
    found = checked(odoo_with(), actions=(Close, InstallGuard))

    assert found.sees_everything
    assert [True, False] == [support.is_available for support in found.actions]
    assert "ir.actions.server" in str(found.actions[1].note)


def test_companies() -> None:
    """Companies that are not the user's are named, and that only one of theirs was asked for."""
    companies = always([{"id": 1, "name": "Ours"}, {"id": 2, "name": "Theirs"}])
    both = always([{**USER, "company_ids": [1, 2]}])

    other = checked(odoo_with(res__company__search_read=companies))
    one = odoo_with(res__company__search_read=companies, res__users__read=both)

    assert "Theirs" in said(other.limits)
    assert "only Ours" in said(checked(one, session=one.session(company=1)).limits)
    assert checked(one).sees_everything


@pytest.mark.parametrize(
    "rules, hidden",
    [
        ([{**OWN_RULE, "domain_force": "[('user_id', '=', user.id)]"}], "Own"),
        ([{**OWN_RULE, "groups": [], "domain_force": "[('state', '=', 'x')]"}], "Own"),
        ([{**OWN_RULE, "groups": [9], "domain_force": "[('user_id', '=', user.id)]"}], ""),
        ([{**OWN_RULE, "groups": [], "domain_force": "[('company_id', 'in', company_ids)]"}], ""),
        (  # of project managers: only the private to-dos of others are hidden
            [
                {
                    **OWN_RULE,
                    "domain_force": "[\n '|', ('project_id', '!=', False),\n ('user_ids', 'in', user.id),]",
                }
            ],
            "",
        ),
        (
            [
                {**OWN_RULE, "domain_force": "[('user_id', '=', user.id)]"},
                {**OWN_RULE, "name": "All", "domain_force": "[(1, '=', 1)]"},
            ],
            "",
        ),
    ],
)
def test_record_rules(rules: list[dict[str, Any]], hidden: str) -> None:
    """A rule that may hide records is named; rules of groups add up, and the rule of companies is no limit."""
    found = checked(odoo_with(ir__rule__search_read=always(rules)))

    assert bool(hidden) == (not found.sees_everything)
    assert hidden in said(found.limits)


def test_rules_that_the_user_may_not_see() -> None:
    """Whoever may not read the rules cannot know what is hidden: that is a limit."""
    assert "may not see which record rules" in said(
        checked(odoo_with(ir__rule__search_read=refuse)).limits
    )
