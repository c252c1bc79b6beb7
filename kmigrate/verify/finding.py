"""The cases of a unit: those that are saved or configured, else those found by search and their variations."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from kmigrate.model import Unit, UserError
from kmigrate.verify.anatomy import UnitShape, concrete_class, inner_function, read_unit
from kmigrate.verify.cases import Case
from kmigrate.verify.pair import ModulePair
from kmigrate.verify.result import DEAD, Result
from kmigrate.verify.runner import Engines
from kmigrate.verify.search import Search
from kmigrate.verify.settings import Settings
from kmigrate.verify.tables import from_config
from kmigrate.verify.usages import Usage
from kmigrate.verify.variations import in_float32, variations


@dataclass(slots=True)
class Found:
    """The cases of a unit, and what the worker must be told to find it; ``reason`` where there are none.

    ``origin`` says where the cases come from. ``given`` names the place where they were given one by one: then each has to run.
    ``usages`` are the calls of the unit in the project, where the cases were ``searched``.
    """

    cases: list[Case]
    wire: dict[str, Any] = field(default_factory=dict)
    reason: str | None = None
    verdict: str = "skipped"
    origin: str = ""
    given: str = ""
    shape: UnitShape | None = None
    searched: bool = False
    usages: Sequence[Usage] = ()


def find_cases(pair: ModulePair, unit: Unit, engines: Engines, settings: Settings) -> Found:
    """The cases of one unit of ``pair.original``. Raises UserError for a configured case that is not one."""
    shape, wire = _read(pair, unit)
    if settings.saved is not None:
        label = settings.saved.label
        return Found(list(settings.saved.cases), wire, origin=f"saved: {label}", given=label, shape=shape)
    given = (settings.cases or {}).get(unit.qualname)
    if given:
        cases = []
        for number, table in enumerate(given, 1):
            where = f"verify.cases.{unit.qualname}[{number}]"
            cases += from_config(where, table, shape, settings.seeds)
        return Found(cases, wire, origin="configured", shape=shape)
    if shape is None:
        return Found([], reason="the original text has no definition of that name", verdict="unsupported")
    return _searched(pair, unit, engines, settings, shape, wire)


def that_run(found: Found, original: Callable[[Case], Result]) -> Found:
    """Cases found by search, all in float32 where the code does not run in float64: it names float32."""
    first = original(found.cases[0])
    return found if first.ok or first.where in DEAD else replace(found, cases=in_float32(found.cases))


def _read(pair: ModulePair, unit: Unit) -> tuple[UnitShape | None, dict[str, Any]]:
    try:
        shape = read_unit(pair.original, unit.qualname, unit.line)
        inner = inner_function(pair.original, unit.qualname)
    except SyntaxError as error:
        raise UserError(f"{pair.path}:{error.lineno}: {error.msg}") from None
    wire: dict[str, Any] = {"qualname": unit.qualname, "kind": unit.kind}
    derived = concrete_class(pair.original, unit.qualname)
    if derived is not None:
        # An abstract class runs as one that derives from it.
        return read_unit(pair.original, derived), {**wire, "qualname": derived}
    if shape is not None and inner is not None and not shape.is_class:
        # A factory: the function that it returns is what Keras calls.
        wire["qualname"] = inner
        shape = read_unit(pair.original, inner) or shape
    if shape is not None and shape.lambda_index is not None:
        wire["lambda_index"] = shape.lambda_index
    return shape, wire


def _searched(
    pair: ModulePair, unit: Unit, engines: Engines, settings: Settings, shape: UnitShape, wire: dict[str, Any]
) -> Found:
    """Try cases on the original under its own engine until one runs."""
    project = settings.project
    name = (wire["qualname"] if shape.is_class else unit.qualname).rpartition(".")[2]
    usages = project.usages(name if shape.is_class else unit.qualname.partition(".")[0]) if project is not None else []

    ends, each_s = time.monotonic() + settings.search_s, min(15.0, engines.limits.case_s)

    def probe(cases: Sequence[Case]) -> dict[str, Any]:
        request = {
            "op": "probe",
            "budget_s": max(0.0, ends - time.monotonic()),
            "module": pair.module(rewritten=False),
            "unit": wire,
            "cases": [case.payload() for case in cases],
            "each_s": each_s,
        }
        return engines.call(pair.engine, request, limit_s=settings.search_s + each_s)

    outcome = Search(probe, shape, unit.kind, usages, project, settings.search_s).run()
    if outcome.case is None:
        return Found([], reason=outcome.reason, verdict=outcome.verdict)
    derived = f"as {wire['qualname']}, " if shape.is_class and wire["qualname"] != unit.qualname else ""
    origin = f"{derived}{outcome.case.origin}"
    return Found(variations(outcome.case, shape, settings.seeds), wire, origin=origin, shape=shape, searched=True, usages=usages)
