"""Differences between the analyzer's findings and the listing, the reviewed verdicts on them, and the two figures."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

Place = tuple[str, int, int, str]
"""Path within the project, line, column, the method where it is one (a chain of calls begins where its parts do): one use."""


@dataclass(frozen=True)
class Difference:
    """A use that one side has and the other has not: ``missed`` by the analyzer, or ``extra`` in its findings."""

    project: str
    side: str
    path: str
    line: int
    column: int
    symbol: str
    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.side:6} {self.project}/{self.path}:{self.line}:{self.column} {self.symbol} in {self.where}: {self.reason}"


@dataclass(frozen=True)
class Review:
    """A verdict of a person who read the code, for the differences that its patterns match. ``right`` is kmigrate or listing."""

    project: str
    side: str
    path: str
    where: str
    symbol: str
    right: str
    reason: str

    def covers(self, difference: Difference) -> bool:
        return all(
            fnmatchcase(getattr(difference, name), getattr(self, name)) for name in ("project", "side", "path", "where", "symbol")
        )


@dataclass
class Score:
    """Uses in truth, findings, and what is both. Unreviewed differences count against the analyzer."""

    true: int = 0
    found: int = 0
    both: int = 0
    open: list[Difference] = field(default_factory=list)

    @property
    def recall(self) -> float:
        return self.both / self.true if self.true else 1.0

    @property
    def precision(self) -> float:
        return self.both / self.found if self.found else 1.0

    def add(self, other: Score) -> None:
        self.true += other.true
        self.found += other.found
        self.both += other.both
        self.open += other.open


Described = tuple[str, str, str]
"""Symbol, the definition it stands in, why that is layer code."""


def differences(project: str, listed: Mapping[Place, Described], found: Mapping[Place, Described]) -> list[Difference]:
    """What only one side has, in the order of the text."""
    missed = [Difference(project, "missed", *place[:3], *listed[place]) for place in listed.keys() - found.keys()]
    extra = [Difference(project, "extra", *place[:3], *found[place]) for place in found.keys() - listed.keys()]
    return sorted([*missed, *extra], key=lambda d: (d.path, d.line, d.column, d.side))


def score(agreed: int, found: Sequence[Difference], reviews: Iterable[Review]) -> Score:
    """Both figures over the reviewed truth: what both sides have, and of the differences what the reviewer says."""
    result = Score(true=agreed, found=agreed, both=agreed)
    reviews = list(reviews)
    for difference in found:
        right = next((r.right for r in reviews if r.covers(difference)), None)
        if right is None:
            result.open.append(difference)
        listed = difference.side == "missed"
        result.found += not listed
        if right == "kmigrate" and not listed:
            result.both += 1
        if (right in ("listing", None) and listed) or (right == "kmigrate" and not listed):
            result.true += 1
    return result


def read_reviews(path: Path) -> list[Review]:
    """The rows of reviewed.tsv. Raises SystemExit for a row that says nothing."""
    reviews = []
    with path.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file, delimiter="\t"), 2):
            review = Review(**row)
            if review.side not in ("missed", "extra") or review.right not in ("kmigrate", "listing") or not review.reason:
                raise SystemExit(f"{path}:{number}: a row needs side missed or extra, right kmigrate or listing, and a reason")
            reviews.append(review)
    return reviews
