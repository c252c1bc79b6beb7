"""Which edits of a unit the cases execute: a verdict says nothing of an edit in a branch that no case takes.

The original runs with its uses marked (``markers``), apart from the runs that are compared, so that what is compared is the text
as it stands. Executed means that the use was evaluated while the unit was built or run: whether its value has a part in a result
is not asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from kmigrate.lint import Analysis
from kmigrate.model import Finding, Unit
from kmigrate.verify.annotations import unevaluated
from kmigrate.verify.cases import Case
from kmigrate.verify.failure import told
from kmigrate.verify.hopeless import advice
from kmigrate.verify.markers import marked
from kmigrate.verify.search import progress_of
from kmigrate.verify.verdicts import EditVerdict, EngineVerdict, UnitVerdict

_GOOD = ("identical", "equal")
_NONE = "the cases run and agree, but none executes what was rewritten"
_GIVE_ONE = (
    "give one that does (--save-cases and --cases); where Keras calls that code only while it trains or saves a model no case can"
)
_MOST_MORE = 24
_MOST_TRIED, _MOST_ADAPTED = 6, 4
_FEWEST_VARIED, _MOST_VARIED = 3, 10

Vary = Callable[[Case], Sequence[Case]]
Answer = Mapping[str, Any]
Run = Callable[[Case], frozenset[int] | Answer]
"""The numbers of the marked uses that a case evaluates or, of one that does not run, the failure."""
Adapt = Callable[[Case, Answer], Sequence[Case]]
"""What to try after such a failure."""


@dataclass(frozen=True, slots=True)
class Marks:
    """The edits of one unit, by their numbers, and the original with their uses marked; ``unmarked`` cannot be."""

    fixes: tuple[Finding, ...]
    text: str
    unmarked: frozenset[int] = frozenset()

    @property
    def wanted(self) -> frozenset[int]:
        return frozenset(range(len(self.fixes))) - self.unmarked


def marks_of(analysis: Analysis, unit: Unit, chosen: Sequence[Finding]) -> Marks:
    """The marks for the edits of one unit that may run (several units of a file may have one name, lambdas for one)."""
    inside = analysis.inside(unit.qualname, chosen)
    never = unevaluated(analysis.source)
    fixes = tuple(
        fix
        for fix in inside
        if analysis.roots[fix.span].node.lineno == unit.line
        and not any(start <= fix.span[0] and fix.span[1] <= end for start, end in never)
    )
    return Marks(fixes, *marked(analysis.source.text, [fix.span for fix in fixes]))


@dataclass(slots=True)
class Executed:
    """By the number of a case (from 1) the uses that it evaluated. Cases are asked one after the other, until every use was
    evaluated or the time is over. ``failed`` is the failure of the last one, None where it ran; ``refused`` that of the case
    which came furthest of those that were made for a use. ``uncalled`` are the methods with uses that nothing calls."""

    wanted: frozenset[int]
    run: Run
    deadline: float
    by_case: dict[int, frozenset[int]] = field(default_factory=dict)
    failed: Answer | None = None
    refused: Answer | None = None
    uncalled: Sequence[str] = ()

    @property
    def missing(self) -> frozenset[int]:
        return self.wanted.difference(*self.by_case.values())

    @property
    def finished(self) -> bool:
        return not self.missing or time.monotonic() > self.deadline

    def ask(self, number: int, case: Case) -> bool:
        """Whether the case evaluates a use that none before it did."""
        missing = self.missing
        ran = self.run(case)
        self.failed = None
        if not isinstance(ran, frozenset):
            self.failed = ran
            return False
        self.by_case[number] = ran
        return bool(ran & missing)

    def reach(
        self, cases: Sequence[Case], proposed: Iterable[tuple[int | None, Case]], vary: Vary, adapt: Adapt | None = None
    ) -> list[Case]:
        """The cases and, of those ``proposed`` for a use (None: any), the ones that reach another use, with their variations.
        One that does not run is adapted a few times, where something can ``adapt`` it."""
        found = list(cases)
        # Where much is to be reached each part gets fewer variations.
        varied = max(_FEWEST_VARIED, min(_MOST_VARIED, _MOST_MORE // max(1, len(self.missing))))
        for use, case in proposed:
            if self.finished:
                break
            if use is None or use in self.missing:
                reaching = self._first_of(len(found) + 1, [case], found, adapt)
                if use is not None and self.failed is not None:
                    self.refused = min(filter(None, (self.refused, self.failed)), key=progress_of)
                if reaching is not None:
                    found.append(reaching)
                    found += [other for other in vary(reaching) if other not in found][:varied]
        return found

    def _first_of(self, number: int, waiting: list[Case], known: Sequence[Case], adapt: Adapt | None) -> Case | None:
        """The first case that evaluates something new, of those that wait and what is made of them where they fail."""
        tried: list[Case] = []
        while waiting and len(tried) < _MOST_TRIED and not self.finished:
            case = waiting.pop(0)
            if case in known or case in tried:
                continue
            tried.append(case)
            if self.ask(number, case):
                return case
            self.by_case.pop(number, None)
            if self.failed is not None and adapt is not None:
                waiting += adapt(case, self.failed)[:_MOST_ADAPTED]
        return None

    def first(self, compared: Collection[int]) -> dict[int, int]:
        """By use the first of the compared cases that evaluated it."""
        found: dict[int, int] = {}
        for number in sorted(set(compared) & set(self.by_case)):
            for use in self.by_case[number]:
                found.setdefault(use, number)
        return found


def edit_verdicts(marks: Marks, first: Mapping[int, int], known: bool) -> tuple[EditVerdict, ...]:
    """What is to be said of each edit; ``known`` is false where the marked text ran with no case."""
    return tuple(
        EditVerdict(
            fix.line,
            fix.column,
            fix.code,
            fix.symbol,
            fix.fix.replacement if fix.fix is not None else "",
            number in first if known and number not in marks.unmarked else None,
            first.get(number),
        )
        for number, fix in enumerate(marks.fixes)
    )


def covered(unit: UnitVerdict, refused: Answer | None = None, uncalled: Sequence[str] = ()) -> UnitVerdict:
    """The verdict, unless no case executed any of the edits: then the same code ran twice, and equal values say nothing.
    ``refused`` is how the original fails with what was made to execute them, ``uncalled`` are methods that nothing calls."""
    if unit.verdict not in _GOOD or not unit.edits or not all(edit.executed is False for edit in unit.edits):
        return unit
    reason = f"{_NONE}: {_GIVE_ONE}"
    if uncalled:
        names = ", ".join(f"`{name}`" for name in uncalled)
        reason = f"{_NONE}: no call of the unit leads to {names}; only a test that calls it can show that it does the same"
    elif refused is not None:
        what = advice(refused)
        reason += f"; one that was made for it {told(refused)}{f' ({what})' if what else ''}"
    engines = {
        name: EngineVerdict("skipped", reason=reason) if found.verdict in _GOOD else found for name, found in unit.engines.items()
    }
    return replace(unit, verdict="skipped", reason=reason, engines=engines)
