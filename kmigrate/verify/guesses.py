"""Guesses by name: what a parameter called ``kernel_size``, ``y_pred`` or ``axis`` wants.

Shapes use sizes that tell dimensions apart: 2 samples, 6 steps, 8 by 8 pixels, 4 features, 3 channels.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence

from kmigrate.verify.anatomy import Parameter, UnitShape
from kmigrate.verify.argument_values import of_type, values_of

Inputs = tuple[tuple[str, str], ...]
Values = Mapping[str, Sequence[str]]

RANKS = {0: "[]", 1: "[6]", 2: "[2,4]", 3: "[2,6,4]", 4: "[2,8,8,3]", 5: "[2,4,4,4,3]"}

# Parameters of functions that are Python values rather than tensors, although required.
_PYTHON = re.compile(
    r"^([HWCDT]|axis|axes|n|k|shape|output_shape|input_shape|target_shape|size|.*_size|strides?|padding|rate|alpha|gamma|eps|epsilon"
    r"|.*dims?|num_.*|n_.*|nb_.*|dtype|data_format|mode|activation|dim|units|rank|order|margin|seed|stddev|keepdims|factor"
    r"|classes|count|depth|method|window|steps|threshold|smooth|temperature|.*_fn|fn|func|name|training|sigma|p|power"
    r"|(is|use|return|has)_.*|drop.*|.*_(prob|rate|ratio))$"
)
_LIST = re.compile(r"^(inputs|args|tensors|xs|arrays|tensor_list|vects|vecs|pair|features|x_list|z_args|values)$")
_TRUE = re.compile(r"^(y_?true|true|target.*|labels?|y|gt.*|t|ground_?truth|real|yTrue)$", re.IGNORECASE)
_PREDICTED = re.compile(r"^(y_?pred.*|pred.*|output.*|logits?|y_?hat|p|probs?|yPred|fake)$", re.IGNORECASE)
_INDEX = re.compile(r"^(indices|index|idx|ids|positions?|lengths?)$")
_MASKS = re.compile(r"^(.*mask)$")
# Words in the text of a unit, and the rank that they speak for.
_HINTS: tuple[tuple[str, int], ...] = (
    (r"3D|volum|voxel", 5),
    (r"2D|image|spatial|conv2d|pool2d|resize|height|width|pixel|channels?_first", 4),
    (r"RNN|LSTM|GRU|[Aa]ttention|seq|time|1D|steps|batch_dot|word", 3),
)


def input_sets(shape: UnitShape, kind: str) -> list[Inputs]:
    """Inputs to try for a unit, the likeliest first; each is a tuple of (name, spec)."""
    inputs = list(shape.inputs)
    if not inputs:
        implied = ["y_true", "y_pred"] if kind in ("loss", "metric") else ["inputs"] if shape.is_class else []
        inputs = [Parameter(name) for name in implied]
    names = [item.name for item in inputs]
    values = {item.name: _value_specs(item) for item in inputs}
    numbers = {item.name: [literal(value) for value in values_of(item)] for item in inputs}
    if kind == "initializer" or names == ["shape"]:
        return [((names[0] if names else "shape", f"literal({size})"),) for size in ((3, 4), (4, 4), (3, 3, 2, 4), (4,))]
    if not names:
        return [()]
    ranks = _ranked(shape, kind)
    found = _documented(shape, inputs, values) + _guessed(shape, kind, names, ranks, values, numbers)
    if all(
        values[item.name] and (item.choices or of_type(item) or item.default) for item in inputs
    ):  # a table of numbers, a window by its name: no tensor at all
        found = [tuple((name, one[min(pick, len(one) - 1)]) for name, one in values.items()) for pick in (0, 1, 2)] + found
    return found


def _documented(shape: UnitShape, inputs: Sequence[Parameter], values: Values) -> list[Inputs]:
    """The tensors that docstrings tell of, with values for what they do not."""
    told = [item.spec for item in inputs if item.spec] + [spec for spec in shape.elements if spec]
    if not told:
        return []
    # What stands beside lengths is what has them.
    first = next((spec for spec in told if spec.startswith("float")), "float" + RANKS[3])
    rest = inputs[1:] if shape.elements else inputs
    found = []
    for other in dict.fromkeys((first, "float[2,4]")):
        elements = [spec or other for spec in shape.elements] + [other] * (shape.count - len(shape.elements))
        listed = [(f"{inputs[0].name}.{i}", spec) for i, spec in enumerate(elements)] if shape.elements else []
        found.append((*listed, *((item.name, item.spec or next(iter(values[item.name]), other)) for item in rest)))
    return list(dict.fromkeys(found))


def _guessed(shape: UnitShape, kind: str, names: list[str], ranks: list[int], values: Values, numbers: Values) -> list[Inputs]:
    if len(names) >= 2 and _TRUE.match(names[0]) and _PREDICTED.match(names[1]):
        return _with_rest(_pairs(names[0], names[1], ranks), names[2:], values, numbers)
    many = shape.count or (2 if _LIST.match(names[0]) and not shape.is_class else 0)
    if many >= 2:
        lists = _lists(names[0], many, ranks)
        sure = len(lists) if shape.count else 4  # by its name alone it may as well be one tensor
        return _with_rest([*lists[:sure], *_tensors(names[:1], ranks), *lists[sure:]], names[1:], values, numbers)
    found = _mixed(names, ranks, values, numbers)
    if shape.is_class or kind == "lambda":
        found += _with_rest(_lists(names[0], 2, ranks)[:12], names[1:], values, numbers)
    return found


def _ranked(shape: UnitShape, kind: str) -> list[int]:
    """Ranks in the order of likelihood."""
    text = shape.text + " ".join(shape.bases)
    scores = {rank: len(re.findall(pattern, text)) for pattern, rank in _HINTS}
    order = [3, 2, 4, 5, 1, 0] if shape.is_class else [2, 3, 4, 5, 1, 0]
    if kind in ("constraint", "regularizer"):
        order = [2, 4, 3, 1, 5, 0]
    return sorted(order, key=lambda rank: -scores.get(rank, 0))


def _pairs(true: str, predicted: str, ranks: Iterable[int]) -> list[Inputs]:
    """For losses and metrics: two tensors of one shape, then labels against probabilities."""
    found: list[Inputs] = []
    for rank in ranks:
        dims = RANKS[rank]
        for left, right in (("unit", "probability"), ("float", "float"), ("onehot", "probability")):
            found.append(((true, left + dims), (predicted, right + dims)))
        if rank >= 2:
            rows = "[" + dims[1:-1].rpartition(",")[0]
            last = dims[1:-1].rpartition(",")[2]
            found.append(((true, f"int{rows}]<{last}"), (predicted, "probability" + dims)))
            found.append(((true, f"float{rows},1]"), (predicted, "float" + dims)))
    return found


def literal(value: object) -> str:
    """The spec of a Python value; ``expr(...)`` is one already."""
    return value if isinstance(value, str) and value.startswith("expr(") else f"literal({value!r})"


def _literal_default(text: str) -> str | None:
    try:
        return literal(ast.literal_eval(text))
    except (ValueError, SyntaxError):
        return None


def _value_specs(item: Parameter) -> list[str]:
    """Specs for one function parameter that is not a plain tensor: required ones, and a first one with a default."""
    if item.default not in (None, "None") and (given := _literal_default(item.default or "")):
        return [given]
    if item.spec is None and item.annotation != "Tensor" and (item.choices or of_type(item) or _PYTHON.match(item.name)):
        return [literal(value) for value in values_of(item)]
    if _INDEX.match(item.name):
        return ["int[2]<2", "int[2,6]<4", "int[2,1]<2"]
    return []


def _tensors(names: list[str], ranks: Iterable[int]) -> list[Inputs]:
    """The same shape for all names, by rank; then integers and squares."""
    found: list[Inputs] = [tuple((name, _kind(name) + RANKS[rank]) for name in names) for rank in ranks]
    # squares (Gram matrices, spectral norms), codes (embeddings), one channel, a batch of pictures with 4 channels
    for spec in (
        "float[2,8,8,4]",
        "float[4,4]",
        "int[2,6]<4",
        "int[2]<4",
        "float[2,3,8,8]",
        "float[2,8,8,1]",
        "float[2,1,4]",
        "float[2,16]",
    ):
        found.append(tuple((name, spec) for name in names))
    return found


def _kind(name: str) -> str:
    return "bool" if _MASKS.match(name) else "float"


def _mixed(names: list[str], ranks: list[int], values: Values, numbers: Values) -> list[Inputs]:
    """Tensors of one shape for what looks like tensors, values for the rest; then mixed ranks."""
    tensors = [name for name in names if not values[name]] or names[:1]
    others = {name: values[name] for name in names if name not in tensors}
    found = [
        _merge(names, dict(chosen), others, pick) for pick in range(3 if others else 1) for chosen in _tensors(tensors, ranks)
    ]
    if len(tensors) in (2, 3):
        for combination in itertools.product(ranks[:4], repeat=len(tensors)):
            if len(set(combination)) > 1:
                chosen = {name: _kind(name) + RANKS[rank] for name, rank in zip(tensors, combination, strict=True)}
                found.append(_merge(names, chosen, others, 0))
    if len(tensors) > 1:
        # what looks like a tensor may be a number: f(x, strength)
        plain = {name: numbers[name] for name in tensors[1:]}
        found += [
            _merge(names, {tensors[0]: "float" + RANKS[rank]}, {**plain, **others}, pick) for pick in (0, 1, 2) for rank in ranks
        ]
    return found


def _merge(names: list[str], tensors: Mapping[str, str], others: Values, pick: int) -> Inputs:
    return tuple((name, tensors[name] if name in tensors else others[name][min(pick, len(others[name]) - 1)]) for name in names)


def _lists(name: str, count: int, ranks: list[int]) -> list[Inputs]:
    """Lists of tensors: one rank for all, then combinations."""
    found: list[Inputs] = [tuple((f"{name}.{i}", "float" + RANKS[rank]) for i in range(count)) for rank in ranks[:4]]
    for combination in itertools.islice(itertools.product(ranks[:4], repeat=count), 64):
        if len(set(combination)) > 1:
            found.append(tuple((f"{name}.{i}", "float" + RANKS[rank]) for i, rank in enumerate(combination)))
    codes = [
        ((f"{name}.0", "float[2,6,4]"), (f"{name}.1", "int[2]<6")),
        ((f"{name}.0", "float[2,6,4]"), (f"{name}.1", "bool[2,6]")),
    ]
    return found + (list(codes) if count == 2 else [])


def _with_rest(sets: list[Inputs], names: list[str], values: Values, numbers: Values) -> list[Inputs]:
    """Further required parameters: values by type and name, else tensors of the last one's shape, else numbers."""
    if not names:
        return sets
    plain = [inputs + tuple((name, next(iter(values[name]), inputs[-1][1])) for name in names) for inputs in sets]
    return plain + [inputs + tuple((name, numbers[name][0]) for name in names) for inputs in sets[:12]]
