"""The guard can call whatever an action calls."""

from __future__ import annotations

import ast
from pathlib import Path

import connectors.odoo
from connectors.odoo.guard import METHODS

FOLDER = Path(connectors.odoo.__file__).parent


def texts(node: ast.expr | None) -> set[str]:
    """Return the texts that an expression may have: one, or one of two."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return {node.value}
    if isinstance(node, ast.IfExp):
        return texts(node.body) | texts(node.orelse)
    return set()


def called_methods() -> set[str]:
    """Return every name that stands for a method in the actions: `method = ...`, and what `send` is given."""
    found: set[str] = set()
    for path in sorted(FOLDER.glob("*_actions.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Assign(targets=[ast.Name(id="method")], value=value):
                    found |= texts(value)
                case ast.AnnAssign(target=ast.Name(id="method"), value=value):
                    found |= texts(value)
                case ast.Call(func=ast.Attribute(attr="send"), args=[_, _, _, method, *_]):
                    found |= texts(method)
                case _:
                    pass
    return found


def test_guard_knows_every_method() -> None:
    """A method that an action calls and the guard does not know would be refused wherever the guard is installed."""
    found = called_methods()

    assert {"write", "button_cancel", "action_cancel"} <= found
    assert set() == found - {*METHODS, "write"}
