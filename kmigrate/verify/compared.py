"""The words that code compares its parameters with: ``mode == "max"``, ``self.mode in ("max", "sum")``, ``mode not in TABLE``."""

from __future__ import annotations

import ast
from collections.abc import Collection

_MOST = 6
_OPERATORS = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)


def choices(nodes: Collection[ast.AST], names: Collection[str]) -> dict[str, tuple[str, ...]]:
    """For each parameter the words that it, or the attribute of its name, is compared with, in the order of the text."""
    found: dict[str, list[str]] = {}
    tables = _tables(nodes)
    for node in nodes:
        for part in ast.walk(node):
            if (
                isinstance(part, ast.Compare)
                and len(part.ops) == 1
                and isinstance(part.ops[0], (ast.Eq, ast.NotEq, ast.In, ast.NotIn))
            ):
                name = _parameter(part.left)
                if name in names:
                    found.setdefault(name, []).extend(_words(part.comparators[0], tables))
    return {name: tuple(dict.fromkeys(words))[:_MOST] for name, words in found.items() if words}


def _parameter(node: ast.expr) -> str:
    """``mode`` for ``mode``, ``self.mode``, ``mode.lower()``."""
    if isinstance(node, ast.Call) and not node.args and isinstance(node.func, ast.Attribute):
        node = node.func.value
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
        return node.attr.lstrip("_")
    return node.id if isinstance(node, ast.Name) else ""


def _tables(nodes: Collection[ast.AST]) -> dict[str, ast.expr]:
    """Names that are bound to a display of words."""
    found = {}
    for node in nodes:
        for part in ast.walk(node):
            if isinstance(part, ast.Assign) and isinstance(part.targets[0], ast.Name) and _words(part.value, {}):
                found[part.targets[0].id] = part.value
    return found


def _words(node: ast.expr | None, tables: dict[str, ast.expr]) -> list[str]:
    if isinstance(node, ast.Name):
        return _words(tables.get(node.id), {})
    items: list[ast.expr | None] = [node]
    if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        items = list(node.elts)
    elif isinstance(node, ast.Dict):
        items = list(node.keys)
    return [item.value for item in items if isinstance(item, ast.Constant) and isinstance(item.value, str)]
