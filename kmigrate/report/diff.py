"""Unified diffs that ``git apply`` and ``patch -p1`` accept."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from kmigrate.report.common import paint

_NO_NEWLINE = "\\ No newline at end of file\n"


def unified(path: str, old: str, new: str, color: bool = False) -> str:
    """The diff from ``old`` to ``new``; empty where they are the same.

    Texts come with their original newlines: only ``\\n`` ends a line of a diff, so the ``\\r`` of a CRLF file
    is part of its lines, as it is for git. ``path`` is relative to where the diff will be applied.
    """
    lines = difflib.unified_diff(_lines(old), _lines(new), _header_name("a", path), _header_name("b", path), lineterm="\n")
    return "".join(_finished(lines, color))


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
