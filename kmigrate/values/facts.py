"""The answers to the conditions of a rule, for one use: from the call's text and from what is known of its arguments."""

from __future__ import annotations

import ast
from collections.abc import Collection
from typing import Any

from kmigrate.rulebook.binding import Bound, elements_of
from kmigrate.rulebook.conditions import Unknown
from kmigrate.rulebook.dtype_names import dtype_constant, scalar_type
from kmigrate.rulebook.parts import Part, part_of, pieces_of
from kmigrate.rulebook.rule import Rule
from kmigrate.values.domain import (
    ARRAY,
    FLOATING,
    INTEGER,
    NUMBER,
    SEQUENCE,
    TENSORS,
    VARIABLE,
    Shape,
    Value,
    is_floating,
    is_integer,
)
from kmigrate.values.kinds import kinds_of
from kmigrate.values.likeness import SCALAR, model_of
from kmigrate.values.module import Values
from kmigrate.values.signs import is_nonnegative, is_positive
from kmigrate.values.unranked import is_unranked

# What TensorFlow makes of Python's numbers.
_OF_NUMBERS = {INTEGER: "int32", FLOATING: "float32"}
_DTYPE_OF = (("keras.backend.dtype",), ("tf.keras.backend.dtype",))


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
                dtype = dtype_constant(self.values.names, node)
                if dtype is None and self._is_dtype_of_booleans(node):
                    return "bool"
                return dtype if dtype is not None else ast.literal_eval(node)
            if name in self.bound.variadic:
                return tuple(ast.literal_eval(a.node) for a in self.bound.variadic[name])
            default = self.rule.parameter(name).default
            if default is not None:
                return ast.literal_eval(default)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            pass
        raise Unknown(f"{name} is not literal")

    def _is_dtype_of_booleans(self, node: ast.expr) -> bool:
        """Python's ``bool``, numpy's, ``mask.dtype`` or ``K.dtype(mask)``: it has no zeros and ones, but False and True."""
        names = self.values.names
        if isinstance(node, ast.Attribute) and node.attr == "dtype":
            return self.values.of(node.value).dtype == "bool"
        if isinstance(node, ast.Call) and len(node.args) == 1 and names.resolve(node.func).symbols in _DTYPE_OF:
            return self.values.of(node.args[0]).dtype == "bool"
        return scalar_type(names, node) in ("bool", "numpy.bool", "numpy.bool_")

    def scalar_type(self, name: str) -> bool:
        """Whether the text shows a type of Python's or numpy's scalars: ``float``, ``np.int32`` (always answered)."""
        return bool(scalar_type(self.values.names, self.node(name)))

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

    def known(self, name: str) -> Value:
        return self.values.of(self.node(name))

    def kinds(self, name: str) -> frozenset[str]:
        """What the argument surely is besides a tensor (see ``kinds``); of ``*name`` what its elements are."""
        nodes = [argument.node for argument in self.bound.variadic.get(name, ())]
        if name in self.bound.given:
            nodes.append(self.bound.given[name].node)
        return frozenset(kind for node in nodes for kind in kinds_of(self.values.of(node)))

    def rank(self, name: str) -> int:
        return self.values.rank(self.node(name))

    def dtype(self, name: str) -> str:
        found = self.values.dtype(self.node(name))
        if found in _OF_NUMBERS and self.rule.engine == "tensorflow" and self.known(name).kind in (NUMBER, SEQUENCE):
            return _OF_NUMBERS[found]
        if found in (FLOATING, INTEGER):
            raise Unknown(f"only the kind of {name} is known")
        return found

    def floating(self, name: str) -> bool:
        return bool(is_floating(self.values.dtype(self.node(name))))

    def integer(self, name: str) -> bool:
        return bool(is_integer(self.values.dtype(self.node(name))))

    def shape(self, name: str) -> Shape:
        """The static shape, None for a dimension that is not known."""
        found = self.known(name).shape
        if found is None:
            raise Unknown(f"the shape of {name} is not known")
        return found

    def static(self, name: str) -> bool:
        """True where every dimension is known; never False: a dimension that is not known here may still be fixed."""
        if None in self.shape(name):
            raise Unknown(f"a dimension of {name} is not known")
        return True

    def tensor(self, name: str) -> bool:
        """Whether it is one tensor or variable of an engine, and no number, array, list or None."""
        return self._kind(name).is_tensor

    def variable(self, name: str) -> bool:
        found = self._kind(name)
        if found.is_tensor and found.kind != VARIABLE and found.engine != "tensorflow" and found.shape is None:
            raise Unknown(f"{name} may be a variable")
        return found.kind == VARIABLE

    def numpy(self, name: str) -> bool:
        return self._kind(name).kind == ARRAY

    def _kind(self, name: str) -> Value:
        found = self.known(name)
        if found.kind in (None, TENSORS):
            raise Unknown(f"what {name} is, is not known")
        return found

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
        return self._kind(name).kind == SEQUENCE

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

    def same_shape(self, first: str, second: str) -> bool:
        """Two arguments surely have one shape, whatever it is, as ``x > 0`` and ``x`` do; not where one of them may broadcast.
        False where their ranks or two sizes surely differ."""
        one, other = (self.values.of(self.node(name)).shape for name in (first, second))
        if one is not None and other is not None:
            pairs = list(zip(one, other, strict=False))
            if len(one) != len(other) or any(None not in pair and pair[0] != pair[1] for pair in pairs):
                return False
            if all(None not in pair for pair in pairs):
                return True
        models = {model_of(self.node(name), self.values.names, self.values.of) for name in (first, second)}
        if len(models) > 1 or None in models or SCALAR in models:
            raise Unknown("one shape is not shown")
        return True

    def nested(self, name: str) -> bool:
        """Whether an element of a list is surely a list itself (always answered)."""
        return f"{SEQUENCE} of {SEQUENCE}" in self.kinds(name)

    def unranked(self, name: str) -> bool:
        """Whether TensorFlow surely does not know the rank of a tensor, or of the first of some (always answered)."""
        try:
            node = self.node(name)
        except Unknown:
            return False
        given = self.values.given.items()
        lost = frozenset(given_name for given_name, value in given if value.shape is None and value.symbolic)
        return is_unranked(node, self.values.names, lost)

    def nonnegative(self, name: str) -> bool:
        """True where no element can be negative; never False: what is not shown may still be so."""
        if not is_nonnegative(self.node(name), self.values):
            raise Unknown(f"the sign of {name} is not known")
        return True

    def positive(self, name: str) -> bool:
        """True where every element is above 0, and not just so; never False."""
        if not is_positive(self.node(name), self.values):
            raise Unknown(f"the sign of {name} is not known")
        return True

    def part(self, name: str) -> Part | None:
        """See ``rulebook.parts.part_of``; always answered."""
        return part_of(self.node(name))

    def pieces(self, name: str) -> list[slice | None]:
        part = self.part(name)
        if part is None:
            raise Unknown(f"{name} is no part along one axis")
        return pieces_of(part)

    def called(self, name: str) -> str:
        """The symbol of the function whose call the argument is: ``keras.backend.learning_phase``; empty where the text does not
        show one (always answered)."""
        node = self.node(name)
        if isinstance(node, ast.Name):
            binding = self.values.names.binding_value(node)
            node = binding.value if binding is not None and binding.value is not None else node
        symbols = self.values.names.resolve(node.func).symbols if isinstance(node, ast.Call) else ()
        return next(iter(symbols)) if len(symbols) == 1 else ""

    def parameter(self, name: str) -> str:
        """Which parameter of a function around the use the argument is, one that is bound again at most to ``K.learning_phase()``
        (empty where it is none; always answered)."""
        node = self.node(name)
        names = self.values.names
        scope = names.scope_of(node).lookup(node.id) if isinstance(node, ast.Name) else None
        if scope is None or not isinstance(node, ast.Name):
            return ""
        bindings = scope.bindings[node.id]
        others = [b for b in bindings if b.kind != "param"]
        phases = [b for b in others if b.value is not None and self._is_learning_phase(b.value, node.id)]
        return node.id if len(bindings) == len(others) + 1 and len(others) == len(phases) else ""

    def _is_learning_phase(self, node: ast.expr, name: str) -> bool:
        """``K.learning_phase()``, or it and ``name`` itself by a condition."""
        if isinstance(node, ast.IfExp):
            own = [part for part in (node.body, node.orelse) if isinstance(part, ast.Name) and part.id == name]
            return all(part in own or self._is_learning_phase(part, name) for part in (node.body, node.orelse))
        symbols = self.values.names.resolve(node.func).symbols if isinstance(node, ast.Call) and not node.args else ()
        return symbols == ("keras.backend.learning_phase",)

    def callee_argument(self) -> bool:
        return self._callee_argument

    def annotation(self) -> bool:
        """The use stands in the annotation of a parameter, a result or a variable."""
        return "annotation" in self._place

    def compared(self) -> bool:
        """The use is compared with the dtype of a tensor by ``==``, ``!=``, ``in`` or ``not in``, itself or in a display."""
        return "with_dtype" in self._place

    def keras_argument(self) -> bool:
        """Keras gets the value: it is an argument of ``add_weight``, or of a layer or another thing of Keras."""
        return "keras_argument" in self._place
