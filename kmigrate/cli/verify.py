"""``kmigrate verify``: one verdict for each rewritten unit."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from kmigrate.cli.common import add_file_options, configuration, paths_of
from kmigrate.config import Config
from kmigrate.files import FileAccessError, write_atomic
from kmigrate.model import UserError
from kmigrate.project import Checked, Project, fixes_to_apply
from kmigrate.report.common import use_color
from kmigrate.report.evidence import Evidence, format_of, needs, render
from kmigrate.report.text import error_line

if TYPE_CHECKING:
    from kmigrate.verify.run import Verifier
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
    checked = list(Project(config).check(paths_of(options, config), options.stdin_filename))
    for one in checked:
        for error in one.report.errors:
            print(error_line(error, use_color(sys.stderr)), file=sys.stderr)
    verdicts, stack = _verify(options, config, checked)
    evidence = Evidence(config.target, stack.name, [verdict.as_json() for verdict in verdicts], stack.versions)
    print(render(evidence, options.output_format, use_color(sys.stdout)), end="")
    for path in options.report:
        _write_report(path, render(evidence, format_of(path)))
    return _exit_code(verdicts, any(one.report.errors for one in checked))


def _verify(options: argparse.Namespace, config: Config, checked: list[Checked]) -> tuple[list[UnitVerdict], Stack]:
    from kmigrate.verify.run import Verifier, chosen_stack, open_engines

    work: Callable[[Verifier, Checked], list[UnitVerdict]]
    if options.against or options.original:
        from kmigrate.verify.against import compare_with_earlier

        def work(verifier: Verifier, one: Checked) -> list[UnitVerdict]:
            return compare_with_earlier(verifier, one, _earlier(options, one.path))
    else:

        def work(verifier: Verifier, one: Checked) -> list[UnitVerdict]:
            return verifier.fixed(one, fixes_to_apply(one.report.findings, options.unsafe))

    wanted = [c for c in checked if c.analysis is not None or options.against or options.original]
    if not any(fixes_to_apply(c.report.findings, options.unsafe) for c in wanted) and not (options.against or options.original):
        return [], chosen_stack(config, options.stack)
    with open_engines(config, options.stack) as (stack, engines):
        verifier = Verifier(engines, config)
        found = [verdict for one in wanted for verdict in work(verifier, one)]
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    return found, stack


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
