"""What Keras hands to the methods of its classes and to the functions that it calls: data, and what a layer says of its input."""

from __future__ import annotations

import ast

from kmigrate.values.bindings import Family
from kmigrate.values.domain import ANY_ENGINE, SHAPE, TENSORS, Value, sequence_of, tensor

ONE = tensor(ANY_ENGINE)
ONE_OR_MORE = tensor(ANY_ENGINE, kind=TENSORS)
LIST = sequence_of(ONE)
A_SHAPE = Value(SHAPE)
THEANO = tensor("theano")
TENSORFLOW = tensor("tensorflow", kind=TENSORS)

# Method -> what its parameters are, by place after ``self``.
METHODS: dict[str, dict[str, tuple[Value, ...]]] = {
    "layer": {
        "call": (ONE_OR_MORE,),
        "compute_mask": (ONE_OR_MORE, ONE_OR_MORE),
        "build": (A_SHAPE,),
        "compute_output_shape": (A_SHAPE,),
        "get_output_shape_for": (A_SHAPE,),
        "step": (ONE, LIST),
        "get_initial_state": (ONE,),
        "get_initial_states": (ONE,),
        "get_constants": (ONE,),
        "preprocess_input": (ONE,),
    },
    "loss": {"call": (ONE, ONE), "__call__": (ONE, ONE)},
    "metric": {"update_state": (ONE, ONE), "__call__": (ONE, ONE)},
    "regularizer": {"__call__": (ONE,)},
    "constraint": {"__call__": (ONE,)},
}
METHODS["model"] = {"call": (ONE_OR_MORE,), "compute_mask": (ONE_OR_MORE, ONE_OR_MORE)}
# Parameters that mean the same in every ``call``.
CALL_NAMES = {"mask": ONE_OR_MORE, "states": LIST, "initial_state": ONE_OR_MORE, "attention_mask": ONE}
HANDED: dict[str, tuple[Value, ...]] = {
    "lambda": (ONE_OR_MORE,),
    "loss": (ONE, ONE),
    "metric": (ONE, ONE),
    "activation": (ONE,),
    "regularizer": (ONE,),
    "constraint": (ONE,),
}
# Functions that call a function with tensors: (place, keyword) of that function -> what it gets; the last one repeats.
CALLING_FUNCTIONS: dict[str, tuple[int, str, tuple[Value, ...]]] = {
    "keras.backend.rnn": (0, "step_function", (ONE, LIST)),
    "keras.backend.map_fn": (0, "fn", (ONE_OR_MORE,)),
    "keras.backend.foldl": (0, "fn", (ONE, ONE_OR_MORE)),
    "keras.backend.foldr": (0, "fn", (ONE, ONE_OR_MORE)),
    "tf.map_fn": (0, "fn", (TENSORFLOW,)),
    "tf.scan": (0, "fn", (TENSORFLOW,)),
    "tf.foldl": (0, "fn", (TENSORFLOW,)),
    "tf.foldr": (0, "fn", (TENSORFLOW,)),
    "tf.while_loop": (1, "body", (TENSORFLOW,)),
    "theano.scan": (0, "fn", (THEANO,)),
    "theano.map": (0, "fn", (THEANO,)),
    "theano.foldl": (0, "fn", (THEANO,)),
    "theano.reduce": (0, "fn", (THEANO,)),
}
# The variables that a layer has from its Keras base class.
KERAS_WEIGHTS = frozenset(
    "kernel bias gamma beta moving_mean moving_variance embeddings recurrent_kernel depthwise_kernel pointwise_kernel".split()
)
WEIGHT_LISTS = frozenset({"trainable_weights", "non_trainable_weights", "weights"})
ADD_WEIGHT = frozenset({"add_weight", "add_variable"})


def input_rank(family: Family) -> int | None:
    """The rank that ``InputSpec(ndim=...)`` or ``assert len(input_shape) == ...`` demands of a layer's one input."""
    ranks = {_spec_rank(origin.node) for origin in family.attributes.get("input_spec", ())}
    ranks -= {"none"}
    if not family.attributes.get("input_spec"):
        ranks = _asserted(family)
    found = ranks.pop() if len(ranks) == 1 else None
    return found if isinstance(found, int) else None


def _spec_rank(node: ast.AST | None) -> int | str | None:
    """The rank of an ``InputSpec``; ``none`` where it demands none, None where it is not known."""
    if isinstance(node, (ast.List, ast.Tuple)) and len(node.elts) == 1:
        node = node.elts[0]
    if isinstance(node, ast.Constant) and node.value is None:
        return "none"
    if not isinstance(node, ast.Call):
        return None
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name != "InputSpec":
        return None
    keywords = {keyword.arg: keyword.value for keyword in node.keywords}
    ndim, shape = keywords.get("ndim"), keywords.get("shape")
    if isinstance(ndim, ast.Constant) and type(ndim.value) is int:
        return ndim.value
    if isinstance(shape, ast.Tuple) and not any(isinstance(e, ast.Starred) for e in shape.elts):
        return len(shape.elts)
    return "none" if ndim is None and shape is None and not node.args else None


def _asserted(family: Family) -> set[int | str | None]:
    found: set[int | str | None] = set()
    builds = family.methods.get("build", [])
    for build in builds:
        if not isinstance(build, ast.FunctionDef) or len(build.args.args) < 2:
            return set()
        shape = build.args.args[1].arg
        found |= {_asserted_length(statement, shape) for statement in build.body} - {None}
    return found if len(builds) == 1 else set()


def _asserted_length(statement: ast.stmt, shape: str) -> int | None:
    """3 for ``assert len(input_shape) == 3`` and for ``if len(input_shape) != 3: raise ...``."""
    test: ast.expr | None = None
    wanted: type[ast.cmpop] = ast.Eq
    if isinstance(statement, ast.Assert):
        test = statement.test
    elif isinstance(statement, ast.If) and statement.body and isinstance(statement.body[0], ast.Raise):
        test, wanted = statement.test, ast.NotEq
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.ops[0], wanted):
        return None
    call, size = test.left, test.comparators[0]
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "len" and len(call.args) == 1:
        argument = call.args[0]
        if isinstance(argument, ast.Name) and argument.id == shape and isinstance(size, ast.Constant):
            return size.value if type(size.value) is int else None
    return None
