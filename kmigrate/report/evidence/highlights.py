"""What a reader wants first of one unit, in words that every format shows alike: where the cases come from, the edits that none
of them executed, the worst element on each engine, the smallest case that shows a difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kmigrate.report.evidence import Unit
from kmigrate.report.verdicts import not_executed


def highlights(unit: Unit) -> Iterator[tuple[str, str]]:
    """(what, text) pairs, in the order to show them; nothing where nothing ran."""
    if unit.get("origin"):
        yield "Cases from", str(unit["origin"])
    if missed := not_executed(unit):
        yield "The verdict does not cover", missed
    for engine, result in unit["engines"].items():
        if result.get("worst"):
            yield f"Worst element, {engine}", _element(result["worst"])
    smallest = unit.get("smallest")
    if smallest:
        found = f": {_element(smallest['worst'])}" if smallest.get("worst") else ""
        yield "Smallest case that differs", f"{smallest['case']}, {smallest['phase']} phase, {smallest['data_format']}{found}"


def _element(worst: Mapping[str, Any]) -> str:
    """As ``verify.verdicts.Place`` says it, from JSON, with the differences that are not finite told as such."""
    index = ", ".join(map(str, worst["index"]))
    place = f"{worst['where']} at [{index}]" if index else worst["where"]
    return f"{place}: {_number(worst['original'])} before, {_number(worst['rewritten'])} after"


def _number(value: float | None) -> str:
    return "not finite" if value is None else f"{value:.9g}"
