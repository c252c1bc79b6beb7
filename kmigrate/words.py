"""The words of import statements, read from the bytes of a file that nobody parses."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kmigrate.search import find, holds

# Packages that no project calls its own: what is used of them says nothing about layer code.
ELSEWHERE = frozenset(
    "tf tensorflow theano keras numpy scipy pandas matplotlib sklearn six cv2 PIL torch jax os sys math re json collections "
    "itertools functools logging time warnings copy typing abc datetime pickle shutil glob argparse unittest pytest "
    "contextlib dataclasses enum inspect io pathlib random string struct tempfile threading types absl".split()
)
# An import statement: at the start of a line, behind a semicolon or a colon; up to its end, over backslashes and parentheses.
_IMPORT = (
    rb"[\n\r;:][ \t\f]*(?:from%s|import%s)\b"
    rb"(?:[^\n\r(#;\\]|\\\r?.)*(?:\((?:[^)#]|#[^\n\r]*)*\))?"
)
_OTHERS = "|".join(sorted(ELSEWHERE)).encode()
_OF_PROJECT = re.compile(
    _IMPORT % (rb"(?![ \t]+(?:%s)\b)" % _OTHERS, rb"(?![ \t]+(?:%s)\b[^,\\\n\r]*[\n\r])" % _OTHERS), re.DOTALL
)
_OF_ANYTHING = re.compile(_IMPORT % (b"", b""), re.DOTALL)
# What modules call an engine that they import.
_ENGINES = (b"tf", b"T", b"tt", b"tensorflow", b"theano")
_HEAD = re.compile(rb"[\n\r;:][ \t\f]*(?:from|import)\b")
_WORD = re.compile(rb"[\w\x80-\xff]+|\*")


def imported_words(data: bytes, elsewhere: bool = False) -> str:
    """Every word of the import statements that may name modules of the project, and ``*`` where one is a star import, each once,
    between spaces. ``elsewhere``: of those that import from packages which no project calls its own as well."""
    kind = _OF_ANYTHING if elsewhere else _OF_PROJECT
    words = {word for statement in _statements(b"\n" + data, kind) for word in _WORD.findall(statement)}
    return b" ".join(sorted(words)).decode("utf-8", "replace")


def engines_taken(data: bytes) -> str:
    """``.tf`` and such, between spaces: the attributes of other modules by which a file may reach an engine."""
    return " ".join(f".{name.decode()}" for name in _ENGINES if holds(data, b".%s." % name))


def _statements(data: bytes, kind: re.Pattern[bytes]) -> Iterator[bytes]:
    """The import statements. Each holds the word ``import``, which is found several times faster than where lines begin. What
    lies before a place where it was found is not looked at again."""
    end = seen = 0
    at = find(data, b"import")
    while at >= 0:
        for head in _HEAD.finditer(data, max(_line_start(data, at, seen), end), at + len(b"import")):
            statement = kind.match(data, head.start()) if head.start() >= end else None
            if statement is not None:
                end = statement.end()
                yield statement.group()
        seen = at
        at = find(data, b"import", max(at + 1, end))


def _line_start(data: bytes, at: int, least: int) -> int:
    """Where the line begins that a place lies on, or what the line continues over backslashes; ``least`` at least."""
    start = data.rfind(b"\n", least, at)
    while start > least and data[max(start - 2, 0) : start].rstrip(b"\r").endswith(b"\\"):
        start = data.rfind(b"\n", least, start)
    return max(start, least)
