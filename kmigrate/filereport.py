"""What checking one file yields. Apart from the other nouns (``model.py``): a run over clean code needs no others."""

from __future__ import annotations

from kmigrate.light import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from kmigrate.model import Finding


class FileError(NamedTuple):
    """A file, or a place in it, that could not be worked on. ``line`` is None where the whole file is meant."""

    path: str
    line: int | None
    column: int | None
    message: str


class FileReport(NamedTuple):
    """Everything that checking one file yields."""

    path: str
    findings: tuple[Finding, ...] = ()
    errors: tuple[FileError, ...] = ()


def failed(name: str, error: tuple[int | None, int | None, str]) -> FileReport:
    """The report of a file that could not be worked on: line and column where they are known, and why."""
    return FileReport(name, errors=(FileError(name, *error),))
