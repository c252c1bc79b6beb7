"""The evidence of one verification in the formats that people pass on: a page, Markdown for a pull request, JSON, JUnit.

A format is one module of this package with a function ``render``, imported when it is asked for.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, cast

from kmigrate.model import UserError

Unit = Mapping[str, Any]
"""One unit as ``verify.verdicts.UnitVerdict.as_json`` gives it."""

FORMATS = ("text", "json", "markdown", "junit", "html")
_SUFFIXES = {".html": "html", ".htm": "html", ".md": "markdown", ".json": "json", ".xml": "junit", ".txt": "text"}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one run of ``verify`` found.

    ``versions`` are those of the stack (``{"keras": "2.3.1", ...}``); ``total`` is how many units there are to verify: more than
    ``units`` where the run was interrupted.
    """

    target: str
    stack: str
    units: Sequence[Unit] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    total: int | None = None

    @property
    def missing(self) -> int:
        """How many units have no verdict yet."""
        return 0 if self.total is None else max(0, self.total - len(self.units))

    @property
    def complete(self) -> bool:
        return not self.missing


def render(evidence: Evidence, form: str, color: bool = False) -> str:
    """The evidence in one of ``FORMATS``; the text ends in a newline. Raises UserError where a format's library is missing."""
    module = importlib.import_module(f"{__name__}.{form}")
    renderer = cast(Callable[[Evidence, bool], str], module.render)
    return renderer(evidence, color)


def format_of(path: PurePath) -> str:
    """The format that a file's suffix means. Raises UserError for any other suffix."""
    try:
        return _SUFFIXES[path.suffix.lower()]
    except KeyError:
        raise UserError(f"--report {path}: the suffix decides the format: {', '.join(_SUFFIXES)}") from None


def needs(form: str) -> None:
    """Raise UserError where the libraries of a format are missing: before hours of work, not after."""
    if form != "html":
        return
    for library in ("jinja2", "leather"):
        try:
            importlib.import_module(library)
        except ImportError:
            raise UserError(f"an HTML report needs {library}: pip install 'kmigrate[report]'") from None
