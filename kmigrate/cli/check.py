"""``kmigrate check``."""

from __future__ import annotations

import sys

from kmigrate.cache import cache_directory
from kmigrate.cli.common import add_executor_option, add_file_options, add_format_option, configuration, paths_of, positive
from kmigrate.collector import uncollected
from kmigrate.config import Config
from kmigrate.inputs import Inputs
from kmigrate.light import TYPE_CHECKING
from kmigrate.outcome import Outcome, Outcomes
from kmigrate.terminal import use_color

if TYPE_CHECKING:
    import argparse

    from kmigrate.cli.common import Parser


def add_arguments(parser: Parser) -> None:
    add_file_options(parser)
    add_format_option(parser)
    parser.add_argument("-j", "--jobs", type=positive, metavar="N", help="processes at a time (default: one for each processor)")
    add_executor_option(parser)
    parser.add_argument(
        "--layers",
        action="store_true",
        help="after the findings, what stands between each layer and portability (in JSON it is always there)",
    )
    parser.add_argument("--no-cache", action="store_true", help="neither use nor keep results of earlier runs")


def run(options: argparse.Namespace) -> int:
    with uncollected():
        outcome = _outcome(options)
    print(outcome.text, end="")
    return outcome.code


def _outcome(options: argparse.Namespace) -> Outcome:
    config = configuration(options)
    inputs = Inputs(config, paths_of(options, config), options.stdin_filename)
    kept_in = None if options.no_cache else cache_directory()
    shown = (options.output_format, options.layers, use_color(sys.stdout))
    outcomes = Outcomes(kept_in, config, inputs, shown)
    outcome = outcomes.get()
    if outcome is None:
        outcome, again = _found(options, config, inputs)
        if again:
            outcomes.keep(outcome)
    return outcome


def _found(options: argparse.Namespace, config: Config, inputs: Inputs) -> tuple[Outcome, bool]:
    """What the run prints, and whether it would print it again."""
    from kmigrate.project import Project, lasts
    from kmigrate.report import REPORTERS

    project = Project(config, options.jobs or 0, cached=not options.no_cache, where=options.executor)
    reports = project.reports_of(inputs)
    color = use_color(sys.stdout)
    text = REPORTERS[options.output_format].render_check(reports, config.target, len(reports), color)
    if options.layers and options.output_format == "text":
        from kmigrate.report.layers import render_layers

        section = render_layers(reports, color)
        text += f"\n{section}" if section else ""
    code = 2 if any(r.errors for r in reports) else int(any(r.findings for r in reports))
    return Outcome(code, text), all(map(lasts, reports))
