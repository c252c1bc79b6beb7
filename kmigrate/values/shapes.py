"""How shapes follow from shapes. Shapes are tuples with None for a dimension that is not known, or None where the rank is not
known; every function answers with what is sure if the operation runs at all."""

from __future__ import annotations

from collections.abc import Sequence

from kmigrate.values.domain import Shape


def broadcast(first: Shape | None, second: Shape | None) -> Shape | None:
    """The shape of an elementwise operation of two arguments."""
    if first is None or second is None:
        return None
    width = max(len(first), len(second))
    left = (1,) * (width - len(first)) + first
    right = (1,) * (width - len(second)) + second
    return tuple(_broadcast_dimension(a, b) for a, b in zip(left, right, strict=True))


def _broadcast_dimension(a: int | None, b: int | None) -> int | None:
    if a in (1, b):
        return b
    if b == 1:
        return a
    if a is None or b is None:
        return a if b is None else b  # against n > 1, only n or 1 can stand
    return None


def axis_in(axis: int, rank: int) -> int | None:
    """A possibly negative axis counted from the front; None where it lies outside."""
    axis = axis + rank if axis < 0 else axis
    return axis if 0 <= axis < rank else None


def reduce(shape: Shape | None, axes: Sequence[int] | None, keepdims: bool) -> Shape | None:
    """Without ``axes`` all are reduced."""
    if axes is None and not keepdims:
        return ()
    if shape is None:
        return None
    found = range(len(shape)) if axes is None else [axis_in(axis, len(shape)) for axis in axes]
    if None in found:
        return None
    if keepdims:
        return tuple(1 if place in found else size for place, size in enumerate(shape))
    return tuple(size for place, size in enumerate(shape) if place not in found)


def insert(shape: Shape | None, axis: int, size: int | None = 1) -> Shape | None:
    """``expand_dims``: a negative axis counts from behind the new shape."""
    if shape is None:
        return None
    place = axis_in(axis, len(shape) + 1)
    return None if place is None else (*shape[:place], size, *shape[place:])


def permute(shape: Shape | None, pattern: Sequence[int]) -> Shape | None:
    if shape is None or len(pattern) != len(shape):
        return (None,) * len(pattern)
    places = [axis_in(place, len(shape)) for place in pattern]
    return tuple(None if place is None else shape[place] for place in places)


def concatenate(parts: Sequence[Shape | None], axis: int | None) -> Shape | None:
    """Of parts of equal rank; one known rank tells that of all."""
    known = [part for part in parts if part is not None]
    if not known or len({len(part) for part in known}) > 1:
        return None
    rank = len(known[0])
    place = None if axis is None else axis_in(axis, rank)
    if place is None or len(known) < len(parts):
        return (None,) * rank
    sizes: list[int | None] = []
    for index in range(rank):
        column = [part[index] for part in known]
        if index == place:
            whole = [size for size in column if size is not None]
            sizes.append(sum(whole) if len(whole) == len(column) else None)
        else:
            sizes.append(next((size for size in column if size is not None), None))
    return tuple(sizes)


def dot(first: Shape | None, second: Shape | None) -> Shape | None:
    """``K.dot``: the last axis of the first with the last but one of the second."""
    if first is None or second is None or not first or not second:
        return None
    if len(second) == 1:
        return first[:-1]
    return (*first[:-1], *second[:-2], second[-1])


def matmul(first: Shape | None, second: Shape | None, flip_first: bool = False, flip_second: bool = False) -> Shape | None:
    """Matrix products over broadcast leading axes."""
    if first is None or second is None or len(first) < 2 or len(second) < 2:
        return None
    leading = broadcast(first[:-2], second[:-2])
    if leading is None:
        return None
    return (*leading, first[-1] if flip_first else first[-2], second[-2] if flip_second else second[-1])


def batch_dot_rank(first: int, second: int) -> int:
    """The rank of ``K.batch_dot`` over one axis of each argument; a vector result gets an axis."""
    return max(2, first + second - 3)


def sliced(size: int | None, start: int | None, stop: int | None, step: int | None) -> int | None:
    """The length of ``[start:stop:step]`` of an axis; None where not known."""
    if size is None:
        return None
    return len(range(size)[slice(start, stop, step)])
