"""What is known from outside an expression: what Keras hands to a function, what a layer's own methods and attributes are.

Keras calls the methods of layers with tensors; functions handed to ``Lambda``, ``compile``, ``K.rnn`` or ``theano.scan`` get
tensors too. A helper's parameters are what its calls in the file hand over, if all of them can be seen.
"""

from __future__ import annotations

import ast
from collections.abc import Generator, Hashable, Mapping

from kmigrate.layers import LayerCode
from kmigrate.names import Definition, Names, engine_of
from kmigrate.values import domain
from kmigrate.values.bindings import Bindings, Family, arguments_of
from kmigrate.values.domain import (
    ANY_ENGINE,
    ARRAY,
    FLOATING,
    FUNCTION,
    LAYER,
    NONE,
    NUMBER,
    SEQUENCE,
    SHAPE,
    TENSORS,
    TEXT,
    UNKNOWN,
    VARIABLE,
    Value,
    join_all,
    sequence_of,
    tensor,
)
from kmigrate.values.effects import Undecided, constant_of

Steps = Generator[Hashable, Value, Value]

_ONE = tensor(ANY_ENGINE)
_ONE_OR_MORE = tensor(ANY_ENGINE, kind=TENSORS)
_LIST = sequence_of(_ONE)
_SHAPE = Value(SHAPE)
_THEANO = tensor("theano")
_TENSORFLOW = tensor("tensorflow", kind=TENSORS)

# Method -> what its parameters are, by place after ``self``.
_METHODS: dict[str, dict[str, tuple[Value, ...]]] = {
    "layer": {
        "call": (_ONE_OR_MORE,),
        "compute_mask": (_ONE_OR_MORE, _ONE_OR_MORE),
        "build": (_SHAPE,),
        "compute_output_shape": (_SHAPE,),
        "get_output_shape_for": (_SHAPE,),
        "step": (_ONE, _LIST),
        "get_initial_state": (_ONE,),
        "get_initial_states": (_ONE,),
        "get_constants": (_ONE,),
        "preprocess_input": (_ONE,),
    },
    "loss": {"call": (_ONE, _ONE), "__call__": (_ONE, _ONE)},
    "metric": {"update_state": (_ONE, _ONE), "__call__": (_ONE, _ONE)},
    "regularizer": {"__call__": (_ONE,)},
    "constraint": {"__call__": (_ONE,)},
}
_METHODS["model"] = {"call": (_ONE_OR_MORE,), "compute_mask": (_ONE_OR_MORE, _ONE_OR_MORE)}
# Parameters that mean the same in every ``call``.
_CALL_NAMES = {"mask": _ONE_OR_MORE, "states": _LIST, "initial_state": _ONE_OR_MORE, "attention_mask": _ONE}
_HANDED: dict[str, tuple[Value, ...]] = {
    "lambda": (_ONE_OR_MORE,),
    "loss": (_ONE, _ONE),
    "metric": (_ONE, _ONE),
    "activation": (_ONE,),
    "regularizer": (_ONE,),
    "constraint": (_ONE,),
}
# Functions that call a function with tensors: (place, keyword) of that function -> what it gets; the last one repeats.
_CALLERS: dict[str, tuple[int, str, tuple[Value, ...]]] = {
    "keras.backend.rnn": (0, "step_function", (_ONE, _LIST)),
    "keras.backend.map_fn": (0, "fn", (_ONE_OR_MORE,)),
    "keras.backend.foldl": (0, "fn", (_ONE, _ONE_OR_MORE)),
    "keras.backend.foldr": (0, "fn", (_ONE, _ONE_OR_MORE)),
    "tf.map_fn": (0, "fn", (_TENSORFLOW,)),
    "tf.scan": (0, "fn", (_TENSORFLOW,)),
    "tf.foldl": (0, "fn", (_TENSORFLOW,)),
    "tf.foldr": (0, "fn", (_TENSORFLOW,)),
    "tf.while_loop": (1, "body", (_TENSORFLOW,)),
    "theano.scan": (0, "fn", (_THEANO,)),
    "theano.map": (0, "fn", (_THEANO,)),
    "theano.foldl": (0, "fn", (_THEANO,)),
    "theano.reduce": (0, "fn", (_THEANO,)),
}
# The variables that a layer has from its Keras base class.
_KERAS_WEIGHTS = frozenset(
    "kernel bias gamma beta moving_mean moving_variance embeddings recurrent_kernel depthwise_kernel pointwise_kernel".split()
)
_WEIGHT_LISTS = frozenset({"trainable_weights", "non_trainable_weights", "weights"})
_ADD_WEIGHT = frozenset({"add_weight", "add_variable"})
_FLOATING_DEFAULT = FLOATING


class Sources:
    """Answers for parameters, ``self`` and classes of one module."""

    def __init__(self, names: Names, layer_code: LayerCode, bindings: Bindings, given: Mapping[str, Value]) -> None:
        self.given = given
        self.names = names
        self.layer_code = layer_code
        self.bindings = bindings
        self._callers: dict[ast.AST, tuple[Value, ...]] | None = None
        self._ranks: dict[int, int | None] = {}
        roots = {engine_of(b.symbol) for bs in names.module.bindings.values() for b in bs if b.symbol} - {None}
        self.file_engine = roots.pop() if len(roots) == 1 else None

    def engine_of_attribute(self, receiver: Value) -> str | None:
        return self.file_engine

    # ---- classes

    def class_value(self, node: ast.ClassDef) -> Value:
        root = self.layer_code.roots.get(self.names.definitions[node])
        return Value(FUNCTION, returns=Value(LAYER)) if root is not None and root.kind in ("layer", "model") else UNKNOWN

    def kind_of(self, family: Family) -> str | None:
        for definition in family.classes:
            if definition in self.layer_code.roots:
                return self.layer_code.roots[definition].kind
        return None

    def keras_attribute(self, family: Family, name: str) -> Value:
        """An attribute that no class of the file assigns."""
        if self.kind_of(family) not in ("layer", "model") or family.dynamic:
            return UNKNOWN
        if name in _KERAS_WEIGHTS:
            return tensor(ANY_ENGINE, None, FLOATING, VARIABLE)
        if name in _WEIGHT_LISTS:
            return sequence_of(tensor(ANY_ENGINE, kind=VARIABLE))
        return UNKNOWN

    def own_method(self, node: ast.Call, family: Family | None) -> Steps | None:
        """``self.add_weight(...)`` and the like; None for other calls."""
        function = node.func
        if not isinstance(function, ast.Attribute):
            return None
        if function.attr in _ADD_WEIGHT:
            return self._weight(node)
        own = isinstance(function.value, ast.Name) and function.value.id == "self" and family is not None
        if own and family is not None and function.attr == "get_input" and "get_input" not in family.methods:
            return _answer(_ONE_OR_MORE if self.kind_of(family) == "layer" else UNKNOWN)
        return None

    def _weight(self, node: ast.Call) -> Steps:
        keywords = {keyword.arg: keyword.value for keyword in node.keywords}
        shape: Value | None = None
        if "shape" in keywords:
            shape = yield keywords["shape"]
        else:
            for argument in node.args[:2]:
                value = yield argument
                if value.kind in (SEQUENCE, SHAPE):
                    shape = value
                    break
        dtype: str | None = FLOATING
        if "dtype" in keywords:
            given = yield keywords["dtype"]
            dtype = given.constant if given.kind == TEXT and isinstance(given.constant, str) else None
        sizes = None
        if shape is not None and shape.kind == SEQUENCE and shape.elements is not None:
            sizes = tuple(e.constant if e.kind == NUMBER and type(e.constant) is int else None for e in shape.elements)
        return tensor(ANY_ENGINE, sizes, dtype, VARIABLE)

    # ---- parameters

    def parameter(self, argument: ast.arg) -> Steps:
        """What a parameter is."""
        if argument.arg in self.given:
            return self.given[argument.arg]
        definition = self._definition(argument)
        if definition is None or definition.kind == "class":
            return UNKNOWN
        node = definition.node
        assert not isinstance(node, ast.ClassDef)
        place = [a.arg for a in arguments_of(node)].index(argument.arg)
        if definition.parent is not None and definition.parent.kind == "class":
            if place == 0:
                return UNKNOWN
            found = self._of_method(definition, argument.arg, place - 1)
            return found if found is not None else (yield from self._of_calls(definition, argument, place))
        found = self._handed(definition, place)
        if found is None:
            return (yield from self._of_calls(definition, argument, place))
        if definition.kind == "function" and not (yield from self._only_tensors(definition, argument, place)):
            return UNKNOWN
        return found

    def _definition(self, argument: ast.arg) -> Definition | None:
        return self._arguments().get(argument)

    def _arguments(self) -> dict[ast.arg, Definition]:
        if not hasattr(self, "_argument_index"):
            self._argument_index = {
                argument: definition
                for definition in self.names.definitions.values()
                if not isinstance(definition.node, ast.ClassDef)
                for argument in arguments_of(definition.node)
            }
        return self._argument_index

    def _of_method(self, definition: Definition, name: str, place: int) -> Value | None:
        assert definition.parent is not None
        family = self.bindings.family_of(definition.parent)
        kind = self.kind_of(family)
        known = _METHODS.get(kind or "", {}).get(definition.name)
        if known is None:
            return None
        if definition.name in ("call", "step") and name in _CALL_NAMES and place > 0:
            return _CALL_NAMES[name]
        if place >= len(known):
            return UNKNOWN
        if kind == "layer":
            return self._of_layer(family, known[place])
        return known[place]

    def _of_layer(self, family: Family, plain: Value) -> Value:
        """The layer's input, or its shape, with the rank that the layer asks for."""
        rank = self.input_rank(family)
        if rank is None:
            return plain
        if plain is _ONE_OR_MORE:
            return tensor(ANY_ENGINE, domain.of_rank(rank))
        if plain is _SHAPE:
            return domain.sequence([UNKNOWN] * rank)
        return plain

    def input_rank(self, family: Family) -> int | None:
        """The rank that ``InputSpec(ndim=...)`` or ``assert len(input_shape) == ...`` demands of a layer's one input."""
        if id(family) not in self._ranks:
            ranks = {self._spec_rank(origin.node) for origin in family.attributes.get("input_spec", ())}
            ranks -= {"none"}
            if not family.attributes.get("input_spec"):
                ranks = self._asserted(family)
            found = ranks.pop() if len(ranks) == 1 else None
            self._ranks[id(family)] = found if isinstance(found, int) else None
        return self._ranks[id(family)]

    def _spec_rank(self, node: ast.AST | None) -> int | str | None:
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

    def _asserted(self, family: Family) -> set[int | str | None]:
        found: set[int | str | None] = set()
        builds = family.methods.get("build", [])
        for build in builds:
            if not isinstance(build, ast.FunctionDef) or len(build.args.args) < 2:
                return set()
            shape = build.args.args[1].arg
            found |= {_asserted_length(statement, shape) for statement in build.body} - {None}
        return found if len(builds) == 1 else set()

    # ---- functions

    def _handed(self, definition: Definition, place: int) -> Value | None:
        """What Keras, or a function that calls functions, hands over."""
        if definition.node in self._called_by_engines():
            known = self._called_by_engines()[definition.node]
            return known[min(place, len(known) - 1)]
        root = self.layer_code.roots.get(definition)
        handed = _HANDED.get(root.kind) if root is not None else None
        if root is None or handed is None or place >= len(handed):
            return None
        if "signature" in root.reason and not self._uses_an_engine(definition):
            return UNKNOWN
        return handed[place]

    def _uses_an_engine(self, definition: Definition) -> bool:
        """Whether a function with the signature of a loss works on tensors: metrics on arrays have that signature too."""
        engine = False
        for node in ast.walk(definition.node):
            if isinstance(node, ast.Call):
                symbols = self.names.resolve(node.func).symbols
                if any(s.startswith(("numpy.", "sklearn.", "scipy.", "pandas.")) for s in symbols):
                    names = {part.id for part in node.args if isinstance(part, ast.Name)}
                    if names & {"y_true", "y_pred"}:
                        return False
                engine = engine or any(engine_of(s) or s.startswith(("keras.backend.", "keras.ops.")) for s in symbols)
        return engine

    def _called_by_engines(self) -> dict[ast.AST, tuple[Value, ...]]:
        if self._callers is None:
            self._callers = {}
            for call in self.names.calls:
                for symbol in self.names.resolve(call.func).symbols:
                    if symbol in _CALLERS:
                        place, keyword, known = _CALLERS[symbol]
                        given = [k.value for k in call.keywords if k.arg == keyword] + call.args[place : place + 1]
                        for value in given:
                            self._callers.update(dict.fromkeys(self._functions(value), known))
        return self._callers

    def _functions(self, value: ast.expr) -> list[ast.AST]:
        if isinstance(value, ast.Lambda):
            return [value]
        if isinstance(value, ast.Name):
            return [o.node for o in self.bindings.origins(value) if isinstance(o.node, (ast.FunctionDef, ast.Lambda))]
        return []

    def _only_tensors(self, definition: Definition, argument: ast.arg, place: int) -> Generator[Hashable, Value, bool]:
        """Whether no call in the file hands over what surely is no tensor."""
        for call in self._calls(definition) or ():
            given = _argument(call, argument.arg, place)
            value = UNKNOWN if given is None else (yield given)
            if value.kind in (ARRAY, NUMBER, TEXT, SEQUENCE):
                return False
        return True

    # ---- helpers

    def _of_calls(self, definition: Definition, argument: ast.arg, place: int) -> Steps:
        """What every call in the file hands over. Of a function that other files may call only the kind is believed."""
        calls = self._calls(definition)
        if not calls:
            return UNKNOWN
        method = definition.parent is not None and definition.parent.kind == "class"
        default = _default(definition.node, argument)
        values = []
        for call in calls:
            given = _argument(call, argument.arg, place - 1 if method else place)
            if given is None and default is None:
                return UNKNOWN
            values.append((yield given if given is not None else default))
        found = join_all(values)
        private = definition.name.startswith("_") or (definition.parent is not None and not method)
        if private or not found.symbolic:
            return found if private or found.kind == NONE else UNKNOWN
        return tensor(found.engine or ANY_ENGINE, kind=found.kind or TENSORS)

    def _calls(self, definition: Definition) -> list[ast.Call] | None:
        """Every call of a function; None where it may also be called in ways that the file does not show."""
        if definition.kind == "lambda":
            return None
        if definition.parent is not None and definition.parent.kind == "class":
            return self._method_calls(definition)
        found = []
        for use in self.bindings.loads(definition.scope, definition.name):
            parent = self.names.parents.get(use)
            if not isinstance(parent, ast.Call):
                return None
            if parent.func is use:
                found.append(parent)
            elif not any(s.startswith(("keras.", "tf.", "theano.")) for s in self.names.resolve(parent.func).symbols):
                return None
        return found if len(definition.scope.bindings.get(definition.name, ())) == 1 else None

    def _method_calls(self, definition: Definition) -> list[ast.Call] | None:
        assert definition.parent is not None
        family = self.bindings.family_of(definition.parent)
        if len(family.methods.get(definition.name, ())) != 1 or family.attributes.get(definition.name):
            return None
        found = []
        for use in self._self_uses().get((id(family), definition.name), ()):
            parent = self.names.parents.get(use)
            if not isinstance(parent, ast.Call) or parent.func is not use:
                return None
            found.append(parent)
        return found

    def _self_uses(self) -> dict[tuple[int, str], list[ast.Attribute]]:
        if not hasattr(self, "_self_index"):
            index: dict[tuple[int, str], list[ast.Attribute]] = {}
            for node in self.names.parents:
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
                    family = self.bindings.family(node)
                    if family is not None:
                        index.setdefault((id(family), node.attr), []).append(node)
            self._self_index = index
        return self._self_index


def _answer(value: Value) -> Steps:
    yield from ()
    return value


def _argument(call: ast.Call, name: str, place: int) -> ast.expr | None:
    """The argument that a call hands over for a parameter; None where it does not, or does so through ``*`` or ``**``."""
    if any(isinstance(a, ast.Starred) for a in call.args[: place + 1]):
        return None
    if place < len(call.args):
        return call.args[place]
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def _default(node: ast.AST, argument: ast.arg) -> ast.expr | None:
    assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
    plain = [*node.args.posonlyargs, *node.args.args]
    if argument in plain:
        index = plain.index(argument) - len(plain) + len(node.args.defaults)
        return node.args.defaults[index] if index >= 0 else None
    if argument in node.args.kwonlyargs:
        return node.args.kw_defaults[node.args.kwonlyargs.index(argument)]
    return None


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


__all__ = ["Sources", "Undecided", "constant_of"]
