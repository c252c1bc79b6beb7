"""The smallest case that shows a difference: hypothesis draws simpler relatives of one that does, and shrinks.

A case is a point in a grid: for each thing that can be simpler (the number of inputs, their rank, each size, each argument, the
values, each setting) a list of choices, the simplest first and that of the case at hand last. Sizes that are the same stay the
same. What hypothesis finds is minimal in that grid, in the order of its axes, as far as the budget goes. Seeded and without a
database: the same case gives the same answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from kmigrate.verify import specs
from kmigrate.verify.anatomy import UnitShape
from kmigrate.verify.cases import EPSILON, Case

Change = Callable[[Case], Case]
Axis = Sequence[Change]
"""Changes of a case, the simplest first; the last one changes nothing."""

_MOST_EXAMPLES = 60
_SIZES = (1, 2, 3, 4, 5, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
_SIMPLE: tuple[tuple[str, Any], ...] = (
    ("round_trip", False),
    ("initial_state", False),
    ("data_format", "channels_last"),
    ("epsilon", EPSILON),
    ("phase", 0),
    ("seed", 0),
    ("floatx", "float32"),
    ("dynamic", True),
)


class OutOfBudget(Exception):
    """Raised by ``differs`` of ``smallest`` where no further case can be run; its text says why."""


@dataclass(frozen=True, slots=True)
class Smallest:
    """``case`` differs; ``tried`` cases were run for it. ``ended`` says why the search stopped early, None where it did not."""

    case: Case
    tried: int
    ended: str | None = None


def smallest(base: Case, shape: UnitShape | None, differs: Callable[[Case], bool], budget_s: float) -> Smallest:
    """The simplest relative of ``base``, which differs, for which ``differs`` holds; ``base`` itself where none does."""
    from hypothesis import HealthCheck, Phase, find, settings
    from hypothesis import strategies as st
    from hypothesis.errors import HypothesisException

    grid = list(axes(base, shape))
    run = _Run(base, differs, time.monotonic() + budget_s, budget_s)
    if not grid:
        return Smallest(base, 0)

    def levels(axis: Axis) -> st.SearchStrategy[int]:
        # Half of all draws leave an axis as it is: most relatives that differ are near. One number for each axis and no
        # choice between strategies, which hypothesis shrinks less well.
        last = len(axis) - 1
        return st.integers(0, 2 * last).map(lambda drawn: min(drawn, last))

    how = settings(
        max_examples=_MOST_EXAMPLES,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    try:
        picked = find(
            st.tuples(*map(levels, grid)), lambda levels: run.holds(_at(base, grid, levels)), settings=how, random=Random(0)
        )
        case = _at(base, grid, picked)
    except HypothesisException:  # nothing else differs, or the budget ended before anything did
        case = base
    return Smallest(case, len(run.known), run.ended)


@dataclass(slots=True)
class _Run:
    """Answers for cases, each run once, until the budget ends."""

    base: Case
    differs: Callable[[Case], bool]
    deadline: float
    budget_s: float
    known: dict[str, bool] = field(default_factory=dict)
    ended: str | None = None

    def holds(self, case: Case) -> bool:
        key = repr(case)
        if case == self.base:
            return True
        if key not in self.known:
            if self.ended is None and time.monotonic() > self.deadline:
                self.ended = f"the {self.budget_s:g} s for it ended"
            if self.ended is not None:
                return False
            try:
                self.known[key] = self.differs(case)
            except OutOfBudget as error:
                self.ended = str(error)
                return False
        return self.known[key]


def _at(base: Case, grid: Sequence[Axis], levels: Sequence[int]) -> Case:
    case = base
    for axis, level in zip(grid, levels, strict=True):
        case = axis[level](case)
    return case


def axes(base: Case, shape: UnitShape | None) -> Iterator[Axis]:
    """What can be simpler, the most telling first: inputs, rank, arguments, sizes, values, settings."""
    yield from _optional_inputs(base)
    tensors = [spec for _, text in base.inputs if (spec := specs.parse(text)).is_tensor]
    highest = max((len(spec.shape) for spec in tensors), default=0)
    if highest > 1:
        yield [*(_rank(rank) for rank in range(1, highest)), _same]
    optional = {item.name for item in shape.construct if item.default is not None} if shape is not None else set()
    for name, value in base.kwargs.items():
        simpler = [_without(name)] if name in optional else []
        yield [*simpler, *(_argument(name, other) for other in _values(value)), _same]
    # Ascending, so that a size made smaller is never taken for one that comes later.
    for size in sorted({size for spec in tensors for size in spec.shape}):
        yield [*(_size(size, other) for other in _SIZES if other < size), _same]
    for name, text in base.inputs:
        yield [*(_input(name, other) for other in _kinds(specs.parse(text))), _same]
    for key, value in _SIMPLE:
        if getattr(base, key) != value:
            yield [_setting(key, value), _same]


def _same(case: Case) -> Case:
    return case


def _setting(key: str, value: Any) -> Change:
    return lambda case: replace(case, **{key: value})


def _without(name: str) -> Change:
    return lambda case: replace(case, kwargs={key: value for key, value in case.kwargs.items() if key != name})


def _argument(name: str, value: Any) -> Change:
    return lambda case: replace(case, kwargs={**case.kwargs, name: value})


def _optional_inputs(base: Case) -> Iterator[Axis]:
    """No masks, and shorter lists."""
    if any(_stem(name) == "mask" for name, _ in base.inputs):
        yield [lambda case: _keep(case, lambda name: _stem(name) != "mask"), _same]
    counts: dict[str, int] = {}
    for name, _ in base.inputs:
        if "." in name:
            counts[_stem(name)] = counts.get(_stem(name), 0) + 1
    for stem, count in counts.items():
        if stem != "mask" and count > 1:
            yield [*(_shorter(stem, length) for length in range(1, count)), _same]


def _shorter(stem: str, length: int) -> Change:
    kept = {f"{stem}.{number}" for number in range(length)} | {f"mask.{number}" for number in range(length)}
    return lambda case: _keep(case, lambda name: name in kept or _stem(name) not in (stem, "mask") or "." not in name)


def _keep(case: Case, wanted: Callable[[str], bool]) -> Case:
    return replace(case, inputs=tuple(item for item in case.inputs if wanted(item[0])))


def _stem(name: str) -> str:
    return name.partition(".")[0]


def _reshaped(case: Case, change: Callable[[tuple[int, ...]], tuple[int, ...]]) -> Case:
    inputs = []
    for name, given in case.inputs:
        text, spec = given, specs.parse(given)
        if spec.is_tensor and spec.shape:
            text = specs.with_shape(text, change(spec.shape))
        inputs.append((name, text))
    return replace(case, inputs=tuple(inputs))


def _rank(rank: int) -> Change:
    """Tensors of a higher rank lose dimensions behind the first one: samples and features stay."""
    return lambda case: _reshaped(case, lambda s: s if len(s) <= rank else (s[0], *s[len(s) - rank + 1 :]))


def _size(old: int, new: int) -> Change:
    return lambda case: _reshaped(case, lambda s: tuple(new if size == old else size for size in s))


def _input(name: str, kind: Mapping[str, Any]) -> Change:
    def change(case: Case) -> Case:
        inputs = tuple((key, str(replace(specs.parse(text), **kind)) if key == name else text) for key, text in case.inputs)
        return replace(case, inputs=inputs)

    return change


def _kinds(spec: specs.Spec) -> Iterator[Mapping[str, Any]]:
    """Simpler values of the same dtype: ones, 0 1 2 ..., few different integers, smaller numbers."""
    if spec.kind == "int":
        yield from ({"below": below} for below in (1, 2, 3, 5) if spec.below is None or below < spec.below)
    elif spec.kind == "literal":
        yield from ({"value": value} for value in _values(spec.value))
    elif spec.is_tensor and spec.kind not in ("bool", "few", "complex"):
        yield from ({"kind": kind} for kind in ("ones", "range") if kind != spec.kind)


def _values(value: Any) -> list[Any]:
    """Simpler values of an argument, of the same type."""
    if type(value) is int and value > 1:
        return [other for other in _SIZES if other < value]
    if type(value) is float and value not in (0.0, 1.0):
        return [1.0]
    if isinstance(value, (tuple, list)) and value and all(type(item) is int for item in value) and set(value) != {1}:
        return [type(value)(1 for _ in value)]
    return []
