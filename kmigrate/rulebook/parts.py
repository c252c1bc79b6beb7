"""A part of a tensor along one axis, and the pieces around it: what an assignment to the part is made of."""

from __future__ import annotations

import ast

Part = tuple[int, "int | None", "int | None", bool]


def part_of(node: ast.expr) -> Part | None:
    """(axis, start, stop, whether it is one index) of ``x[:, 1:-1]`` and ``x[:, 0]``: one stretch of one axis with literal ends.

    None for any other expression: several axes, steps, names, ``...``.
    """
    if not isinstance(node, ast.Subscript):
        return None
    entries = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    found: Part | None = None
    for axis, entry in enumerate(entries):
        if isinstance(entry, ast.Slice) and entry.lower is entry.upper is entry.step is None:
            continue
        stretch = _stretch(entry)
        if stretch is None or found is not None:
            return None
        found = (axis, *stretch)
    return found


def pieces_of(part: Part) -> list[slice | None]:
    """The slices along the axis in their order, None where the part itself stands; pieces that are always empty are left out."""
    _, start, stop, _ = part
    pieces: list[slice | None] = [None]
    if start not in (None, 0):
        pieces.insert(0, slice(None, start))
    if stop is not None:
        pieces.append(slice(stop, None))
    return pieces


def _stretch(entry: ast.expr) -> tuple[int | None, int | None, bool] | None:
    if isinstance(entry, ast.Slice):
        start, stop = _integer(entry.lower), _integer(entry.upper)
        known = (entry.lower is None or start is not None) and (entry.upper is None or stop is not None)
        crossed = start is not None and stop is not None and ((start < 0) != (stop < 0) or stop < start) and not start >= 0 > stop
        return (start, stop, False) if known and entry.step is None and not crossed else None
    index = _integer(entry)
    if index is None:
        return None
    return index, None if index == -1 else index + 1, True


def _integer(node: ast.expr | None) -> int | None:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _integer(node.operand)
        return None if inner is None else -inner
    return node.value if isinstance(node, ast.Constant) and type(node.value) is int else None
