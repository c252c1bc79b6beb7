"""The gate: what the bytes of a file tell before anything is parsed. Where it says no, the answer is certain.

Reading bytes costs a hundredth of parsing them (evidence: speed of reading Python), so this decides the speed of a run.
"""

from __future__ import annotations

import re

_ENGINE = re.compile(rb"tensorflow|theano")
# An engine's name as Python code would have it to import or reach it; elsewhere it stands in comments and texts.
_REACHED = re.compile(
    rb"\b(?:import|from)[ \t][^\n]*?(?:tensorflow|theano)"
    rb"|\\\r?\n[^\n]*(?:tensorflow|theano)"
    rb"|(?:tensorflow|theano)_backend\b"
    rb"|^[ \t]*(?:tensorflow|theano)\b[ \t]*(?:as\b|,|\)|$)"
    rb"|import_module|__import__"
    rb"|\.theano\b",
    re.MULTILINE,
)
_THROUGH_KERAS = re.compile(rb"\.(?:tf|T|theano)\b")
# Methods that only an engine's tensors have: they tie a layer to it in a file that never names the engine.
_METHODS = re.compile(rb"\.(?:get_shape|set_shape|as_list|dimshuffle|assign_add|assign_sub|set_value|get_value)\b")
# Packages that no project calls its own: what is used of them says nothing about layer code.
ELSEWHERE = frozenset(
    "tf tensorflow theano keras numpy scipy pandas matplotlib sklearn six cv2 PIL torch jax os sys math re json collections "
    "itertools functools logging time warnings copy typing abc datetime pickle shutil glob argparse unittest pytest "
    "contextlib dataclasses enum inspect io pathlib random string struct tempfile threading types absl".split()
)
_IMPORT = re.compile(
    rb"^[ \t]*(?:from|import)\b(?![ \t]+(?:%s)\b)[^\n(]*(?:\([^)]*\))?" % "|".join(sorted(ELSEWHERE)).encode(), re.MULTILINE
)
_WORD = re.compile(rb"\w+")
_PYTHON_2 = re.compile(
    rb"^[ \t]*(?:print[ \t]+[\w\"']|exec[ \t]+[\w\"']|except[^:(\n]*,[^:\n]*:|raise[ \t]+\w+,)|<>", re.MULTILINE
)
_CODING = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*(?!utf-?8)", re.MULTILINE)


def may_use_engine(data: bytes) -> bool:
    """False only where the file cannot reach an engine by itself (through another file of the project it still may)."""
    if _ENGINE.search(data) and (_REACHED.search(data) or _THROUGH_KERAS.search(data)):
        return True
    return b"keras" in data and bool(_THROUGH_KERAS.search(data) or _METHODS.search(data))


def has_methods(data: bytes) -> bool:
    """Whether the text has a method that only an engine's tensors have."""
    return bool(_METHODS.search(data))


def may_be_unreadable(data: bytes) -> bool:
    """Whether a file that names no engine may be no Python 3: such a file is parsed, so that its error is reported.

    Parsing every clean file would double the price of a run; what is missed are syntax errors that look like Python 3.
    """
    if b"\0" in data or _PYTHON_2.search(data) or _CODING.search(data[:400]):
        return True
    if data.isascii():
        return False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False


def imported_words(data: bytes) -> str:
    """Every word of the import statements that may name modules of the project, each once, between spaces."""
    words = {word for match in _IMPORT.finditer(data) for word in _WORD.findall(match.group())}
    return b" ".join(sorted(words)).decode("utf-8", "replace")
