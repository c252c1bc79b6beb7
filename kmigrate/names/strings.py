"""Annotations in strings: their expressions, placed where they stand in the file."""

from __future__ import annotations

import ast
import re

# Anything else cannot name an engine's symbol: no name, or no expression.
_ANNOTATION = re.compile(r"[A-Za-z_][\w.\[\], |'\"()]*")
_LONGEST = 500


def annotation_of(text: ast.Constant) -> ast.expr | None:
    """The expression in a string annotation, or None where the string is none.

    Its nodes have the places that they have in the file, or, where quotes and escapes make these unknown, that of the string.
    """
    value = text.value
    if not isinstance(value, str) or len(value) > _LONGEST or not _ANNOTATION.fullmatch(value):
        return None
    try:
        expression = ast.parse(value, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    plain = text.lineno == text.end_lineno and (text.end_col_offset or 0) - text.col_offset == len(value.encode()) + 2
    for node in ast.walk(expression):
        if isinstance(node, ast.expr):
            node.lineno, node.end_lineno = text.lineno, text.end_lineno
            if plain:
                node.col_offset += text.col_offset + 1
                node.end_col_offset = (node.end_col_offset or 0) + text.col_offset + 1
            else:
                node.col_offset, node.end_col_offset = text.col_offset, text.end_col_offset
    return expression
