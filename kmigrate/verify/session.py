"""Verification of one module: original and rewritten text in, one verdict for each unit out.

The verdict of a unit is the worst on the engine that the original was written for (the *preserving* claim). What the
rewritten code does on the other engines (the *portable* claim) is reported under ``engines`` with its numbers and its
reason, and does not make the unit ``different``: the original could not run there at all, so nothing that worked is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any, Literal

from kmigrate.model import Unit, UserError
from kmigrate.verify import specs
from kmigrate.verify.anatomy import UnitShape, inner_function, read_unit
from kmigrate.verify.cases import Case, from_config, variations
from kmigrate.verify.compare import Tolerance, Verdict, compare, worst
from kmigrate.verify.excerpt import excerpt
from kmigrate.verify.projectfiles import ProjectFiles
from kmigrate.verify.reasons import READ_AS_KERAS, symbols_left
from kmigrate.verify.result import Result
from kmigrate.verify.runner import Engines
from kmigrate.verify.search import Search
from kmigrate.verify.verdicts import CaseVerdict, EngineVerdict, UnitVerdict

__all__ = [
    "EngineVerdict",
    "ModulePair",
    "Settings",
    "UnitVerdict",
    "compare_results",
    "run_snippet",
    "verify_module",
]

_DEAD = ("timeout", "crash", "start")


@dataclass(frozen=True, slots=True)
class ModulePair:
    """One module before and after. ``package_root`` is put on ``sys.path``; ``package`` is the dotted parent package.

    ``others`` are the rewritten texts of the project's other files, by their path below ``package_root``: on another engine the
    whole project is taken as rewritten, on its own each module by itself.
    """

    path: str
    original: str
    rewritten: str
    engine: Literal["tensorflow", "theano"] = "tensorflow"
    flavour: Literal["keras", "tf.keras"] = "keras"
    package_root: str | None = None
    package: str | None = None
    others: tuple[tuple[str, str], ...] = ()

    def module(self, *, rewritten: bool, elsewhere: bool = False) -> dict[str, Any]:
        """The worker's description of one side. ``elsewhere``: on another engine, where that of the original is taken away."""
        name = PurePath(self.path).stem if self.path else "module"
        if not name.isidentifier():
            name = "module"
        source = self.rewritten if rewritten else self.original
        module: dict[str, Any] = {"name": name, "source": source, "path": self.path, "flavour": self.flavour}
        module.update(package_root=self.package_root, package=self.package)
        if elsewhere:
            module.update(flavour="keras", stand_in=self.engine, others=dict(self.others))
        return module


@dataclass(frozen=True, slots=True)
class Settings:
    """How much is tried. ``cases`` gives cases by qualname (tables as ``cases.from_config`` takes them); other units
    are searched, for at most ``search_s`` seconds each. ``portable=False`` leaves the other engines alone.
    ``project`` are the files whose calls show how units are used."""

    tolerance: Tolerance = field(default_factory=Tolerance)
    seeds: tuple[int, ...] = (0, 1)
    cases: Mapping[str, Sequence[Mapping[str, Any]]] | None = None
    search_s: float = 60.0
    portable: bool = True
    project: ProjectFiles | None = None


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
    session = _Session(pair, engines, settings or Settings())
    verdicts = []
    for unit in units:

        def say(what: str, unit: Unit = unit) -> None:
            if on_progress is not None:
                on_progress(unit, what)

        verdicts.append(session.verify(unit, say))
    return verdicts


@dataclass(slots=True)
class _Found:
    """The cases of a unit, and what the worker must be told to find it; ``reason`` where there are none."""

    cases: list[Case]
    wire: dict[str, Any] = field(default_factory=dict)
    reason: str | None = None
    verdict: str = "skipped"


@dataclass(slots=True)
class _Session:
    pair: ModulePair
    engines: Engines
    settings: Settings

    def verify(self, unit: Unit, say: Callable[[str], None]) -> UnitVerdict:
        if self.pair.engine not in self.engines.names:
            return self._none(unit, "unsupported", f"the stack has no {self.pair.engine}")
        say("looking for a case")
        found = self._find(unit)
        if not found.cases:
            return self._none(unit, found.verdict, found.reason or "no case was found")
        own: list[Verdict] = []
        others = self._others(unit)
        elsewhere: dict[str, list[Verdict]] = {name: [] for name in others}
        runs: list[CaseVerdict] = []
        failed = ""
        with ThreadPoolExecutor(max(1, len(others))) as pool:
            # One queue for each other engine: it works through the cases while our own engine goes on with the next.
            waiting: list[Future[None]] = []
            for number, case in enumerate(found.cases, 1):
                say(f"case {number} of {len(found.cases)}")
                original = self._run(self.pair.engine, found.wire, case, rewritten=False)
                if not original.ok:
                    failed = failed or original.failure
                    if original.where in _DEAD:
                        break
                    continue
                for name in others:
                    task = (name, found.wire, (number, case), original, elsewhere[name], runs)
                    waiting.append(pool.submit(self._judge, *task))
                self._judge(self.pair.engine, found.wire, (number, case), original, own, runs)
                if own and own[-1].where in _DEAD:
                    break
            for future in waiting:
                future.result()
        if not own:
            return self._none(unit, "skipped", f"no case runs on the original: {failed}")
        return replace(self._verdict(unit, own, elsewhere), runs=self._in_order(runs))

    def _in_order(self, runs: list[CaseVerdict]) -> tuple[CaseVerdict, ...]:
        """By engine, the own one first, and by case: engines work side by side."""
        return tuple(sorted(runs, key=lambda run: (run.engine != self.pair.engine, run.engine, run.number)))

    def _judge(
        self,
        engine: str,
        wire: dict[str, Any],
        numbered: tuple[int, Case],
        original: Result,
        into: list[Verdict],
        runs: list[CaseVerdict],
    ) -> None:
        """Run the rewritten code on one engine, compare it with the original, and add the verdict."""
        number, case = numbered
        if into and into[-1].where in _DEAD:
            return  # it hung or died here before: every further case would cost as much
        run = self._run(engine, wire, case, rewritten=True, weights=original)
        verdict = compare(original, run, self.settings.tolerance, same_engine=engine == self.pair.engine, engine=engine)
        if verdict.reason and verdict.verdict in ("different", "error"):
            into.append(replace(verdict, reason=f"{verdict.reason} [{case.describe()}]"))
        else:
            into.append(verdict)
        runs.append(_of_case(engine, number, case, verdict))

    def _others(self, unit: Unit) -> list[str]:
        """Engines that the rewritten unit can be tried on."""
        if not self.settings.portable:
            return []
        return [name for name in self.engines.names if name != self.pair.engine and not self._tied(unit, name)]

    def _tied(self, unit: Unit, engine: str) -> str | None:
        """Why the rewritten unit cannot run on that engine, or None."""
        symbols = [symbol for name, found in unit.remaining.items() if name != engine for symbol in found]
        return symbols_left(symbols, unit.unsafe) if symbols else None

    def _verdict(self, unit: Unit, own: list[Verdict], elsewhere: dict[str, list[Verdict]]) -> UnitVerdict:
        total = worst(own)
        engines: dict[str, EngineVerdict] = {self.pair.engine: _of_engine(total)}
        for name in self.engines.names:
            if name == self.pair.engine or not self.settings.portable:
                continue
            tied = self._tied(unit, name)
            found = EngineVerdict("unsupported", reason=tied) if tied else _of_engine(worst(elsewhere[name]))
            note = READ_AS_KERAS if self.pair.flavour == "tf.keras" and not tied else None
            engines[name] = replace(found, reason="; ".join(filter(None, (found.reason, note))) or None)
        return self._unit(unit, total.verdict, engines, len(own), total.reason)

    def _none(self, unit: Unit, verdict: str, reason: str) -> UnitVerdict:
        engines: dict[str, EngineVerdict] = {self.pair.engine: EngineVerdict(verdict, reason=reason)}
        return self._unit(unit, verdict, engines, 0, reason)

    def _unit(self, unit: Unit, verdict: str, engines: dict[str, EngineVerdict], cases: int, reason: str | None) -> UnitVerdict:
        line, before, after = excerpt(self.pair.original, self.pair.rewritten, unit.qualname, unit.line)
        return UnitVerdict(
            self.pair.path,
            unit.qualname,
            unit.kind,
            verdict,
            engines,
            cases,
            reason,
            line=line,
            before=before,
            after=after,
        )

    def _run(
        self,
        engine: str,
        wire: dict[str, Any],
        case: Case,
        *,
        rewritten: bool,
        weights: Result | None = None,
    ) -> Result:
        payload = case.payload(None if weights is None else weights.weights)
        module = self.pair.module(rewritten=rewritten, elsewhere=engine != self.pair.engine)
        return self.engines.run(engine, {"module": module, "unit": wire, "case": payload})

    # --- finding cases ---

    def _find(self, unit: Unit) -> _Found:
        shape, wire = self._read(unit)
        given = (self.settings.cases or {}).get(unit.qualname)
        if given:
            cases = []
            for number, table in enumerate(given, 1):
                where = f"verify.cases.{unit.qualname}[{number}]"
                cases += from_config(where, table, shape, self.settings.seeds)
            return _Found(cases, wire)
        if shape is None:
            return _Found([], reason="the original text has no definition of that name", verdict="unsupported")
        return self._search(unit, shape, wire)

    def _read(self, unit: Unit) -> tuple[UnitShape | None, dict[str, Any]]:
        try:
            shape = read_unit(self.pair.original, unit.qualname, unit.line)
            inner = inner_function(self.pair.original, unit.qualname)
        except SyntaxError as error:
            raise UserError(f"{self.pair.path}:{error.lineno}: {error.msg}") from None
        wire: dict[str, Any] = {"qualname": unit.qualname, "kind": unit.kind}
        if shape is not None and inner is not None and not shape.is_class:
            # A factory: the function that it returns is what Keras calls.
            wire["qualname"] = inner
            shape = read_unit(self.pair.original, inner) or shape
        if shape is not None and shape.lambda_index is not None:
            wire["lambda_index"] = shape.lambda_index
        return shape, wire

    def _search(self, unit: Unit, shape: UnitShape, wire: dict[str, Any]) -> _Found:
        """Try cases on the original under its own engine until one runs."""
        project = self.settings.project
        name = unit.qualname.rpartition(".")[2]
        usages = project.usages(name if shape.is_class else unit.qualname.partition(".")[0]) if project is not None else []
        search = Search(lambda cases: self._probe(wire, cases), shape, unit.kind, usages, project, self.settings.search_s)
        outcome = search.run()
        if outcome.case is None:
            return _Found([], reason=outcome.reason, verdict=outcome.verdict)
        return _Found(variations(outcome.case, shape, self.settings.seeds), wire)

    def _probe(self, wire: dict[str, Any], cases: Sequence[Case]) -> dict[str, Any]:
        request = {
            "op": "probe",
            "module": self.pair.module(rewritten=False),
            "unit": wire,
            "cases": [case.payload() for case in cases],
            "each_s": min(15.0, self.engines.limits.case_s),
        }
        return self.engines.call(self.pair.engine, request, limit_s=self.settings.search_s)


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
    )


# --- the rule proof ---


def run_snippet(
    engines: Engines,
    engine: str,
    source: str,
    function: str,
    inputs: Mapping[str, str],
    *,
    seed: int = 0,
    floatx: str = "float32",
    gradient: bool = True,
    dynamic: bool = False,
    flavour: str = "keras",
) -> Result:
    """Run ``function(**inputs)`` of the module text ``source`` on one engine; ``inputs`` maps names to specs.

    Array specs become placeholders, literals are handed over. ``dynamic`` makes the first dimension of placeholders
    unknown. Raises specs.SpecError.
    """
    case = Case({}, tuple(inputs.items()), seed=seed, floatx=floatx, gradient=gradient, dynamic=dynamic)
    module = {"name": "snippet", "source": source, "path": "<snippet>", "flavour": flavour}
    unit = {"qualname": function, "kind": "helper"}
    return engines.run(engine, {"module": module, "unit": unit, "case": case.payload()})


def compare_results(
    original: Result, rewritten: Result, tolerance: Tolerance | None = None, *, same_engine: bool = True
) -> Verdict:
    """``compare.compare`` of two runs on one engine or on two."""
    return compare(original, rewritten, tolerance, same_engine=same_engine)


SpecError = specs.SpecError
