"""The contract's JSON object of ``verify``."""

from __future__ import annotations

from kmigrate.report.evidence import Evidence
from kmigrate.report.verdicts import render_verdicts_json


def render(evidence: Evidence, color: bool = False) -> str:
    return render_verdicts_json(
        evidence.units, evidence.target, evidence.stack, versions=evidence.versions, missing=evidence.missing
    )
