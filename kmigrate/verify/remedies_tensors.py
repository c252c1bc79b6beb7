"""Remedies that change the tensors of a failed case: ranks, sizes, lists, dtypes. Each is a row of ``feedback``'s table."""

from __future__ import annotations

import math
import re
from dataclasses import replace

from kmigrate.verify.argument_values import alternatives
from kmigrate.verify.failure import Failure, Made, of_rank, shaped
from kmigrate.verify.remedies_arguments import optional, optional_inputs, pairs


def rank(failure: Failure, match: re.Match[str]) -> Made:
    wanted = int(match["wanted"])
    found = int(match["found"]) if match["found"] else None
    if wanted <= 5:
        yield from failure.reshaped(lambda s: of_rank(s, wanted) if found is None or len(s) == found else None)
    if wanted == 1 and found in (0, None):  # a number where a size of two dimensions belongs
        yield from pairs(failure, match)


def last_sizes(failure: Failure, match: re.Match[str]) -> Made:
    """``must be of shape (2, 3) or (3, 4)``: each of them as the last dimensions of each tensor, behind the batch and alone."""
    for wanted in re.findall(r"[(\[](\d+(?:, ?\d+)*)[)\]]", match["wanted"])[:3]:
        sizes = tuple(int(size) for size in wanted.split(","))
        for leading in ((2,), ()):
            yield from failure.reshaped(lambda s, new=(*leading, *sizes): new if len(new) <= 5 else None)  # type: ignore[misc]  # bound now


def alone(failure: Failure, match: re.Match[str]) -> Made:
    """A list where one tensor belongs."""
    stem = failure.case.inputs[0][0].partition(".")[0] if failure.case.inputs else ""
    first = [text for name, text in failure.case.inputs if name.startswith(f"{stem}.")][:1]
    if first:
        rest = tuple(item for item in failure.case.inputs if not item[0].startswith(f"{stem}."))
        yield replace(failure.case, inputs=((stem, first[0]), *rest))


def states(failure: Failure, match: re.Match[str]) -> Made:
    """``cell.state_size is [3, 3]``: the last tensors of the call, one row of each of these sizes for each sample."""
    sizes = [int(size) for size in re.findall(r"\d+", match["sizes"])]
    found = list(failure.tensors())[-len(sizes) :]
    if len(found) == len(sizes):
        samples = next((spec.shape[0] for _, _, spec in failure.tensors() if spec.shape), 2)
        texts = zip(found, sizes, strict=True)
        yield failure.with_texts({place: shaped(failure.case, place, (samples, size)) for (place, _, _), size in texts})


def keyed(failure: Failure, match: re.Match[str]) -> Made:
    """``inputs["anchor"]`` of a tensor: each of the first two parameters alone as a dictionary."""
    stems = list(dict.fromkeys(name.partition(".")[0] for _, name, _ in failure.tensors()))
    for stem in stems[:2]:
        own = [text for name, text in failure.case.inputs if name.partition(".")[0] == stem]
        rest = tuple(item for item in failure.case.inputs if item[0].partition(".")[0] != stem)
        yield replace(failure.case, inputs=((f"{stem}.{match['name']}", own[0]), *rest))


def expected(failure: Failure, match: re.Match[str]) -> Made:
    """``Input 'box_ind' ... does not match expected type of int32``: the input of that name first."""
    kind = re.sub(r"\d+", "", match["kind"])
    spec = {"int": "int", "float": "float", "bool": "bool", "complex": "complex"}.get(kind)
    if spec is None:
        return
    below = "<2" if spec == "int" else ""
    for position, _, given in sorted(failure.tensors(), key=lambda item: item[1].partition(".")[0] != match["name"]):
        if given.kind != spec:
            yield failure.with_texts({position: f"{spec}[{','.join(map(str, given.shape))}]{below}"})


def product(failure: Failure, match: re.Match[str]) -> Made:
    """``got 2 * 4 != 6``: the size that they make."""
    wanted, size = int(match["one"]) * int(match["two"]), int(match["size"])
    yield from failure.reshaped(lambda s: tuple(wanted if d == size else d for d in s) if size in s else None)


def masked(failure: Failure, match: re.Match[str]) -> Made:
    """A layer that wants a mask of (samples, time) with each of its tensors."""
    if not failure.shape.takes_mask or any(name.startswith("mask") for name, _ in failure.case.inputs):
        return
    shapes = [("mask" + name[name.index(".") :] if "." in name else "mask", s.shape) for _, name, s in failure.tensors()]
    if shapes and all(len(shape) >= 2 for _, shape in shapes):
        masks = tuple((name, f"bool[{shape[0]},{shape[1]}]") for name, shape in shapes)
        yield replace(failure.case, inputs=(*failure.case.inputs, *masks))


def any_rank(failure: Failure, match: re.Match[str]) -> Made:
    """The ranks do not go together: every tensor alone at every other rank."""
    for position, _, spec in failure.tensors():
        for rank in (2, 3, 1, 4):
            if rank != len(spec.shape):
                yield failure.with_texts({position: shaped(failure.case, position, of_rank(spec.shape, rank))})


def higher(failure: Failure, match: re.Match[str]) -> Made:
    yield from failure.reshaped(lambda s: of_rank(s, len(s) + 1) if len(s) < 5 else None)
    yield from longer_list(failure, listed(failure) + 1 if listed(failure) else 2)


def bounds(failure: Failure, match: re.Match[str]) -> Made:
    """``slice index 11 of dimension 1 out of bounds``: at least 12 of them."""
    axis, size = int(match["axis"]), int(match["index"]) + 1

    def change(shape: tuple[int, ...]) -> tuple[int, ...] | None:
        return tuple(size if i == axis else d for i, d in enumerate(shape)) if axis < len(shape) and shape[axis] < size else None

    yield from failure.reshaped(change)
    # What is sliced that far is often a table: one row of values for each sample.
    yield from failure.reshaped(lambda s: (s[0], size) if axis == 1 and len(s) != 2 and s else None)


def smaller(failure: Failure, match: re.Match[str]) -> Made:
    """An index that is too large for what it is taken from."""
    for below in (int(match["size"]), 1):
        for position, _, spec in failure.tensors():
            if spec.kind == "int" and (spec.below is None or spec.below > below > 0):
                yield failure.with_texts({position: str(replace(spec, below=below))})


def lower(failure: Failure, match: re.Match[str]) -> Made:
    yield from failure.reshaped(lambda s: of_rank(s, len(s) - 1) if len(s) > 1 else None)


def listed(failure: Failure) -> int:
    return sum("." in name for name, _ in failure.case.inputs)


def longer_list(failure: Failure, count: int) -> Made:
    """The first input as a list of ``count`` tensors like the one that it has."""
    if not failure.case.inputs or not 1 < count <= 6:
        return
    stem = failure.case.inputs[0][0].partition(".")[0]
    own = [text for name, text in failure.case.inputs if name.partition(".")[0] == stem]
    rest = tuple(item for item in failure.case.inputs if item[0].partition(".")[0] != stem)
    texts = (own + [own[-1]] * count)[:count]
    yield replace(failure.case, inputs=(*((f"{stem}.{n}", text) for n, text in enumerate(texts)), *rest))


def unpack(failure: Failure, match: re.Match[str]) -> Made:
    """``a, b, c = x``: a list of three tensors, or a shape of rank three."""
    wanted = int(match["wanted"])
    yield from longer_list(failure, wanted)
    if wanted <= 5:
        yield from failure.reshaped(lambda s: of_rank(s, wanted) if len(s) != wanted else None)
    for name in failure.given((int, tuple, list)):
        yield failure.kwargs(**{name: (2,) * wanted})


def list_wanted(failure: Failure, match: re.Match[str]) -> Made:
    count = match.groupdict().get("wanted")
    for wanted in [int(count)] if count else [2, 3]:
        yield from longer_list(failure, wanted)


def sizes(failure: Failure, match: re.Match[str]) -> Made:
    """Two sizes that should be one."""
    one, two = int(match["one"]), int(match["two"])
    for left, right in ((one, two), (two, one)):
        yield from failure.reshaped(lambda s, a=left, b=right: tuple(b if d == a else d for d in s) if a in s else None)  # type: ignore[misc]  # bound now
        for name in failure.given(int):
            if failure.case.kwargs[name] == left:
                yield failure.kwargs(**{name: right})


def single(failure: Failure, match: re.Match[str]) -> Made:
    """A dimension that must be 1."""
    axis, size = int(match["axis"]), int(match["size"])
    for position, _, spec in failure.tensors():
        for axis_of in {axis, len(spec.shape) - 1, axis - 1}:
            if 0 <= axis_of < len(spec.shape) and spec.shape[axis_of] == size:
                shape = tuple(1 if i == axis_of else d for i, d in enumerate(spec.shape))
                yield failure.with_texts({position: shaped(failure.case, position, shape)})


def divisible(failure: Failure, match: re.Match[str]) -> Made:
    by, size = int(match["by"]), int(match["size"])
    yield from failure.reshaped(lambda s: tuple(by if d == size else d for d in s) if size in s else None)
    for name in failure.given(int):
        if failure.case.kwargs[name] == size:
            yield failure.kwargs(**{name: by})
    # What is divided may be a product that an argument is a factor of.
    lacks = by // math.gcd(by, size)
    for name in failure.given(int) if size else ():
        if 1 < lacks * failure.case.kwargs[name] <= 64:
            yield failure.kwargs(**{name: lacks * failure.case.kwargs[name]})


def axis_value(failure: Failure, match: re.Match[str]) -> Made:
    axis, value = int(match["axis"]), int(match["value"])

    def change(shape: tuple[int, ...]) -> tuple[int, ...] | None:
        at = axis % len(shape) if shape and -len(shape) <= axis < len(shape) else None
        return None if at is None else tuple(value if i == at else d for i, d in enumerate(shape))

    yield from failure.reshaped(change)


def multiples(failure: Failure, match: re.Match[str]) -> Made:
    by = int(match["by"])
    if by <= 16:
        yield from failure.reshaped(lambda s: tuple(-(-d // by) * by for d in s))


def none(failure: Failure, match: re.Match[str]) -> Made:
    """None where a size or a mask belongs: every dimension known, masks, or an optional argument that is not."""
    if failure.case.dynamic:
        yield replace(failure.case, dynamic=False)
    yield from masked(failure, match)
    for name in optional(failure):
        yield failure.kwargs(**{name: alternatives(name)[0]})
    yield from optional_inputs(failure)


def static(failure: Failure, match: re.Match[str]) -> Made:
    if failure.case.dynamic:
        yield replace(failure.case, dynamic=False)


def integers(failure: Failure, match: re.Match[str]) -> Made:
    yield from failure.retyped(["int32"])
    for position, _, _spec in failure.tensors():
        for value in (1, 2):
            yield failure.with_texts({position: f"literal({value})"})


def allowed(failure: Failure, match: re.Match[str]) -> Made:
    yield from failure.retyped(["bool"] if "bool" in match["allowed"] and "int" not in match["allowed"] else ["int32", "bool"])


def complexes(failure: Failure, match: re.Match[str]) -> Made:
    yield from failure.retyped(["complex"])


def floats(failure: Failure, match: re.Match[str]) -> Made:
    yield from failure.retyped(["float"])
