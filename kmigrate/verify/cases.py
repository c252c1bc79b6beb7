"""Cases: concrete arguments for one unit, given by the user or found by ``search``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kmigrate.verify import specs
from kmigrate.verify.anatomy import UnitShape
from kmigrate.verify.result import Array, encode

EPSILON = 1e-7
"""What Keras begins with."""


@dataclass(frozen=True, slots=True)
class Case:
    """One way to run a unit.

    ``kwargs`` are for the constructor (or the outer function); a string ``expr(...)`` is evaluated by the worker.
    ``inputs`` are (name, spec); ``name.0``, ``name.1`` make a list, ``name.a``, ``name.b`` a dictionary. ``dynamic``
    leaves the first dimension of placeholders unknown, as in a model. ``epsilon`` is what ``K.epsilon()`` gives.
    ``initial_state`` begins a recurrent unit in states that are not zero; ``round_trip`` also takes it through ``get_config``
    and ``from_config``. ``origin`` is where its arguments come from, for people.
    """

    kwargs: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[tuple[str, str], ...] = ()
    seed: int = 0
    phase: int = 0
    floatx: str = "float32"
    data_format: str = "channels_last"
    dynamic: bool = True
    gradient: bool = True
    epsilon: float = EPSILON
    initial_state: bool = False
    round_trip: bool = False
    origin: str = field(default="", compare=False, repr=False)

    def payload(self, weights: Sequence[Array] | None = None, names: Sequence[str] = ()) -> dict[str, Any]:
        """The case as the worker wants it, with ``weights`` of another run and their ``names``. Raises specs.SpecError."""
        message: dict[str, Any] = {
            "kwargs": {name: _wire(value) for name, value in self.kwargs.items()},
            "inputs": [{"name": name, "value": self._input(i, spec)} for i, (name, spec) in enumerate(self.inputs)],
            "seed": self.seed,
            "phase": self.phase,
            "floatx": self.floatx,
            "data_format": self.data_format,
            "dynamic": self.dynamic,
            "gradient": self.gradient,
            "epsilon": self.epsilon,
            "initial_state": self.initial_state,
            "round_trip": self.round_trip,
        }
        if weights is not None:
            message["weights"] = [encode(array) for array in weights]
            message["weight_names"] = list(names)
        return message

    def _input(self, position: int, text: str) -> Any:
        spec = specs.parse(text)
        if spec.kind == "expr":
            return {"expr": spec.value}
        if spec.kind == "literal":
            return _wire(spec.value)
        return encode(specs.generate(text, self.seed * 101 + position, self.floatx))

    def arguments(self) -> str:
        """For people: ``units=3, x=float[2,4]``."""
        parts = [f"{name}={value!r}" for name, value in self.kwargs.items()]
        return ", ".join(parts + [f"{name}={spec}" for name, spec in self.inputs])

    def describe(self) -> str:
        """For people: ``units=3, x=float[2,4], float64, training``."""
        parts = [self.arguments()] if self.kwargs or self.inputs else []
        parts += [self.floatx, "training" if self.phase else "test"]
        if self.data_format != "channels_last":
            parts.append(self.data_format)
        if self.epsilon != EPSILON:
            parts.append(f"epsilon={self.epsilon:g}")
        if self.initial_state:
            parts.append("initial states")
        return ", ".join(parts)


def named_inputs(given: Mapping[str, Any] | Sequence[Any], shape: UnitShape | None) -> tuple[tuple[str, str], ...]:
    """Specs by name as they are; specs in order get the names of parameters, and what is left over goes to the first one, as
    a list."""
    if isinstance(given, Mapping):
        return tuple((str(name), str(spec)) for name, spec in given.items())
    names = [item.name for item in shape.inputs] if shape else []
    names = names or ["inputs"]
    texts = [str(spec) for spec in given]
    first = len(texts) - len(names) + 1
    if first <= 1:
        return tuple(zip(names, texts, strict=False))
    listed = [(f"{names[0]}.{number}", text) for number, text in enumerate(texts[:first])]
    return (*listed, *zip(names[1:], texts[first:], strict=True))


def _wire(value: Any) -> Any:
    """A Python value as the worker's JSON: tuples and expressions are marked."""
    if isinstance(value, str) and value.startswith("expr(") and value.endswith(")"):
        return {"expr": value[5:-1]}
    if isinstance(value, tuple):
        return {"tuple": [_wire(item) for item in value]}
    if isinstance(value, list):
        return [_wire(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _wire(item) for key, item in value.items()}
    return value
