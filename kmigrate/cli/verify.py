"""``kmigrate verify``: one verdict for each rewritten unit."""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from kmigrate.cli.common import add_cases_option, add_file_options, configuration, paths_of
from kmigrate.cli.running import INTERRUPTED, add_running_options, executor_for, say_that_code_runs, state_of
from kmigrate.config import Config
from kmigrate.files import FileAccessError, write_atomic
from kmigrate.model import Finding, UserError
from kmigrate.project import Checked, Project, fixes_to_apply
from kmigrate.report.common import plural
from kmigrate.report.evidence import Evidence, format_of, needs, render
from kmigrate.report.text import error_line
from kmigrate.terminal import use_color

if TYPE_CHECKING:
    from kmigrate.verify.campaign import Task
    from kmigrate.verify.saved import Key, Saved
    from kmigrate.verify.stacks import Stack
    from kmigrate.verify.verdicts import UnitVerdict


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_file_options(parser)
    parser.add_argument(
        "--output-format",
        choices=("text", "json", "markdown", "junit"),
        default="text",
        help="on standard output (default: text)",
    )
    parser.add_argument(
        "--report",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="also write the evidence to FILE: .html, .md, .json, .xml (JUnit) or .txt (may be repeated)",
    )
    add_running_options(parser)
    add_cases_option(parser)
    parser.add_argument(
        "--save-cases",
        type=Path,
        metavar="FILE",
        help="write the cases that ran to FILE (TOML), to be read, edited, committed and run again with --cases FILE; "
        "units that FILE has already stay as they are",
    )
    parser.add_argument(
        "--install-missing",
        action="store_true",
        help="install from the package index what the code imports and the stack does not have, into an environment beside "
        "the stack, and verify again what needed it (--stack NAME+DISTRIBUTION==VERSION names it by hand)",
    )
    parser.add_argument("--unsafe", action="store_true", help="also apply the unsafe fixes before comparing")
    parser.add_argument("--stack", metavar="NAME", help="the stack to run on (kmigrate engines list; default: keras2-tf1)")
    against = parser.add_mutually_exclusive_group()
    against.add_argument("--against", metavar="REV", help="compare the working tree with this git revision instead of rewriting")
    against.add_argument("--original", metavar="DIR", type=Path, help="compare PATHS with the files of the same name in DIR")


def run(options: argparse.Namespace) -> int:
    config = configuration(options)
    if config.target != "keras2":
        raise UserError("verify has no stack for keras3 yet: use --target keras2")
    _examine_reports(options.report)
    saved = _saved(options, config)
    checked = list(Project(config).check(paths_of(options, config), options.stdin_filename))
    for one in checked:
        for error in one.report.errors:
            print(error_line(error, use_color(sys.stderr)), file=sys.stderr)
    from kmigrate.verify.run import chosen_stack
    from kmigrate.verify.stacks import get_stack

    stack = chosen_stack(config, options.stack)
    tasks = _tasks(options, config, checked, stack.name, saved)
    _report_unknown(saved, checked, tasks)
    done = _verdicts(options, tasks, stack)
    verdicts = [verdict for _, verdict in done]
    stack = max((get_stack(task.stack) for task, _ in done), key=lambda used: len(used.extra), default=stack)
    evidence = Evidence(config.target, stack.name, [verdict.as_json() for verdict in verdicts], stack.versions, len(tasks))
    print(render(evidence, options.output_format, use_color(sys.stdout)), end="")
    for path in options.report:
        _write_report(path, render(evidence, format_of(path)))
    if options.save_cases is not None:
        _save(options.save_cases, done)
    if not evidence.complete:
        print(f"kmigrate: interrupted with {len(verdicts)} of {len(tasks)} units done; --resume goes on", file=sys.stderr)
        return INTERRUPTED
    return _exit_code(verdicts, any(one.report.errors for one in checked))


def _saved(options: argparse.Namespace, config: Config) -> Saved:
    """The saved cases. Raises UserError for a file that cannot be read, or one to write to that could not be."""
    from kmigrate.verify.saved import load

    target = options.save_cases
    if target is not None:
        if not target.parent.is_dir():
            raise UserError(f"--save-cases {target}: there is no folder {target.parent}")
        load(target if target.exists() else None)
    return load(config.cases)


def _report_unknown(saved: Saved, checked: list[Checked], tasks: list[Task]) -> None:
    seen: dict[str, list[Key]] = {str(one.path.resolve()): [] for one in checked}
    for task in tasks:
        if task.key is not None:
            seen.setdefault(task.key[0], []).append(task.key)
    for line in saved.unknown(seen):
        print(f"kmigrate: {line}", file=sys.stderr)


def _save(path: Path, done: list[tuple[Task, UnitVerdict]]) -> None:
    from kmigrate.verify.saved import save

    added, known = save(path, [(task.key, verdict) for task, verdict in done if task.key is not None])
    kept = f", {plural(known, 'unit')} kept as they are" if known else ""
    print(f"kmigrate: {path}: cases of {plural(added, 'unit')} added{kept}", file=sys.stderr)


def _tasks(options: argparse.Namespace, config: Config, checked: list[Checked], stack: str, saved: Saved) -> list[Task]:
    """One task for each unit that is to be verified, in the order of the files."""
    from kmigrate.verify.against import plan_against
    from kmigrate.verify.campaign import Planned, tasks_of
    from kmigrate.verify.run import plan

    found: list[Planned] = []
    for one in checked:
        chosen: tuple[Finding, ...] = ()
        if options.against or options.original:
            planned = plan_against(one, _earlier(options, one.path))
        else:
            chosen = tuple(fixes_to_apply(one.report.findings, options.unsafe))
            planned = plan(one, chosen, config.target)
        if planned is not None:
            found.append((*planned, one, chosen))
    return tasks_of(found, config, stack, saved)


def _verdicts(options: argparse.Namespace, tasks: list[Task], stack: Stack) -> list[tuple[Task, UnitVerdict]]:
    """The tasks with their verdicts in the order of the tasks; those found so far where the run is interrupted."""
    if not tasks:
        return []
    from kmigrate.report.progress import progress
    from kmigrate.verify.campaign import verify_all

    say_that_code_runs()
    found: dict[int, UnitVerdict] = {}
    tried: set[str] = set()
    todo = list(range(len(tasks)))
    with state_of(options, stack) as state:
        while todo:
            place = {id(tasks[number]): number for number in todo}
            with executor_for(options, len(todo), stack) as executor, progress(len(todo)) as tell:
                try:
                    for task, verdict in verify_all([tasks[number] for number in todo], executor, state):
                        found[place[id(task)]] = verdict
                        tell(f"{task.name}: {verdict.verdict}")
                except KeyboardInterrupt:
                    break
            lacking = {number: _lacks(found[number]) for number in todo if number in found} if options.install_missing else {}
            new = set().union(*lacking.values()) - tried
            tried |= new
            stack = _with_missing(stack, new)
            todo = [number for number, names in lacking.items() if names & new and tasks[number].stack != stack.name]
            for number in todo:
                tasks[number] = replace(tasks[number], stack=stack.name)
    return [(tasks[number], found[number]) for number in sorted(found)]


def _lacks(verdict: UnitVerdict) -> set[str]:
    """The modules for want of which the unit has no verdict."""
    from kmigrate.verify.overlays import missing_modules

    return missing_modules([verdict.reason, *(engine.reason for engine in verdict.engines.values())])


def _with_missing(stack: Stack, modules: set[str]) -> Stack:
    """The stack with the distributions of the modules that can be installed; what cannot is said."""
    from kmigrate.verify.overlays import distribution_of
    from kmigrate.verify.stacks import ensure, with_extra

    wanted = sorted(map(distribution_of, modules))
    for group in ([wanted], [[one] for one in wanted]):  # all at once, else each that can be had
        failed = []
        for distributions in group:
            extended = with_extra(stack, distributions)
            try:
                ensure(extended)
            except UserError as error:
                failed.append(str(error))
            else:
                stack = extended
        if not failed:
            return stack
    for line in failed:
        print(f"kmigrate: {line}", file=sys.stderr)
    return stack


def _examine_reports(paths: list[Path]) -> None:
    """Raise UserError for what would fail after the work: an unknown suffix, a missing library or folder."""
    for path in paths:
        needs(format_of(path))
        if not path.parent.is_dir():
            raise UserError(f"--report {path}: there is no folder {path.parent}")


def _write_report(path: Path, text: str) -> None:
    try:
        write_atomic(path, text.encode("utf-8", "surrogateescape"))
    except FileAccessError as problem:
        raise UserError(f"--report {path}: {problem.file_error.message}") from None


def _earlier(options: argparse.Namespace, path: Path) -> bytes | None:
    """The bytes of the file as it was, None where it did not exist. Raises UserError."""
    if options.original:
        inside = path.resolve()
        base = next(
            (Path(p).resolve() for p in options.paths if Path(p).is_dir() and inside.is_relative_to(Path(p).resolve())), None
        )
        old = options.original / (inside.relative_to(base) if base else path.name)
        return old.read_bytes() if old.is_file() else None
    folder = path.resolve().parent
    result = subprocess.run(["git", "show", f"{options.against}:./{path.name}"], cwd=folder, capture_output=True, check=False)
    if result.returncode == 0:
        return result.stdout
    message = result.stderr.decode("utf-8", "replace").strip()
    if "exists on disk, but not in" in message or "does not exist in" in message:
        return None
    raise UserError(f"--against {options.against}: {message}")


def _exit_code(verdicts: list[UnitVerdict], errors: bool) -> int:
    names = {v.verdict for v in verdicts}
    if errors:
        return 2
    if "different" in names:
        return 1
    return 2 if names - {"identical", "equal"} else 0
