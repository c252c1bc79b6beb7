"""Findings for people: one line for each, its reasons indented below it, and a summary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kmigrate.light import TYPE_CHECKING
from kmigrate.report.common import errors_in_order, findings_in_order, one_line, paint, plural, summary

if TYPE_CHECKING:
    from kmigrate.model import FileError, FileReport, Finding


def render_check(reports: Sequence[FileReport], target: str, files: int, color: bool = False) -> str:
    """The findings, then the errors, then one summary line."""
    lines = [line for finding in findings_in_order(reports) for line in _finding(finding, color)]
    lines += [error_line(error, color) for error in errors_in_order(reports)]
    lines.append(_summary_line(reports, target, files, color))
    return "\n".join(lines) + "\n"


def error_line(error: FileError, color: bool = False) -> str:
    """``path:line:column: error: message``, as far as the place is known."""
    place = paint(one_line(error.path), "bold", color)
    if error.line is not None:
        place += f":{error.line}"
        if error.column is not None:
            place += f":{error.column}"
    return f"{place}: {paint('error', 'bold red', color)}: {one_line(error.message)}"


def _finding(finding: Finding, color: bool) -> Iterator[str]:
    place = f"{paint(one_line(finding.path), 'bold', color)}:{finding.line}:{finding.column}"
    code = paint(finding.code, "bold red", color)
    yield f"{place}: {code} {one_line(finding.message)} {_label(finding, color)}"
    notes = [f"in {finding.context.qualname}: {finding.context.reason}"]
    if finding.fix and finding.fix.assumption:
        notes.append(f"assumes: {finding.fix.assumption}")
    if finding.fix and finding.fix.portable is False:
        notes.append(f"not portable: {finding.fix.portability or 'the engines of the target differ'}")
    for note in notes:
        yield "    " + paint(one_line(note), "dim", color)


def _label(finding: Finding, color: bool) -> str:
    if finding.fix is None:
        return paint("[no fix]", "magenta", color)
    style = "green" if finding.fix.applicability == "safe" else "yellow"
    return paint(f"[fix: {finding.fix.applicability}]", style, color)


def _summary_line(reports: Sequence[FileReport], target: str, files: int, color: bool) -> str:
    counts = summary(reports, files)
    if not counts["findings"]:
        line = f"No findings in {plural(files, 'file')} (target {target})"
    else:
        held = len({finding.path for report in reports for finding in report.findings})
        kinds = [
            f"{counts['safe']} with a safe fix",
            f"{counts['unsafe']} with an unsafe one",
            f"{counts['manual']} without",
        ]
        found = f"{plural(counts['findings'], 'finding')} in {held} of {plural(files, 'file')}"
        line = f"{found} (target {target}): {', '.join(kinds)}"
    line = paint(line, "bold" if counts["findings"] else "green", color)
    if counts["errors"]:
        line += "; " + paint(plural(counts["errors"], "error"), "bold red", color)
    return line
