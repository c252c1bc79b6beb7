"""Options and surroundings of the commands that run units on engines: how many at a time, where, and what is done already."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kmigrate.cli.common import add_executor_option, positive
from kmigrate.digests import digest

if TYPE_CHECKING:
    from kmigrate.executors import Executor
    from kmigrate.verify.stacks import Stack
    from kmigrate.verify.state import State

INTERRUPTED = 130


def add_running_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-j", "--jobs", type=positive, metavar="N", help="units at a time (default: one for every two processors)"
    )
    add_executor_option(parser)
    parser.add_argument("--resume", action="store_true", help="go on from where the same command was interrupted")


@contextmanager
def executor_for(options: argparse.Namespace, count: int, stack: Stack) -> Iterator[Executor]:
    """An executor for about ``count`` units, whose engines serve until it is left.

    Raises UserError where the stack cannot be installed, or the executor not be reached.
    """
    from kmigrate.executors import default_jobs, open_executor
    from kmigrate.verify.campaign import engines_kept
    from kmigrate.verify.stacks import ensure

    # Each job has a worker for each engine at work, and engines take seconds to start.
    jobs = options.jobs or max(1, min(default_jobs() // 2, count // 4))
    with open_executor(options.executor, jobs) as executor, engines_kept(executor):
        if options.executor == "local":
            ensure(stack)  # once, and not by every process
        yield executor


def state_of(options: argparse.Namespace, stack: Stack) -> State:
    """What the same command found in the same folder before, with ``--resume``, and what it finds now."""
    from kmigrate.verify.stacks import cache_dir
    from kmigrate.verify.state import State

    against = [getattr(options, "against", None), str(getattr(options, "original", None))]
    name = digest(options.command, str(Path.cwd()), options.paths, *against, options.unsafe, stack.name)
    return State(cache_dir() / "verify" / f"{name}.jsonl", options.resume)


def say_that_code_runs() -> None:
    print("kmigrate: verify runs the code that it is given, in worker processes", file=sys.stderr)
