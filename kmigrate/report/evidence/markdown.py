"""The evidence for a pull request: a short table first, everything else folded away."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from kmigrate.report.common import one_line, plural
from kmigrate.report.diff import unified
from kmigrate.report.evidence import Evidence, Unit
from kmigrate.report.evidence.highlights import highlights
from kmigrate.report.verdicts import VERDICTS, edit_summary, not_executed, verdict_summary

GOOD = frozenset({"identical", "equal"})
MOST_CHARACTERS = 60_000
"""A comment on the usual servers holds 65,536 characters; what is cut off is said."""


def render(evidence: Evidence, color: bool = False) -> str:
    engines = list(dict.fromkeys(engine for unit in evidence.units for engine in unit["engines"]))
    parts = [_headline(evidence), *_table(evidence.units, engines)]
    size = sum(map(len, parts))
    left = 0
    for unit in sorted(evidence.units, key=lambda unit: (unit["verdict"] in GOOD, not not_executed(unit))):
        detail = _detail(unit)
        if size + len(detail) > MOST_CHARACTERS:
            left += 1
            continue
        size += len(detail)
        parts.append(detail)
    if left:
        parts.append(f"\nThe details of {plural(left, 'unit')} are left out: see the HTML report.\n")
    parts.append("\n" + _versions(evidence))
    return "".join(parts)


def _headline(evidence: Evidence) -> str:
    counts = verdict_summary(evidence.units)
    found = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict]) or "none"
    line = f"**kmigrate verify**: {plural(counts['units'], 'unit')} run before and after on real engines: {found}.\n\n"
    edits = edit_summary(evidence.units)
    if edits["not_executed"]:
        line += f"{edits['not_executed']} of {plural(edits['edits'], 'edit')} executed by no case.\n\n"
    if evidence.missing:
        line += f"Not finished: {plural(evidence.missing, 'unit')} have no verdict yet.\n\n"
    return line


def _table(units: Sequence[Unit], engines: Sequence[str]) -> Iterator[str]:
    """Every unit that is not proven equal everywhere, with all of its edits; the others are a number."""
    shown = [unit for unit in units if not _proven(unit)]
    rest = len(units) - len(shown)
    if shown:
        yield _row(["unit", "verdict", *engines, "cases"])
        yield _row(["---"] * (len(engines) + 2) + ["---:"])
        for unit in shown:
            cells = [_cell(unit["engines"].get(engine)) for engine in engines]
            yield _row([code(f"{unit['path']}:{unit['qualname']}"), unit["verdict"], *cells, str(unit["cases"])])
        yield "\n"
    if rest:
        others = "other unit" if shown else "unit"
        yield f"{plural(rest, others)}: identical or equal on every engine.\n\n"


def _proven(unit: Unit) -> bool:
    good = unit["verdict"] in GOOD and all(engine["verdict"] in GOOD for engine in unit["engines"].values())
    return good and not not_executed(unit)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |\n"


def _cell(result: Any) -> str:
    if result is None:
        return "-"
    gap = result.get("max_abs")
    return str(result["verdict"]) if not isinstance(gap, float) or not gap else f"{result['verdict']} ({gap:.1e})"


def _detail(unit: Unit) -> str:
    lines = [f"<details><summary>{html(unit['path'])}: {html(unit['qualname'])}: {html(unit['verdict'])}</summary>\n\n"]
    reasons = [unit["reason"]] if unit.get("reason") else []
    reasons += [
        f"{name}: {e['reason']}" for name, e in unit["engines"].items() if e.get("reason") and e["reason"] != unit.get("reason")
    ]
    if unit.get("blame"):
        reasons.append(f"blame: {unit['blame']}")
    lines += [f"- {code(reason)}\n" for reason in reasons]
    lines += [f"- {what}: {code(text)}\n" for what, text in highlights(unit)]
    diff = unified(unit["path"], unit.get("before", ""), unit.get("after", ""))
    if diff:
        lines.append("\n" + fenced(diff, "diff"))
    lines.append("\n</details>\n")
    return "".join(lines)


def _versions(evidence: Evidence) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in sorted(evidence.versions.items()))
    return f"Target {evidence.target}, stack {evidence.stack}" + (f": {packages}.\n" if packages else ".\n")


def code(text: str) -> str:
    """A code span, which shows any text as it is; in a table a bar still has to be escaped."""
    line = one_line(text).replace("|", "\\|")
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if line.startswith("`") or line.endswith("`") or not line.strip() else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def fenced(text: str, language: str) -> str:
    longest = max((len(run) for run in re.findall("`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text.rstrip(chr(10))}\n{fence}\n"


def html(text: str) -> str:
    """Text inside an HTML element of a Markdown document: neither tags nor emphasis."""
    escaped = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]~@#])", lambda found: f"&#{ord(found.group(1))};", escaped)
