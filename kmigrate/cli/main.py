"""The command line: options in, one call, one reporter out. Imports wait until a command needs them."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from kmigrate import __version__
from kmigrate.collector import ending, uncollected
from kmigrate.errors import UserError, internal
from kmigrate.light import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from typing import Any

_VERSION = f"kmigrate {__version__}"
_COMMANDS = {
    "check": ("list direct engine uses in layer code", "exit 0: none; 1: findings; 2: a usage or input error"),
    "fix": (
        "rewrite them to the abstract backend (a diff, or --write)",
        "exit 0: nothing to change (with --write: nothing left); 1: a diff (findings remain); 2: an error",
    ),
    "verify": (
        "run original and rewritten code on real engines (it runs your code)",
        "exit 0: all identical or equal; 1: some different; 2: could not run",
    ),
    "rules": ("list the rules; explain or prove one", "exit 0; 2: unknown code"),
    "clean": ("forget what earlier runs found (the stacks stay)", "exit 0; 2: something cannot be removed"),
    "engines": ("install, list or examine the stacks that verify runs on", "exit 0; 2: a stack is not usable"),
}


def build_parser(command: str | None = None) -> argparse.ArgumentParser:
    """The parser; only the options of ``command`` are filled in (all where None), so that start-up stays cheap."""
    import argparse
    import importlib

    from kmigrate.cli.parser import CommandParser, Formatter

    parser = argparse.ArgumentParser(
        prog="kmigrate",
        description="Find direct TensorFlow and Theano calls in Keras layer code, rewrite them to the abstract backend, "
        "and prove the rewrite on real engines.",
        epilog="Start with: kmigrate check src/   then: kmigrate fix src/   then: kmigrate fix --write --verify src/",
        formatter_class=Formatter,
    )
    parser.add_argument("--version", action="version", version=_VERSION)
    # Where ``prog`` is not given it is formatted, for which argparse imports a good part of the library.
    commands = parser.add_subparsers(
        prog=parser.prog, dest="command", metavar="COMMAND", required=True, parser_class=CommandParser
    )
    for name, (summary, exits) in _COMMANDS.items():
        sub = commands.add_parser(name, help=summary, description=summary.capitalize() + ".", epilog=exits)
        if command in (None, name):
            importlib.import_module(f"kmigrate.cli.{name}").add_arguments(sub)
    return parser


def _plain_options(arguments: Sequence[str]) -> Any:
    """The options of a ``check`` that can be read without argparse."""
    if arguments[:1] != ["check"]:
        return None
    from kmigrate.cli import check
    from kmigrate.cli.plain import PlainParser

    parser = PlainParser()
    check.add_arguments(parser)
    options = parser.read(arguments[1:])
    if options is not None:
        options.command = "check"
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. No traceback of ours reaches a user who gave bad input."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _run(arguments)
        if sys.stdout is not None:
            sys.stdout.flush()  # what cannot be written is told here; at the end Python would tell it in its own way
        return code
    except UserError as error:
        print(f"kmigrate: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("kmigrate: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        _drop_output()  # the reader left; nothing more to say
        return 2
    except OSError as error:
        # One that names no file comes of printing: what concerns files is told where they are read and written.
        what = internal(error) if error.filename is not None else f"error: the output cannot be written: {error.strerror}"
        print(f"kmigrate: {what}", file=sys.stderr)
        _drop_output()
        return 2
    except Exception as error:  # a defect of ours: say so in one line; the traceback is for those who look for it
        print(f"kmigrate: {internal(error)}", file=sys.stderr)
        return 2


def _drop_output() -> None:
    """What is left of the output would fail again when the process ends."""
    with suppress(AttributeError, OSError):  # there is none, or one that is no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(arguments: list[str]) -> int:
    if arguments == ["--version"]:  # asked for by every editor at its start: no parser for that
        print(_VERSION)
        return 0
    import importlib

    with uncollected():  # what is imported stays
        options = _plain_options(arguments)
    if options is None:
        command = next((a for a in arguments if a in _COMMANDS), None)
        options = build_parser(command or "none").parse_args(arguments)
    return int(importlib.import_module(f"kmigrate.cli.{options.command}").run(options))


def process() -> int:
    """``main`` as the whole of a process."""
    code = main()
    ending()
    return code


if __name__ == "__main__":
    raise SystemExit(process())
