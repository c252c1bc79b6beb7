"""The nodes of a syntax tree as this house walks them: what stands below one, without what has no place of its own."""

from __future__ import annotations

import ast

# Fields of a node that hold no expressions or statements; context and operators are nodes, but shared ones without a place.
_NO_CHILDREN = frozenset(
    "ctx op ops name id attr arg level module names type_comment type_ignores kind conversion simple is_async kwd_attrs rest "
    "str".split()
)
LEAVES = frozenset({ast.Constant, ast.Pass, ast.Break, ast.Continue, ast.MatchSingleton, type(None)})
_FIELDS: dict[type, tuple[str, ...]] = {}


def last_name(node: ast.expr) -> str:
    """``c`` of ``a.b.c``; empty for what is neither a name nor an attribute."""
    if node.__class__ is ast.Attribute:
        return node.attr
    return node.id if node.__class__ is ast.Name else ""


def parts_of(node: ast.AST) -> list[ast.AST]:
    """The expressions and statements right below a node, in no particular order: ``ast.iter_child_nodes`` at a third of its
    price, without operators and contexts."""
    found: list[ast.AST] = []
    for field in () if node.__class__ in LEAVES else fields_of(node.__class__):
        value = getattr(node, field)
        if value.__class__ is list:
            found += [child for child in value if child.__class__ not in LEAVES]
        elif value.__class__ not in LEAVES:
            found.append(value)
    return found


def fields_of(kind: type) -> tuple[str, ...]:
    """The fields that hold expressions or statements, the last first."""
    fields = _FIELDS.get(kind)
    if fields is None:
        # mypy: every class of nodes has ``_fields``, and a dict of ``type`` does not say so.
        fields = _FIELDS[kind] = tuple(f for f in reversed(kind._fields) if f not in _NO_CHILDREN)  # type: ignore[attr-defined]
    return fields
