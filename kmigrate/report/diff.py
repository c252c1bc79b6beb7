"""Unified diffs that ``git apply`` and ``patch -p1`` accept."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator
from typing import Literal

from kmigrate.report.common import paint

Tag = Literal["replace", "delete", "insert", "equal"]

_PIECE = 500
_NO_NEWLINE = "\\ No newline at end of file\n"


def unified(path: str, old: str, new: str, color: bool = False) -> str:
    """The diff from ``old`` to ``new``; empty where they are the same.

    Texts come with their original newlines: only ``\\n`` ends a line of a diff, so the ``\\r`` of a CRLF file
    is part of its lines, as it is for git. ``path`` is relative to where the diff will be applied.
    """
    lines = _unified(_lines(old), _lines(new), _header_name("a", path), _header_name("b", path))
    return "".join(_finished(lines, color))


def _unified(old: list[str], new: list[str], from_name: str, to_name: str) -> Iterator[str]:
    """As ``difflib.unified_diff``, whose time grows with the square of a long file's changes, but piece by piece."""
    if old == new:
        return
    groups = _Piecewise(old, new).get_grouped_opcodes()
    yield from (f"--- {from_name}\n", f"+++ {to_name}\n")
    for group in groups:
        spans = (group[0][1], group[-1][2]), (group[0][3], group[-1][4])
        yield "@@ -{} +{} @@\n".format(*(_span(*span) for span in spans))
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                yield from (" " + line for line in old[i1:i2])
            else:
                yield from ("-" + line for line in old[i1:i2])
                yield from ("+" + line for line in new[j1:j2])


def _pieces(old: list[str], new: list[str]) -> Iterator[tuple[int, int, int, int]]:
    """Both texts cut where a line that occurs once in each is the same, into pieces of some hundred lines."""
    once = Counter(old)
    places = {line: number for number, line in enumerate(new)}
    repeated = {line for line, count in Counter(new).items() if count > 1}
    i = j = 0
    for number, line in enumerate(old):
        place = places.get(line, -1)
        if number >= i + _PIECE and once[line] == 1 and place >= j and line not in repeated:
            yield i, number, j, place
            i, j = number, place
    yield i, len(old), j, len(new)


class _Piecewise(difflib.SequenceMatcher[str]):
    """Compares the pieces of two texts by themselves."""

    def __init__(self, old: list[str], new: list[str]) -> None:
        super().__init__(None, [], [])
        self.texts = old, new

    def get_opcodes(self) -> list[tuple[Tag, int, int, int, int]]:
        codes: list[tuple[Tag, int, int, int, int]] = []
        old, new = self.texts
        for i1, i2, j1, j2 in _pieces(old, new):
            for tag, a1, a2, b1, b2 in _compared(old[i1:i2], new[j1:j2]):
                if codes and codes[-1][0] == tag == "equal":  # a run of equal lines goes on over the cut
                    _, a0, _, b0, _ = codes.pop()
                    codes.append((tag, a0, i1 + a2, b0, j1 + b2))
                else:
                    codes.append((tag, i1 + a1, i1 + a2, j1 + b1, j1 + b2))
        return codes


def _compared(old: list[str], new: list[str]) -> Iterator[tuple[Tag, int, int, int, int]]:
    """What differs between two pieces. In texts of 200 lines difflib does not look for lines that occur often (``else:``), so
    what it calls replaced is compared once more by itself: such a line between two that changed did not change."""
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new).get_opcodes():
        if tag != "replace":
            yield tag, i1, i2, j1, j2
            continue
        for inner, a1, a2, b1, b2 in difflib.SequenceMatcher(None, old[i1:i2], new[j1:j2]).get_opcodes():
            yield inner, i1 + a1, i1 + a2, j1 + b1, j1 + b2


def _span(start: int, stop: int) -> str:
    """Lines as a diff's header counts them: an empty range stands after the line that it names."""
    length = stop - start
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    last = lines.pop()
    return [line + "\n" for line in lines] + ([last] if last else [])


def _finished(lines: Iterator[str], color: bool) -> Iterator[str]:
    for number, line in enumerate(lines):
        body = line.removesuffix("\n")
        yield paint(body, _style(number, body), color) + "\n"
        if not line.endswith("\n"):
            yield _NO_NEWLINE


def _style(number: int, line: str) -> str:
    if number < 2:
        return "bold"
    return {"+": "green", "-": "red", "@": "cyan"}.get(line[0], "default")


def _header_name(side: str, path: str) -> str:
    """A file name as git writes it: quoted if it holds anything unusual, with a tab after a space in it."""
    name = path if path.startswith("/") else f"{side}/{path}"
    if name.isprintable() and not set(name) & set('"\\'):
        return name + "\t" if " " in name else name
    return '"' + "".join(_quoted(byte) for byte in name.encode("utf-8", "surrogateescape")) + '"'


def _quoted(byte: int) -> str:
    char = chr(byte)
    if char in '"\\':
        return "\\" + char
    return char if 32 <= byte < 127 else f"\\{byte:03o}"
