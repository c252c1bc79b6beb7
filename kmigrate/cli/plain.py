"""A command line that is right as it stands is read here, without argparse, whose import takes longer than many a run.

A command says which options it has to either of the two in the same words. What needs more than exact names and good values
(help, an abbreviation, a mistake) is left to argparse.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace

from kmigrate.light import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import Any


class _Option(NamedTuple):
    dest: str
    action: str
    convert: Callable[[str], Any]
    choices: Sequence[str] | None


class PlainParser:
    """Takes options as an ArgumentParser does; a positional argument takes any number of words."""

    def __init__(self) -> None:
        self._options: dict[str, _Option] = {}
        self._values: dict[str, Any] = {}
        self._positional = ""

    def add_argument(
        self,
        *names: str,
        action: str = "store",
        type: Callable[[str], Any] = str,
        choices: Sequence[str] | None = None,
        default: Any = None,
        nargs: str | None = None,
        metavar: str | None = None,
        help: str = "",
    ) -> None:
        dest = next((name for name in names if name.startswith("--")), names[0]).lstrip("-").replace("-", "_")
        if nargs == "*":
            self._positional = dest
        self._options.update(dict.fromkeys(names, _Option(dest, action, type, choices)))
        self._values[dest] = False if action == "store_true" else default

    def read(self, arguments: Sequence[str]) -> SimpleNamespace | None:
        """The options as argparse would name them; None where it has to be asked."""
        values = dict(self._values)
        paths: list[str] = []
        waiting = list(reversed(arguments))
        while waiting:
            word = waiting.pop()
            if word == "-" or not word.startswith("-"):
                paths.append(word)
                continue
            option = self._options.get(word)
            if option is None:
                return None
            if option.action == "store_true":
                values[option.dest] = True
                continue
            if not waiting or not waiting[-1] or waiting[-1].startswith("-"):
                return None
            try:
                value = option.convert(waiting.pop())
            except Exception:
                return None
            if option.choices is not None and value not in option.choices:
                return None
            values[option.dest] = [*(values[option.dest] or []), value] if option.action == "append" else value
        values[self._positional] = paths
        return SimpleNamespace(**values)
