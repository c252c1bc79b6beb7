"""Files in, reports and analyses out: what ``check``, ``fix`` and ``verify`` share."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kmigrate.cache import Cache, cache_directory, digest, own_version, stat_of, tree_state
from kmigrate.config import Config, Wishes
from kmigrate.files import FileAccessError, discover, display_path, read
from kmigrate.model import FileReport, Finding, failed
from kmigrate.neighbours import files_around, key_of
from kmigrate.rulebook.place import builtin_rules_directory

if TYPE_CHECKING:
    from kmigrate.layers.index import Surroundings
    from kmigrate.lint import Analysis
    from kmigrate.rulebook.book import Rulebook
    from kmigrate.universe import Universe


@dataclass(frozen=True, slots=True)
class Checked:
    """One file: its report and, where the file may use an engine and could be parsed, its analysis."""

    path: Path
    report: FileReport
    analysis: Analysis | None = None


@dataclass(frozen=True, slots=True)
class Job:
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
        self.wishes = Wishes(
            config.target,
            config.scope == "module",
            config.select,
            config.ignore,
            config.portable_only,
            tuple(map(str, config.rules)),
        )
        self._version = digest(own_version(), tree_state([builtin_rules_directory(), *config.rules], (".toml", ".json")))
        self.cache = Cache(cache_directory() if cached else None, str(Path.cwd()), self._version)
        self._kept: list[str] = []

    @property
    def book(self) -> Rulebook:
        from kmigrate.rulebook.book import load_rulebook

        return load_rulebook(self.config.rules)

    # ---- reports: findings alone, remembered and in parallel

    def reports(self, paths: Sequence[str], stdin_name: str | None = None) -> list[FileReport]:
        """Check files and directories in order; ``-`` is standard input. Files that cannot be read yield an error."""
        given, files, reports = self._inputs(paths, stdin_name)
        others = files_around([*files, *map(Path, given)], self.config)
        run = self._run_key(files, others) if not given and not reports else None
        remembered = self.cache.run(run) if run else None
        if remembered is not None:
            return remembered
        from kmigrate.universe import Universe  # not at the top: a run over unchanged files needs none of it

        universe = Universe(self.cache, given)
        universe.take(files, others, self.jobs, self.where)
        wanted = [*given, *(key_of(file) for file in files)]
        names = {**dict.fromkeys(given, stdin_name or "-"), **{key_of(file): display_path(file) for file in files}}
        found = self._examined(universe, {path: names[path] for path in wanted})
        reports += [found[path] for path in wanted]
        if run:
            self.cache.keep_run(run, reports)
        facts = [s.digest for s in universe.surveyed.values()]
        self.cache.save({"stats": universe.surveyed, "facts": facts, "reports": self._kept})
        return reports

    def _inputs(self, paths: Sequence[str], stdin_name: str | None) -> tuple[dict[str, bytes], list[Path], list[FileReport]]:
        """Standard input by its path, the files, and reports of the paths that mean none."""
        given = {}
        if "-" in paths:
            given[key_of(Path(stdin_name or "-"))] = sys.stdin.buffer.read()
        found, errors = discover([p for p in paths if p != "-"], self.config)
        return given, [f for f in found if key_of(f) not in given], [FileReport(e.path, errors=(e,)) for e in errors]

    def _run_key(self, files: Sequence[Path], others: Sequence[Path]) -> str | None:
        """A digest of everything that the outcome depends on; None where a file is too young for its time to be trusted."""
        states = [(key, stat_of(key)) for key in sorted({key_of(f) for f in [*files, *others]})]
        if any(state is None for _, state in states):
            return None
        return digest(self.wishes, [key_of(f) for f in files], states)

    def _examined(self, universe: Universe, names: dict[str, str]) -> dict[str, FileReport]:
        from kmigrate.universe import chunks, size_of, spread

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
        for answers in spread(examine_files, chunks(jobs), self.jobs, sum(size for _, size in jobs), _lost, self.where):
            found.update(answers)
        for path, key in keys.items():
            self.cache.keep_report(key, found[path])
        self._kept = list(keys.values())
        return found

    def _job(self, universe: Universe, path: str, name: str, found: dict[str, FileReport]) -> Job | None:
        """What is left to do for a file; where nothing is, its report goes into ``found``."""
        from kmigrate.survey import needs_examining

        if path in universe.problems:
            found[path] = failed(name, (None, None, universe.problems[path]))
            return None
        surveyed = universe.surveyed[path]
        if surveyed.error is not None:
            found[path] = failed(name, surveyed.error)
            return None
        surroundings = universe.surroundings(path)
        if surroundings is None or not needs_examining(surveyed, surroundings, self.wishes.whole_module):
            found[path] = FileReport(name)
            return None
        return Job(path, name, surveyed.digest, surroundings, self.wishes)

    # ---- analyses: for those who go on from the findings

    def check(self, paths: Sequence[str], stdin_name: str | None = None) -> Iterator[Checked]:
        """Like ``reports``, each with its analysis, one at a time in this process."""
        self.book  # noqa: B018  # a broken rules file is reported even where no file needs a rule
        given, files, reports = self._inputs(paths, stdin_name)
        for report in reports:
            yield Checked(Path(report.path), report)
        from kmigrate.universe import Universe

        universe = Universe(self.cache, given)
        universe.take(files, files_around([*files, *map(Path, given)], self.config), self.jobs)
        for path in given:
            yield self._checked(universe, path, stdin_name or "-", Path(stdin_name or "-"))
        for file in files:
            yield self._checked(universe, key_of(file), display_path(file), file)

    def _checked(self, universe: Universe, path: str, name: str, file: Path) -> Checked:
        found: dict[str, FileReport] = {}
        job = self._job(universe, path, name, found)
        if job is None:
            return Checked(file, found[path])
        from kmigrate.survey import analysed, problem_of

        try:
            report, analysis = analysed(name, universe.read(path), job.digest, job.surroundings, job.wishes)
        except Exception as error:
            return Checked(file, failed(name, problem_of(error)))
        return Checked(file, report, analysis)


def examine_files(jobs: Sequence[tuple[Job, int]]) -> list[tuple[str, FileReport]]:
    """The reports of some files by path. Runs in worker processes."""
    found = []
    for job, _ in jobs:
        try:
            found.append((job.path, _examine(job, read(Path(job.path)))))
        except FileAccessError as error:
            found.append((job.path, failed(job.name, (None, None, error.message))))
    return found


def _lost(item: tuple[Job, int], why: str) -> list[tuple[str, FileReport]]:
    return [(item[0].path, failed(item[0].name, (None, None, why)))]


def _examine(job: Job, data: bytes) -> FileReport:
    from kmigrate.survey import examine

    return examine(job.name, data, job.digest, job.surroundings, job.wishes)


def fixes_to_apply(findings: Sequence[Finding], unsafe: bool) -> list[Finding]:
    """The findings whose fix is applied: the safe ones, with ``unsafe`` all that have one."""
    return [f for f in findings if f.fix is not None and (unsafe or f.fix.applicability == "safe")]
