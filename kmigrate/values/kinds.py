"""What kinds of Python value an argument surely is, apart from tensors.

A replacement is proven for what its examples were called with. ``K.mean(x)`` is ``tf.reduce_mean(x)`` for a tensor and fails for
a list; ``~x`` is a negation of a boolean tensor and -2 of ``True``. So a fix is safe only for kinds that an example had.
"""

from __future__ import annotations

from collections.abc import Collection

from kmigrate.values.domain import NUMBER, SEQUENCE, TENSORS, UNKNOWN, Value

_OF = f"{SEQUENCE} of "
_WORDS = {
    "array": "a numpy array",
    "bool": "a Python bool",
    "function": "a function",
    "layer": "a layer",
    "none": "None",
    "number": "a number",
    "object": "a stream or session",
    "shape": "a shape",
    "text": "a string",
    SEQUENCE: "a list",
    f"{_OF}nothing": "an empty list",
}
_MANY = {
    "array": "numpy arrays",
    "bool": "Python bools",
    "none": "None",
    "number": "numbers",
    SEQUENCE: "lists",
    "text": "strings",
}


def kinds_of(value: Value) -> frozenset[str]:
    """The kinds of a value: none for a tensor and for what is not known, several for a list of several things."""
    if value.kind == SEQUENCE:
        elements = value.elements if value.elements is not None else (value.item or UNKNOWN,)
        if not elements:
            return frozenset({f"{_OF}nothing"})
        inner = {_outer(element) for element in elements}
        return frozenset(_OF + kind if kind else SEQUENCE for kind in inner)
    kind = _outer(value)
    return frozenset({kind} if kind else ())


def _outer(value: Value) -> str:
    """The kind of a value, whatever it holds; empty for a tensor and for what is not known."""
    if value.kind == NUMBER:
        return "bool" if value.dtype == "bool" or isinstance(value.constant, bool) else "number"
    return "" if value.symbolic or value.kind in (None, TENSORS) else value.kind


def is_proven(kind: str, proven: Collection[str]) -> bool:
    """Whether a kind is one that was proven; of a list of unknown things only that it is a list."""
    return kind in proven or (kind == SEQUENCE and any(other.startswith(SEQUENCE) for other in proven))


def in_words(kind: str) -> str:
    """``sequence of number`` is "a list of numbers"."""
    if kind in _WORDS:
        return _WORDS[kind]
    of = kind.removeprefix(_OF)
    return f"a list of {_MANY.get(of, of)}" if of != kind else kind
