"""The gate: what the bytes of a file tell before anything is parsed. Where it says no, the answer is certain.

Reading bytes costs a hundredth of parsing them (evidence: speed of reading Python), so this decides the speed of a run: most
files are told apart here by a few searches. What looks closer is loaded for those that are suspect.
"""

from __future__ import annotations

import re

# A search for a pattern jumps to its first letter: where that is a rare one, it is twice as fast as ``in``, and where it is a
# frequent one (or the pattern an alternative, which is tried at every place), slower. So these begin with k, x, p and r.
_KERAS = re.compile(rb"keras")
# Statements of Python 2, and what stands on the line before the pattern begins.
_PYTHON_2 = (
    (b"e", re.compile(rb"x(?:ec[ \t]+[\w\"']|cept[^:(\n]*,[^:\n]*:)")),
    (b"", re.compile(rb"print[ \t]+[\w\"']")),
    (b"", re.compile(rb"raise[ \t]+\w+,")),
)
# What no operand ends and begins with; what stands between quotes is a text.
_NO_END = frozenset(bytes([char]) for char in b"[({,:;=<>!%&*+-/|^~@")
_NO_START = frozenset(bytes([char]) for char in b"])},:;=<>!%&*/|^@")
_QUOTES = (b'"', b"'")
_LONG_LINE = 1000


def may_use_engine(data: bytes) -> bool:
    """False only where the file cannot reach an engine by itself (through another file of the project it still may)."""
    if b"tensorflow" not in data and _KERAS.search(data) is None and b"theano" not in data:
        return False
    from kmigrate.traces import may_lead_to_engine

    return may_lead_to_engine(data)


def may_be_unreadable(data: bytes) -> bool:
    """Whether a file that names no engine may be no Python 3: such a file is parsed, so that its error is reported.

    Parsing every clean file would double the price of a run; what is missed are syntax errors that look like Python 3.
    """
    if b"\0" in data or (data.find(b"coding", 0, 400) >= 0 and _declares_encoding(data)):
        return True
    suspects = _unequal(data) if b"<" in data else []
    for head, pattern in _PYTHON_2:
        if pattern.search(data) is not None:
            suspects += _statements(data, head, pattern)
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


def _unequal(data: bytes) -> list[int]:
    """Where ``<>`` stands between what may be operands. A search for one byte is many times faster than one for two."""
    found = []
    at = data.find(b"<")
    while at >= 0:
        if data.startswith(b">", at + 1) and _is_operator(data, at):
            found.append(at)
        at = data.find(b"<", at + 1)
    return found


def _is_operator(data: bytes, at: int) -> bool:
    before, after = _line_before(data, at), data[at + 2 : at + 40].lstrip(b" \t")[:1]
    if before.startswith(b"#") or before[-1:] in _NO_END or (after in _QUOTES and data[at - 1 : at] in _QUOTES):
        return False
    return after not in _NO_START


def _statements(data: bytes, head: bytes, pattern: re.Pattern[bytes]) -> list[int]:
    """Where a line begins with a statement of Python 2."""
    starts = [match.start() for match in pattern.finditer(data)]
    return [at for at in starts if _line_before(data, at) == head]


def _line_before(data: bytes, at: int) -> bytes:
    """What stands before a place on its line, without the blanks around it; of a very long line the last part, so that many
    places on it do not cost its length each."""
    first = max(at - _LONG_LINE, 0)
    return data[max(data.rfind(b"\n", first, at) + 1, first) : at].strip()
