"""Verification of one unit: original and rewritten text in, a verdict out.

The verdict of a unit is the worst on the engine that the original was written for (the *preserving* claim). What the
rewritten code does on the other engines (the *portable* claim) is reported under ``engines`` with its numbers and its
reason, and does not make the unit ``different``: the original could not run there at all, so nothing that worked is lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from kmigrate.model import Unit
from kmigrate.verify.cases import Case
from kmigrate.verify.compare import Verdict, compare, worst
from kmigrate.verify.excerpt import excerpt
from kmigrate.verify.executed import Executed, Marks, covered, edit_verdicts
from kmigrate.verify.failure import failure_of
from kmigrate.verify.feedback import next_cases
from kmigrate.verify.finding import Found, find_cases, that_run
from kmigrate.verify.pair import ModulePair
from kmigrate.verify.reaching import directed, reachable, uncalled, undirected
from kmigrate.verify.reasons import READ_AS_KERAS, symbols_left
from kmigrate.verify.repeat import CERTAIN, settled
from kmigrate.verify.result import DEAD, Result
from kmigrate.verify.runner import Engines
from kmigrate.verify.settings import Settings
from kmigrate.verify.shrink import OutOfBudget, smallest
from kmigrate.verify.tables import to_table
from kmigrate.verify.variations import in_float32, variations
from kmigrate.verify.verdicts import FAILS_BEFORE, CaseVerdict, EngineVerdict, UnitVerdict

__all__ = [
    "EngineVerdict",
    "ModulePair",
    "Session",
    "Settings",
    "UnitVerdict",
    "verify_module",
]

_COMPARED = ("identical", "equal", "different")
_MOST_OBSERVED = 12
_STAGES = ("import", "construct", "build", "call", "evaluate", "weights")

Progress = Callable[[Unit, str], None]


def verify_module(
    pair: ModulePair,
    units: Sequence[Unit],
    engines: Engines,
    settings: Settings | None = None,
    on_progress: Progress | None = None,
) -> list[UnitVerdict]:
    """One verdict for each unit, in the order given. ``on_progress(unit, what)`` is called before each step.

    Raises UserError for a configured case that is not one.
    """
    session = Session(engines)
    return [session.verify(pair, unit, settings or Settings(), on_progress).unit for unit in units]


@dataclass(frozen=True, slots=True)
class Verified:
    """The verdict of a unit, and the cases that refute it on its own engine, the one that shows it best first."""

    unit: UnitVerdict
    refuting: tuple[Case, ...] = ()


@dataclass(slots=True)
class Session:
    """Verifies units on one set of engines. Cases are kept, what they yield on an original until another unit
    comes, so that further versions of the same rewrite cost little."""

    engines: Engines
    _key: tuple[Any, ...] = ()
    _found: dict[tuple[Any, ...], Found] = field(default_factory=dict)
    _originals: dict[str, Result] = field(default_factory=dict)

    def verify(
        self,
        pair: ModulePair,
        unit: Unit,
        settings: Settings,
        on_progress: Progress | None = None,
        marks: Marks | None = None,
    ) -> Verified:
        """``marks``: say also which edits the compared cases execute. Raises UserError for a configured case that is not one."""
        if pair.engine not in self.engines.names:
            return Verified(_none(pair, unit, "unsupported", f"the stack has no {pair.engine}"))

        def say(what: str) -> None:
            if on_progress is not None:
                on_progress(unit, what)

        say("looking for a case")
        found = self._cases(pair, unit, settings)
        if not found.cases:
            return Verified(_none(pair, unit, found.verdict, found.reason or "no case was found"))
        executed, found = (None, found) if marks is None else self._executed(pair, found, settings, marks)
        verified = _Run(self, pair, unit, settings, found).verify(say)
        if executed is None or marks is None:
            return verified
        compared = [run.number for run in verified.unit.runs if run.engine == pair.engine and run.verdict in _COMPARED]
        edits = edit_verdicts(marks, executed.first(compared), bool(executed.by_case)) if compared else ()
        return replace(verified, unit=covered(replace(verified.unit, edits=edits), executed.refused, executed.uncalled))

    def _executed(self, pair: ModulePair, found: Found, settings: Settings, marks: Marks) -> tuple[Executed, Found]:
        """Which of the marked edits the cases execute, as far as it takes to see each executed once; with further cases for edits
        that those which were searched do not reach."""
        module = replace(pair, original=marks.text).module(rewritten=False)

        def run(case: Case) -> frozenset[int] | dict[str, Any]:
            request = {"op": "executed", "module": module, "unit": found.wire, "case": case.payload()}
            answer = self.engines.call(pair.engine, request)
            return frozenset(answer["ran"]) if "ran" in answer else answer

        started = time.monotonic()
        executed = Executed(marks.wanted, run, started + settings.reach_s)
        for number, case in enumerate(found.cases, 1):
            if executed.finished or (found.searched and time.monotonic() > started + settings.reach_s / 3):
                break
            executed.ask(number, case)
        if found.shape is None or not found.searched or not executed.missing:
            return executed, found
        return executed, replace(found, cases=self._reaching(executed, pair, found, settings, marks.text))

    @staticmethod
    def _reaching(executed: Executed, pair: ModulePair, found: Found, settings: Settings, marked_text: str) -> list[Case]:
        """The cases, with more that reach edits which these do not."""
        shape = found.shape
        assert shape is not None
        executed.uncalled = uncalled(marked_text, executed.missing)
        asked = reachable(marked_text, found.wire["qualname"], shape, pair.engine, executed.missing)
        if not asked:
            return found.cases
        base = replace(found.cases[min(executed.by_case, default=1) - 1], round_trip=False)
        narrow = all(case.floatx == "float32" for case in found.cases)

        def vary(case: Case) -> list[Case]:
            varied = variations(replace(case, floatx="float32"), shape, settings.seeds)
            return in_float32(varied) if narrow else varied

        def adapt(case: Case, failure: Mapping[str, Any]) -> list[Case]:
            return next_cases(failure_of(case, failure, shape, settings.project))

        cases = executed.reach(found.cases, directed(asked, shape, base), vary, adapt)
        if executed.missing.isdisjoint(asked):
            return cases
        return executed.reach(cases, ((None, case) for case in undirected(base, shape, found.usages, settings.project)), vary)

    def differs(self, pair: ModulePair, unit: Unit, settings: Settings, case: Case) -> bool:
        """Whether the rewritten text is refuted by this one case on its own engine."""
        return self.judge(pair, unit, settings, case).verdict in ("different", "error")

    def judge(self, pair: ModulePair, unit: Unit, settings: Settings, case: Case) -> Verdict:
        """One case on the own engine, ``skipped`` where the original does not run."""
        run = _Run(self, pair, unit, settings, self._cases(pair, unit, settings))
        original = run.original(case)
        if not original.ok:
            return Verdict("skipped", where=original.where, reason=original.failure)
        return run.rewritten(pair.engine, case, original)

    def smallest(self, pair: ModulePair, unit: Unit, settings: Settings, refuting: Case) -> tuple[CaseVerdict, str]:
        """The smallest case that shows the difference which ``refuting`` shows: judged, and how it was found in words."""
        wanted = self.judge(pair, unit, settings, refuting)

        def differs(case: Case) -> bool:
            found = self.judge(pair, unit, settings, case)
            if found.where in DEAD:
                raise OutOfBudget(f"a simpler case ended the worker ({found.where})")
            return _alike(found, wanted)

        found = smallest(refuting, self._cases(pair, unit, settings).shape, differs, settings.shrink_s)
        verdict = self.judge(pair, unit, settings, found.case)
        said = f"the smallest of {found.tried + 1} cases" if found.ended is None else f"perhaps not the smallest: {found.ended}"
        return _of_case(pair.engine, 0, found.case, verdict), said

    def _cases(self, pair: ModulePair, unit: Unit, settings: Settings) -> Found:
        key = (pair.path, pair.original, unit.qualname, unit.line)
        if key != self._key:
            self._key, self._originals = key, {}
        if key not in self._found:
            found = find_cases(pair, unit, self.engines, settings)
            self._found[key] = that_run(found, partial(self.original, pair, found.wire)) if found.searched else found
        return self._found[key]

    def observe(self, pair: ModulePair, unit: Unit, settings: Settings, watched: ModulePair) -> tuple[dict[str, Any], int]:
        """What the arguments are that ``watched.rewritten``, the original with watchers, hands over: the worker's answer, and the
        number of cases that it is about."""
        found = self._cases(pair, unit, settings)
        cases = found.cases[:_MOST_OBSERVED]
        if not cases:
            return {}, 0
        request = {
            "op": "observe",
            "module": watched.module(rewritten=True),
            "unit": found.wire,
            "cases": [case.payload() for case in cases],
            "each_s": min(15.0, self.engines.limits.case_s),
        }
        return self.engines.call(pair.engine, request, limit_s=settings.search_s), len(cases)

    def original(self, pair: ModulePair, wire: dict[str, Any], case: Case) -> Result:
        """What a case yields on the original, run once."""
        key = repr(case)
        if key not in self._originals:
            self._originals[key] = self.run(pair, pair.engine, wire, case, rewritten=False)
        return self._originals[key]

    def run(
        self,
        pair: ModulePair,
        engine: str,
        wire: dict[str, Any],
        case: Case,
        *,
        rewritten: bool,
        weights: Result | None = None,
    ) -> Result:
        payload = case.payload() if weights is None else case.payload(weights.weights, weights.weight_names)
        module = pair.module(rewritten=rewritten, elsewhere=engine != pair.engine)
        return self.engines.run(engine, {"module": module, "unit": wire, "case": payload})


def _alike(one: Verdict, other: Verdict) -> bool:
    """Both show values that differ, or both a rewritten text that fails."""
    return one.verdict == "different" and (one.where in _STAGES) == (other.where in _STAGES)


def _shows_values(verdict: Verdict) -> bool:
    """Not a rewritten text that fails: it fails again."""
    return verdict.verdict == "different" and verdict.where not in (*_STAGES, *DEAD)


@dataclass(slots=True)
class _Run:
    """One version of a rewritten unit against its original."""

    session: Session
    pair: ModulePair
    task: Unit
    settings: Settings
    found: Found

    def original(self, case: Case) -> Result:
        return self.session.original(self.pair, self.found.wire, case)

    def rewritten(self, engine: str, case: Case, original: Result) -> Verdict:
        run = self.session.run(self.pair, engine, self.found.wire, case, rewritten=True, weights=original)
        return compare(original, run, self.settings.tolerance, same_engine=engine == self.pair.engine, engine=engine)

    def verify(self, say: Callable[[str], None]) -> Verified:
        own: list[Verdict] = []
        others = self._others()
        elsewhere: dict[str, list[Verdict]] = {name: [] for name in others}
        runs: list[CaseVerdict] = []
        failed = ""
        with ThreadPoolExecutor(max(1, len(others))) as pool:
            # One queue for each other engine: it works through the cases while our own engine goes on with the next.
            waiting: list[Future[None]] = []
            for number, case in enumerate(self.found.cases, 1):
                say(f"case {number} of {len(self.found.cases)}")
                original = self.original(case)
                if not original.ok:
                    failed = failed or original.failure
                    if self.found.given:
                        own.append(self._not_run(number, original))
                        runs.append(_of_case(self.pair.engine, number, case, own[-1]))
                    if original.where in DEAD:
                        break
                    continue
                for name in others:
                    waiting.append(pool.submit(self._judge, name, (number, case), original, elsewhere[name], runs))
                self._judge(self.pair.engine, (number, case), original, own, runs)
                if own and own[-1].where in DEAD:
                    break
            for future in waiting:
                future.result()
        self._repeat(own, runs)
        if not own:
            return Verified(_none(self.pair, self.task, "skipped", f"no case runs on the original: {failed}"))
        verdict = replace(self._verdict(own, elsewhere), runs=self._in_order(runs), origin=self.found.origin)
        refuting = [
            self.found.cases[run.number - 1]
            for run in verdict.runs
            if run.engine == self.pair.engine and run.verdict in ("different", "error") and run.where != FAILS_BEFORE
        ]
        return Verified(verdict, tuple(refuting))

    def _repeat(self, own: list[Verdict], runs: list[CaseVerdict]) -> None:
        """Settle what few cases show on the own engine by running them again."""
        places = [place for place, run in enumerate(runs) if run.engine == self.pair.engine]
        shown = [(n, place) for n, place in enumerate(places) if _shows_values(own[n])]
        if len(shown) >= CERTAIN:
            return
        for n, place in shown:
            case = self.found.cases[runs[place].number - 1]
            own[n] = settled(own[n], partial(self._anew, case))
            runs[place] = _of_case(self.pair.engine, runs[place].number, case, own[n])

    def _anew(self, case: Case) -> Verdict:
        """Both texts run once more; an original that does not run any more says nothing."""
        original = self.session.run(self.pair, self.pair.engine, self.found.wire, case, rewritten=False)
        return self.rewritten(self.pair.engine, case, original)

    def _not_run(self, number: int, original: Result) -> Verdict:
        """A case that a person gave and that the original does not run: to pass it over would say that it was compared."""
        reason = f"{self.found.given}: case {number} does not run on the original: {original.failure}"
        return Verdict("error", where=FAILS_BEFORE, reason=reason)

    def _in_order(self, runs: list[CaseVerdict]) -> tuple[CaseVerdict, ...]:
        """By engine, the own one first, and by case: engines work side by side."""
        return tuple(sorted(runs, key=lambda run: (run.engine != self.pair.engine, run.engine, run.number)))

    def _judge(
        self, engine: str, numbered: tuple[int, Case], original: Result, into: list[Verdict], runs: list[CaseVerdict]
    ) -> None:
        """Run the rewritten code on one engine, compare it with the original, and add the verdict."""
        number, case = numbered
        if into and into[-1].where in DEAD:
            return  # it hung or died here before: every further case would cost as much
        verdict = self.rewritten(engine, case, original)
        if verdict.reason and verdict.verdict in ("different", "error"):
            into.append(replace(verdict, reason=f"{verdict.reason} [{case.describe()}]"))
        else:
            into.append(verdict)
        runs.append(_of_case(engine, number, case, verdict))

    def _others(self) -> list[str]:
        """Engines that the rewritten unit can be tried on."""
        if not self.settings.portable:
            return []
        return [name for name in self.session.engines.names if name != self.pair.engine and not self._tied(name)]

    def _tied(self, engine: str) -> str | None:
        """Why the rewritten unit cannot run on that engine, or None."""
        symbols = [symbol for name, found in self.task.remaining.items() if name != engine for symbol in found]
        return symbols_left(symbols, self.task.unsafe) if symbols else None

    def _verdict(self, own: list[Verdict], elsewhere: dict[str, list[Verdict]]) -> UnitVerdict:
        total = worst(own)
        engines: dict[str, EngineVerdict] = {self.pair.engine: _of_engine(total)}
        for name in self.session.engines.names:
            if name == self.pair.engine or not self.settings.portable:
                continue
            tied = self._tied(name)
            found = EngineVerdict("unsupported", reason=tied) if tied else _of_engine(worst(elsewhere[name]))
            note = READ_AS_KERAS if self.pair.flavour == "tf.keras" and not tied else None
            engines[name] = replace(found, reason="; ".join(filter(None, (found.reason, note))) or None)
        return _unit(self.pair, self.task, total.verdict, engines, len(own), total.reason)


def _none(pair: ModulePair, unit: Unit, verdict: str, reason: str) -> UnitVerdict:
    engines: dict[str, EngineVerdict] = {pair.engine: EngineVerdict(verdict, reason=reason)}
    return _unit(pair, unit, verdict, engines, 0, reason)


def _unit(
    pair: ModulePair, unit: Unit, verdict: str, engines: dict[str, EngineVerdict], cases: int, reason: str | None
) -> UnitVerdict:
    line, before, after = excerpt(pair.original, pair.rewritten, unit.qualname, unit.line)
    return UnitVerdict(
        pair.path, unit.qualname, unit.kind, verdict, engines, cases, reason, line=line, before=before, after=after
    )


def _of_engine(verdict: Verdict) -> EngineVerdict:
    return EngineVerdict(verdict.verdict, verdict.max_abs, verdict.max_rel, verdict.reason, verdict.ulp, verdict.worst)


def _of_case(engine: str, number: int, case: Case, verdict: Verdict) -> CaseVerdict:
    return CaseVerdict(
        engine,
        number,
        case.describe(),
        case.floatx,
        "training" if case.phase else "test",
        case.data_format,
        verdict.verdict,
        verdict.max_abs,
        verdict.max_rel,
        verdict.ulp,
        verdict.gradient_abs,
        verdict.gradient_rel,
        verdict.no_gradient,
        verdict.spread,
        verdict.where,
        verdict.reason,
        verdict.worst,
        to_table(case),
    )
