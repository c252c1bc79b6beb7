"""The search for a case: candidates are tried on the original, and every error message says what to try next.

The candidates come from existing calls (``usages``), types, names and hints in the text (``constructors``,
``guesses``). Arguments that the constructor refuses are never tried with other inputs.
"""

from __future__ import annotations

import heapq
import itertools
import re
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kmigrate.verify import overlays, specs
from kmigrate.verify.anatomy import UnitShape
from kmigrate.verify.cases import Case
from kmigrate.verify.constructors import Classes, Kwargs, constructors
from kmigrate.verify.failure import failure_of, told
from kmigrate.verify.feedback import neighbours, next_cases
from kmigrate.verify.guesses import Inputs, input_sets, literal
from kmigrate.verify.hopeless import advice, refused_by_keras
from kmigrate.verify.literals import UNKNOWN
from kmigrate.verify.usages import TensorHint, Usage

STAGES = ("unsupported", "start", "import", "construct", "build", "call", "weights", "evaluate", "timeout", "crash")
_CHUNK = 16
_MOST_CASES = 420
_MOST_CANDIDATES = 160
_DEEPEST = 8
_STRIKES = 2
# So many cases have to come furthest and fail of what no case cures before the search gives up on the others.
_ENOUGH_HOPELESS = 24
_LONG = 200
# So many cases have to come furthest and fail alike before the reason doubts that any runs.
_ALIKE = 12
_ADAPTED = ", adapted to error messages"

Answer = Mapping[str, Any]
Progress = tuple[int, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The case that runs, or why there is none: ``verdict`` and ``reason`` are those of the unit."""

    case: Case | None
    verdict: str = "skipped"
    reason: str | None = None


def candidates(shape: UnitShape, kind: str, usages: Sequence[Usage] = (), project: Classes | None = None) -> list[Case]:
    """First cases to try, the likeliest first."""
    kwargs = constructors(shape.construct, usages if shape.is_class or shape.construct else (), project)
    sets = _from_usages(shape, usages) + [(inputs, "") for inputs in input_sets(shape, kind)]
    found = [_case(one, two) for one, two in _diagonal(kwargs, sets)]
    # Some code needs to know every dimension; most of it works either way.
    fixed = [replace(case, dynamic=False) for case in found[:24] if any("[" in spec for _, spec in case.inputs)]
    return found[: _MOST_CANDIDATES - len(fixed)] + fixed


def _case(made: tuple[Kwargs, str], called: tuple[Inputs, str]) -> Case:
    """Arguments and inputs together, with where both come from."""
    (kwargs, of_kwargs), (inputs, of_inputs) = made, called
    parts = dict.fromkeys(part for part in (of_kwargs, of_inputs or "inputs by search") if part)
    return Case(kwargs, inputs, origin=", ".join(parts))


def _diagonal(
    kwargs: list[tuple[Kwargs, str]], sets: list[tuple[Inputs, str]]
) -> Iterator[tuple[tuple[Kwargs, str], tuple[Inputs, str]]]:
    """All pairs, near the start of both first: a good guess must not wait behind a bad one."""
    pairs = itertools.product(range(len(kwargs)), range(len(sets)))
    for one, two in sorted(pairs, key=lambda pair: (pair[0] * 6 + pair[1], pair)):
        yield kwargs[one], sets[two]


def _from_usages(shape: UnitShape, usages: Sequence[Usage]) -> list[tuple[Inputs, str]]:
    """Inputs that existing calls show, with where: shapes for classes, values of arguments for functions."""
    if not shape.is_class:
        return _values_of_functions(shape, usages)
    name = shape.inputs[0].name if shape.inputs else "inputs"
    found: dict[Inputs, str] = {}
    for usage in usages[:24]:
        for small in (True, False):
            if usage.direct:
                found.setdefault(_inputs(name, usage.direct, small), f"the call in {usage.where}")
    for usage in usages[:24]:
        if len(usage.near) > 1 and shape.count == len(usage.near):
            found.setdefault(_inputs(name, usage.near, True), f"tensors near {usage.where}")
        for hint in usage.near[:6]:
            if shape.count < 2:
                found.setdefault(_inputs(name, (hint,), True), f"tensors near {usage.where}")
    return [(inputs, where) for inputs, where in found.items() if all(specs.affordable(text) for _, text in inputs)][:12]


def _inputs(name: str, hints: Sequence[TensorHint], small: bool) -> Inputs:
    texts = []
    for hint in hints:
        most = 32 if len(hint.shape) >= 3 else 64
        sizes = [6 if size is None else min(size, most) if small else size for size in hint.shape]
        kind, below = ("int", "<4") if hint.integers else ("float", "")
        texts.append(f"{kind}[{','.join(map(str, [2, *sizes]))}]{below}")
    return ((name, texts[0]),) if len(texts) == 1 else tuple((f"{name}.{n}", text) for n, text in enumerate(texts))


def _values_of_functions(shape: UnitShape, usages: Sequence[Usage]) -> list[tuple[Inputs, str]]:
    """Literal arguments of existing calls, with tensors of one shape for the rest."""
    names = [item.name for item in shape.inputs]
    found: dict[Inputs, str] = {}
    for usage in usages[:16]:
        given = {**dict(zip(names, usage.positional, strict=False)), **usage.keywords}
        known = {name: value for name, value in given.items() if name in names and value is not UNKNOWN and value is not None}
        if not known or len(known) == len(names):
            continue
        for dims in ("[2,6,4]", "[2,4]", "[2,8,8,3]", "[6]"):
            inputs = tuple((name, literal(known[name]) if name in known else "float" + dims) for name in names)
            found.setdefault(inputs, f"the call in {usage.where}")
    return list(found.items())[:12]


class Search:
    """One search. ``probe`` tries a list of cases forward only and answers as the worker's ``probe`` does."""

    def __init__(
        self,
        probe: Callable[[Sequence[Case]], Answer],
        shape: UnitShape,
        kind: str,
        usages: Sequence[Usage] = (),
        project: Classes | None = None,
        budget_s: float = 60.0,
    ) -> None:
        self.probe = probe
        self.shape = shape
        self.project = project
        self.budget_s = budget_s
        self.deadline = time.monotonic() + budget_s
        self.tried: set[str] = set()
        self.refused: set[str] = set()
        self.errors: list[Answer] = []
        self._failed: dict[int, Case] = {}
        self.best: Progress = (0, ())
        self._plain = deque(candidates(shape, kind, usages, project))
        self._learned: list[tuple[Progress, int, int, int, Case]] = []
        self._numbers = itertools.count()
        self._said: Counter[str] = Counter()

    def run(self) -> Outcome:
        strikes = 0
        while chunk := self._chunk():
            answer = self.probe([case for _, case in chunk])
            if answer.get("where") in ("unsupported", "start"):
                verdict = "unsupported" if answer["where"] == "unsupported" else "error"
                return Outcome(None, verdict, str(answer["message"]))
            if answer.get("index") is not None:
                return Outcome(chunk[int(answer["index"])][1])
            if "errors" not in answer:
                self.errors.append(answer)
                strikes += 1
                # A case that hangs or kills the worker says nothing about the others in its chunk.
                if answer.get("where") == "import" or strikes >= _STRIKES:
                    break
            for (depth, case), error in zip(chunk, answer.get("errors", ()), strict=False):
                self._learn(case, depth, error)
            if self._nothing_helps():
                break
        ended = f" within {self.budget_s:g} s" if time.monotonic() > self.deadline else ""
        return Outcome(None, reason=why_none(self.errors, len(self.tried), ended, self._failed))

    def _nothing_helps(self) -> bool:
        """Whether so many of the cases that came furthest fail of what no case cures, all of them or after a long search most."""
        furthest = _furthest(self.errors)
        hopeless = sum(advice(error) is not None for error in furthest)
        share = 0.5 if len(self.tried) >= _LONG else 1.0
        return hopeless >= _ENOUGH_HOPELESS and hopeless >= share * len(furthest)

    def _chunk(self) -> list[tuple[int, Case]]:
        """Half of it follows what was learned, half are candidates that nothing is known of."""
        found: list[tuple[int, Case]] = []
        while (self._plain or self._learned) and len(found) < _CHUNK:
            if len(self.tried) >= _MOST_CASES or time.monotonic() > self.deadline:
                break
            depth = 0
            if self._learned and (len(found) < _CHUNK // 2 or not self._plain):
                _, _, depth, _, case = heapq.heappop(self._learned)
            else:
                case = self._plain.popleft()
            key = repr(case)
            if key not in self.tried and repr(case.kwargs) not in self.refused:
                self.tried.add(key)
                found.append((depth, case))
        return found

    def _learn(self, case: Case, depth: int, error: Answer) -> None:
        self._failed[len(self.errors)] = case
        self.errors.append({**error, "of": "keras"} if refused_by_keras(error, case.kwargs) else error)
        where = str(error.get("where"))
        if where == "construct":
            self.refused.add(repr(case.kwargs))
        if where not in ("construct", "build", "call", "evaluate"):
            return
        progress = progress_of(error)
        children = next_cases(failure_of(case, error, self.shape, self.project)) if depth < _DEEPEST else []
        if progress < self.best:
            # It came further than any before: its neighbours are worth a look, whatever the message says.
            self.best = progress
            children += neighbours(case) if where != "construct" else []
        adapted = case.origin if _ADAPTED in case.origin else f"{case.origin}{_ADAPTED}"
        # Of two that came as far, the one whose message is new leads on: the other's has been answered already.
        kind = kind_of(error)
        for child in (replace(child, origin=adapted) for child in children):
            heapq.heappush(self._learned, (progress, self._said[kind], depth + 1, next(self._numbers), child))
        self._said[kind] += 1


def progress_of(error: Answer) -> Progress:
    """How far the code came, smaller is further: the stage, then the lines of the user's file on the way to the error. Where
    there are none Keras refused the tensors before the user's code saw them."""
    stage = STAGES.index(error["where"]) if error.get("where") in STAGES else 0
    return -stage, tuple(-int(line) for line in error.get("lines", ())) or (0,)


def _furthest(errors: Sequence[Answer]) -> list[Answer]:
    """The failures of the cases that came furthest."""
    best = min(map(progress_of, errors), default=None)
    return [error for error in errors if progress_of(error) == best]


def kind_of(error: Answer) -> str:
    """What failures that differ in sizes and numbers of layers only have in common."""
    return re.sub(r"\d+", "", f"{error.get('type')}: {error.get('message')}")


def _brief(text: str, most: int = 200) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."


def why_none(errors: Sequence[Answer], tried: int, ended: str = "", cases: Mapping[int, Case] | None = None) -> str:
    """The failure of the case that came furthest: what a person has to know to write one. ``ended`` says that time ran out,
    ``cases`` are those that failed, by the numbers of their errors."""
    if not errors:
        return "no case was found"
    furthest = _furthest(errors)
    # What no case cures is what a person has to know; else the failure that was met last: no answer to the others led past it.
    kinds = list(dict.fromkeys(map(kind_of, furthest)))
    curable_by_none = next((error for error in furthest if advice(error) is not None), None)
    last = curable_by_none or next(error for error in furthest if kind_of(error) == kinds[-1])
    case = (cases or {}).get(next(number for number, error in enumerate(errors) if error is last))
    what = advice(last)
    if last.get("where") == "import":
        said = told({**last, "at": None}).removeprefix("fails at import: ")
        return f"the module cannot be imported: {said}{f' ({what})' if what else ''}"
    came = f"the one that came furthest {told(last)}"
    if what is None:
        begin = f"; it came as far with {_brief(case.arguments())}" if case is not None and case.arguments() else ""
        alike = len(furthest) if len(kinds) == 1 and len(furthest) >= _ALIKE else 0
        lacking = next((text for error in errors if (text := overlays.advice(str(error.get("message"))))), "")
        begin += f"; others lack a package: {lacking}" if lacking else ""
        doubt = f"all {alike} that came as far fail so, and perhaps the code does not run on this stack; else " if alike else ""
        what = f"{doubt}give a case: --save-cases and --cases, or in the configuration{begin}"
    return f"none of {tried} cases runs{ended}; {came} ({what})"
