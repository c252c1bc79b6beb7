"""Options that several commands share, and the configuration that they change."""

from __future__ import annotations

import os

from kmigrate.config import Config, load
from kmigrate.light import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from kmigrate.cli.plain import PlainParser

    Parser = argparse.ArgumentParser | PlainParser


def add_file_options(parser: Parser) -> None:
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATHS",
        help="files or folders (default: the configured src, else .); - is standard input",
    )
    parser.add_argument("--stdin-filename", metavar="NAME", help="the name to show for standard input")
    parser.add_argument(
        "--target",
        choices=("keras2", "keras3"),
        help="the abstract API to write against (default: keras2, `K`)",
    )
    parser.add_argument(
        "--config",
        type=path,
        metavar="FILE",
        help="this pyproject.toml or kmigrate.toml instead of the nearest",
    )
    parser.add_argument(
        "--select",
        action="append",
        metavar="CODE",
        help="only rules with this code or prefix (may be repeated)",
    )
    parser.add_argument(
        "--ignore",
        action="append",
        metavar="CODE",
        help="not rules with this code or prefix (may be repeated)",
    )
    parser.add_argument("--scope", choices=("layers", "module"), help="layers: layer code only (default); module: whole files")


def add_executor_option(parser: Parser) -> None:
    parser.add_argument(
        "--executor",
        default="local",
        metavar="WHERE",
        help="local, or dask://HOST:PORT: a Dask scheduler whose workers have kmigrate and see the files under the same paths",
    )


def add_cases_option(parser: Parser) -> None:
    parser.add_argument(
        "--cases",
        type=path,
        metavar="FILE",
        help="run the cases saved in FILE for the units that it has; others are searched for cases as usual",
    )


def add_format_option(parser: Parser) -> None:
    parser.add_argument("--output-format", choices=("text", "json"), default="text", help="default: text")


def configuration(options: argparse.Namespace) -> Config:
    """The project's configuration with the command line's options over it. Raises UserError."""
    config = load(os.getcwd(), options.config)
    changes = {name: getattr(options, name) for name in ("target", "scope") if getattr(options, name)}
    for name in ("select", "ignore"):
        if getattr(options, name):
            changes[name] = tuple(code for text in getattr(options, name) for code in text.split(","))
    if getattr(options, "cases", None):
        changes["cases"] = options.cases
    return config._replace(**changes)


def paths_of(options: argparse.Namespace, config: Config) -> list[str]:
    return list(options.paths) or list(config.src) or ["."]


def path(text: str) -> Path:
    """A path, for argparse."""
    from pathlib import Path

    return Path(text)


def positive(text: str) -> int:
    """A whole number above 0, for argparse. Raises ArgumentTypeError."""
    if not text.isdecimal() or int(text) < 1:
        import argparse

        raise argparse.ArgumentTypeError(f"expected a whole number above 0, not {text!r}")
    return int(text)
