"""What verification found: the contract's JSON object, and a table for people."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from kmigrate.report.common import one_line, paint, plural

VERDICTS = ("identical", "equal", "different", "unsupported", "error", "skipped")
_GOOD = frozenset({"identical", "equal"})
_MOST_EDITS = 6
_STYLES = {"identical": "green", "equal": "green", "different": "bold red", "error": "red"}

UnitResult = Mapping[str, Any]
"""One unit as in the contract: path, qualname, kind, verdict, engines, cases, reason, blame."""


def verdict_summary(units: Sequence[UnitResult]) -> dict[str, int]:
    """How many units there are, and how many of each verdict."""
    found = [unit["verdict"] for unit in units]
    return {"units": len(units), **{verdict: found.count(verdict) for verdict in VERDICTS}}


def edit_summary(units: Sequence[UnitResult]) -> dict[str, int]:
    """How many edits the units with a comparison have, and how many of them no case executed."""
    edits = [edit for unit in units for edit in unit.get("edits", ())]
    return {"edits": len(edits), "not_executed": sum(edit["executed"] is False for edit in edits)}


def not_executed(unit: UnitResult) -> str:
    """Which edits of a unit its verdict says nothing of, in words; empty where there are none."""
    edits = unit.get("edits", ())
    missed = [edit for edit in edits if edit["executed"] is False]
    if not missed:
        return ""
    places = ", ".join(f"line {edit['line']} ({edit['symbol']})" for edit in missed[:_MOST_EDITS])
    more = f" and {len(missed) - _MOST_EDITS} more" if len(missed) > _MOST_EDITS else ""
    return f"{len(missed)} of {plural(len(edits), 'edit')} executed by no case: {places}{more}"


def render_verdicts_json(
    units: Sequence[UnitResult],
    target: str,
    stack: str,
    *,
    versions: Mapping[str, str] | None = None,
    missing: int = 0,
) -> str:
    """The contract's object of ``verify --output-format json``, schema 1. ``versions`` are those of the stack,
    ``missing`` the units without a verdict yet."""
    document = {
        "schema": 1,
        "target": target,
        "stack": stack,
        "units": [_finite(unit) for unit in units],
        "summary": {**verdict_summary(units), **edit_summary(units)},
        "versions": versions or {},
        "missing": missing,
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    """Differences that are not finite as null: JSON has no such numbers, and the reason tells of them."""
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def render_verdicts_text(units: Sequence[UnitResult], target: str, stack: str, color: bool = False) -> str:
    """An aligned table, the reasons of every unit that is neither identical nor equal and the edits that no case executed, and a
    summary line."""
    lines = _table(units, color) if units else []
    reasons = [line for unit in units for line in _reasons(unit, color)]
    if reasons:
        lines += ["", *reasons]
    lines += _notes(units)
    if lines:
        lines.append("")
    lines.append(_summary_line(units, target, stack, color))
    return "\n".join(lines) + "\n"


def _table(units: Sequence[UnitResult], color: bool) -> list[str]:
    engines = list(dict.fromkeys(engine for unit in units for engine in unit["engines"]))
    rows = [["unit", "verdict", *engines, "cases"]]
    for unit in units:
        cells = [_engine_cell(unit["engines"].get(engine)) for engine in engines]
        rows.append([_name(unit), unit["verdict"], *cells, str(unit["cases"])])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [_row(row, widths, color and number > 0) for number, row in enumerate(rows)]


def _row(row: Sequence[str], widths: Sequence[int], color: bool) -> str:
    padded = [cell.ljust(width) for cell, width in zip(row[:-1], widths[:-1], strict=True)]
    padded.append(row[-1].rjust(widths[-1]))
    # Colours come after the padding: their codes have a length, but no width.
    padded[1:-1] = [paint(cell, _STYLES.get(cell.split(" ")[0], "yellow"), color) for cell in padded[1:-1]]
    return "  ".join(padded)


def _engine_cell(result: Mapping[str, Any] | None) -> str:
    if result is None:
        return "-"
    difference = result.get("max_abs")
    if not isinstance(difference, int | float) or result["verdict"] == "identical":
        return str(result["verdict"])
    return f"{result['verdict']} {difference:.1e}"


def _name(unit: UnitResult) -> str:
    return one_line(f"{unit['path']}:{unit['qualname']}")


def _reasons(unit: UnitResult, color: bool) -> list[str]:
    """Why a unit is not proven equal, engine by engine where they differ, and which edit did it."""
    wrong = {name: result for name, result in unit["engines"].items() if result["verdict"] not in _GOOD}
    missed = not_executed(unit)
    if unit["verdict"] in _GOOD and not wrong and not missed:
        return []
    # The reason of a good verdict is a note, below.
    texts = [unit["reason"]] if unit.get("reason") and (wrong or unit["verdict"] not in _GOOD) else []
    for engine, result in wrong.items():
        reason = result.get("reason")
        if reason and reason != unit.get("reason"):
            texts.append(f"{engine}: {reason}")
    if unit.get("blame"):
        texts.append(f"blame: {_blame(unit['blame'])}")
    if missed:
        texts.append(missed)
    heading = paint(f"{_name(unit)}: {unit['verdict']}", _STYLES.get(unit["verdict"], "yellow"), color)
    return [heading, *("    " + one_line(str(text)) for text in texts or ["no reason given"])]


def _notes(units: Sequence[UnitResult]) -> list[str]:
    """What good verdicts rest on, each once."""
    counts = Counter(
        (name, str(result["reason"]))
        for unit in units
        for name, result in unit["engines"].items()
        if result["verdict"] in _GOOD and result.get("reason")
    )
    notes = [f"{name}, {plural(count, 'unit')}: {one_line(reason)}" for (name, reason), count in counts.items()]
    return ["", *notes] if notes else []


def _blame(blame: object) -> str:
    if isinstance(blame, Mapping):
        return ", ".join(f"{key} {value}" for key, value in blame.items())
    if isinstance(blame, list | tuple):
        return "; ".join(_blame(part) for part in blame)
    return str(blame)


def _summary_line(units: Sequence[UnitResult], target: str, stack: str, color: bool) -> str:
    counts = verdict_summary(units)
    line = f"{plural(counts['units'], 'unit')} verified (target {target}, stack {stack})"
    parts = [f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict]]
    if not parts:
        return f"No units to verify (target {target}, stack {stack})"
    wrong = counts["different"] or counts["error"]
    edits = edit_summary(units)
    if edits["not_executed"]:
        parts[-1] += f"; {edits['not_executed']} of {plural(edits['edits'], 'edit')} executed by no case"
    return paint(f"{line}: {', '.join(parts)}", "bold red" if wrong else "bold", color)
