"""Findings for programs: the contract of ``--output-format json``, schema 1."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from kmigrate import __version__
from kmigrate.model import FileError, FileReport, Finding, Fix, Span
from kmigrate.report.common import errors_in_order, findings_in_order, summary
from kmigrate.report.layers import LayerSummary, layer_summaries


def render_check(reports: Sequence[FileReport], target: str, files: int, color: bool = False) -> str:
    """One JSON object; ``color`` changes nothing."""
    return json.dumps(_document(reports, target, files), indent=2) + "\n"


def render_fix(reports: Sequence[FileReport], target: str, applied: Collection[tuple[str, Span]]) -> str:
    """The same object, where each finding says whether its fix is ``applied`` (by path and offsets)."""
    document = _document(reports, target, len(reports))
    for finding, written in zip(findings_in_order(reports), document["findings"], strict=True):
        written["applied"] = (finding.path, finding.span) in applied
    return json.dumps(document, indent=2) + "\n"


def _document(reports: Sequence[FileReport], target: str, files: int) -> dict[str, Any]:
    return {
        "schema": 1,
        "version": __version__,
        "target": target,
        "findings": [_finding(finding) for finding in findings_in_order(reports)],
        "layers": [_layer(summary) for summary in layer_summaries(reports)],
        "errors": [_error(error) for error in errors_in_order(reports)],
        "summary": summary(reports, files),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    context = finding.context
    return {
        "code": finding.code,
        "name": finding.name,
        "symbol": finding.symbol,
        "message": finding.message,
        "path": finding.path,
        "line": finding.line,
        "column": finding.column,
        "end_line": finding.end_line,
        "end_column": finding.end_column,
        "context": {"kind": context.kind, "qualname": context.qualname, "reason": context.reason, "unit": context.unit},
        "fix": _fix(finding.fix) if finding.fix else None,
    }


def _fix(fix: Fix) -> dict[str, Any]:
    return {
        "applicability": fix.applicability,
        "replacement": fix.replacement,
        "assumption": fix.assumption,
        "portable": fix.portable,
        "portability": fix.portability,
        "observed": None if fix.observed is None else {"facts": list(fix.observed.facts), "cases": fix.observed.cases},
    }


def _layer(summary: LayerSummary) -> dict[str, Any]:
    return {
        "path": summary.path,
        "qualname": summary.qualname,
        "line": summary.line,
        "uses": summary.uses,
        "safe": summary.safe,
        "unsafe": summary.unsafe,
        "manual": summary.manual,
        "obstacles": [{"symbol": symbol, "reason": reason} for symbol, reason in summary.obstacles.items()],
        "portable_after_fix": summary.portable_after_fix,
    }


def _error(error: FileError) -> dict[str, Any]:
    return {"path": error.path, "line": error.line, "column": error.column, "message": error.message}
