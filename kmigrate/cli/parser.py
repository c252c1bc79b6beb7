"""The parser of one command: paths and options in any order, and a word on what was meant where an option is unknown."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

_WIDTH = 80


class Formatter(argparse.HelpFormatter):
    """Asks for the width of the terminal when there is something to show. argparse makes a formatter for each option that is
    added, which asks the terminal and imports what it asks with."""

    def __init__(self, prog: str, indent_increment: int = 2, max_help_position: int = 24, width: int | None = None) -> None:
        super().__init__(prog, indent_increment, max_help_position, width or _WIDTH)
        self._widest = max_help_position
        self._asks = width is None

    def format_help(self) -> str:
        if self._asks:
            import shutil

            self._width = shutil.get_terminal_size().columns - 2
            self._max_help_position = min(self._widest, max(self._width - 20, self._indent_increment * 2))
        return super().format_help()


class CommandParser(argparse.ArgumentParser):
    """Reports what it does not know itself, with its own usage; argparse leaves that to the parser above."""

    _inside = False

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"formatter_class": Formatter, **options})

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> tuple[Any, list[str]]:  # type: ignore[override]  # typeshed's overloads
        if self._inside:
            return super().parse_known_args(args, namespace)
        self._inside = True
        try:
            # argparse alone takes no path after an option that follows a path.
            found, unknown = self.parse_known_intermixed_args(args, namespace)
        finally:
            self._inside = False
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}{self._meant(unknown)}")
        return found, unknown

    def _meant(self, unknown: Sequence[str]) -> str:
        from difflib import get_close_matches

        known = [option for option in self._option_string_actions if option.startswith("--")]
        meant = [match for word in unknown if word.startswith("--") for match in get_close_matches(word, known, n=1)]
        return f" (did you mean {' '.join(meant)}?)" if meant else ""
