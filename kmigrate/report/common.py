"""What the report formats share: order, counts, colours, and text that is safe to print."""

from __future__ import annotations

from collections.abc import Sequence

from kmigrate.light import TYPE_CHECKING

if TYPE_CHECKING:
    from kmigrate.model import FileError, FileReport, Finding


def summary(reports: Sequence[FileReport], files: int) -> dict[str, int]:
    """The counts of a check, as in the contract; ``files`` is how many files were looked at."""
    findings = findings_in_order(reports)
    kinds = [finding.fix.applicability if finding.fix else "manual" for finding in findings]
    return {
        "files": files,
        "findings": len(findings),
        "safe": kinds.count("safe"),
        "unsafe": kinds.count("unsafe"),
        "manual": kinds.count("manual"),
        "errors": len(errors_in_order(reports)),
    }


def findings_in_order(reports: Sequence[FileReport]) -> list[Finding]:
    """All findings by path and place, so that the order in which files were done does not show."""
    return sorted(
        (finding for report in reports for finding in report.findings),
        key=lambda finding: (finding.path, finding.line, finding.column, finding.code, finding.symbol),
    )


def errors_in_order(reports: Sequence[FileReport]) -> list[FileError]:
    """All errors by path and place."""
    return sorted(
        (error for report in reports for error in report.errors),
        key=lambda error: (error.path, error.line or 0, error.column or 0, error.message),
    )


def paint(text: str, style: str, color: bool) -> str:
    """``text`` in a rich style such as ``bold red``; unchanged without colour."""
    if not color or not text:
        return text
    from rich.color import ColorSystem  # costs more than checking a small project: only for a terminal
    from rich.style import Style

    return Style.parse(style).render(text, color_system=ColorSystem.STANDARD)


def one_line(text: str) -> str:
    """``text`` without anything that would break the line or steer a terminal (a path may hold both)."""
    if text.isprintable():
        return text
    spaced = text.replace("\r\n", " ").replace("\n", " ").replace("\t", " ")
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in spaced)


def plural(count: int, noun: str) -> str:
    """``1 finding``, ``2 findings``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
