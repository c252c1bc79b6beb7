"""For each layer, loss or helper with findings: what stands between it and portability. A pure function of the findings.

A piece of layer code without an entry holds no direct engine use: symbols that no rule knows are findings too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kmigrate.model import FileReport, Finding
from kmigrate.report.common import findings_in_order, one_line, paint, plural

UNKNOWN, NO_FIX, DIFFERS, UNPROVEN = "no rule knows it", "no fix", "the engines differ", "not proven on the other engine"
_UNKNOWN_CODE = "KM001"


@dataclass(frozen=True, slots=True)
class LayerSummary:
    """One unit of layer code. ``obstacles``: symbol -> why the unit is not portable after all its fixes (the worst reason)."""

    path: str
    qualname: str
    line: int
    safe: int
    unsafe: int
    manual: int
    obstacles: dict[str, str]

    @property
    def uses(self) -> int:
        return self.safe + self.unsafe + self.manual

    @property
    def portable_after_fix(self) -> bool | None:
        """None where nothing is known to stand in the way, but not every fix is proven on the other engine."""
        if not self.obstacles:
            return True
        return None if set(self.obstacles.values()) == {UNPROVEN} else False


def layer_summaries(reports: Sequence[FileReport]) -> list[LayerSummary]:
    """By path and first finding. Findings that lie in no unit (a note on a file, ``scope = "module"``) are left out."""
    units: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings_in_order(reports):
        if finding.context.unit:
            units.setdefault((finding.path, finding.context.unit), []).append(finding)
    return [_summary(path, qualname, findings) for (path, qualname), findings in units.items()]


def _summary(path: str, qualname: str, findings: Sequence[Finding]) -> LayerSummary:
    kinds = [finding.fix.applicability if finding.fix else "manual" for finding in findings]
    ranks = (UNPROVEN, DIFFERS, NO_FIX, UNKNOWN)
    obstacles: dict[str, str] = {}
    for finding in findings:
        reason = _obstacle(finding)
        if reason is not None:
            obstacles[finding.symbol] = max(reason, obstacles.get(finding.symbol, UNPROVEN), key=ranks.index)
    counts = (kinds.count("safe"), kinds.count("unsafe"), kinds.count("manual"))
    return LayerSummary(path, qualname, findings[0].line, *counts, dict(sorted(obstacles.items())))


def _obstacle(finding: Finding) -> str | None:
    if finding.code == _UNKNOWN_CODE:
        return UNKNOWN
    if finding.fix is None:
        return NO_FIX
    if finding.fix.portable is None:
        return UNPROVEN
    return None if finding.fix.portable else DIFFERS


def render_layers(reports: Sequence[FileReport], color: bool = False) -> str:
    """One line for each unit and, below it, its obstacles; then how many will be portable. Empty where there are no units."""
    summaries = layer_summaries(reports)
    if not summaries:
        return ""
    lines = ["Layer code with direct engine uses:"]
    for summary in summaries:
        lines.append(_line(summary, color))
        lines += [f"    {paint(one_line(f'{symbol}: {why}'), 'dim', color)}" for symbol, why in summary.obstacles.items()]
    portable = sum(summary.portable_after_fix is True for summary in summaries)
    lines.append(f"{portable} of {len(summaries)} will be portable when fixed")
    return "\n".join(lines) + "\n"


def _line(summary: LayerSummary, color: bool) -> str:
    place = paint(one_line(f"{summary.path}:{summary.line}"), "bold", color)
    verdict = {
        True: ("portable when fixed", "green"),
        None: ("not proven to be portable", "yellow"),
        False: ("not portable", "red"),
    }
    text, style = verdict[summary.portable_after_fix]
    if summary.unsafe and summary.portable_after_fix is not False:
        text += ", if the assumptions hold"
    counts = f"{summary.safe} safe, {summary.unsafe} unsafe, {summary.manual} without a fix"
    return f"{place} {one_line(summary.qualname)}: {plural(summary.uses, 'use')} ({counts}): {paint(text, style, color)}"
