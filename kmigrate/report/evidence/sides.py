"""Two texts side by side: rows of (line number, left, right), with the changed words of a line marked."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest

Pieces = tuple[tuple[str, bool], ...]
"""A line as (text, whether it changed)."""

_CONTEXT = 6
_WORD = re.compile(r"\w+|\s+|.")


@dataclass(frozen=True, slots=True)
class Row:
    """``kind`` is same, changed, removed, added or folded; ``number`` is that of the left line; a side that is not there is None.

    A folded row stands for ``lines`` equal ones.
    """

    kind: str
    number: int | None
    left: Pieces | None
    right: Pieces | None
    lines: int = 1


def side_by_side(before: str, after: str, first: int = 1) -> list[Row]:
    """The rows of two texts. Long stretches without a change are folded, but for the lines around and the first ones."""
    old, new = before.splitlines(), after.splitlines()
    rows = []
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        for offset, (left, right) in enumerate(zip_longest(old[i1:i2], new[j1:j2])):
            number = first + i1 + offset if left is not None else None
            if tag == "equal":
                rows.append(Row("same", number, ((left, False),), ((right, False),)))
            else:
                rows.append(_changed(number, left, right))
    return _folded(rows)


def _folded(rows: list[Row]) -> list[Row]:
    near = {0, 1}
    for index, row in enumerate(rows):
        if row.kind != "same":
            near.update(range(index - _CONTEXT, index + _CONTEXT + 1))
    shown: list[Row] = []
    for is_near, group in groupby(enumerate(rows), lambda item: item[0] in near):
        stretch = [row for _, row in group]
        if is_near or len(stretch) <= _CONTEXT:
            shown += stretch
        else:
            shown.append(Row("folded", stretch[0].number, None, None, len(stretch)))
    return shown


def _changed(number: int | None, left: str | None, right: str | None) -> Row:
    if left is None:
        return Row("added", None, None, ((right or "", True),))
    if right is None:
        return Row("removed", number, ((left, True),), None)
    one, two = _WORD.findall(left), _WORD.findall(right)
    codes = difflib.SequenceMatcher(None, one, two, autojunk=False).get_opcodes()
    return Row(
        "changed",
        number,
        _pieces(one, [(tag, i1, i2) for tag, i1, i2, _, _ in codes]),
        _pieces(two, [(tag, j1, j2) for tag, _, _, j1, j2 in codes]),
    )


def _pieces(words: Sequence[str], codes: Sequence[tuple[str, int, int]]) -> Pieces:
    return tuple(("".join(words[start:end]), tag != "equal") for tag, start, end in codes if end > start)
