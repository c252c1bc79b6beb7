"""Findings and verdicts for people and for programs.

A report format is one module of this package with a function ``render_check``: adding the file adds it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, cast

from kmigrate.model import FileReport
from kmigrate.report.common import summary

__all__ = ["REPORTERS", "Reporter", "summary"]

_NO_FORMATS = frozenset({"common", "diff", "evidence", "layers", "progress", "rules", "rules_json", "verdicts"})


class Reporter(Protocol):
    """What a format module offers. The rendered report ends in a newline."""

    def render_check(self, reports: Sequence[FileReport], target: str, files: int, color: bool = False) -> str: ...


class _Reporters(Mapping[str, Reporter]):
    """The formats by name; a module is imported when its format is asked for. Raises KeyError for others."""

    def __init__(self) -> None:
        self._names = tuple(sorted(found.name for found in pkgutil.iter_modules(__path__)))

    def __getitem__(self, name: str) -> Reporter:
        if name not in list(self):
            raise KeyError(name)
        return cast(Reporter, importlib.import_module(f"{__name__}.{name}"))

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._names if name not in _NO_FORMATS)

    def __len__(self) -> int:
        return sum(1 for _ in self)


REPORTERS: Mapping[str, Reporter] = _Reporters()
