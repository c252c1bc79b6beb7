"""What this process has parsed and will probably be asked about again.

A file is surveyed first and examined when the project is known; what lies between are its text, its tree and the scopes in it,
which cost most of both steps. They stay here, by content, up to an amount of source; where they were put away, or the file is
examined in another process, it is parsed once more.
"""

from __future__ import annotations

from kmigrate.light import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from kmigrate.names import Walk
    from kmigrate.source import Source


class Parsed(NamedTuple):
    """A file's source (its path is nobody's) and the pass over its names."""

    source: Source
    walk: Walk


class Workbench:
    """``limit`` is in characters of source, of which each takes about fifty bytes here. In a run over more than ``worth`` bytes
    of source most would have to give way before it is asked for, and nothing is kept."""

    def __init__(self, limit: int, worth: int = 1 << 62) -> None:
        self._limit = limit
        self._worth = worth
        self._open = True
        self._size = 0
        self._parsed: dict[str, Parsed] = {}

    def clear_for(self, size: int) -> None:
        """Put everything away, for a run over ``size`` bytes of source."""
        self._parsed.clear()
        self._size = 0
        self._open = size <= self._worth

    def put(self, digest: str, parsed: Parsed) -> None:
        """Keep what was made of the bytes with this digest; the oldest gives way."""
        self.take(digest)
        size = len(parsed.source.text)
        if size > self._limit or not self._open:
            return
        while self._size + size > self._limit:
            self.take(next(iter(self._parsed)))
        self._size += size
        self._parsed[digest] = parsed

    def take(self, digest: str) -> Parsed | None:
        """What was made of the bytes with this digest, if it is still here; not kept any longer."""
        parsed = self._parsed.pop(digest, None)
        if parsed is not None:
            self._size -= len(parsed.source.text)
        return parsed


WORKBENCH = Workbench(2_000_000, worth=30_000_000)
