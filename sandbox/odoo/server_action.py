"""Server actions of state `code`: Odoo's sandbox, as far as the code of a guard needs it.

Code is checked before it runs: no import, no name with two underscores, no attribute that is set, no closure,
no class. What it may call are the builtins that Odoo's sandbox has; there is no `getattr` among them.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from types import CodeType, SimpleNamespace
from typing import Any, Final

from sandbox.odoo.engine import (
    AccessError,
    Env,
    OdooError,
    UserError,
    ValidationError,
    method,
    on_create,
    on_write,
)
from sandbox.odoo.errors import SerializationFailure
from sandbox.odoo.records import World

ACTION: Final = "ir.actions.server"

_BUILTINS: Final[Mapping[str, Any]] = {
    each.__name__: each
    for each in (
        *(bytes, str, bool, int, float, enumerate, dict, list, tuple, map, abs, min, max, sum),
        *(filter, sorted, round, len, repr, set, all, any, ord, chr, divmod, isinstance, range),
        *(zip, Exception, functools.reduce),
    )
} | {"True": True, "False": False, "None": None}

_FORBIDDEN: Final = (
    ast.Import,
    ast.ImportFrom,
    ast.ClassDef,
    ast.AsyncFunctionDef,
    ast.AsyncFor,
    ast.AsyncWith,
    ast.Await,
    ast.Global,
    ast.Nonlocal,
    ast.With,
)


def check_code(code: str) -> CodeType:
    """Return compiled code, or raise what Odoo raises for code that its sandbox does not take."""
    tree = ast.parse(code.strip(), mode="exec")
    for node in ast.walk(tree):
        if isinstance(node, _FORBIDDEN):
            raise _forbidden(code, type(node).__name__)
        names = (getattr(node, "id", None), getattr(node, "attr", None), getattr(node, "arg", None))
        for name in names:
            if isinstance(name, str) and "__" in name:
                raise NameError(f"Access to forbidden name {name!r} ({code!r})")
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            raise _forbidden(code, "STORE_ATTR")
    compiled = compile(tree, "", "exec")
    if any(each.co_freevars for each in _all_code(compiled)):
        raise _forbidden(code, "LOAD_CLOSURE")
    return compiled


def _forbidden(code: str, what: str) -> ValueError:
    return ValueError(f"forbidden opcode(s) in {code!r}: {what}")


def _all_code(code: CodeType) -> Iterable[CodeType]:
    yield code
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _all_code(each)


@on_create(ACTION)
@on_write(ACTION)
def guard_code(env: Env, *args: Any) -> None:
    """Refuse code that does not compile or that the sandbox does not take."""
    vals: Mapping[str, Any] = args[-1]
    if isinstance(vals, dict) and len(args) == 1:
        vals.setdefault("state", "object_write")
        vals.setdefault("usage", "ir_actions_server")
        vals.setdefault("type", ACTION)
        vals.setdefault("binding_type", "action")
        if vals.get("model_id") and env.has(ACTION, "model_name"):
            vals["model_name"] = env.sudo()["ir.model"].get(vals["model_id"], "model")
    if not vals.get("code"):
        return
    try:
        check_code(str(vals["code"]))
    except SyntaxError as error:
        raise ValidationError(
            f"SyntaxError : {error.msg} at line {error.lineno}\n{error.text}"
        ) from error
    except (ValueError, NameError) as error:
        raise ValidationError(str(error)) from error


@method(ACTION, "run")
def run(env: Env, ids: list[int]) -> Any:
    """Run server actions; the answer is what the code of the last one leaves in `action`."""
    answer: Any = False
    actions = env.sudo()[ACTION]
    actions.ensure(ids)
    for each in ids:
        _check_rights(env, each)
        if actions.get(each, "state") == "code":
            answer = _evaluate(env, each)
    return answer or False


def _check_rights(env: Env, action: int) -> None:
    """Ask for the groups of the action, or where it has none for the right to write its model."""
    su = env.sudo()
    groups = su[ACTION].get(action, "group_ids" if env.version >= 19 else "groups_id")
    if not groups:
        model = _model_of(env, action)
        if model in env:
            env.check(model, "write")
        return
    name = "group_ids" if env.version >= 19 else "groups_id"
    mine = su["res.users"].get(env.uid, name) if env.has("res.users", name) else ()
    is_internal = not su["res.users"].get(env.uid, "share")
    users = {i for i in groups if _is_everybody(env, i)}
    if not (set(groups) & set(mine)) and not (users and is_internal):
        raise AccessError("You don't have enough access rights to run this action.")


def _is_everybody(env: Env, group: int) -> bool:
    domain = [("module", "=", "base"), ("name", "=", "group_user"), ("res_id", "=", group)]
    return bool(env.sudo()["ir.model.data"].search(domain))


def _model_of(env: Env, action: int) -> str:
    model = env.sudo()[ACTION].get(action, "model_id")
    return str(env.sudo()["ir.model"].get(model, "model")) if model else ""


def _evaluate(env: Env, action: int) -> Any:
    code = str(env.sudo()[ACTION].get(action, "code") or "")
    world = World(env)
    model_name = _model_of(env, action)
    model = world[model_name] if model_name in env else None
    record = records = None
    if model is not None and env.context.get("active_model") == model_name:
        if env.context.get("active_id"):
            record = model.browse(int(env.context["active_id"]))
        if env.context.get("active_ids"):
            records = model.browse([int(each) for each in env.context["active_ids"]])
    names: dict[str, Any] = {
        "__builtins__": dict(_BUILTINS),
        "uid": env.uid,
        "user": world.user,
        "env": world,
        "model": model,
        "record": record,
        "records": records,
        "UserError": UserError,
        "log": _silent,
        "float_compare": _float_compare,
        "datetime": SimpleNamespace(datetime=datetime, timedelta=timedelta),
    }
    try:
        exec(check_code(code), names)  # noqa: S102 - the sandbox checks what it runs
    except (OdooError, SerializationFailure, ZeroDivisionError):
        raise
    except Exception as error:
        raise ValueError(f"{error!r} while evaluating\n{code!r}") from error
    return names.get("action")


def _silent(_: str, level: str = "info") -> None:
    """`log`: the practice server keeps no log table."""


def _float_compare(first: float, second: float, precision_digits: int = 2, **_: Any) -> int:
    left, right = round(first, precision_digits), round(second, precision_digits)
    return (left > right) - (left < right)


@method("ir.actions.actions", "get_bindings", is_model=True)
def get_bindings(env: Env, model_name: str) -> dict[str, list[dict[str, Any]]]:
    """Return the server actions that are bound to a model: everybody may ask."""
    su = env.sudo()
    bound = su["ir.model"].first([("model", "=", model_name)])
    found = su[ACTION].search([("binding_model_id", "=", bound)]) if bound else []
    rows = [
        {"id": each, "name": su[ACTION].get(each, "name"), "binding_view_types": "list,form"}
        for each in found
    ]
    return {"action": rows} if rows else {}
