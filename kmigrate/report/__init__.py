"""Findings and verdicts for people and for programs.

A report format is one module of this package with a function ``render_check``: adding the file adds it.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence

from kmigrate.light import TYPE_CHECKING
from kmigrate.report.common import summary

if TYPE_CHECKING:
    from typing import Any, Protocol

    from kmigrate.filereport import FileReport

    class Reporter(Protocol):
        """What a format module offers. The rendered report ends in a newline."""

        def render_check(self, reports: Sequence[FileReport], target: str, files: int, color: bool = False) -> str: ...


__all__ = ["REPORTERS", "summary"]

_NO_FORMATS = frozenset({"common", "diff", "evidence", "layers", "progress", "rules", "rules_json", "verdicts"})


class _Reporters(Mapping[str, "Reporter"]):
    """The formats by name; a module is imported when its format is asked for. Raises KeyError for others."""

    def __getitem__(self, name: str) -> Reporter:
        if name in _NO_FORMATS:
            raise KeyError(name)
        try:
            reporter: Any = importlib.import_module(f"{__name__}.{name}")
        except ModuleNotFoundError:
            raise KeyError(name) from None
        # Modules of this folder have a reporter's shape; ``typing.cast`` would load ``typing`` to say so.
        return reporter  # type: ignore[no-any-return]

    def __iter__(self) -> Iterator[str]:
        import pkgutil

        return (found.name for found in pkgutil.iter_modules(__path__) if found.name not in _NO_FORMATS)

    def __len__(self) -> int:
        return sum(1 for _ in self)


REPORTERS: Mapping[str, Reporter] = _Reporters()
