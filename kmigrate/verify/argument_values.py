"""Values to try for a parameter: by the words that the code compares it with, by its type, by its name."""

from __future__ import annotations

import re
from typing import Any

from kmigrate.verify.anatomy import Parameter

_MODEL = "expr(models.Sequential([layers.Dense(4, input_shape=(4,))]))"
# Patterns over parameter names, first match wins; values in the order in which they are tried.
_VALUES: tuple[tuple[str, tuple[Any, ...]], ...] = (
    (r"^(units|output_dim|n_out|out_dim|dim|hidden|nb_units|n_units|.*_units|.*_dim|d_model|depth|size_out)$", (4, 3, 8)),
    (r"^(input_dim|vocab.*|num_embeddings|max_features|n_in)$", (4, 10)),
    (r"^(filters|nb_filter|n_filters|num_filters|channels|.*_filters|out_channels|nb_capsule|num_capsule)$", (3, 4)),
    (r"^(kernel_size|kernel|.*kernel_size|filter_size)$", (3, (3, 3), 2, 1)),
    (r"^(pool_size|pool|strides?|size|scale|factor|upsampling|.*factor|block_size)$", (2, (2, 2), 1)),
    (r"^((up|down)_?(sampl|scal)\w*|(.*_)?ratio|reduction.*)$", (2, 4, 1)),
    (r"^(pool_list|levels|bins)$", ([1, 2], [1])),
    (r"^(padding|border_mode|pad)$", ("same", "valid", 1, (1, 1))),
    (r"^([HWCDT]|nb_row|nb_col|rows|cols|height|width|pool_height|pool_width|.*_height|.*_width)$", (3, 2)),
    (r"^(target_shape|target_size|output_size|out_size|new_shape|dims)$", ((4, 4), (2, 2))),
    (r"^(output_shape|input_shape|shape|batch_input_shape)$", ((3, 4), (2, 4), (2, 6, 4))),
    (r"^(axis|axes|dim_index)$", (-1, 1)),
    (r"^(n_?heads?|num_heads?|head|heads|nb_head|.*groups?|cardinality)$", (2, 1)),
    (r"^(size_per_head|head_dim|key_dim|.*_size|channels_per.*)$", (2, 4)),
    (r"^(num_classes|n_classes|nb_classes|classes|n_labels|num_labels)$", (4, 3)),
    (
        r"^(n|k|p|q|num.*|n_.*|nb_.*|count|steps?|(.*_)?len(gth)?|max_?len|order|rank|window.*|top_k|iterations|routings)$",
        (2, 3, 4, 1),
    ),
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
    (r"^(rnn|lstm|gru|.*_(rnn|lstm|gru)|rnn_layer)$", ("expr(layers.LSTM(3, return_sequences=True))",)),
    (r"^(layer)$", ("expr(layers.Dense(3))", "expr(layers.LSTM(3, return_sequences=True))", "expr(layers.Conv2D(3, 3))")),
    (r"^(cell|rnn_cell)$", ("expr(layers.SimpleRNNCell(3))",)),
    (
        r"^(function|fn|func|f|.*_fn|.*_func|loss.*|metric.*)$",
        ("expr(lambda x: x)", "expr(lambda a, b: K.mean(K.square(a - b)))"),
    ),
    (r"^(.*initializer|init)$", ("glorot_uniform", "expr(initializers.RandomUniform(seed=1))")),
    (r"^(.*regularizer|.*constraint)$", (None,)),
    (r"^(weights|class_weights?|loss_weights)$", ([0.5, 1.0, 2.0, 1.5], "expr(np.array([.5, 1., 2., 1.5], 'float32'))")),
    (r"^(shapes|sizes|anchors|values)$", ([2, 3],)),
)
_UNKNOWN: tuple[Any, ...] = (3, 0.5, (2, 2), "tanh")
# Types as they are written in annotations, the first that matches.
_TYPES: tuple[tuple[str, tuple[Any, ...]], ...] = (
    (r"\bbool\b", (False, True)),
    (r"Callable", ("expr(lambda x: x)", "expr(K.relu)")),
    (r"Layer\b", ("expr(layers.Dense(4))", "expr(layers.Conv2D(3, 3, padding='same'))")),
    (r"(Tuple|tuple|List|list|Sequence|Iterable)\[[^\]]*(int|Int)", ((2, 2), (3, 3), (4,))),
    (r"(Tuple|tuple|List|list|Sequence|Iterable)\[[^\]]*float", ((0.5, 0.5), [0.5, 1.0, 2.0, 1.5])),
    (r"\bnp\.ndarray|ndarray|ArrayLike", ("expr(np.eye(4, dtype='float32'))", "expr(np.ones((4,), 'float32'))")),
)
_OF_TYPE: dict[type, list[Any]] = {int: [3, 2], float: [0.5, 1.0], str: ["tanh", "same"]}
_NUMBERS: tuple[tuple[str, type], ...] = ((r"\bint\b", int), (r"\bfloat\b", float), (r"\bstr\b", str))


def alternatives(name: str) -> tuple[Any, ...]:
    """Values to try for a required parameter, never empty."""
    for pattern, values in _VALUES:
        if re.match(pattern, name):
            return values
    return _UNKNOWN


def of_type(parameter: Parameter) -> tuple[Any, ...]:
    """Values of the type that the parameter is annotated or documented with; empty for a tensor or where nothing says so."""
    for pattern, values in _TYPES:
        if re.search(pattern, parameter.annotation or ""):
            return values
    for pattern, kind in _NUMBERS:
        if re.search(pattern, parameter.annotation or ""):
            fitting = [value for value in alternatives(parameter.name) if type(value) is kind]
            return tuple(fitting or _OF_TYPE[kind])
    return ()


def values_of(parameter: Parameter) -> tuple[Any, ...]:
    """Values to try, the likeliest first, never empty."""
    return unique([*parameter.choices, *of_type(parameter), *alternatives(parameter.name)])


def unique(values: list[Any]) -> tuple[Any, ...]:
    """``1``, ``1.0`` and ``True`` are three values."""
    seen: dict[str, Any] = {}
    for value in values:
        seen.setdefault(f"{type(value).__name__}:{value!r}", value)
    return tuple(seen.values())
