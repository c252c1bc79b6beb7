"""Verification of checked files: pairs of texts in, verdicts with blame out."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from kmigrate.config import Config
from kmigrate.fix.apply import FixError, apply_fixes
from kmigrate.lint import Analysis
from kmigrate.model import Finding, Unit, UserError
from kmigrate.names import engine_of
from kmigrate.project import Checked
from kmigrate.rulebook.book import load_rulebook
from kmigrate.verify.blame import guilty
from kmigrate.verify.cases import Case
from kmigrate.verify.executed import marks_of
from kmigrate.verify.observe import Calls, calls_of, chosen_again, undecided, watched
from kmigrate.verify.projectfiles import ProjectFiles, project_root
from kmigrate.verify.runner import Engines, Limits, interruptible
from kmigrate.verify.saved import Key, SavedUnit, keys, load
from kmigrate.verify.session import ModulePair, Session, Settings, UnitVerdict, Verified
from kmigrate.verify.stacks import Stack, ensure, get_stack

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_STACK = "keras2-tf1"
CONFIRMED = ("identical", "equal")
_REFUTED = ("different", "error")


def chosen_stack(config: Config, name: str | None) -> Stack:
    """The stack asked for, configured, or the default. Raises UserError for a name that does not exist."""
    return get_stack(name or config.stack or DEFAULT_STACK)


@contextmanager
def open_engines(config: Config, name: str | None) -> Iterator[tuple[Stack, Engines]]:
    """The engines of a stack, which is installed first where it is not."""
    from rich.console import Console

    stack = chosen_stack(config, name)
    python = ensure(stack, Console(stderr=True))
    print("kmigrate: verify runs the code that it is given, in worker processes", file=sys.stderr)
    with Engines(python, tuple(stack.engines), limits_of(config)) as engines, interruptible(engines.stop):
        yield stack, engines


def limits_of(config: Config) -> Limits:
    return Limits(case_s=config.verify.time_limit, memory_mb=config.verify.memory_limit)


class Verifier:
    """Runs units of files under the engines of one stack."""

    def __init__(self, engines: Engines, config: Config) -> None:
        self.session = Session(engines)
        self.config = config
        cases = {
            name: tuple({"args": dict(c.args), "inputs": list(c.inputs)} for c in wanted)
            for name, wanted in config.verify.cases.items()
        }
        self.settings = Settings(seeds=config.verify.seeds, cases=cast("Any", cases) or None)
        self.target = config.target
        self._saved = load(config.cases)
        self._projects: dict[Path, ProjectFiles] = {}

    def observed(self, checked: Checked) -> Checked:
        """The file with its fixes chosen again with what runs of the original show (``Fix.observed``)."""
        wanted = undecided(checked)
        analysis = checked.analysis
        text = watched(analysis, wanted) if analysis is not None else None
        if analysis is None or text is None:
            return checked
        original = analysis.source.text
        pair = pair_of(checked.path, analysis, original, original)
        units = analysis.units(wanted)
        calls: Calls = {}
        count = 0
        for unit, key in zip(units, unit_keys(checked, units), strict=True):
            settings = replace(self._settings(checked.path), saved=self._saved.units.get(key))
            answer, cases = self.session.observe(pair, unit, settings, replace(pair, rewritten=text[0]))
            for span, seen in calls_of(answer, text[1], count).items():
                calls.setdefault(span, []).extend(seen)
            count += cases
        return chosen_again(checked, calls, load_rulebook(self.config.rules), self.config.target)

    def unit(
        self,
        checked: Checked,
        chosen: Sequence[Finding],
        pair: ModulePair,
        unit: Unit,
        saved: SavedUnit | None = None,
        shrink: bool = True,
    ) -> UnitVerdict:
        """One of the units that ``plan`` names, with its blame: without ``chosen`` fixes (an earlier version) there is none to
        blame. ``shrink``: look for the smallest case of a difference."""
        settings = replace(self._settings(checked.path), saved=saved)
        marks = None if checked.analysis is None or not chosen else marks_of(checked.analysis, unit, chosen)
        verified = self.session.verify(pair, unit, settings, marks=marks)
        if not verified.refuting:
            own = checked.analysis.inside(unit.qualname, chosen) if checked.analysis is not None else []
            return _with_what_fixes_declare(verified.unit, pair.engine, own)
        groups = self._blamed(checked, chosen, pair, unit, settings, verified.refuting)
        if verified.unit.verdict == "different" and shrink:
            # Of the edits to blame alone: among simpler cases another edit may differ, too.
            planned = self._pair_with(checked, groups[0], pair) if groups else None
            verified = self._with_smallest(planned or pair, unit, settings, verified)
        blame = "; ".join(" together with ".join(map(blame_line, group)) for group in groups)
        return replace(verified.unit, blame=blame or None)

    def _pair_with(self, checked: Checked, part: Sequence[Finding], whole: ModulePair) -> ModulePair | None:
        """The pair with only these fixes, among the same other files."""
        planned = plan(checked, part, self.target)
        return planned and replace(planned[0], others=whole.others)

    def _blamed(
        self,
        checked: Checked,
        chosen: Sequence[Finding],
        pair: ModulePair,
        unit: Unit,
        settings: Settings,
        refuting: Sequence[Case],
    ) -> list[list[Finding]]:
        """The fixes to blame (see ``guilty``); none where there are none to choose from."""
        if checked.analysis is None or not chosen:
            return []
        # Its own fixes first: of several that would explain a difference, the nearest are named.
        own = checked.analysis.inside(unit.qualname, chosen)
        ordered = own + [f for f in chosen if f not in own]

        def differs(part: Sequence[Finding], case: Case) -> bool:
            with suppress(UserError):  # fixes that cannot be applied without others say nothing
                partial = self._pair_with(checked, part, pair)
                return partial is not None and self.session.differs(partial, unit, settings, case)
            return False

        return guilty(ordered, refuting, differs)

    def _with_smallest(self, pair: ModulePair, unit: Unit, settings: Settings, verified: Verified) -> Verified:
        """A difference shown by the smallest case that shows it."""
        judged = (c for c in verified.refuting if self.session.judge(pair, unit, settings, c).verdict == "different")
        refuting = next(judged, None)
        if refuting is None:
            return verified
        run, said = self.session.smallest(pair, unit, settings, refuting)
        reason = f"{run.reason} [{run.case}; {said}]"
        engines = dict(verified.unit.engines)
        engines[pair.engine] = replace(engines[pair.engine], reason=reason)
        return replace(verified, unit=replace(verified.unit, smallest=run, reason=reason, engines=engines))

    def _settings(self, path: Path) -> Settings:
        """The settings with the files of the project that ``path`` lies in, read once for the run."""
        root = project_root(path)
        return replace(self.settings, project=self._projects.setdefault(root, ProjectFiles(root)))


def _with_what_fixes_declare(verdict: UnitVerdict, own_engine: str, fixes: Sequence[Finding]) -> UnitVerdict:
    """A difference on another engine beside what the unit's own fixes say of other engines. The verdict stays what it is: that a
    fix is not portable does not prove that it is the cause."""
    apart = [f"{f.code} {f.symbol}" for f in fixes if f.fix is not None and f.fix.engines_part]
    if not apart:
        return verdict
    said = f"not portable, as its fix says ({', '.join(dict.fromkeys(apart))})"
    engines = {
        name: replace(found, reason=f"{said}: {found.reason}") if name != own_engine and found.verdict == "different" else found
        for name, found in verdict.engines.items()
    }
    return replace(verdict, engines=engines)


def plan(checked: Checked, chosen: Sequence[Finding], target: str) -> tuple[ModulePair, list[Unit]] | None:
    """The text with ``chosen`` applied beside the original, and the units that this changes; None where nothing does.

    Raises UserError for fixes that cannot be applied together.
    """
    analysis = checked.analysis
    if analysis is None or not chosen:
        return None
    try:
        rewritten = apply_fixes(analysis, chosen, cast("Any", target))
    except FixError as error:
        raise UserError(f"{checked.report.path}: {error}") from error
    return pair_of(checked.path, analysis, analysis.source.text, rewritten), analysis.units(chosen)


def unit_keys(checked: Checked, units: Sequence[Unit]) -> list[Key]:
    """What a file of cases calls each of the units of one file."""
    every = [(unit.qualname, unit.line) for unit in units]
    if checked.analysis is not None:
        every += [(root.qualname, root.node.lineno) for root in checked.analysis.layer_code.roots if root.parent is None]
    known = keys(checked.path, every)
    return [known[unit.qualname, unit.line] for unit in units]


def blame_line(finding: Finding) -> str:
    """How a fix is named in ``blame``."""
    replacement = " ".join(finding.fix.replacement.split()) if finding.fix else ""
    return f"line {finding.line}, column {finding.column}: {finding.code} `{finding.symbol}` -> `{replacement}`"


def pair_of(path: Path, analysis: Analysis, original: str, rewritten: str) -> ModulePair:
    """The two texts of one module, with the package that it lies in and the engine that it was written for."""
    engines = Counter(engine_of(f.symbol) for f in analysis.findings)
    engine = "theano" if engines["theano"] > engines["tensorflow"] else "tensorflow"
    root, package = package_of(path)
    return ModulePair(
        path=analysis.source.path,
        original=original,
        rewritten=rewritten,
        engine=cast("Any", engine),
        flavour=cast("Any", analysis.flavour),
        package_root=root,
        package=package,
    )


def rewritten_beside(pairs: Sequence[ModulePair]) -> list[tuple[tuple[str, str], ...]]:
    """For each pair the ``others`` of it: the rewritten texts of the files of its package, or of its folder of scripts."""
    places = [Path(pair.path).resolve().relative_to(pair.package_root).as_posix() if pair.package_root else "" for pair in pairs]
    together: dict[tuple[str | None, str | None], list[int]] = {}
    for number, pair in enumerate(pairs):
        together.setdefault((pair.package_root, pair.package and pair.package.partition(".")[0]), []).append(number)
    beside: list[tuple[tuple[str, str], ...]] = [()] * len(pairs)
    for numbers in together.values():
        for number in numbers:
            beside[number] = tuple((places[other], pairs[other].rewritten) for other in numbers if other != number)
    return beside


def package_of(path: Path) -> tuple[str | None, str | None]:
    """(folder for ``sys.path``, dotted parent package): folders with ``__init__.py`` above the file make the package."""
    folder = path.resolve().parent
    parts: list[str] = []
    while (folder / "__init__.py").is_file():
        parts.insert(0, folder.name)
        folder = folder.parent
    return str(folder), ".".join(parts) or None
