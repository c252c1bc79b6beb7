"""Observation: the original runs with its arguments watched, and the fixes are chosen again with what that showed."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kmigrate.lint import Analysis, analyse_again
from kmigrate.model import Finding, Span, Target
from kmigrate.project import Checked
from kmigrate.rulebook.book import Rulebook
from kmigrate.values.observed import Call, Seen
from kmigrate.verify.markers import wrapped

_WATCH = "__kmigrate_seen__"

Calls = dict[Span, list[Call]]


def undecided(checked: Checked) -> list[Finding]:
    """The findings whose fix could be another one if more were known: all but those with a safe and portable fix."""
    analysis = checked.analysis
    if analysis is None:
        return []
    return [
        finding
        for finding in checked.report.findings
        if finding.span in analysis.arguments
        and finding.span in analysis.roots
        and not (finding.fix is not None and finding.fix.applicability == "safe" and finding.fix.portable)
    ]


def watched(analysis: Analysis, findings: Iterable[Finding]) -> tuple[str, list[Span]] | None:
    """The module's text with every argument of the findings' uses handed through a watcher, and the uses by their number.

    No line moves. None where nothing can be watched.
    """
    text = analysis.source.text
    uses: list[Span] = []
    parts: list[tuple[Span, str]] = []
    for finding in findings:
        number = len(uses)
        uses.append(finding.span)
        for place, part in enumerate(analysis.arguments[finding.span]):
            if _is_value(text[part.start : part.end]):
                parts.append(((part.start, part.end), f"{_WATCH}({number}, {place}, "))
    changed = wrapped(text, parts)
    return None if changed is None else (changed, uses)


def _is_value(text: str) -> bool:
    """Whether the text stands for one value by itself: a bare generator, a star or a yield does not."""
    try:
        tree = ast.parse(f"f({text},)", mode="eval").body
    except (SyntaxError, ValueError, RecursionError):
        return False
    return isinstance(tree, ast.Call) and len(tree.args) == 1 and not isinstance(tree.args[0], ast.Starred)


def calls_of(answer: Mapping[str, Any], uses: Sequence[Span], first: int) -> Calls:
    """The worker's answer by use; cases are numbered from ``first``. A use with more different calls than it tells has none."""
    found: Calls = {}
    untold: set[Span] = set()
    for number, of_case in enumerate(answer.get("seen", ()), first):
        for use, calls in (of_case or {}).items():
            span = uses[int(use)]
            if calls is None:
                untold.add(span)
                continue
            found.setdefault(span, []).extend(
                Call(number, {int(place): _seen(value) for place, value in call.items()}) for call in calls
            )
    return {span: calls for span, calls in found.items() if span not in untold}


def _seen(item: Mapping[str, Any]) -> Seen:
    shape = item.get("shape")
    return Seen(
        item["kind"],
        item.get("rank"),
        item.get("dtype") or "",
        None if shape is None else tuple(shape),
        tuple(_seen(inner) for inner in item.get("items", ())),
    )


def chosen_again(checked: Checked, calls: Calls, book: Rulebook, target: Target) -> Checked:
    """The same file with its fixes chosen with what was seen as well."""
    if checked.analysis is None or not calls:
        return checked
    analysis = analyse_again(checked.analysis, book, target, calls)
    return checked._replace(analysis=analysis, report=checked.report._replace(findings=analysis.findings))
