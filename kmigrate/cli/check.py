"""``kmigrate check``."""

from __future__ import annotations

import argparse
import sys

from kmigrate.cli.common import add_executor_option, add_file_options, add_format_option, configuration, paths_of, positive
from kmigrate.project import Project
from kmigrate.report import REPORTERS
from kmigrate.report.common import use_color
from kmigrate.report.layers import render_layers


def add_arguments(parser: argparse.ArgumentParser) -> None:
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
    config = configuration(options)
    project = Project(config, options.jobs or 0, cached=not options.no_cache, where=options.executor)
    reports = project.reports(paths_of(options, config), options.stdin_filename)
    reporter = REPORTERS[options.output_format]
    print(reporter.render_check(reports, config.target, len(reports), use_color(sys.stdout)), end="")
    if options.layers and options.output_format == "text":
        section = render_layers(reports, use_color(sys.stdout))
        print(f"\n{section}" if section else "", end="")
    if any(r.errors for r in reports):
        return 2
    return 1 if any(r.findings for r in reports) else 0
