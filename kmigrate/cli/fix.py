"""``kmigrate fix``: the diff, or with ``--write`` the files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kmigrate.cli.common import add_cases_option, add_file_options, configuration, paths_of
from kmigrate.cli.running import INTERRUPTED, add_running_options, executor_for, say_that_code_runs, state_of
from kmigrate.config import Config
from kmigrate.filereport import FileReport
from kmigrate.files import FileAccessError, write_atomic
from kmigrate.model import FileError, Finding, Span, UserError
from kmigrate.project import Checked, Project, fixes_to_apply
from kmigrate.report.common import plural
from kmigrate.report.diff import unified
from kmigrate.report.json import render_fix
from kmigrate.report.text import error_line
from kmigrate.terminal import use_color

if TYPE_CHECKING:
    from kmigrate.executors import Executor
    from kmigrate.lint import Analysis

_MOST_ROUNDS = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_file_options(parser)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--diff", action="store_true", help="print the diff and change nothing (the default)")
    how.add_argument("--write", action="store_true", help="write the files")
    parser.add_argument(
        "--unsafe",
        action="store_true",
        help="also the fixes that rest on an assumption which the code does not show",
    )
    parser.add_argument(
        "--verify",
        action="store_true",
        help="keep only the fixes that running on real engines confirms (runs your code)",
    )
    parser.add_argument(
        "--observed",
        action="store_true",
        help="with --verify: run the original first, and choose fixes that the text leaves open by the ranks, dtypes and kinds "
        "of arguments seen (unsafe: another call may hand over something else; --unsafe --verify does it as well)",
    )
    parser.add_argument(
        "--output-format",
        choices=("text", "json"),
        default="text",
        help="json: instead of the diff the findings as check prints them, with what is applied and what was observed",
    )
    add_cases_option(parser)
    add_running_options(parser)
    parser.add_argument("--stack", metavar="NAME", help="the stack for --verify (default: keras2-tf1)")


class _Change(NamedTuple):
    """A file that is to be written. ``more``: how many findings are fixed besides, ``fewer``: how many fewer are left for it."""

    path: Path
    data: bytes
    fixed: Sequence[Finding]
    more: int
    fewer: int


@dataclass(slots=True)
class _Tally:
    files: int = 0
    changed: int = 0
    fixed: int = 0
    remaining: int = 0
    errors: int = 0
    applied: set[tuple[str, Span]] = field(default_factory=set)


def run(options: argparse.Namespace) -> int:
    config = configuration(options)
    tally = _Tally()
    if not options.verify:
        _refuse_running_options(options)
    reports: list[FileReport] = []
    changes: list[_Change] = []
    try:
        for one, chosen in _found(config, options):
            if options.output_format == "json":
                reports.append(one.report)
            changes += _fix_file(one, chosen, config, options, tally)
            _tell_observed(chosen)
    except KeyboardInterrupt:
        again = "; the same command with --resume goes on from here" if options.verify else ""
        print(f"kmigrate: interrupted, no file is changed{again}", file=sys.stderr)
        return INTERRUPTED
    # Not before all is decided: what a file may lose depends on what the others take from it.
    for change in changes:
        _write(change, tally)
    if options.output_format == "json":
        print(render_fix(reports, config.target, tally.applied), end="")
    _summary(tally, options.write)
    if tally.errors:
        return 2
    if options.write:
        return 1 if tally.remaining else 0
    return 1 if tally.changed else 0


def _found(config: Config, options: argparse.Namespace) -> Iterable[tuple[Checked, list[Finding]]]:
    """Each file with the fixes that are applied. Where nothing is run one at a time: what is known of a file takes fifty times
    the memory of its text."""
    checked = Project(config).check(paths_of(options, config), options.stdin_filename)
    if options.verify:
        return _confirmed(list(checked), config, options)
    return ((one, _choose(one, options)) for one in checked)


def _refuse_running_options(options: argparse.Namespace) -> None:
    """Raise UserError for options that mean nothing without a run."""
    given = {"--observed": options.observed, "--jobs": options.jobs, "--resume": options.resume}
    given["--executor"] = options.executor != "local"
    for name, value in given.items():
        if value:
            why = "only a run shows something" if name == "--observed" else "without it nothing is run"
            raise UserError(f"{name} is for fix --verify: {why}")


def _choose(one: Checked, options: argparse.Namespace) -> list[Finding]:
    return fixes_to_apply(one.report.findings, options.unsafe, options.observed)


def _confirmed(checked: Sequence[Checked], config: Config, options: argparse.Namespace) -> list[tuple[Checked, list[Finding]]]:
    """Each file with the fixes that running confirms; with observation also chosen with what the runs of the original show."""
    from kmigrate.report.progress import progress
    from kmigrate.verify.campaign import Task, verify_all
    from kmigrate.verify.confirm import confirmed_fixes
    from kmigrate.verify.run import chosen_stack
    from kmigrate.verify.saved import load
    from kmigrate.verify.verdicts import UnitVerdict

    stack = chosen_stack(config, options.stack)
    saved = load(config.cases)
    if not _units(checked):
        return [(one, []) for one in checked]
    with state_of(options, stack) as state, executor_for(options, _units(checked), stack) as executor:

        def run(tasks: Sequence[Task]) -> list[tuple[Task, UnitVerdict]]:
            found = []
            with progress(len(tasks)) as tell:
                for task, verdict in verify_all(tasks, executor, state):
                    found.append((task, verdict))
                    tell(f"{task.name}: {verdict.verdict}")
            return found

        def tell_left_out(line: str) -> None:
            print(line, file=sys.stderr)

        say_that_code_runs()
        files = _observed(checked, config, stack.name, executor) if options.observed or options.unsafe else list(checked)
        chosen = [_choose(one, options) for one in files]
        return list(zip(files, confirmed_fixes(files, chosen, config, stack.name, saved, run, tell_left_out), strict=True))


def _observed(checked: Sequence[Checked], config: Config, stack: str, executor: Executor) -> list[Checked]:
    """The files with their fixes chosen again where a run of the original decides what the text leaves open."""
    from kmigrate.report.progress import progress
    from kmigrate.verify.campaign import Watch, observe_all
    from kmigrate.verify.observe import undecided

    files = list(checked)
    to_watch = [number for number, one in enumerate(files) if undecided(one)]
    with progress(len(to_watch)) as tell:
        for position, one in observe_all([Watch(files[number], config, stack) for number in to_watch], executor):
            files[to_watch[position]] = one
            tell(f"{one.report.path}: observed")
    return files


def _units(checked: Sequence[Checked]) -> int:
    """About how many units there are to run: those with a finding."""
    return sum(len(one.analysis.units(one.report.findings)) for one in checked if one.analysis is not None)


def _fix_file(
    checked: Checked, chosen: Sequence[Finding], config: Config, options: argparse.Namespace, tally: _Tally
) -> list[_Change]:
    """The change that is to be written, if any; what is to be shown is shown."""
    from kmigrate.errors import internal
    from kmigrate.fix.apply import FixError, apply_fixes, gone_with

    tally.files += 1
    tally.remaining += len(checked.report.findings) - len(chosen)
    for error in checked.report.errors:
        _error(error, tally)
    if checked.analysis is None or not chosen:
        return []
    source = checked.analysis.source
    try:
        text = apply_fixes(checked.analysis, chosen, config.target)
        # With --verify what is written is what was confirmed.
        settled = _Settled(text) if options.verify else _settled(checked.analysis, text, config, options)
        text = settled.text
        data = source.encode(text)
    except Exception as error:
        why = str(error) if isinstance(error, FixError) else internal(error)
        _error(FileError(checked.report.path, None, None, f"not changed: {why}"), tally)
        tally.remaining += len(chosen)
        return []
    gone = len(gone_with(chosen, checked.report.findings))
    fewer = len(checked.report.findings) - len(chosen) - settled.left if settled.more else gone
    change = _Change(checked.path, data, chosen, gone + settled.more, fewer)
    if options.write and str(checked.path) != "-":
        return [change]
    if options.output_format != "json":
        print(text if options.write else unified(checked.report.path, source.text, text, use_color(sys.stdout)), end="")
    _count(change, tally)
    return []


def _write(change: _Change, tally: _Tally) -> None:
    try:
        write_atomic(change.path, change.data)
    except FileAccessError as problem:
        _error(problem.file_error, tally)
        tally.remaining += len(change.fixed)
    else:
        _count(change, tally)


def _count(change: _Change, tally: _Tally) -> None:
    tally.applied |= {(finding.path, finding.span) for finding in change.fixed}
    tally.changed += 1
    tally.fixed += len(change.fixed) + change.more
    tally.remaining -= change.fewer


class _Settled(NamedTuple):
    """``more`` is the number of fixes that only the rewritten text showed to be right, ``left`` that of the findings then."""

    text: str
    more: int = 0
    left: int = 0


def _settled(analysis: Analysis, text: str, config: Config, options: argparse.Namespace) -> _Settled:
    """A rewritten text with the fixes that it shows to be right, until a second run would find nothing to do."""
    from kmigrate.fix.apply import apply_fixes

    settled = _Settled(text)
    for _ in range(_MOST_ROUNDS):
        try:
            now = analysis.again(analysis.source.encode(settled.text)) if analysis.again is not None else None
            found = fixes_to_apply(now.findings, options.unsafe, options.observed) if now is not None else []
            if now is None or not found:
                break
            text = apply_fixes(now, found, config.target)
        except Exception:  # whatever it is, a second run will say it; the first round stands
            break
        settled = _Settled(text, settled.more + len(found), len(now.findings) - len(found))
    return settled


def _tell_observed(chosen: Sequence[Finding]) -> None:
    """The fixes that rest on observation: the diff does not show it."""
    for finding in chosen:
        if finding.fix is not None and finding.fix.observed is not None:
            place = f"{finding.path}:{finding.line}:{finding.column}"
            print(f"{place}: {finding.code} `{finding.fix.replacement}`: {finding.fix.assumption}", file=sys.stderr)


def _error(error: FileError, tally: _Tally) -> None:
    tally.errors += 1
    print(error_line(error, use_color(sys.stderr)), file=sys.stderr)


def _summary(tally: _Tally, write: bool) -> None:
    done = "fixed" if write else "would fix"
    print(
        f"{done} {plural(tally.fixed, 'finding')} in {plural(tally.changed, 'file')}; "
        f"{plural(tally.remaining, 'finding')} left in {plural(tally.files, 'file')}",
        file=sys.stderr,
    )
