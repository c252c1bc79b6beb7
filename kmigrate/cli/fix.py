"""``kmigrate fix``: the diff, or with ``--write`` the files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from kmigrate.cli.common import add_cases_option, add_file_options, configuration, paths_of
from kmigrate.config import Config
from kmigrate.files import FileAccessError, write_atomic
from kmigrate.model import FileError, Finding, Span, UserError
from kmigrate.project import Checked, Project, fixes_to_apply
from kmigrate.report.common import plural
from kmigrate.report.diff import unified
from kmigrate.report.json import render_fix
from kmigrate.report.text import error_line
from kmigrate.terminal import use_color


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
    parser.add_argument("--stack", metavar="NAME", help="the stack for --verify (default: keras2-tf1)")


@dataclass(slots=True)
class _Tally:
    files: int = 0
    changed: int = 0
    fixed: int = 0
    remaining: int = 0
    errors: int = 0


def run(options: argparse.Namespace) -> int:
    config = configuration(options)
    tally = _Tally()
    checked = list(Project(config).check(paths_of(options, config), options.stdin_filename))
    if options.observed and not options.verify:
        raise UserError("--observed is for fix --verify: only a run shows something")

    def choose(findings: Sequence[Finding]) -> list[Finding]:
        return fixes_to_apply(findings, options.unsafe, options.observed)

    if options.verify:
        from kmigrate.verify.run import confirmed_fixes

        found = confirmed_fixes(checked, choose, config, options.stack, options.observed or options.unsafe)
    else:
        found = [(one, choose(one.report.findings)) for one in checked]
    applied: set[tuple[str, Span]] = set()
    for one, chosen in found:
        if _fix_file(one, chosen, config, options, tally):
            applied |= {(finding.path, finding.span) for finding in chosen}
        _tell_observed(chosen)
    if options.output_format == "json":
        print(render_fix([one.report for one, _ in found], config.target, applied), end="")
    _summary(tally, options.write)
    if tally.errors:
        return 2
    if options.write:
        return 1 if tally.remaining else 0
    return 1 if tally.changed else 0


def _fix_file(checked: Checked, chosen: Sequence[Finding], config: Config, options: argparse.Namespace, tally: _Tally) -> bool:
    """Whether the file changed (would change, without ``--write``)."""
    from kmigrate.fix.apply import FixError, apply_fixes
    from kmigrate.survey import internal

    tally.files += 1
    tally.remaining += len(checked.report.findings) - len(chosen)
    for error in checked.report.errors:
        _error(error, tally)
    if checked.analysis is None or not chosen:
        return False
    source = checked.analysis.source
    try:
        text = apply_fixes(checked.analysis, chosen, config.target)
        data = source.encode(text)
    except Exception as error:
        why = str(error) if isinstance(error, FixError) else internal(error)
        _error(FileError(checked.report.path, None, None, f"not changed: {why}"), tally)
        tally.remaining += len(chosen)
        return False
    if options.write and str(checked.path) != "-":
        try:
            write_atomic(checked.path, data)
        except FileAccessError as problem:
            _error(problem.file_error, tally)
            tally.remaining += len(chosen)
            return False
    elif options.output_format == "json":
        pass
    elif options.write:
        sys.stdout.write(text)
    else:
        sys.stdout.write(unified(checked.report.path, source.text, text, use_color(sys.stdout)))
    tally.changed += 1
    tally.fixed += len(chosen)
    return True


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
