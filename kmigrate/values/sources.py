"""What is known from outside an expression: what Keras hands to a function, what a layer's own methods and attributes are.

Keras calls the methods of layers with tensors; functions handed to ``Lambda``, ``compile``, ``K.rnn`` or ``theano.scan`` get
tensors too. A helper's parameters are what its calls in the file hand over, if all of them can be seen.
"""

from __future__ import annotations

import ast
from collections.abc import Generator, Hashable, Mapping
from functools import cached_property

from kmigrate.layers import LayerCode
from kmigrate.names import Definition, Names, canonical, engine_of
from kmigrate.names.symbols import paths_of
from kmigrate.values import domain
from kmigrate.values.bindings import Bindings, Family, arguments_of
from kmigrate.values.callers import Callers, argument_of, default_of
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
from kmigrate.values.fixpoint import Steps
from kmigrate.values.roles import (
    A_SHAPE,
    ADD_WEIGHT,
    CALL_NAMES,
    CALLING_FUNCTIONS,
    HANDED,
    KERAS_WEIGHTS,
    METHODS,
    ONE_OR_MORE,
    WEIGHT_LISTS,
    input_rank,
)


class Sources:
    """Answers for parameters, ``self`` and classes of one module."""

    def __init__(self, names: Names, layer_code: LayerCode, bindings: Bindings, given: Mapping[str, Value]) -> None:
        self.given = given
        self.names = names
        self.layer_code = layer_code
        self.bindings = bindings
        self.callers = Callers(names, bindings)
        self._ranks: dict[int, int | None] = {}
        own = (b.symbol for bs in names.module.bindings.values() for b in bs if b.symbol)
        roots = {engine_of(symbol) for symbol in (*own, *names.imported.values())} - {None}
        if not roots:  # what functions import, where the module itself imports no engine
            roots = {engine_of(canonical(path)) for node in names.imports for path in paths_of(node)} - {None}
        self.file_engine = roots.pop() if len(roots) == 1 else None

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
        if name in KERAS_WEIGHTS:
            return tensor(ANY_ENGINE, None, FLOATING, VARIABLE)
        if name in WEIGHT_LISTS:
            return sequence_of(tensor(ANY_ENGINE, kind=VARIABLE))
        return UNKNOWN

    def own_method(self, node: ast.Call, family: Family | None) -> Steps | None:
        """``self.add_weight(...)`` and the like; None for other calls."""
        function = node.func
        if not isinstance(function, ast.Attribute):
            return None
        if function.attr in ADD_WEIGHT:
            return self._weight(node)
        own = isinstance(function.value, ast.Name) and function.value.id == "self" and family is not None
        if own and family is not None and _asks_for_input(function.attr, family):
            return _answer(ONE_OR_MORE if self.kind_of(family) == "layer" else UNKNOWN)
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
        definition = self._definition_of.get(argument)
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

    @cached_property
    def _definition_of(self) -> dict[ast.arg, Definition]:
        """The function that each parameter of the file belongs to."""
        return {
            argument: definition
            for definition in self.names.definitions.values()
            if not isinstance(definition.node, ast.ClassDef)
            for argument in arguments_of(definition.node)
        }

    def _of_method(self, definition: Definition, name: str, place: int) -> Value | None:
        assert definition.parent is not None
        family = self.bindings.family_of(definition.parent)
        kind = self.kind_of(family)
        known = METHODS.get(kind or "", {}).get(definition.name)
        if known is None:
            return None
        if definition.name in ("call", "step") and name in CALL_NAMES and place > 0:
            return CALL_NAMES[name]
        if place >= len(known):
            return UNKNOWN
        if kind == "layer":
            return self._of_layer(family, known[place])
        return known[place]

    def _of_layer(self, family: Family, plain: Value) -> Value:
        """The layer's input, or its shape, with the rank that the layer asks for."""
        if id(family) not in self._ranks:
            self._ranks[id(family)] = input_rank(family)
        rank = self._ranks[id(family)]
        if rank is None:
            return plain
        if plain is ONE_OR_MORE:
            return tensor(ANY_ENGINE, domain.of_rank(rank))
        if plain is A_SHAPE:
            return domain.sequence([UNKNOWN] * rank)
        return plain

    # ---- functions

    def _handed(self, definition: Definition, place: int) -> Value | None:
        """What Keras, or a function that calls functions, hands over."""
        known = self._called_by_engines.get(definition.node)
        if known is not None:
            return known[min(place, len(known) - 1)]
        root = self.layer_code.roots.get(definition)
        handed = HANDED.get(root.kind) if root is not None else None
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

    @cached_property
    def _called_by_engines(self) -> dict[ast.AST, tuple[Value, ...]]:
        """The functions of the file that functions of the engines call, with what they get."""
        found: dict[ast.AST, tuple[Value, ...]] = {}
        for call in self.names.calls:
            for symbol in self.names.resolve(call.func).symbols:
                if symbol in CALLING_FUNCTIONS:
                    place, keyword, known = CALLING_FUNCTIONS[symbol]
                    given = [k.value for k in call.keywords if k.arg == keyword] + call.args[place : place + 1]
                    for value in given:
                        found.update(dict.fromkeys(self._functions(value), known))
        return found

    def _functions(self, value: ast.expr) -> list[ast.AST]:
        if isinstance(value, ast.Lambda):
            return [value]
        if isinstance(value, ast.Name):
            return [o.node for o in self.bindings.origins(value) if isinstance(o.node, (ast.FunctionDef, ast.Lambda))]
        return []

    def _only_tensors(self, definition: Definition, argument: ast.arg, place: int) -> Generator[Hashable, Value, bool]:
        """Whether no call in the file hands over what surely is no tensor."""
        for call in self.callers.of(definition) or ():
            given = argument_of(call, argument.arg, place)
            value = UNKNOWN if given is None else (yield given)
            if value.kind in (ARRAY, NUMBER, TEXT, SEQUENCE):
                return False
        return True

    # ---- helpers

    def _of_calls(self, definition: Definition, argument: ast.arg, place: int) -> Steps:
        """What every call in the file hands over. Of a function that other files may call only the kind is believed."""
        calls = self.callers.of(definition)
        if not calls:
            return UNKNOWN
        method = definition.parent is not None and definition.parent.kind == "class"
        default = default_of(definition.node, argument)
        values = []
        for call in calls:
            given = argument_of(call, argument.arg, place - 1 if method else place)
            if given is None and default is None:
                return UNKNOWN
            values.append((yield given if given is not None else default))
        found = join_all(values)
        private = definition.name.startswith("_") or (definition.parent is not None and not method)
        if private or not found.symbolic:
            return found if private or found.kind == NONE else UNKNOWN
        return tensor(found.engine or ANY_ENGINE, kind=found.kind or TENSORS)


def _answer(value: Value) -> Steps:
    yield from ()
    return value


def _asks_for_input(name: str, family: Family) -> bool:
    """Whether a method is how a layer of Keras 0 gets its input: inherited, or with the parameters ``(self, train)``."""
    own = family.methods.get(name, ()) if name == "get_input" else None
    return own is not None and all(
        isinstance(method, ast.FunctionDef) and [a.arg for a in method.args.args] == ["self", "train"] for method in own
    )
