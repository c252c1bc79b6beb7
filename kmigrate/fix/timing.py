"""When code runs: as its module is imported, from top to bottom, or later, in a function that is called.

A name of the module is bound for what runs later, and for what runs at import only below the statement that binds it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from kmigrate.names import Names

_LATER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def bound_in_time(names: Names, tree: ast.Module, name: str, use: ast.AST) -> bool:
    """Whether a top-level import of ``name`` has run when ``use`` is evaluated, however the module's functions are called."""
    nodes = (binding.node for binding in names.module.bindings[name])
    bound = [node for node in nodes if isinstance(node, ast.stmt) and names.parents.get(node) is tree]
    if not bound:
        return False
    first = min(bound, key=_position)
    statement, deferred = _around(names, tree, use)
    if _position(first) < _position(statement):
        return True
    between = [node for node in tree.body if _position(statement) <= _position(node) < _position(first)] if deferred else []
    return deferred and not any(_calls(node) for node in _at_import(between))


def deleted_names(names: Names) -> set[str]:
    """The names that some ``del`` takes away, wherever it stands."""
    statements = [node for node in names.parents if node.__class__ is ast.Delete]
    return {node.id for statement in statements for node in ast.walk(statement) if isinstance(node, ast.Name)}


def _calls(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) or bool(getattr(node, "decorator_list", None))


def _position(node: ast.stmt) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _around(names: Names, tree: ast.Module, use: ast.AST) -> tuple[ast.stmt, bool]:
    """(the top-level statement around a use, whether a function has to be called before the use is evaluated)."""
    at, deferred = use, False
    while True:
        parent = names.parents[at]
        if isinstance(parent, _LATER):
            body = parent.body if isinstance(parent.body, list) else [parent.body]
            deferred = deferred or any(part is at for part in body)
        if parent is tree:
            assert isinstance(at, ast.stmt)
            return at, deferred
        at = parent


def _at_import(statements: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """Every node that is evaluated when the statements run: all but the bodies of functions."""
    todo = list(statements)
    while todo:
        node = todo.pop()
        yield node
        for field, value in ast.iter_fields(node):
            if field == "body" and isinstance(node, _LATER):
                continue
            todo += [part for part in (value if isinstance(value, list) else [value]) if isinstance(part, ast.AST)]
