"""The gate: what the bytes of a file tell before anything is parsed. Where it says no, the answer is certain.

Reading bytes costs a hundredth of parsing them (evidence: speed of reading Python), so this decides the speed of a run: most
files are told apart here by a few searches. What looks closer is loaded for those that are suspect.
"""

from __future__ import annotations

import re

from kmigrate.search import find, holds, places

# How statements of Python 2 begin, and what then follows.
_PYTHON_2 = (
    (b"print", re.compile(rb"[ \t]+[\w\"']")),
    (b"exec", re.compile(rb"[ \t]+[\w\"']")),
    (b"raise", re.compile(rb"[ \t]+\w+,")),
    (b"except", re.compile(rb"[^:(\n]+,[^:\n]*:")),
)
# What no operand ends and begins with; what stands between quotes is a text.
_NO_END = frozenset(bytes([char]) for char in b"[({,:;=<>!%&*+-/|^~@")
_NO_START = frozenset(bytes([char]) for char in b"])},:;=<>!%&*/|^@")
_QUOTES = (b'"', b"'")
_LONG_LINE = 1000


def may_use_engine(data: bytes) -> bool:
    """False only where the file cannot reach an engine by itself (through another file of the project it still may)."""
    if not (holds(data, b"tensorflow") or holds(data, b"keras") or holds(data, b"theano")):
        return False
    from kmigrate.traces import may_lead_to_engine

    return may_lead_to_engine(data)


def may_be_unreadable(data: bytes) -> bool:
    """Whether a file that names no engine may be no Python 3: such a file is parsed, so that its error is reported.

    Parsing every clean file would double the price of a run; what is missed are syntax errors that look like Python 3.
    """
    if b"\0" in data or (data.find(b"coding", 0, 400) >= 0 and _declares_encoding(data)):
        return True
    suspects = [at for at in places(data, b"<>") if _is_operator(data, at)]
    tabs = b"\t" in data
    for word, following in _PYTHON_2:
        suspects += _statements(data, word, word + b" ", following)
        if tabs:
            suspects += _statements(data, word, word + b"\t", following)
    if suspects and _in_code(data, suspects):
        return True
    if data.isascii():
        return False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False


def _declares_encoding(data: bytes) -> bool:
    from kmigrate.old_text import declares_encoding

    return declares_encoding(data)


def _in_code(data: bytes, suspects: list[int]) -> bool:
    from kmigrate.old_text import in_code

    return in_code(data, suspects)


def _is_operator(data: bytes, at: int) -> bool:
    before, after = _line_before(data, at), data[at + 2 : at + 40].lstrip(b" \t")[:1]
    if before.startswith(b"#") or before[-1:] in _NO_END or (after in _QUOTES and data[at - 1 : at] in _QUOTES):
        return False
    return after not in _NO_START


def _statements(data: bytes, word: bytes, head: bytes, following: re.Pattern[bytes]) -> list[int]:
    """Where a line begins with a word, a blank (both are the ``head``) and what makes it a statement of Python 2."""
    found = []
    at = find(data, head)
    while at >= 0:
        if following.match(data, at + len(word)) and not _line_before(data, at):
            found.append(at)
        at = find(data, head, at + len(head))
    return found


def _line_before(data: bytes, at: int) -> bytes:
    """What stands before a place on its line, without the blanks around it; of a very long line the last part, so that many
    places on it do not cost its length each."""
    first = max(at - _LONG_LINE, 0)
    return data[max(data.rfind(b"\n", first, at) + 1, first) : at].strip()
