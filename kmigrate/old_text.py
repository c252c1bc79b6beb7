"""What the gate's suspects (``gate.py``) turn out to be: Python 2 or prose, an encoding of other times or UTF-8."""

from __future__ import annotations

import re
from collections.abc import Iterable

_CODING = re.compile(rb"^[ \t\f]*#.*?coding[:=](?![ \t]*utf-?8)", re.MULTILINE)
# Comments and texts; each begins with plain text, so that the search jumps to its first letter. A quote that is not closed on its
# line begins no text.
_TEXT = re.compile(
    b"|".join(
        [
            rb"#[^\n]*",
            rb'"""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*"""',
            rb"'''[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*'''",
            rb'"[^"\\\n]*(?:\\.[^"\\\n]*)*"',
            rb"'[^'\\\n]*(?:\\.[^'\\\n]*)*'",
        ]
    ),
    re.DOTALL,
)


def declares_encoding(data: bytes) -> bool:
    """Whether a comment at the head of a file names another encoding than UTF-8."""
    return _CODING.search(data[:400]) is not None


def in_code(data: bytes, places: Iterable[int]) -> bool:
    """Whether one of some places (at least one) lies in no comment and no text."""
    found = sorted(places)
    number = 0
    for text in _TEXT.finditer(data):
        if found[number] < text.start():
            return True
        while found[number] < text.end():
            number += 1
            if number == len(found):
                return False
    return True
