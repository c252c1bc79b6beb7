"""What is known of an expression: rank and dtype, where the text shows them. Unknown is the normal answer; nothing is guessed."""

from __future__ import annotations

import ast
from collections.abc import Collection
from typing import Any

from kmigrate.names import Names
from kmigrate.rulebook.binding import Bound, elements_of
from kmigrate.rulebook.conditions import Unknown
from kmigrate.rulebook.rule import Rule

_PLACEHOLDER_RANKS = {
    "scalar": 0,
    "vector": 1,
    "row": 2,
    "col": 2,
    "matrix": 2,
    "tensor3": 3,
    "tensor4": 4,
    "tensor5": 5,
}
_PREFIX_DTYPES = {"b": "int8", "i": "int32", "l": "int64", "f": "float32", "d": "float64"}
_UNARY = frozenset(
    "abs square sqrt exp log sign sin cos tanh sigmoid hard_sigmoid relu elu softplus softsign softmax stop_gradient identity "
    "zeros_like ones_like clip clip_by_value cast negative round rsqrt abs_ sqr sgn neg reciprocal".split()
)
_REDUCTIONS = frozenset(
    "sum mean max min prod any all std var logsumexp reduce_sum reduce_mean reduce_max reduce_min reduce_prod "
    "reduce_any reduce_all".split()
)
_DTYPES = frozenset("bool float16 float32 float64 int8 int16 int32 int64 uint8 uint16 complex64 complex128 string".split())
_PREDICATES = frozenset(
    "equal not_equal greater less greater_equal less_equal logical_and logical_or logical_not eq neq gt lt ge le".split()
)
_LAST_DTYPE_ARGUMENT = {"cast": 1, "zeros": 1, "ones": 1, "constant": 1, "placeholder": 0, "variable": 1}


class Values:
    """Facts about the expressions of one module. All methods raise Unknown where the text does not tell."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self._busy: set[int] = set()

    def rank(self, node: ast.expr) -> int:
        """The number of axes of the value."""
        if id(node) in self._busy:
            raise Unknown("defined through itself")
        self._busy.add(id(node))
        try:
            return self._rank(node)
        finally:
            self._busy.discard(id(node))

    def _rank(self, node: ast.expr) -> int:
        if isinstance(node, ast.Constant) and isinstance(node.value, (int, float, complex)):
            return 0
        if isinstance(node, ast.UnaryOp):
            return self.rank(node.operand)
        if isinstance(node, (ast.List, ast.Tuple)) and node.elts:
            ranks = {self.rank(element) for element in node.elts}
            if len(ranks) == 1:
                return 1 + ranks.pop()
        if isinstance(node, ast.BinOp) and not isinstance(node.op, ast.MatMult):
            return max(self.rank(node.left), self.rank(node.right))
        if isinstance(node, ast.Name):
            return self.rank(self._bound_value(node))
        if isinstance(node, ast.Attribute):
            return self.rank(self._attribute_value(node))
        if isinstance(node, ast.Call):
            return self._call_rank(node)
        raise Unknown("rank not shown")

    def _bound_value(self, node: ast.Name) -> ast.expr:
        binding = self.names.binding_value(node)
        if binding is None or binding.kind != "assign" or binding.value is None:
            raise Unknown("not assigned exactly once")
        return binding.value

    def _attribute_value(self, node: ast.Attribute) -> ast.expr:
        """The only value that ``self.name`` is given anywhere in its class."""
        if not (isinstance(node.value, ast.Name) and node.value.id == "self"):
            raise Unknown("not an attribute of self")
        definition = self.names.definition_of(node)
        while definition is not None and definition.kind != "class":
            definition = definition.parent
        if definition is None:
            raise Unknown("not in a class")
        values: list[ast.expr | None] = []
        for statement in ast.walk(definition.node):
            targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
            for target in targets:
                if isinstance(target, ast.Attribute) and target.attr == node.attr:
                    values.append(getattr(statement, "value", None))
        if len(values) != 1 or values[0] is None:
            raise Unknown("not assigned exactly once")
        return values[0]

    def _call_rank(self, call: ast.Call) -> int:
        name = self._function(call)
        if name in ("add_weight", "add_variable", "placeholder"):
            return self._shape_rank(call)
        if name in _PLACEHOLDER_RANKS:
            return _PLACEHOLDER_RANKS[name]
        if name[1:] in _PLACEHOLDER_RANKS and name[0] in _PREFIX_DTYPES:
            return _PLACEHOLDER_RANKS[name[1:]]
        if name in _UNARY and call.args:
            return self.rank(call.args[0])
        if name == "expand_dims" and call.args:
            return self.rank(call.args[0]) + 1
        if name == "reshape" and len(call.args) == 2 and isinstance(call.args[1], (ast.List, ast.Tuple)):
            if not any(isinstance(e, ast.Starred) for e in call.args[1].elts):
                return len(call.args[1].elts)
        if name in ("flatten", "batch_flatten"):
            return 1 if name == "flatten" else 2
        if name in ("permute_dimensions", "transpose") and call.args:
            return self.rank(call.args[0])
        if name in _REDUCTIONS and call.args:
            return self._reduced(call)
        raise Unknown(f"rank of {name or 'this call'} not known")

    def _function(self, call: ast.Call) -> str:
        """The last part of the engine or K function that is called; ``add_weight`` for that method; else empty."""
        for symbol in self.names.resolve(call.func).symbols:
            if symbol.startswith(("tf.", "theano.tensor.", "keras.backend.")):
                return symbol.rpartition(".")[2]
        if isinstance(call.func, ast.Attribute) and call.func.attr in ("add_weight", "add_variable"):
            return call.func.attr
        return ""

    def _shape_rank(self, call: ast.Call) -> int:
        keywords = {k.arg: k.value for k in call.keywords}
        ndim = keywords.get("ndim")
        if isinstance(ndim, ast.Constant) and isinstance(ndim.value, int):
            return ndim.value
        shape = keywords.get("shape")
        if shape is None:
            shape = next((a for a in call.args if isinstance(a, (ast.Tuple, ast.List))), None)
        if isinstance(shape, ast.Name):
            shape = self._bound_value(shape)
        if isinstance(shape, (ast.Tuple, ast.List)) and not any(isinstance(e, ast.Starred) for e in shape.elts):
            return len(shape.elts)
        raise Unknown("shape not shown")

    def _reduced(self, call: ast.Call) -> int:
        names = ["axis", "keepdims"]
        arguments: dict[str, ast.expr] = dict(zip(names, call.args[1:], strict=False))
        renamed = {"keep_dims": "keepdims", "reduction_indices": "axis"}
        arguments |= {renamed.get(k.arg, k.arg): k.value for k in call.keywords if k.arg}
        try:
            axis = ast.literal_eval(arguments["axis"]) if "axis" in arguments else None
            keepdims = ast.literal_eval(arguments["keepdims"]) if "keepdims" in arguments else False
        except ValueError:
            raise Unknown("axis not literal") from None
        rank = self.rank(call.args[0])
        if keepdims:
            return rank
        if axis is None:
            return 0
        return rank - (len(axis) if isinstance(axis, (list, tuple)) else 1)

    def dtype(self, node: ast.expr) -> str:
        """The dtype name of the value: ``float32``, ``int32``, ``bool``, ..."""
        if isinstance(node, ast.Constant):
            kinds = {bool: "bool", int: "int32", float: "float32"}
            if type(node.value) in kinds:
                return kinds[type(node.value)]
        if isinstance(node, ast.Compare):
            return "bool"
        if isinstance(node, ast.UnaryOp) and not isinstance(node.op, ast.Not):
            return self.dtype(node.operand)
        if isinstance(node, (ast.List, ast.Tuple)) and node.elts:
            found = {self.dtype(element) for element in node.elts}
            if len(found) == 1:
                return found.pop()
        if isinstance(node, ast.Name):
            return self.dtype(self._bound_value(node))
        if isinstance(node, ast.Call):
            return self._call_dtype(node)
        raise Unknown("dtype not shown")

    def _call_dtype(self, call: ast.Call) -> str:
        name = self._function(call)
        if name in _PREDICATES:
            return "bool"
        if name in _LAST_DTYPE_ARGUMENT:
            place = _LAST_DTYPE_ARGUMENT[name]
            value = next((k.value for k in call.keywords if k.arg == "dtype"), None)
            if value is None and len(call.args) > place:
                value = call.args[place]
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                return value.value
            for symbol in self.names.resolve(value).symbols if value is not None else ():
                if symbol.startswith("tf."):
                    return symbol.rpartition(".")[2]
        if name == "to_float":
            return "float32"
        raise Unknown("dtype not shown")


def _element(elements: list[ast.expr] | None, name: str, index: int) -> ast.expr:
    if elements is None or not 0 <= index < len(elements):
        raise Unknown(f"{name} has no element {index} that is written out")
    return elements[index]


class UseFacts:
    """Answers the conditions of one rule for one use (see ``conditions.Facts``)."""

    def __init__(self, rule: Rule, bound: Bound, values: Values, callee_argument: bool, place: Collection[str] = ()) -> None:
        self.rule = rule
        self.bound = bound
        self.values = values
        self._callee_argument = callee_argument
        self._place = place

    def given(self, name: str) -> bool:
        return name in self.bound.given or bool(self.bound.variadic.get(name))

    def literal(self, name: str) -> bool:
        try:
            self.value(name)
        except Unknown:
            return False
        return True

    def value(self, name: str) -> Any:
        node = self.node(name) if name in self.bound.given or "[" in name else None
        try:
            if node is not None:
                dtype = self._dtype_constant(node)
                return dtype if dtype is not None else ast.literal_eval(node)
            if name in self.bound.variadic:
                return tuple(ast.literal_eval(a.node) for a in self.bound.variadic[name])
            default = self.rule.parameter(name).default
            if default is not None:
                return ast.literal_eval(default)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            pass
        raise Unknown(f"{name} is not literal")

    def _dtype_constant(self, node: ast.expr) -> str | None:
        """``bool`` for ``tf.bool``: a dtype constant is as good as its name."""
        symbols = self.values.names.resolve(node).symbols
        names = {s.removeprefix("tf.") for s in symbols if s.removeprefix("tf.") in _DTYPES}
        return names.pop() if len(names) == 1 == len(symbols) else None

    def node(self, name: str) -> ast.expr:
        """The expression given for a parameter, or for an element of it: ``p``, ``p[0]``, ``p[0][1]``."""
        name, *indices = name.replace("]", "").split("[")
        if name in self.bound.variadic and indices:
            node = _element([a.node for a in self.bound.variadic[name]], name, int(indices.pop(0)))
        elif name in self.bound.given:
            node = self.bound.given[name].node
        else:
            raise Unknown(f"{name} is not given")
        for index in indices:
            node = _element(elements_of(node), name, int(index))
        return node

    def rank(self, name: str) -> int:
        return self.values.rank(self.node(name))

    def dtype(self, name: str) -> str:
        return self.values.dtype(self.node(name))

    def length(self, name: str) -> int:
        if name in self.bound.variadic:
            return len(self.bound.variadic[name])
        node = self.node(name)
        if isinstance(node, (ast.List, ast.Tuple)) and not any(isinstance(e, ast.Starred) for e in node.elts):
            return len(node.elts)
        raise Unknown(f"{name} is no list display")

    def sequence(self, name: str) -> bool:
        node = self.node(name)
        binding = self.values.names.binding_value(node)
        if binding is not None and binding.value is not None:
            node = binding.value
        if isinstance(node, (ast.List, ast.Tuple, ast.ListComp)):
            return True
        if isinstance(node, (ast.Constant, ast.Lambda, ast.Dict, ast.BinOp, ast.Compare)):
            return False
        raise Unknown(f"{name} may be a list")

    def number(self, name: str) -> bool:
        """A literal int or float (not a bool)."""
        node = self.node(name)
        inner = node.operand if isinstance(node, ast.UnaryOp) else node
        return isinstance(inner, ast.Constant) and type(inner.value) in (int, float)

    def function(self, name: str) -> bool:
        node = self.node(name)
        if isinstance(node, ast.Lambda):
            return True
        if isinstance(node, ast.Name):
            binding = self.values.names.binding_value(node)
            if binding is not None and (binding.kind == "def" or isinstance(binding.value, ast.Lambda)):
                return True
        if isinstance(node, (ast.Constant, ast.Call, ast.BinOp, ast.List, ast.Tuple)):
            return False
        raise Unknown(f"{name} may be a function")

    def same(self, first: str, second: str) -> bool:
        """Two arguments are written alike and without a call: the same value."""
        nodes = [self.node(first), self.node(second)]
        return ast.dump(nodes[0]) == ast.dump(nodes[1]) and not any(isinstance(n, ast.Call) for n in ast.walk(nodes[0]))

    def called(self, name: str) -> str:
        """The symbol of the function whose call the argument is: ``keras.backend.learning_phase``; empty where the text does not
        show one (always answered)."""
        node = self.node(name)
        if isinstance(node, ast.Name):
            binding = self.values.names.binding_value(node)
            node = binding.value if binding is not None and binding.value is not None else node
        symbols = self.values.names.resolve(node.func).symbols if isinstance(node, ast.Call) else ()
        return next(iter(symbols)) if len(symbols) == 1 else ""

    def callee_argument(self) -> bool:
        return self._callee_argument

    def annotation(self) -> bool:
        """The use stands in the annotation of a parameter, a result or a variable."""
        return "annotation" in self._place

    def compared(self) -> bool:
        """The use is compared with ``==``, ``!=``, ``in`` or ``not in``, itself or in a display."""
        return "compared" in self._place
