"""The evidence for a terminal."""

from __future__ import annotations

from kmigrate.report.common import plural
from kmigrate.report.evidence import Evidence
from kmigrate.report.verdicts import render_verdicts_text


def render(evidence: Evidence, color: bool = False) -> str:
    text = render_verdicts_text(evidence.units, evidence.target, evidence.stack, color)
    if evidence.missing:
        text += f"Not finished: {plural(evidence.missing, 'unit')} left; the same command with --resume goes on from here\n"
    return text
