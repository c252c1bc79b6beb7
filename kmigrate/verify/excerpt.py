"""The lines of one unit in the original text, and what became of them in the rewritten one."""

from __future__ import annotations

import ast
import difflib

from kmigrate.verify.anatomy import definition_of


def excerpt(original: str, rewritten: str, qualname: str, line: int) -> tuple[int, str, str]:
    """(first line, lines before, lines after) of one unit; empty texts where the original has no such unit.

    A lambda is shown with the statement that it stands in, and so is anything that ``line`` alone finds.
    """
    try:
        tree = ast.parse(original)
    except SyntaxError:
        return 0, "", ""
    node: ast.AST | None = definition_of(tree, qualname) or _statement(tree, line)
    if node is None:
        return 0, "", ""
    first, last = _lines(node)
    old, new = original.splitlines(keepends=True), rewritten.splitlines(keepends=True)
    start, end = _image(old, new, first - 1, last)
    return first, "".join(old[first - 1 : last]), "".join(new[start:end])


def _lines(node: ast.AST) -> tuple[int, int]:
    """First and last line, decorators included."""
    decorators = [item.lineno for item in getattr(node, "decorator_list", ())]
    return min([node.lineno, *decorators]), node.end_lineno or node.lineno  # type: ignore[attr-defined]  # a statement


def _statement(tree: ast.Module, line: int) -> ast.stmt | None:
    """The innermost statement that covers a line."""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or 0)]
    return min(found, key=lambda node: (node.end_lineno or 0) - node.lineno, default=None)


def _image(old: list[str], new: list[str], start: int, end: int) -> tuple[int, int]:
    """Where the lines ``old[start:end]`` lie in ``new``: the ends of a changed stretch go with it."""
    left, right = len(new), 0
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if i2 <= start or i1 >= end:
            continue
        same = tag == "equal"
        left = min(left, j1 + (max(start, i1) - i1 if same else 0))
        right = max(right, j1 + (min(end, i2) - i1) if same else j2)
    return (left, right) if left <= right else (0, 0)
