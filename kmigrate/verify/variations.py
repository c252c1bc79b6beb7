"""Variations of a case that runs: other dtypes, phases, seeds, sizes, values, data formats and masks.

Each shows a kind of mistake that the others hide: inputs of one size hide a swapped axis, probabilities a clip bound and a
tie, a full mask the steps that it would drop. Those that the original refuses are passed over when they are run.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from kmigrate.verify import specs
from kmigrate.verify.anatomy import Parameter, UnitShape
from kmigrate.verify.cases import Case

_LARGER = {2: 3, 3: 4, 4: 5, 5: 6, 6: 7, 8: 10}
# By kind of values, the kinds that show what it hides: ties, both signs, values beyond one and far beyond.
_OTHER_VALUES = {
    "float": ("positive", "large"),
    "probability": ("edges", "float"),
    "unit": ("edges", "float"),
    "positive": ("float", "large"),
    "onehot": ("unit", "float"),
}
_MOST_DECOUPLED = 8
_MOST_BRANCHES = 6


def variations(base: Case, shape: UnitShape, seeds: Sequence[int] = (0, 1)) -> list[Case]:
    """The base case and its relatives, the likeliest to show a difference first."""
    exact = replace(base, floatx="float64")
    quick = replace(exact, gradient=False)
    found = [
        replace(exact, round_trip=shape.is_class),
        base,
        *(replace(quick, seed=seed) for seed in seeds if seed != base.seed),
        replace(exact, phase=1),
    ]
    if re.search(r"train|phase|[Dd]ropout|[Nn]oise|BatchNorm", shape.text):
        found.append(replace(base, phase=1))
    found.append(replace(quick, inputs=_resized(base.inputs, False), seed=7))
    found.append(replace(exact, inputs=_resized(base.inputs, True), seed=7))
    found.append(replace(quick, dynamic=False))
    found += [replace(quick, inputs=inputs, seed=7) for inputs in _other_values(base.inputs)]
    found += [replace(quick, inputs=inputs, seed=7) for inputs in _decoupled(base.inputs)]
    found += itertools.islice(_other_branches(replace(base, gradient=False, seed=7), shape), _MOST_BRANCHES)
    if re.search(r"\bepsilon\(", shape.text):
        # As it is it cannot be told from a constant that stands in its place.
        found.append(replace(exact, epsilon=0.03))
    if "data_format" in shape.text:
        found += channels_first(exact, shape)
    if shape.takes_mask and base.inputs and shape.is_class:
        found += masked(exact)
    if shape.takes_states and base.inputs:
        found.append(replace(exact, initial_state=True))
    return _unique(found)


def in_float32(cases: Sequence[Case]) -> list[Case]:
    """The cases for code that names float32, and runs in that alone."""
    return _unique([replace(case, floatx="float32") for case in cases])


def _unique(cases: Sequence[Case]) -> list[Case]:
    found: dict[str, Case] = {}
    for case in cases:
        found.setdefault(repr(case), case)
    return list(found.values())


def _other_branches(base: Case, shape: UnitShape) -> Iterator[Case]:
    """The other words that the code compares an argument with, the other truth of a flag: code that the base never reaches."""
    for item in shape.construct:
        now = base.kwargs.get(item.name, _default(item))
        for other in (not now,) if isinstance(now, bool) else item.choices if isinstance(now, (str, type(None))) else ():
            if other != now and item.name != "data_format":
                yield replace(base, kwargs={**base.kwargs, item.name: other})
    words = {item.name: item.choices for item in shape.inputs}
    for position, (name, text) in enumerate(base.inputs):
        spec = specs.parse(text)
        for other in words.get(name, ()) if isinstance(spec.value, str) and spec.kind == "literal" else ():
            if other != spec.value:
                changed = (*base.inputs[:position], (name, f"literal({other!r})"), *base.inputs[position + 1 :])
                yield replace(base, inputs=changed)


def _default(item: Parameter) -> Any:
    try:
        return ast.literal_eval(item.default or "None")
    except (ValueError, SyntaxError):
        return ...


def _other_values(inputs: tuple[tuple[str, str], ...]) -> Iterator[tuple[tuple[str, str], ...]]:
    """The same shapes with other kinds of values, all inputs changed together."""
    for pick in (0, 1):
        changed = []
        for name, text in inputs:
            spec = specs.parse(text)
            others = _OTHER_VALUES.get(spec.kind)
            changed.append((name, str(replace(spec, kind=others[pick])) if others else text))
        if tuple(changed) != inputs:
            yield tuple(changed)


def _decoupled(inputs: tuple[tuple[str, str], ...]) -> Iterator[tuple[tuple[str, str], ...]]:
    """Two inputs of one size that need not be: one dimension (not the batch) of one input at a time is larger."""
    shapes = {name: spec.shape for name, text in inputs if (spec := specs.parse(text)).is_tensor}
    if len(shapes) < 2:
        return
    made = 0
    for position, (name, text) in enumerate(inputs):
        for axis, size in enumerate(shapes.get(name, ())):
            shared = any(size in other[1:] for key, other in shapes.items() if key != name)
            if axis and shared and made < _MOST_DECOUPLED:
                made += 1
                wider = tuple(_LARGER.get(d, d) if i == axis else d for i, d in enumerate(shapes[name]))
                yield (*inputs[:position], (name, specs.with_shape(text, wider)), *inputs[position + 1 :])


def _resized(inputs: tuple[tuple[str, str], ...], everything: bool) -> tuple[tuple[str, str], ...]:
    """Another size for every size, the same for the same; the last dimension (channels) only if asked for."""
    resized = []
    for name, given in inputs:
        text, spec = given, specs.parse(given)
        if spec.is_tensor and spec.shape:
            last = len(spec.shape) - 1
            keep = last if last and not everything else None
            text = str(
                replace(spec, shape=tuple(size if i == keep else _LARGER.get(size, size) for i, size in enumerate(spec.shape)))
            )
        resized.append((name, text))
    return tuple(resized)


def channels_first(case: Case, shape: UnitShape) -> list[Case]:
    moved = []
    for name, given in case.inputs:
        text, spec = given, specs.parse(given)
        if spec.is_tensor and len(spec.shape) >= 3:
            text = str(replace(spec, shape=(spec.shape[0], spec.shape[-1], *spec.shape[1:-1])))
        moved.append((name, text))
    found = [replace(case, data_format="channels_first", inputs=tuple(moved))]
    if any(item.name == "data_format" for item in shape.construct):
        kwargs = {**case.kwargs, "data_format": "channels_first"}
        found.append(replace(case, kwargs=kwargs, inputs=tuple(moved)))
    if "data_format" in shape.optional:
        found.append(replace(case, inputs=(*moved, ("data_format", "literal('channels_first')"))))
    return found


def masked(case: Case) -> list[Case]:
    """A mask of (samples, time) for each tensor, one that keeps most steps and one that keeps a single one of each sample."""
    shapes = [(name, spec.shape) for name, text in case.inputs if (spec := specs.parse(text)).is_tensor]
    if not shapes or any(len(shape) < 2 for _, shape in shapes):
        return []
    found = []
    for kind in ("bool", "few"):
        names = ("mask" + name[name.index(".") :] if "." in name else "mask" for name, _ in shapes)
        masks = tuple((name, f"{kind}[{shape[0]},{shape[1]}]") for name, (_, shape) in zip(names, shapes, strict=True))
        if len({name for name, _ in masks}) == len(masks):
            found.append(replace(case, inputs=(*case.inputs, *masks)))
    return found
