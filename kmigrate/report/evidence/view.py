"""What the page shows, worked out: the template only lays it out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kmigrate.report.common import plural
from kmigrate.report.evidence import Evidence, Unit
from kmigrate.report.evidence.highlights import highlights
from kmigrate.report.evidence.plot import decades, spread_svg
from kmigrate.report.evidence.sides import Row, side_by_side
from kmigrate.report.verdicts import VERDICTS, edit_summary, not_executed, verdict_summary

SYMBOLS = {
    "identical": "=",
    "equal": "\N{ALMOST EQUAL TO}",
    "different": "\N{NOT EQUAL TO}",
    "unsupported": "\N{EMPTY SET}",
    "error": "!",
    "skipped": "\N{EN DASH}",
}
"""A verdict is never told by its colour alone."""

MEANINGS = {
    "identical": "every value is the same, bit for bit",
    "equal": "every value is the same within the stated tolerance",
    "different": "values, shapes, gradients or state differ",
    "unsupported": "this engine cannot run the unit, or nothing can run it by itself",
    "error": "the run failed: a crash, a time limit, a memory limit",
    "skipped": "no case was found that runs on the original",
}


@dataclass(frozen=True, slots=True)
class Picture:
    """One distribution: ``svg`` is drawn (None where every value is exactly equal), ``counts`` says the same in numbers."""

    engine: str
    floatx: str
    svg: str | None
    total: int
    exact: int
    counts: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class UnitView:
    """One unit: ``anchor`` is its id in the page, ``words`` what the text filter searches, ``cells`` one result for each engine
    of the page (None: not run there)."""

    anchor: str
    unit: Unit
    cells: tuple[Mapping[str, Any] | None, ...]
    words: str
    reasons: tuple[str, ...]
    highlights: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]
    pictures: tuple[Picture, ...]
    open: bool


@dataclass(frozen=True, slots=True)
class Page:
    """``counts`` are (verdict, symbol, meaning, how many units)."""

    target: str
    stack: str
    engines: tuple[str, ...]
    versions: tuple[tuple[str, str], ...]
    counts: tuple[tuple[str, str, str, int], ...]
    units: tuple[UnitView, ...]
    missing: int
    headline: str


def page_of(evidence: Evidence) -> Page:
    engines = tuple(dict.fromkeys(engine for unit in evidence.units for engine in unit["engines"]))
    counts = verdict_summary(evidence.units)
    found = [(verdict, SYMBOLS[verdict], MEANINGS[verdict], counts[verdict]) for verdict in VERDICTS]
    said = ", ".join(f"{count} {verdict}" for verdict, _, _, count in found if count)
    edits = edit_summary(evidence.units)
    if edits["not_executed"]:
        said += f"; {edits['not_executed']} of {plural(edits['edits'], 'edit')} executed by no case"
    return Page(
        evidence.target,
        evidence.stack,
        engines,
        tuple(sorted(evidence.versions.items())),
        tuple(found),
        tuple(_unit(number, unit, engines) for number, unit in enumerate(evidence.units, 1)),
        evidence.missing,
        f"{plural(counts['units'], 'unit')} run before and after: {said}" if said else "No unit was verified",
    )


def _unit(number: int, unit: Unit, engines: Sequence[str]) -> UnitView:
    cells = tuple(unit["engines"].get(engine) for engine in engines)
    reasons = [str(unit["reason"])] if unit.get("reason") else []
    for engine, result in unit["engines"].items():
        if result.get("reason") and result["reason"] != unit.get("reason"):
            reasons.append(f"{engine}: {result['reason']}")
    words = " ".join(
        [unit["path"], unit["qualname"], unit["kind"], *reasons, str(unit.get("blame") or ""), not_executed(unit)]
    ).lower()
    rows = side_by_side(unit.get("before", ""), unit.get("after", ""), unit.get("line") or 1)
    return UnitView(
        f"u{number}",
        unit,
        cells,
        words,
        tuple(reasons),
        tuple(highlights(unit)),
        tuple(rows),
        tuple(_pictures(unit)),
        unit["verdict"] in ("different", "error"),
    )


def _pictures(unit: Unit) -> list[Picture]:
    """One for each engine and dtype that has compared values: float32 and float64 errors do not belong on one axis."""
    spreads: dict[tuple[str, str], list[int]] = {}
    for run in unit.get("runs", ()):
        if any(run["spread"]):
            sums = spreads.setdefault((run["engine"], run["floatx"]), [0] * len(run["spread"]))
            for index, count in enumerate(run["spread"]):
                sums[index] += count
    return [
        Picture(
            engine,
            floatx,
            spread_svg(tuple(spread)) if any(spread[1:]) else None,
            sum(spread),
            spread[0],
            tuple((name, count) for name, count in zip(decades(), spread, strict=True) if count),
        )
        for (engine, floatx), spread in spreads.items()
    ]
