"""Guesses by name: what a parameter called ``kernel_size``, ``y_pred`` or ``axis`` wants.

Shapes use sizes that tell dimensions apart: 2 samples, 6 steps, 8 by 8 pixels, 4 features, 3 channels.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from typing import Any

from kmigrate.verify.anatomy import UnitShape

Inputs = tuple[tuple[str, str], ...]

RANKS = {0: "[]", 1: "[6]", 2: "[2,4]", 3: "[2,6,4]", 4: "[2,8,8,3]", 5: "[2,4,4,4,3]"}

_MODEL = "expr(models.Sequential([layers.Dense(4, input_shape=(4,))]))"
# Patterns over parameter names, first match wins; values in the order in which they are tried.
_VALUES: tuple[tuple[str, tuple[Any, ...]], ...] = (
    (r"^(units|output_dim|n_out|out_dim|dim|hidden|nb_units|n_units|.*_units|.*_dim|d_model|depth|size_out)$", (4, 3, 8)),
    (r"^(input_dim|vocab.*|num_embeddings|max_features|n_in)$", (4, 10)),
    (r"^(filters|nb_filter|n_filters|num_filters|channels|.*_filters|out_channels|nb_capsule|num_capsule)$", (3, 4)),
    (r"^(kernel_size|kernel|.*kernel_size|filter_size)$", (3, (3, 3), 2, 1)),
    (r"^(pool_size|pool|strides?|size|scale|factor|upsampling|.*factor|block_size)$", (2, (2, 2), 1)),
    (r"^(pool_list|levels|bins)$", ([1, 2], [1])),
    (r"^(padding|border_mode|pad)$", ("same", "valid", 1, (1, 1))),
    (r"^(nb_row|nb_col|rows|cols|height|width|pool_height|pool_width|.*_height|.*_width)$", (3, 2)),
    (r"^(target_shape|target_size|output_size|out_size|new_shape|dims)$", ((4, 4), (2, 2))),
    (r"^(output_shape|input_shape|shape|batch_input_shape)$", ((3, 4), (2, 4), (2, 6, 4))),
    (r"^(axis|axes|dim_index)$", (-1, 1)),
    (r"^(n_?heads?|num_heads?|head|heads|nb_head|.*groups?|cardinality)$", (2, 1)),
    (r"^(size_per_head|head_dim|key_dim|.*_size|channels_per.*)$", (2, 4)),
    (r"^(num_classes|n_classes|nb_classes|classes|n_labels|num_labels)$", (4, 3)),
    (r"^(n|k|p|q|num.*|n_.*|nb_.*|count|steps?|length|maxlen|order|rank|window.*|top_k|iterations|routings)$", (2, 3, 4, 1)),
    (r"^(rate|drop.*|.*dropout|keep_prob|prob.*)$", (0.5, 0.3)),
    (r"^(alpha|beta|gamma|lambd?a?_?|eps(ilon)?|temperature|tau|margin|delta|sigma|mu|stddev|std|l1|l2|theta)$", (0.5, 1.0)),
    (r"^(clip.*|momentum|decay|lr|learning_rate|weight|scale_?.*|coef.*|factor_?.*|.*threshold|smooth|max_value)$", (0.5, 2.0)),
    (r"^(keras_model|model|base_model|.*_model|encoder|decoder|network|net|backbone)$", (_MODEL,)),
    (r"^(.*_?cell)$", ("expr(layers.SimpleRNNCell(4))", "expr(layers.LSTMCell(4))")),
    (r"^(min.*|low|lower)$", (0.1,)),
    (r"^(max.*|high|upper)$", (2.0,)),
    (r"^(activation|act|.*activation)$", ("tanh", "relu")),
    (r"^(mode|merge_mode|method)$", ("sum", "mul", "concat", "ave")),
    (r"^(dtype)$", ("float32",)),
    (r"^(data_format|dim_ordering)$", ("channels_last",)),
    (r"^(keepdims|keep_dims|use_.*|return_.*|is_.*|.*_first|.*_last|bias|training|trainable)$", (True, False)),
    (r"^(seed)$", (1,)),
    (r"^(layer)$", ("expr(layers.Dense(3))", "expr(layers.LSTM(3, return_sequences=True))", "expr(layers.Conv2D(3, 3))")),
    (r"^(cell|rnn_cell)$", ("expr(layers.SimpleRNNCell(3))",)),
    (r"^(function|fn|func|f|loss.*|metric.*)$", ("expr(lambda x: x)", "expr(lambda a, b: K.mean(K.square(a - b)))")),
    (r"^(.*initializer|init)$", ("glorot_uniform", "expr(initializers.RandomUniform(seed=1))")),
    (r"^(.*regularizer|.*constraint)$", (None,)),
    (r"^(weights|class_weights?|loss_weights)$", ([0.5, 1.0, 2.0, 1.5], "expr(np.array([.5, 1., 2., 1.5], 'float32'))")),
    (r"^(shapes|sizes|anchors|values)$", ([2, 3],)),
)
_UNKNOWN: tuple[Any, ...] = (3, 0.5, (2, 2), "tanh")
# Parameters of functions that are Python values rather than tensors, although required.
_PYTHON = re.compile(
    r"^(axis|axes|n|k|shape|output_shape|input_shape|target_shape|size|.*_size|strides?|padding|rate|alpha|gamma|eps|epsilon"
    r"|.*dims?|num_.*|n_.*|nb_.*|dtype|data_format|mode|activation|dim|units|rank|order|margin|seed|stddev|keepdims|factor"
    r"|classes|count|depth|method|window|steps|threshold|smooth|temperature|.*_fn|fn|func|name|training|sigma|p|power)$"
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


def alternatives(name: str) -> tuple[Any, ...]:
    """Values to try for a required parameter, never empty."""
    for pattern, values in _VALUES:
        if re.match(pattern, name):
            return values
    return _UNKNOWN


def input_sets(shape: UnitShape, kind: str) -> list[Inputs]:
    """Inputs to try for a unit, the likeliest first; each is a tuple of (name, spec)."""
    names = [item.name for item in shape.inputs]
    if not names:
        names = ["y_true", "y_pred"] if kind in ("loss", "metric") else ["inputs"] if shape.is_class else []
    if kind == "initializer" or names == ["shape"]:
        return [((names[0] if names else "shape", f"literal({size})"),) for size in ((3, 4), (4, 4), (3, 3, 2, 4), (4,))]
    if not names:
        return [()]
    ranks = _ranked(shape, kind)
    if len(names) >= 2 and _TRUE.match(names[0]) and _PREDICTED.match(names[1]):
        return _with_rest(_pairs(names[0], names[1], ranks), names[2:])
    many = shape.count or (2 if _LIST.match(names[0]) and not shape.is_class else 0)
    if many >= 2:
        lists = _lists(names[0], many, ranks)
        return _with_rest(lists, names[1:]) + _with_rest(_tensors(names[:1], ranks), names[1:])
    found = _mixed(names, ranks)
    if shape.is_class or kind == "lambda":
        found += _with_rest(_lists(names[0], 2, ranks)[:12], names[1:])
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


def _value_specs(name: str) -> list[str]:
    """Specs for one required function parameter that is not a plain tensor."""
    if _PYTHON.match(name):
        return [
            value if isinstance(value, str) and value.startswith("expr(") else f"literal({value!r})"
            for value in alternatives(name)
        ]
    if _INDEX.match(name):
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


def _mixed(names: list[str], ranks: list[int]) -> list[Inputs]:
    """Tensors of one shape for what looks like tensors, values for the rest; then mixed ranks."""
    tensors = [name for name in names if not _value_specs(name)] or names[:1]
    others = {name: specs for name in names if name not in tensors and (specs := _value_specs(name))}
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
        found += [
            _merge(names, {tensors[0]: "float" + RANKS[rank]}, _numbers(tensors[1:]) | others, pick)
            for pick in (0, 1, 2)
            for rank in ranks
        ]
    return found


def _numbers(names: list[str]) -> dict[str, list[str]]:
    return {
        name: [
            value if isinstance(value, str) and value.startswith("expr(") else f"literal({value!r})"
            for value in alternatives(name)
        ]
        for name in names
    }


def _merge(names: list[str], tensors: dict[str, str], others: dict[str, list[str]], pick: int) -> Inputs:
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


def _with_rest(sets: list[Inputs], names: list[str]) -> list[Inputs]:
    """Further required parameters after the first: values by name, else tensors of the first one's shape, else numbers."""
    if not names:
        return sets
    plain = [inputs + tuple((name, (_value_specs(name) or [inputs[-1][1]])[0]) for name in names) for inputs in sets]
    numbers = _numbers(names)
    return plain + [inputs + tuple((name, numbers[name][0]) for name in names) for inputs in sets[:12]]
