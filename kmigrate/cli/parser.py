"""The parser of one command: paths and options in any order, and a word on what was meant where an option is unknown."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any


class CommandParser(argparse.ArgumentParser):
    """Reports what it does not know itself, with its own usage; argparse leaves that to the parser above."""

    _inside = False

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
