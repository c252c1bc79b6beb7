"""The generated inputs: an example's own, and what follows from it by other ranks, sizes and dtypes.

Nothing here knows whether an operation takes an input: where the original does not run, the case says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kmigrate.verify.proof.classes import FINITE, ORDINARY, Array, classes_of, draw
from kmigrate.verify.proof.jobs import Facts, Job
from kmigrate.verify.result import encode
from kmigrate.verify.specs import Spec, parse

# Part of the key of every proof: raise it when other cases are generated or other differences count.
GENERATOR = 5
HIGHEST_RANK = 5
# Leading axes of a raised rank: of unlike sizes, so that axes that are mixed up show.
_LEADING = (2, 3, 2, 2, 2)
_INTEGER_BITS = 32
_NUMBERS = (0.1, 3, -2.5)


@dataclass(frozen=True, slots=True)
class Variant:
    """One set of ranks, sizes and dtypes, with the classes of values that it is run on.

    ``label`` says what was varied ("" for the example's own inputs). ``dynamic``: names of tensors whose first size the graph
    does not know; ``unranked``: it does not know their ranks either. ``refused``: the rule refuses it where it can see the ranks
    and dtypes. ``optimized``: Theano runs it with its default optimizer. ``silent``: for the original's engine alone, and what
    fails or changes its dtype does not count: only another value does.
    """

    label: str
    specs: Mapping[str, Spec]
    floatx: str
    classes: tuple[str, ...]
    gradient: bool = True
    dynamic: frozenset[str] = frozenset()
    refused: bool = False
    optimized: bool = False
    unranked: bool = False
    silent: bool = False

    @property
    def own(self) -> bool:
        return not self.label

    @property
    def empty(self) -> bool:
        return any(0 in spec.shape for spec in self.tensors().values())

    def tensors(self) -> dict[str, Spec]:
        return {name: spec for name, spec in self.specs.items() if spec.is_tensor}

    def dtype(self, name: str) -> str:
        spec = self.specs[name]
        if spec.kind == "bool":
            return "bool"
        if spec.kind == "int":
            return f"int{spec.width or _INTEGER_BITS}"
        return f"float{spec.width}" if spec.width else self.floatx

    def facts(self) -> Facts:
        """What the analyzer could know of the tensors."""
        return {name: (None if self.unranked else len(spec.shape), self.dtype(name)) for name, spec in self.tensors().items()}

    def _dynamic(self, name: str) -> bool | str:
        return "rank" if self.unranked else name in self.dynamic

    def arrays(self, value_class: str) -> dict[str, Array]:
        """The inputs of one run."""
        return {
            name: draw(spec, self.dtype(name), value_class, position)
            for position, (name, spec) in enumerate(self.specs.items())
            if spec.is_tensor
        }

    def payload(self, arrays: list[dict[str, Array]] | None = None) -> dict[str, Any]:
        """The variant as the worker wants it; ``arrays`` instead of those of its classes."""
        tensors = self.tensors()
        runs = arrays if arrays is not None else [self.arrays(value_class) for value_class in self.classes]
        return {
            "floatx": self.floatx,
            "gradient": self.gradient,
            "feeds": [
                {"name": name, "d": self.dtype(name), "s": list(spec.shape), "dynamic": self._dynamic(name)}
                for name, spec in tensors.items()
            ],
            "literals": {name: repr(spec.value) for name, spec in self.specs.items() if spec.kind == "literal"},
            "exprs": {name: spec.value for name, spec in self.specs.items() if spec.kind == "expr"},
            "runs": [[encode(run[name]) for name in tensors] for run in runs],
        }


def variants_of(job: Job, generate: bool = True) -> list[Variant]:
    """The example's own inputs first (float64, then float32), then the generated ones that the alternative claims to hold for.

    ``generate=False``: the example's own alone.

    Raises:
        specs.SpecError: an input of the example is no spec.
    """
    specs = {name: parse(text) for name, text in job.example.inputs.items()}
    gradient = job.example.gradient
    classes = (ORDINARY,) if job.example.random else classes_of(list(specs.values()))
    own = [Variant("", specs, floatx, classes, gradient) for floatx in ("float64", "float32")]
    if job.example.random or not any(spec.is_tensor for spec in specs.values()) or not (job.varies and generate):
        return own
    found, seen = list(own), {_key(variant) for variant in own}
    for variant in (*_generated(specs, gradient), *_silent(specs, job.rule.engine)):
        if not job.example.ranks and any(len(variant.specs[n].shape) != len(s.shape) for n, s in specs.items()):
            continue
        facts = variant.facts()
        if _key(variant) not in seen and job.holds(facts):
            seen.add(_key(variant))
            found.append(replace(variant, refused=job.refuses(facts)))
    return found


def optimized(variant: Variant) -> Variant:
    """The same inputs for Theano's default optimizer: it rewrites graphs, and what it makes of both texts must be the same."""
    return replace(variant, label="Theano's default optimizer", optimized=True)


def _key(variant: Variant) -> tuple[Any, ...]:
    return (*(str(spec) for spec in variant.specs.values()), variant.floatx, variant.dynamic, variant.unranked)


def _generated(specs: Mapping[str, Spec], gradient: bool) -> Iterator[Variant]:
    plain = [spec for spec in specs.values() if spec.is_tensor]
    some = tuple(c for c in (ORDINARY, "ties", "NaN") if c in classes_of(plain))

    def variant(label: str, change: Mapping[str, Spec], floatx: str = "float64") -> Variant:
        return Variant(label, {**specs, **change}, floatx, some, gradient)

    # Building gradients is what a proof spends its time on: where the rank goes up, and where sizes are unlike.
    highest = max(len(spec.shape) for spec in plain)
    for label, rank, change in _ranks(specs):
        # As in a layer, where the batch size is not known.
        dynamic = frozenset(name for name, spec in change.items() if len(spec.shape) == rank > 0)
        yield replace(variant(label, change), gradient=gradient and rank == highest + 1, dynamic=dynamic)
    for label, change in _sizes(specs):
        yield replace(variant(label, change), gradient=gradient and "broadcast" in label)
    for label, change, floatx in _dtypes(specs):
        kinds = classes_of(list({**specs, **change}.values()))
        if "floatx" in label:
            # Constants have 24 bits here: far values would show that and nothing else.
            kinds = tuple(c for c in kinds if c in FINITE)
        if floatx == "float16":
            # What is further away is infinite or 0 here.
            kinds = tuple(c for c in kinds if c in (*FINITE, "large"))
        yield replace(variant(label, change, floatx), classes=kinds, gradient=False)


def _silent(specs: Mapping[str, Spec], engine: str) -> Iterator[Variant]:
    """Numbers in place of tensors, of digits that float32 does not hold, and tensors of which TensorFlow does not know the rank:
    the text of a use seldom tells them from others."""
    for name, spec in specs.items():
        for number in _NUMBERS if spec.is_tensor and spec.kind not in ("int", "bool") and not spec.width else ():
            change = {name: Spec("literal", value=number)}
            yield Variant(f"{name} a number", {**specs, **change}, "float64", (ORDINARY,), False, silent=True)
    if engine == "tensorflow":
        yield Variant("unknown rank", specs, "float64", (ORDINARY,), False, unranked=True, silent=True)


def _ranks(specs: Mapping[str, Spec]) -> Iterator[tuple[str, int, dict[str, Spec]]]:
    """(label, rank, changes): all tensors of the highest rank raised or lowered together, then each of several as a scalar
    and as a vector."""
    tensors = {name: spec for name, spec in specs.items() if spec.is_tensor}
    highest = max(len(spec.shape) for spec in tensors.values())
    for rank in range(HIGHEST_RANK + 1):
        if rank > highest:
            lead = _LEADING[: rank - highest]
            raised = {n: replace(s, shape=(*lead, *s.shape)) for n, s in tensors.items() if len(s.shape) == highest}
            yield f"rank {rank}", rank, raised
        elif rank < highest:
            lowered = {n: replace(s, shape=s.shape[len(s.shape) - min(rank, len(s.shape)) :]) for n, s in tensors.items()}
            yield f"rank {rank}", rank, lowered
    if len(tensors) > 1:
        for name, spec in tensors.items():
            for rank in range(min(2, len(spec.shape))):
                yield f"{name} alone rank {rank}", rank, {name: replace(spec, shape=spec.shape[len(spec.shape) - rank :])}


def _sizes(specs: Mapping[str, Spec]) -> Iterator[tuple[str, dict[str, Spec]]]:
    """Axes of size 1 and 0. Axes of one size (one dimension) change together, and one tensor alone, to broadcast."""
    tensors = {name: spec for name, spec in specs.items() if spec.is_tensor and spec.shape}
    if not tensors:
        return
    longest = max(tensors.values(), key=lambda spec: len(spec.shape)).shape

    def changed(to: Callable[[int], int]) -> dict[str, Spec]:
        return {name: replace(spec, shape=tuple(to(size) for size in spec.shape)) for name, spec in tensors.items()}

    yield "size 1", changed(lambda size: 1)
    yield "size 1, last axis", changed(lambda size: 1 if size == longest[-1] else size)
    yield "empty, first axis", changed(lambda size: 0 if size == longest[0] else size)
    yield "empty, last axis", changed(lambda size: 0 if size == longest[-1] else size)
    if len(tensors) > 1:
        for name, spec in tensors.items():
            yield f"{name} broadcast", {name: replace(spec, shape=(*spec.shape[:-1], 1))}


def _dtypes(specs: Mapping[str, Spec]) -> Iterator[tuple[str, dict[str, Spec], str]]:
    """(label, changes, floatx): all floats as integers, booleans, floats of the other width than floatx, in half precision."""
    floats = {n: s for n, s in specs.items() if s.is_tensor and s.kind not in ("int", "bool") and not s.width}
    integers = {n: s for n, s in specs.items() if s.kind == "int" and not s.width}
    if floats:
        yield "int32", {n: Spec("int", s.shape) for n, s in floats.items()}, "float32"
        yield "bool", {n: Spec("bool", s.shape) for n, s in floats.items()}, "float32"
        yield "float64 under floatx float32", {n: replace(s, width=64) for n, s in floats.items()}, "float32"
        yield "float16", {}, "float16"
    if integers:
        yield "int64", {n: replace(s, width=64) for n, s in integers.items()}, "float32"
