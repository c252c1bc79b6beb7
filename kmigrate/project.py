"""Files in, reports and analyses out: what ``check``, ``fix`` and ``verify`` share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from kmigrate import survey
from kmigrate.cache import Cache, cache_directory, results_version
from kmigrate.collector import uncollected
from kmigrate.config import Config, Wishes
from kmigrate.digests import digest, digest_of
from kmigrate.filereport import FileReport, failed
from kmigrate.files import FileAccessError, read
from kmigrate.inputs import Inputs
from kmigrate.light import TYPE_CHECKING, NamedTuple
from kmigrate.universe import Universe, size_of
from kmigrate.workers import Workers, chunks

if TYPE_CHECKING:
    from pathlib import Path

    from kmigrate.layers.nouns import Surroundings
    from kmigrate.lint import Analysis
    from kmigrate.model import Finding
    from kmigrate.names import Names
    from kmigrate.rulebook.book import Rulebook


class Checked(NamedTuple):
    """One file: its report and, where the file may use an engine and could be parsed, its analysis."""

    path: Path
    report: FileReport
    analysis: Analysis | None = None


class Job(NamedTuple):
    """One file to examine: everything that a worker process needs to know."""

    path: str
    name: str
    digest: str
    surroundings: Surroundings | None
    wishes: Wishes


class Project:
    """The files of one run. ``jobs``: processes at a time, 0 for one each processor; ``cached``: results of earlier runs are
    used and kept; ``where`` is an executor (``executors.open_executor``)."""

    def __init__(self, config: Config, jobs: int = 1, cached: bool = False, where: str = "local") -> None:
        self.config = config
        self.jobs = jobs
        self.where = where
        self.wishes = config.wishes
        version = results_version(config.rules) if cached else None
        self.cache = Cache(None if version is None else cache_directory(), os.getcwd(), version or "")
        self._kept: list[str] = []

    @property
    def book(self) -> Rulebook:
        from kmigrate.rulebook.book import load_rulebook

        return load_rulebook(self.config.rules)

    # ---- reports: findings alone, remembered and in parallel

    def inputs(self, paths: Sequence[str], stdin_name: str | None = None) -> Inputs:
        """The files that ``paths`` mean (``-`` is standard input), and those around them."""
        return Inputs(self.config, paths, stdin_name)

    def reports(self, paths: Sequence[str], stdin_name: str | None = None) -> list[FileReport]:
        """Check files and directories in order; ``-`` is standard input. Files that cannot be read yield an error."""
        return self.reports_of(self.inputs(paths, stdin_name))

    def reports_of(self, inputs: Inputs) -> list[FileReport]:
        """The same of inputs that are found already."""
        with uncollected(), Workers(self.jobs, self.where) as workers:
            universe = self._universe(inputs, workers)
            found = self._examined(universe, inputs.files, workers)
        facts = [s.digest for s in universe.surveyed.values()]
        self.cache.save({"stats": universe.surveyed, "facts": facts, "reports": self._kept})
        return [*(FileReport(e.path, errors=(e,)) for e in inputs.errors), *(found[path] for path in inputs.files)]

    def _universe(self, inputs: Inputs, workers: Workers) -> Universe:
        universe = Universe(self.cache, inputs.given)
        universe.take(dict.fromkeys([*inputs.files, *inputs.others]), workers)
        return universe

    def _examined(self, universe: Universe, names: dict[str, str], workers: Workers) -> dict[str, FileReport]:
        found: dict[str, FileReport] = {}
        keys: dict[str, str] = {}
        jobs: list[tuple[Job, int]] = []
        for path, name in names.items():
            job = self._job(universe, path, name, found)
            if job is None:
                continue
            keys[path] = digest(job)
            remembered = self.cache.report(keys[path])
            if remembered is not None:
                found[path] = remembered
            elif path in universe.given:
                found[path] = _examine(job, universe.read(path))
            else:
                jobs.append((job, 10 * size_of(path)))  # examining costs more than reading
        if jobs:
            self.book  # noqa: B018  # a broken rules file is reported once, here, not by each worker
        for answers in workers.spread(examine_files, chunks(jobs), sum(size for _, size in jobs), _lost):
            found.update(answers)
        for path, key in keys.items():
            if lasts(found[path]):
                self.cache.keep_report(key, found[path])
        self._kept = list(keys.values())
        return found

    def _job(self, universe: Universe, path: str, name: str, found: dict[str, FileReport]) -> Job | None:
        """What is left to do for a file; where nothing is, its report goes into ``found``."""
        if path in universe.problems:
            found[path] = failed(name, (None, None, universe.problems[path]))
            return None
        surveyed = universe.surveyed[path]
        if surveyed.error is not None:
            found[path] = failed(name, surveyed.error)
            return None
        surroundings = universe.surroundings(path, self.wishes.whole_module)
        if surroundings is None or not survey.needs_examining(surveyed, surroundings, self.wishes.whole_module):
            found[path] = FileReport(name)
            return None
        from dataclasses import replace

        surroundings = replace(surroundings, hiding=universe.hiding(path))
        return Job(path, name, surveyed.digest, surroundings, self.wishes)

    # ---- analyses: for those who go on from the findings

    def check(self, paths: Sequence[str], stdin_name: str | None = None) -> Iterator[Checked]:
        """Like ``reports``, each with its analysis, one at a time in this process."""
        from pathlib import Path

        self.book  # noqa: B018  # a broken rules file is reported even where no file needs a rule
        inputs = self.inputs(paths, stdin_name)
        for error in inputs.errors:
            yield Checked(Path(error.path), FileReport(error.path, errors=(error,)))
        with uncollected(), Workers(self.jobs) as workers:
            universe = self._universe(inputs, workers)
        for path, name in inputs.files.items():
            yield self._checked(universe, path, name, Path(inputs.named[path]))

    def _checked(self, universe: Universe, path: str, name: str, file: Path) -> Checked:
        from dataclasses import replace

        found: dict[str, FileReport] = {}
        job = self._job(universe, path, name, found)
        if job is None:
            return Checked(file, found[path])
        try:
            with uncollected():
                report, analysis = survey.analysed(name, universe.read(path), job.digest, job.surroundings, job.wishes)
        except Exception as error:
            return Checked(file, failed(name, survey.problem_of(error)))
        taken = universe.taken(path)
        return Checked(
            file, report, replace(analysis, taken=taken, again=partial(_again, job, taken, _qualnames(analysis.names)))
        )


def _again(job: Job, taken: Callable[[str], bool], definitions: Sequence[str], data: bytes) -> Analysis | None:
    """The analysis of another text of a file, in the same surroundings. They number the definitions: None where these are others;
    and what they say of other places is of another text. Raises what ``survey.problem_of`` puts into words."""
    from dataclasses import replace

    from kmigrate.names import Names
    from kmigrate.source import Source
    from kmigrate.workbench import WORKBENCH, Parsed

    source, content = Source.parse("", data), digest_of(data)
    names = Names(source.tree)
    if _qualnames(names) != definitions:
        return None
    WORKBENCH.put(content, Parsed(source, names.walk))
    surroundings = replace(job.surroundings, handed={}) if job.surroundings is not None else None
    return replace(survey.analysed(job.name, data, content, surroundings, job.wishes)[1], taken=taken)


def _qualnames(names: Names) -> list[str]:
    return [definition.qualname for definition in names.definitions.values()]


def examine_files(jobs: Sequence[tuple[Job, int]]) -> list[tuple[str, FileReport]]:
    """The reports of some files by path. Runs in worker processes."""
    found = []
    for job, _ in jobs:
        try:
            found.append((job.path, _examine(job, read(job.path))))
        except FileAccessError as error:
            found.append((job.path, failed(job.name, (None, None, error.message))))
    return found


def _lost(item: tuple[Job, int], why: str) -> list[tuple[str, FileReport]]:
    return [(item[0].path, failed(item[0].name, (None, None, why)))]


def _examine(job: Job, data: bytes) -> FileReport:
    return survey.examine(job.name, data, job.digest, job.surroundings, job.wishes)


def lasts(report: FileReport) -> bool:
    """Whether a report may be remembered."""
    return all(survey.is_lasting((error.line, error.column, error.message)) for error in report.errors)


def fixes_to_apply(findings: Sequence[Finding], unsafe: bool, observed: bool = False) -> list[Finding]:
    """The findings whose fix is applied: the safe ones, with ``observed`` those that rest on observation and nothing else, with
    ``unsafe`` all that have one."""
    return [
        f
        for f in findings
        if f.fix is not None and (unsafe or f.fix.applicability == "safe" or (observed and f.fix.rests_on_observation_alone))
    ]
