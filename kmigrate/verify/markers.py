"""Parts of a module's text handed through functions of the worker, so that a run tells of them. No line moves."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from kmigrate.model import Span

RAN = "__kmigrate_ran__"
"""``worker/executing.py`` defines it."""


def wrapped(text: str, parts: Sequence[tuple[Span, str]]) -> str | None:
    """The text with each part as the last argument of a call: ``begin part)``. None where nothing is to be wrapped, or where what
    comes out does not parse."""
    # Outer before inner at one start, inner before outer at one end.
    inserts = [(start, -end, begin) for (start, end), begin in parts] + [(end, -start, ")") for (start, end), _ in parts]
    pieces, position = [], 0
    for at, _, added in sorted(inserts, key=lambda item: (item[0], item[2] != ")", item[1])):
        pieces += [text[position:at], added]
        position = at
    changed = "".join([*pieces, text[position:]])
    return changed if parts and parses(changed) else None


def marked(text: str, uses: Sequence[Span]) -> tuple[str, frozenset[int]]:
    """The text with every use reporting that it was evaluated, and the numbers of those that could not be marked: what stands
    where only certain text may stand, such as a part of a literal."""
    parts = {number: (use, f"{RAN}({number}, ") for number, use in enumerate(uses)}
    changed = wrapped(text, list(parts.values()))
    if changed is not None or not parts:
        return changed or text, frozenset()
    refused = frozenset(number for number, part in parts.items() if wrapped(text, [part]) is None)
    rest = wrapped(text, [part for number, part in parts.items() if number not in refused])
    return (rest, refused) if rest is not None else (text, frozenset(parts))


def parses(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return False
    return True
