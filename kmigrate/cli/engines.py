"""``kmigrate engines [install [NAME...] | list | doctor [NAME...]]``: the stacks.

Exit codes: 0, or 2 where something is missing or broken.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console

from kmigrate.model import UserError
from kmigrate.verify import stacks
from kmigrate.verify.runner import Engines

_WORDS = {"installed": "installed", "missing": "not installed", "no-python": "not installed, and its Python is missing"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action",
        nargs="?",
        default="list",
        choices=("list", "install", "doctor"),
        help="list the stacks (default), install them, or run Keras once with every engine of the installed ones",
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="stacks; install without a name takes the default one of each target"
    )


def run(args: argparse.Namespace) -> int:
    """One action. Raises UserError for a stack that nobody knows."""
    for name in args.names:
        stacks.get_stack(name)
    actions = {"list": _list, "install": _install, "doctor": _doctor}
    return actions[args.action](args.names)


def _list(names: Sequence[str]) -> int:
    out = Console(soft_wrap=True, highlight=False)
    for name, stack in stacks.load_stacks().items():
        if names and name not in names:
            continue
        state = stacks.status(stack)
        out.print(f"{name}: {stack.summary}, Python {stack.python}, target {stack.target}: {_WORDS[state]}")
        if state == "installed":
            out.print(f"    {stack.directory}")
        if state == "no-python":
            out.print(f"    install it with: {stacks.python_command(stack.python)}", markup=False)
    return 0


def _install(names: Sequence[str]) -> int:
    chosen = names or tuple(stacks.DEFAULT_STACKS.values())
    console = Console(stderr=True)
    code = 0
    for name in chosen:
        try:
            python = stacks.ensure(stacks.get_stack(name), console)
        except UserError as error:
            console.print(f"kmigrate: {error}", markup=False, highlight=False, soft_wrap=True)
            code = 2
        else:
            Console(soft_wrap=True, highlight=False).print(f"{name}: {python}", markup=False)
    return code


def _doctor(names: Sequence[str]) -> int:
    """Import Keras with every engine of the installed stacks and compute something that has a known value."""
    out = Console(soft_wrap=True, highlight=False)
    known = stacks.load_stacks()
    chosen = [known[name] for name in names] or [stack for stack in known.values() if stacks.is_installed(stack)]
    if not chosen:
        out.print("no stack is installed; install one with: kmigrate engines install")
        return 2
    healthy = True
    for stack in chosen:
        if not stacks.is_installed(stack):
            out.print(f"{stack.name}: not installed; install it with: kmigrate engines install {stack.name}")
            healthy = False
            continue
        isolation: dict[str, str | None] = {}
        with Engines(stacks.python_of(stack.directory), stack.engines) as engines:
            for engine in stack.engines:
                healthy &= _examine(out, stack, engine, engines, isolation)
        for line in _isolation(isolation):
            out.print(f"{stack.name}: {line}", markup=False)
    return 0 if healthy else 2


_PARTS = {
    "network": ("user code has no network", "user code can reach the network"),
    "processes": ("user code sees and reaches no process but its own", "user code can signal your other processes"),
    "proc": ("user code cannot read the environment of other processes", "user code can read the environment of your processes"),
}


def _isolation(isolation: Mapping[str, str | None]) -> Iterator[str]:
    """What the system permits, and why not. An engine that did not start says nothing."""
    for part, (held, open_) in _PARTS.items():
        if part in isolation:
            reason = isolation[part]
            yield held if reason is None else f"{open_}: not available here ({reason})"


def _examine(out: Console, stack: stacks.Stack, engine: str, engines: Engines, isolation: dict[str, str | None]) -> bool:
    answer = engines.call(engine, {"op": "doctor"})
    isolation.update(answer.get("isolation", {}))
    if answer.get("ok"):
        versions = ", ".join(f"{name} {version}" for name, version in answer["versions"].items())
        out.print(f"{stack.name}: {engine}: works ({versions})", markup=False)
        return True
    said = f"{answer.get('type', '')} {answer.get('message', '')}".strip()
    out.print(f"{stack.name}: {engine}: does not work: {said}", markup=False)
    return False
