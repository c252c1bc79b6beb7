"""The words of import statements, read from the bytes of a file that nobody parses."""

from __future__ import annotations

import re

# Packages that no project calls its own: what is used of them says nothing about layer code.
ELSEWHERE = frozenset(
    "tf tensorflow theano keras numpy scipy pandas matplotlib sklearn six cv2 PIL torch jax os sys math re json collections "
    "itertools functools logging time warnings copy typing abc datetime pickle shutil glob argparse unittest pytest "
    "contextlib dataclasses enum inspect io pathlib random string struct tempfile threading types absl".split()
)
# An import statement: at the start of a line, behind a semicolon or a colon; up to its end, over backslashes and parentheses.
_IMPORT = re.compile(
    rb"[\n\r;:][ \t\f]*(?:from(?![ \t]+(?:%(elsewhere)s)\b)|import(?![ \t]+(?:%(elsewhere)s)\b[^,\\\n\r]*[\n\r]))\b"
    rb"(?:[^\n\r(#;\\]|\\\r?.)*(?:\((?:[^)#]|#[^\n\r]*)*\))?" % {b"elsewhere": "|".join(sorted(ELSEWHERE)).encode()},
    re.DOTALL,
)
_WORD = re.compile(rb"[\w\x80-\xff]+")


def imported_words(data: bytes) -> str:
    """Every word of the import statements that may name modules of the project, each once, between spaces."""
    words = {word for match in _IMPORT.finditer(b"\n" + data) for word in _WORD.findall(match.group())}
    return b" ".join(sorted(words)).decode("utf-8", "replace")
