"""What a failure means: it comes from the engine, from the rewrite, from the environment, or from the limits of a run.

On the own engine the original ran, so a rewritten text that fails there is the rewrite's. On another engine the same rewritten
text runs on the own one, so its failure tells what the other engine, or Keras's backend for it, does not do; unless the
environment lacks something, or the run was ended.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from kmigrate.verify.overlays import advice
from kmigrate.verify.result import Result

READ_AS_KERAS = "tensorflow.keras read as keras (the import is still to be changed: KM002)"
"""Said with every verdict on another engine that rests on it."""

NAMES = {"theano": "Theano", "tensorflow": "TensorFlow"}
_ENDED = ("timeout", "crash", "start")
_NO_SUCH = re.compile(r"module '(?:\w+\.)*keras\.backend[\w.]*' has no attribute '(\w+)'")


def symbols_left(symbols: Sequence[str], unsafe: Sequence[str]) -> str:
    """Why a unit cannot run without the engine it was written for: what it still uses, and what a person can do about it."""
    parts = []
    for group, what in ((False, "no fix"), (True, "an unsafe fix (--unsafe applies it)")):
        found = sorted(symbol for symbol in symbols if (symbol in unsafe) == group)
        if found:
            more = f" and {len(found) - 4} more" if len(found) > 4 else ""
            parts.append(f"{', '.join(found[:4])}{more} left: {'it has' if len(found) == 1 else 'they have'} {what}")
    return "; ".join(parts)


def failed_here(run: Result) -> tuple[str, str]:
    """(verdict, reason) of a rewritten text that fails on the engine that its original runs on."""
    verdict = "error" if run.where in (*_ENDED, "unsupported") or lacks_module(run) else "different"
    return verdict, f"the rewritten code fails: {run.failure}"


def failed_elsewhere(run: Result, engine: str) -> tuple[str, str]:
    """(verdict, reason) of a rewritten text that runs on its own engine and fails on another one. Without the name of that
    engine nothing is made of the failure."""
    name = NAMES.get(engine, engine)
    if not name:
        return "error", f"the rewritten code fails: {run.failure}"
    if run.where in _ENDED or run.type == "MemoryError":
        return "error", f"{name}: {run.failure}"
    if module := lacks_module(run):
        return "skipped", f"{name}: {module}"
    if run.where == "unsupported":
        return "unsupported", f"{run.message}{_at(run)}"
    if found := _NO_SUCH.search(run.message or ""):
        return "unsupported", f"Keras has no K.{found.group(1)} for {name}{_at(run)}"
    said = f"{run.type}: {run.message}"
    if run.where == "weights":
        return "unsupported", f"the weights of the original do not fit on {name}: {run.message}"
    if run.where == "import":
        return "unsupported", f"the module cannot be imported on {name}{_at(run)}: {said}"
    if run.function:
        return "unsupported", f"{name} refuses {run.function}{_at(run)}: {said}"
    if run.where == "evaluate":
        return "unsupported", f"{name} refuses what was built: {said}"
    if run.inside == "user":
        return "unsupported", f"the code asks for something that is not so on {name}{_at(run)}: {said}"
    by = {"keras": "Keras", **NAMES}.get(run.inside or "", name)
    return "unsupported", f"{by} refuses it on {name}{_at(run)}: {said}" if by != name else f"{name} refuses it{_at(run)}: {said}"


def lacks_module(run: Result) -> str | None:
    """What the stack lacks, where that is why a run failed."""
    if run.type not in ("ImportError", "ModuleNotFoundError"):
        return None
    found = re.search(r"No module named '([\w.]+)'|^(\w+) is not installed in the stack", run.message or "")
    if found is None:
        return None
    text = f"{found.group(1) or found.group(2)} is not installed in the stack"
    remedy = advice(text)
    return f"{text} ({remedy})" if remedy else text


def _at(run: Result) -> str:
    return f" ({run.at})" if run.at else ""
