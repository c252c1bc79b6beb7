"""One function of a text, run by itself."""

from __future__ import annotations

from collections.abc import Mapping

from kmigrate.verify.cases import Case
from kmigrate.verify.result import Result
from kmigrate.verify.runner import Engines


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

    Array specs become placeholders, literals are handed over. ``dynamic`` makes the first dimension of placeholders
    unknown. Raises specs.SpecError.
    """
    case = Case({}, tuple(inputs.items()), seed=seed, floatx=floatx, gradient=gradient, dynamic=dynamic)
    module = {"name": "snippet", "source": source, "path": "<snippet>", "flavour": flavour}
    unit = {"qualname": function, "kind": "helper"}
    return engines.run(engine, {"module": module, "unit": unit, "case": case.payload()})
