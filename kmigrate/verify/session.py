"""Verification of one module: original and rewritten text in, one verdict for each unit out.

The verdict of a unit is the worst on the engine that the original was written for (the *preserving* claim). What the rewritten
code does on the other engines (the *portable* claim) is reported under ``engines`` with its numbers and its reason, and does not
make the unit ``different``: the original could not run there at all, so nothing that worked was lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from kmigrate.model import Unit
from kmigrate.verify.compare import Tolerance, Verdict
from kmigrate.verify.runner import Engines, Result


@dataclass(frozen=True, slots=True)
class ModulePair:
    """One module before and after. ``package_root`` is put on ``sys.path``; ``package`` is the dotted parent package."""

    path: str
    original: str
    rewritten: str
    engine: Literal["tensorflow", "theano"] = "tensorflow"
    flavour: Literal["keras", "tf.keras"] = "keras"
    package_root: str | None = None
    package: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """How much is tried. ``cases`` gives cases by qualname (see ``cases.Case.from_config``); other units are searched."""

    tolerance: Tolerance = Tolerance()
    seeds: tuple[int, ...] = (0, 1)
    cases: Mapping[str, Sequence[Mapping[str, Any]]] | None = None
    search_s: float = 30.0
    portable: bool = True


@dataclass(frozen=True, slots=True)
class EngineVerdict:
    verdict: str
    max_abs: float | None = None
    max_rel: float | None = None
    reason: str | None = None

    def as_json(self) -> dict[str, Any]:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class UnitVerdict:
    """The contract's object for one unit; ``blame`` is filled in by the caller that can bisect edits."""

    path: str
    qualname: str
    kind: str
    verdict: str
    engines: Mapping[str, EngineVerdict]
    cases: int
    reason: str | None = None
    blame: str | None = None

    def as_json(self) -> dict[str, Any]:
        raise NotImplementedError


Progress = Callable[[Unit, str], None]


def verify_module(
    pair: ModulePair,
    units: Sequence[Unit],
    engines: Engines,
    settings: Settings | None = None,
    on_progress: Progress | None = None,
) -> list[UnitVerdict]:
    """One verdict for each unit, in the order given. ``on_progress(unit, what)`` is called before each step."""
    raise NotImplementedError


def run_snippet(
    engines: Engines,
    engine: str,
    source: str,
    function: str,
    inputs: Mapping[str, str],
    *,
    seed: int = 0,
    floatx: str = "float32",
    gradient: bool = True,
    dynamic: bool = False,
    flavour: str = "keras",
) -> Result:
    """Run ``function(**inputs)`` of the module text ``source`` on one engine; ``inputs`` maps names to specs.

    Array specs become placeholders, literals are handed over. ``dynamic`` makes the first dimension of placeholders unknown.
    """
    raise NotImplementedError


def compare_results(
    original: Result, rewritten: Result, tolerance: Tolerance | None = None, *, same_engine: bool = True
) -> Verdict:
    """``compare.compare``, here for the rule proof."""
    raise NotImplementedError
