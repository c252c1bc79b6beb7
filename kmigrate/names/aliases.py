"""The canonical symbols of the engines: a generated table of which spellings mean one thing.

``aliases.txt`` is made by scripts/make_aliases.py from the real libraries, and read on first use: a run over clean code never
pays for it.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

TABLE = Path(__file__).with_name("aliases.txt")
VERSIONS = ("", "compat.v1.", "compat.v2.")
_PRIVATE = ("tf.compat.", "tf.contrib.", "tf.python.")


def canonical_symbol(symbol: str) -> str:
    """The documented spelling of what ``symbol`` means: ``tf.math.reduce_sum`` for ``tf.compat.v1.reduce_sum``.

    Spellings that may mean different functions keep apart: ``tf.compat.v1.argmax`` takes its arguments in another order than
    ``tf.argmax``. An attribute of a known symbol follows it (``tf.Tensor.shape``); an unknown symbol is itself.
    """
    table = _table()[0]
    head, tail = symbol, ""
    while head:
        found = table.get(head)
        if found is not None:
            return found + tail
        head, dot, last = head.rpartition(".")
        tail = f"{dot}{last}{tail}"
    return symbol


def wider_symbol(symbol: str) -> str | None:
    """The canonical symbol that may mean whatever the canonical ``symbol`` may mean, and in another version something else.

    ``tf.argmax`` is ``tf.compat.v1.argmax`` in TensorFlow 1: what holds for the wider one in every version holds for both.
    """
    return _table()[1].get(symbol)


def is_known(symbol: str) -> bool:
    """Whether an engine of a stack has the symbol (not: an attribute of it)."""
    return symbol in _table()[0]


def spellings(symbol: str) -> list[str]:
    """Every spelling of what ``symbol`` means, the documented one first, those of private modules last."""
    head, tail = canonical_symbol(symbol), ""
    while head and head not in _spellings():
        head, dot, last = head.rpartition(".")
        tail = f"{dot}{last}{tail}"
    if not head:
        return [symbol]
    return [s + tail for s in sorted(_spellings()[head], key=lambda s: (s != head, s.startswith(_PRIVATE), s))]


@lru_cache(maxsize=1)
def _spellings() -> dict[str, set[str]]:
    """canonical spelling -> all."""
    found: dict[str, set[str]] = {}
    for spelling, canonical in _table()[0].items():
        found.setdefault(canonical, {canonical}).add(spelling)
    return found


@lru_cache(maxsize=1)
def _table() -> tuple[dict[str, str], dict[str, str]]:
    """spelling -> canonical spelling, and narrower -> wider."""
    table: dict[str, str] = {}
    wider: dict[str, str] = {}
    for line in TABLE.read_text("utf-8").splitlines():
        if line.startswith("#"):
            continue
        spellings = line.split(" ")
        canonical = spellings[0].replace("*", "")
        for spelling in spellings:
            if spelling[0] == "<":
                wider[canonical] = spelling[1:]
            elif "*" in spelling:
                for version in VERSIONS:
                    table[spelling.replace("*", version)] = canonical
            else:
                table[spelling] = canonical
    return table, wider
