"""Files in, analyses out: what ``check``, ``fix`` and ``verify`` share."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kmigrate.config import Config
from kmigrate.files import FileAccessError, discover, display_path, read
from kmigrate.model import FileError, FileReport, Finding

if TYPE_CHECKING:
    from kmigrate.lint import Analysis
    from kmigrate.rulebook.book import Rulebook

_PYTHON_2 = re.compile(
    rb"^[ \t]*(?:print[ \t]+[\w\"']|exec[ \t]+[\w\"']|except[^:(\n]*,[^:\n]*:|raise[ \t]+\w+,)|<>", re.MULTILINE
)
_CODING = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*(?!utf-?8)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Checked:
    """One file: its report and, where the file may use an engine and could be parsed, its analysis."""

    path: Path
    report: FileReport
    analysis: Analysis | None = None


class Project:
    """The files of one run and the rulebook that they are read with (loaded when the first file needs it)."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._book: Rulebook | None = None

    @property
    def book(self) -> Rulebook:
        if self._book is None:
            from kmigrate.rulebook.book import load_rulebook

            self._book = load_rulebook(self.config.rules)
        return self._book

    def check(self, paths: Sequence[str], stdin_name: str | None = None) -> Iterator[Checked]:
        """Check files and directories in order; ``-`` is standard input. Files that cannot be read yield an error."""
        self.book  # noqa: B018  # a broken rule file is reported even where no file needs a rule
        if "-" in paths:
            yield self.check_bytes(Path(stdin_name or "-"), sys.stdin.buffer.read())
        found, errors = discover([p for p in paths if p != "-"], self.config)
        for error in errors:
            yield Checked(Path(error.path), FileReport(error.path, errors=(error,)))
        for file in found:
            yield self.check_file(file)

    def check_file(self, path: Path) -> Checked:
        try:
            return self.check_bytes(path, read(path))
        except FileAccessError as error:
            return Checked(path, FileReport(display_path(path), errors=(error.file_error,)))

    def check_bytes(self, path: Path, data: bytes) -> Checked:
        from kmigrate.lint import analyse, may_use_engine
        from kmigrate.source import Source, SourceError

        name = display_path(path)
        if not may_use_engine(data) and not _suspicious(data):
            return Checked(path, FileReport(name))
        try:
            source = Source.parse(name, data)
        except SourceError as error:
            return _failed(path, name, error.line, error.column, error.message)
        try:
            analysis = analyse(source, self.book, self.config.target, self.config.scope == "module")
        except RecursionError:
            return _failed(path, name, None, None, "nested too deeply to be analysed")
        analysis = replace(analysis, findings=tuple(self._wanted(source.text, analysis.findings)))
        return Checked(path, FileReport(name, analysis.findings), analysis)

    def _wanted(self, text: str, findings: Sequence[Finding]) -> Iterator[Finding]:
        from kmigrate.suppress import suppressions

        hidden = suppressions(text)
        for finding in findings:
            if self.config.selects(finding.code) and not hidden.hides(finding):
                yield self._portable_only(finding)

    def _portable_only(self, finding: Finding) -> Finding:
        if self.config.portable_only and finding.fix is not None and not finding.fix.portable:
            why = finding.fix.portability or "no proof says that it is portable"
            return replace(finding, fix=None, message=f"{finding.message} (not applied: portable-only; {why})")
        return finding


def _suspicious(data: bytes) -> bool:
    """Whether a file that names no engine may be unreadable for Python: such a file is parsed, so that its error is reported.

    Parsing every clean file would double the price of a run; what is missed are syntax errors that look like Python 3.
    """
    if b"\0" in data or _PYTHON_2.search(data) or _CODING.search(data[:400]):
        return True
    if data.isascii():
        return False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False


def _failed(path: Path, name: str, line: int | None, column: int | None, message: str) -> Checked:
    return Checked(path, FileReport(name, errors=(FileError(name, line, column, message),)))


def fixes_to_apply(findings: Sequence[Finding], unsafe: bool) -> list[Finding]:
    """The findings whose fix is applied: the safe ones, with ``unsafe`` all that have one."""
    return [f for f in findings if f.fix is not None and (unsafe or f.fix.applicability == "safe")]
