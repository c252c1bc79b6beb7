"""Expressions that are surely nowhere negative, or nowhere near 0: squares, sums of squares, ``tf.abs(x) + 1e-7``. A NaN may be
anywhere.

K.sqrt takes negatives for 0. And where 0 comes back from behind, the gradients of tf.sqrt, rsqrt and reciprocal are 0 whatever
their argument is, those of a power or a quotient NaN at 0: ``tf.where(d > 0., tf.sqrt(d), 0.)`` trains because of it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from kmigrate.values.domain import SHAPE
from kmigrate.values.flow import Origin
from kmigrate.values.module import Values
from kmigrate.values.operations import RENAMED, operation

# By the last part of an operation's name. Of no number negative; ``relu`` and its like with one argument only.
_NEVER = frozenset(
    "square abs exp sigmoid hard_sigmoid softmax softplus var std reduce_variance reduce_std norm squared_difference shape "
    "int_shape ndim rank size sqrt epsilon".split()
)
_NEVER_ALONE = frozenset({"relu", "relu6"})
# What has the elements of its first argument, or sums, means and extremes of them.
_OF_FIRST = frozenset(
    "cast to_float identity reshape transpose permute_dimensions expand_dims squeeze tile repeat repeat_elements flatten "
    "batch_flatten stop_gradient reduce_sum sum reduce_mean mean reduce_max max reduce_min min reduce_prod prod cumsum cumprod "
    "gather constant convert_to_tensor reverse".split()
)
_OF_BOTH = {"add": ast.Add, "multiply": ast.Mult, "divide": ast.Div, "truediv": ast.Div, "pow": ast.Pow}
_CLOSED = (ast.Add, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod)
_BUILTINS = {"abs": "abs", "len": "size"}
# What these words name is small and positive, or the code makes no sense.
_SMALL = frozenset({"eps", "epsilon"})
# The smallest number whose inverse squared is still a number in single precision, with room.
_NEAR_ZERO = 1e-15
_MOST_STEPS = 500


def is_nonnegative(node: ast.expr, values: Values) -> bool:
    """Whether no element of a tensor, or a number, can be negative; False where that is not shown."""
    return _Signs(values).nonnegative(node)


def is_positive(node: ast.expr, values: Values) -> bool:
    """Whether every element is above 0, and not just so; False where that is not shown."""
    return _Signs(values).positive(node)


class _Signs:
    """One question. A value that leads back to itself has the sign that all its other origins have."""

    def __init__(self, values: Values) -> None:
        self._values = values
        self._asked: set[tuple[str, ast.AST]] = set()
        self._steps = 0

    def nonnegative(self, node: ast.expr) -> bool:
        holds = self.nonnegative
        if isinstance(node, ast.Constant):
            return isinstance(node.value, (int, float)) and node.value >= 0
        if isinstance(node, (ast.Name, ast.Attribute)):
            return self._of_name(node, holds) or self._values.of(node).kind == SHAPE
        if isinstance(node, ast.BinOp):
            return _of_operands(node.op, node.left, node.right, holds)
        if isinstance(node, ast.IfExp):
            return holds(node.body) and holds(node.orelse)
        if isinstance(node, (ast.List, ast.Tuple)):
            return all(map(holds, node.elts))
        if isinstance(node, ast.Subscript):
            return holds(node.value)
        return isinstance(node, ast.Call) and self._of_call(node)

    def _of_call(self, node: ast.Call) -> bool:
        holds = self.nonnegative
        name, arguments = self._called(node)
        if name in _NEVER or (name in _NEVER_ALONE and len(node.args) + len(node.keywords) == 1):
            return True
        if name in _OF_FIRST:
            return bool(arguments) and holds(arguments[0])
        if len(arguments) < 2:
            return False
        if name in _OF_BOTH:
            return _of_operands(_OF_BOTH[name](), arguments[0], arguments[1], holds)
        if name == "maximum":
            return any(map(holds, arguments[:2]))
        if name in ("clip_by_value", "clip"):
            return holds(arguments[1])
        chosen = {"minimum": arguments[:2], "where": arguments[1:3], "switch": arguments[1:3]}.get(name, [])
        return len(chosen) == 2 and all(map(holds, chosen))

    def positive(self, node: ast.expr) -> bool:
        holds = self.positive
        if isinstance(node, ast.Constant):
            return isinstance(node.value, (int, float)) and node.value >= _NEAR_ZERO
        if isinstance(node, (ast.Name, ast.Attribute)):
            return self._of_name(node, holds)
        if isinstance(node, ast.BinOp):
            return isinstance(node.op, ast.Add) and (holds(node.left) or holds(node.right)) and self.nonnegative(node)
        if not isinstance(node, ast.Call):
            return False
        name, arguments = self._called(node)
        if name in ("add", "maximum") and len(arguments) > 1:
            return any(map(holds, arguments[:2])) and (name == "maximum" or self.nonnegative(node))
        return name == "epsilon" or (name in ("clip_by_value", "clip") and len(arguments) > 1 and holds(arguments[1]))

    def _of_name(self, node: ast.Name | ast.Attribute, holds: Callable[[ast.expr], bool]) -> bool:
        """By all the values that a name may have where it stands. A name of ours for a small number is one."""
        key = holds.__name__, node
        self._steps += 1
        if key in self._asked or self._steps > _MOST_STEPS:
            return key in self._asked
        self._asked.add(key)
        try:
            if not _SMALL.isdisjoint((node.id if isinstance(node, ast.Name) else node.attr).lower().split("_")):
                return True
            origins = self._values.bindings.origins(node) if isinstance(node, ast.Name) else ()
            return bool(origins) and all(self._of_origin(origin, holds) for origin in origins)
        finally:
            self._asked.discard(key)

    def _of_origin(self, origin: Origin, holds: Callable[[ast.expr], bool]) -> bool:
        node = origin.node
        if isinstance(node, ast.AugAssign):
            before = all(self._of_origin(previous, holds) for previous in origin.previous)
            return before and bool(origin.previous) and isinstance(node.op, _CLOSED) and holds(node.value)
        if not isinstance(node, ast.expr):
            return False
        if origin.path == (1,) and isinstance(node, ast.Call) and self._called(node)[0] == "moments":
            return holds.__name__ == "nonnegative"
        for step in origin.path:
            if not isinstance(node, (ast.Tuple, ast.List)) or not isinstance(step, int) or step >= len(node.elts):
                return False
            node = node.elts[step]
        return holds(node)

    def _called(self, call: ast.Call) -> tuple[str, list[ast.expr]]:
        """The name of the operation and its first arguments in the order of its parameters; no name where it is not known."""
        names = self._values.names
        symbols = names.resolve(call.func).symbols
        if not symbols and isinstance(call.func, ast.Name) and call.func.id in _BUILTINS:
            hidden = names.scope_of(call.func).lookup(call.func.id) is not None
            return ("" if hidden else _BUILTINS[call.func.id]), call.args
        symbol = symbols[0] if len(symbols) == 1 else ""
        known = operation(symbol.removeprefix("tf.") if symbol.startswith("tf.keras.") else symbol)
        if known is None or any(isinstance(argument, ast.Starred) for argument in call.args):
            return "", []
        given = dict(zip(known.parameters, call.args, strict=False))
        for keyword in call.keywords:
            if keyword.arg is None:
                return "", []
            given[keyword.arg if keyword.arg in known.parameters else RENAMED.get(keyword.arg, keyword.arg)] = keyword.value
        return symbols[0].rpartition(".")[2], list(_first(known.parameters, given))


def _first(parameters: tuple[str, ...], given: dict[str, ast.expr]) -> Iterator[ast.expr]:
    for parameter in parameters:
        if parameter not in given:
            return
        yield given[parameter]


def _of_operands(operator: ast.operator, left: ast.expr, right: ast.expr, holds: Callable[[ast.expr], bool]) -> bool:
    if isinstance(operator, ast.Pow):
        even = isinstance(right, ast.Constant) and isinstance(right.value, (int, float)) and right.value % 2 == 0
        return even or holds(left)
    if isinstance(operator, ast.Mult) and ast.dump(left) == ast.dump(right):
        return not any(isinstance(part, (ast.Call, ast.NamedExpr, ast.Await)) for part in ast.walk(left)) or holds(left)
    return isinstance(operator, _CLOSED) and holds(left) and holds(right)
