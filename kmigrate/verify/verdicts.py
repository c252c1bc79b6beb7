"""What verification says of one unit: the one data model that text, JSON, pages and the state file are made from.

``as_json`` gives plain JSON values, ``unit_from_json`` reads them back, so that a stored verdict is as good as a fresh one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

DECADES = 19
"""Bins of a spread of relative errors: exactly equal, below 1e-16, one for each decade up to 1, and 1 or more."""

FAILS_BEFORE = "original"
"""``CaseVerdict.where`` of a case that the user gave and that the original itself does not run."""


@dataclass(frozen=True, slots=True)
class Place:
    """The worst element: in which output, gradient or weight (``where``), its index there, and its two values."""

    where: str
    index: tuple[int, ...]
    original: float
    rewritten: float

    def __str__(self) -> str:
        index = ", ".join(map(str, self.index))
        return f"{self.where}{f' at [{index}]' if index else ''}: {self.original:.9g}, not {self.rewritten:.9g}"


@dataclass(frozen=True, slots=True)
class CaseVerdict:
    """One case on one engine.

    ``case`` is the case in words, ``number`` its place among the unit's cases (from 1), ``phase`` ``test`` or ``training``.
    ``max_abs``, ``max_rel`` and ``ulp`` are over all that was compared, gradients included; ``gradient_abs`` and ``gradient_rel``
    over the gradients alone; None where nothing was compared by number. ``no_gradient`` says why there are none.
    ``spread`` counts the compared values by relative error (``DECADES`` bins). ``where`` names what differs first, ``worst``
    is the element with the largest difference (of what differs first), None where every value is the same. ``table`` is the case
    as ``tables.from_table`` reads it.
    """

    engine: str
    number: int
    case: str
    floatx: str
    phase: str
    data_format: str
    verdict: str
    max_abs: float | None = None
    max_rel: float | None = None
    ulp: float | None = None
    gradient_abs: float | None = None
    gradient_rel: float | None = None
    no_gradient: str | None = None
    spread: tuple[int, ...] = ()
    where: str | None = None
    reason: str | None = None
    worst: Place | None = None
    table: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EngineVerdict:
    """The worst verdict over the cases of one engine, with the largest numbers, and the worst element of the worst case."""

    verdict: str
    max_abs: float | None = None
    max_rel: float | None = None
    reason: str | None = None
    ulp: float | None = None
    worst: Place | None = None


@dataclass(frozen=True, slots=True)
class EditVerdict:
    """One edit of a unit: the use that it replaces, and whether a case that was compared evaluated it (None: it is not known,
    since the use cannot be marked). ``case`` is the number of the first such case."""

    line: int
    column: int
    code: str
    symbol: str
    replacement: str
    executed: bool | None
    case: int | None = None


@dataclass(frozen=True, slots=True)
class UnitVerdict:
    """The contract's object for one unit; ``blame`` is filled in by the caller that can bisect edits.

    ``runs`` has every case on every engine. ``before`` and ``after`` are the unit's lines in the original, which begin at
    ``line``, and in the rewritten text. ``origin`` is where the cases come from. ``smallest`` is
    the smallest case found that shows the difference (its number is 0), None where there is none on the own engine. ``edits`` are
    the edits of the unit, none where nothing was compared or an earlier version is what it is compared with.
    """

    path: str
    qualname: str
    kind: str
    verdict: str
    engines: Mapping[str, EngineVerdict]
    cases: int
    reason: str | None = None
    blame: str | None = None
    line: int = 0
    before: str = ""
    after: str = ""
    runs: tuple[CaseVerdict, ...] = field(default=())
    origin: str = ""
    smallest: CaseVerdict | None = None
    edits: tuple[EditVerdict, ...] = ()

    @property
    def tables(self) -> list[Mapping[str, Any]]:
        """The cases that run on the original, each once, as ``tables.from_table`` reads them."""
        own = next(iter(self.engines), None)
        return [run.table for run in self.runs if run.engine == own and run.where != FAILS_BEFORE]

    def as_json(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "qualname": self.qualname,
            "kind": self.kind,
            "verdict": self.verdict,
            "engines": {name: asdict(verdict) for name, verdict in self.engines.items()},
            "cases": self.cases,
            "reason": self.reason,
            "blame": self.blame,
            "line": self.line,
            "before": self.before,
            "after": self.after,
            "origin": self.origin,
            "smallest": None if self.smallest is None else asdict(self.smallest),
            "runs": [asdict(run) for run in self.runs],
            "edits": [asdict(edit) for edit in self.edits],
        }


def unit_from_json(item: Mapping[str, Any]) -> UnitVerdict:
    """The inverse of ``as_json``. Raises TypeError, KeyError or AttributeError for what is not one."""
    engines = {str(name): EngineVerdict(**{**verdict, "worst": _place(verdict)}) for name, verdict in item["engines"].items()}
    runs = tuple(_case_from_json(run) for run in item["runs"])
    smallest = None if item["smallest"] is None else _case_from_json(item["smallest"])
    edits = tuple(EditVerdict(**edit) for edit in item["edits"])
    return UnitVerdict(**{**item, "engines": engines, "runs": runs, "smallest": smallest, "edits": edits})


def _case_from_json(run: Mapping[str, Any]) -> CaseVerdict:
    return CaseVerdict(**{**run, "spread": tuple(run["spread"]), "worst": _place(run)})


def _place(item: Mapping[str, Any]) -> Place | None:
    found = item.get("worst")
    return None if found is None else Place(**{**found, "index": tuple(found["index"])})
