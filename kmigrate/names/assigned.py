"""Which value an assignment gives to its target."""

from __future__ import annotations

import ast
from collections.abc import Mapping


def assigned_value(target: ast.expr, parent: ast.AST) -> ast.expr | None:
    """The value of ``target = value`` and its like; None where the target gets a part of it, or another value each time."""
    if parent.__class__ is ast.Assign:
        return parent.value if target in parent.targets else None
    if isinstance(parent, (ast.AnnAssign, ast.NamedExpr)) and parent.target is target:
        return parent.value
    return None


def own_part(target: ast.expr, parts: ast.AST, parents: Mapping[ast.AST, ast.AST]) -> ast.expr | None:
    """The value of ``target`` in ``a, target = x, value``; None where it is not written out."""
    statement = parents[parts]
    if not isinstance(statement, ast.Assign) or parts not in statement.targets or not isinstance(parts, (ast.Tuple, ast.List)):
        return None
    values = statement.value.elts if isinstance(statement.value, (ast.Tuple, ast.List)) else []
    plain = not any(isinstance(part, ast.Starred) for part in [*parts.elts, *values])
    return values[parts.elts.index(target)] if plain and len(values) == len(parts.elts) else None


def whole_value(parts: ast.AST, parents: Mapping[ast.AST, ast.AST]) -> ast.expr | None:
    """The value that is taken apart in ``a, b = value``."""
    statement = parents.get(parts)
    return statement.value if isinstance(statement, ast.Assign) and parts in statement.targets else None
