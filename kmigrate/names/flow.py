"""Which of the bindings of one name a use can see: a later one hides an earlier one only where it always runs in between."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from kmigrate.names.scopes import Binding

_BRANCHES = ("orelse", "finalbody", "handlers", "cases")
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

Block = tuple[int, str]  # the statement that holds it, and where in it


def reaching(bindings: Sequence[Binding], use: ast.expr | None, parents: Mapping[ast.AST, ast.AST]) -> list[Binding]:
    """The bindings that a use in the same scope may see; with ``use`` None, those that hold when the scope has run.

    A use that stands before every binding (in a loop, say) sees them all.
    """
    ordered = sorted(bindings, key=lambda b: b.position)
    around_use: frozenset[Block] = frozenset()
    if use is not None:
        before = [b for b in ordered if b.position < (use.lineno, use.col_offset) and not _is_made_of(b, use, parents)]
        if before:
            ordered = before
            around_use = frozenset(_blocks(use, parents))
    alive: list[Binding] = []
    blocks = {id(b): _blocks(b.node, parents) for b in ordered}
    for binding in ordered:
        own = blocks[id(binding)][0] if blocks[id(binding)] else None
        if own is None or own in around_use:
            alive = [binding]
        else:
            alive = [b for b in alive if own not in blocks[id(b)]]
            alive.append(binding)
    return alive


def _is_made_of(binding: Binding, use: ast.expr, parents: Mapping[ast.AST, ast.AST]) -> bool:
    """Whether the use stands in the value that the binding's statement assigns: ``tf = tf.compat.v1`` sees the older ``tf``."""
    at = binding.node
    while isinstance(at, (ast.Tuple, ast.List)):
        at = parents.get(at)
    if not isinstance(at, (ast.Assign, ast.AnnAssign, ast.AugAssign)) or at.value is None:
        return False
    value, place = at.value, (use.lineno, use.col_offset)
    end = (value.end_lineno or value.lineno, value.end_col_offset or value.col_offset)
    return (value.lineno, value.col_offset) <= place < end


def _blocks(node: ast.AST | None, parents: Mapping[ast.AST, ast.AST]) -> list[Block]:
    """The blocks that a node stands in, innermost first, up to the definition around it; empty for a parameter."""
    found: list[Block] = []
    at = node
    while at is not None:
        parent = parents.get(at)
        if parent is None:
            break
        if isinstance(at, (ast.stmt, ast.ExceptHandler, ast.match_case)):
            found.append((id(parent), _field(parent, at)))
            if isinstance(parent, _DEFINITIONS):
                break
        elif isinstance(parent, ast.Lambda) and parent.body is at:
            break
        at = parent
    return found


def _field(parent: ast.AST, child: ast.AST) -> str:
    for name in _BRANCHES:
        block = getattr(parent, name, None)
        if block and child in block:
            # The handlers of a ``try`` and the cases of a ``match`` exclude each other: each is a block of its own.
            return f"{name}{id(child)}" if name in ("handlers", "cases") else name
    return "body"
