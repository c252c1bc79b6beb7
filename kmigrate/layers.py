"""Which code is layer code, and why: code that Keras calls while it builds or runs a model.

Classes derive from a Keras class through any chain of bases in the file; functions are handed to ``Lambda``, ``compile``,
``activation=`` and their like, or have the ``(y_true, y_pred)`` signature; helpers are called by any of these.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kmigrate.model import Context
from kmigrate.names import Binding, Definition, Names, engine_of

# The Keras base classes that people derive from, by the kind of unit that they make.
_KIND_OF_BASE = {
    **dict.fromkeys(["Model", "Sequential", "Network", "Container", "Functional", "Graph"], "model"),
    "Loss": "loss",
    "LossFunctionWrapper": "loss",
    "Metric": "metric",
    "Regularizer": "regularizer",
    "Constraint": "constraint",
    "Initializer": "initializer",
    "Optimizer": "optimizer",
    "OptimizerV2": "optimizer",
}
_KIND_OF_MODULE = {
    "losses": "loss",
    "objectives": "loss",
    "metrics": "metric",
    "regularizers": "regularizer",
    "constraints": "constraint",
    "initializers": "initializer",
    "initializations": "initializer",
    "optimizers": "optimizer",
    "models": "model",
    "training": "model",
}
_NO_LAYERS = {
    "callbacks",
    "utils",
    "preprocessing",
    "datasets",
    "applications",
    "backend",
    "wrappers.scikit_learn",
    "estimator",
}
# Layer names that a project imports from its own modules (``from .core import Layer``); the file alone cannot show more.
_LAYER_NAMES = frozenset(
    "Layer MaskedLayer Wrapper RNN Recurrent Dense Conv1D Conv2D Conv3D Conv2DTranspose Convolution1D Convolution2D "
    "Convolution3D _Conv DepthwiseConv2D SeparableConv2D LSTM GRU SimpleRNN LSTMCell GRUCell SimpleRNNCell AbstractRNNCell "
    "Embedding BatchNormalization Merge _Merge Dropout Activation Flatten Reshape Lambda TimeDistributed Bidirectional "
    "ZeroPadding2D UpSampling2D _Pooling1D _Pooling2D GlobalPooling2D InputLayer InputSpec".split()
) - {"InputSpec"}
_RNN_CELL_ENGINE_BASES = ("tf.nn.rnn_cell.", "tf.contrib.rnn.")
_LOSS_ARGUMENTS = {("y_true", "y_pred")}
_FUNCTION_KEYWORDS = {
    "activation": "activation",
    "loss": "loss",
    "losses": "loss",
    "metrics": "metric",
    "weighted_metrics": "metric",
}
_FUNCTION_SUFFIXES = {
    "_activation": "activation",
    "_regularizer": "regularizer",
    "_constraint": "constraint",
    "_initializer": "initializer",
}


class LayerCode:
    """The layer code of one module."""

    def __init__(self, names: Names, whole_module: bool = False) -> None:
        self.names = names
        self.whole_module = whole_module
        self.roots: dict[Definition, Context] = {}
        self._class_kinds: dict[Definition, tuple[str, str] | None] = {}
        self._classes()
        self._signatures()
        for call in names.calls:
            self._handed_over(call)
        self._helpers()

    def context(self, definition: Definition | None) -> Context | None:
        """Why a definition is layer code, or None where it is not."""
        nearest = self.nearest_root(definition)
        if nearest is not None and definition is not None:
            root = self.roots[nearest]
            return Context(root.kind, definition.qualname, root.reason)
        if self.whole_module:
            name = definition.qualname if definition else "<module>"
            return Context("module", name, 'scope = "module": every use in the file counts')
        return None

    def root_of(self, definition: Definition | None) -> Definition | None:
        """The outermost definition of layer code around this one: what verification can run by itself."""
        found = None
        while definition is not None:
            if definition in self.roots:
                found = definition
            definition = definition.parent
        return found

    # ---- classes

    def _classes(self) -> None:
        for definition in self.names.definitions.values():
            if definition.kind != "class":
                continue
            found = self._class_kind(definition)
            if found is not None:
                kind, base = found
                article = "an" if kind[0] in "aeiou" else "a"
                reason = f"`{definition.name}` is {article} {kind} class: it derives from `{base}`"
                self.roots[definition] = Context(kind, definition.qualname, reason)

    def _class_kind(self, definition: Definition) -> tuple[str, str] | None:
        if definition in self._class_kinds:
            return self._class_kinds[definition]
        self._class_kinds[definition] = None  # a class that derives from itself is no layer
        node = definition.node
        assert isinstance(node, ast.ClassDef)
        for base in node.bases:
            found = self._base_kind(base)
            if found is not None:
                self._class_kinds[definition] = found
                return found
        return None

    def _base_kind(self, base: ast.expr) -> tuple[str, str] | None:
        for local in self._definitions_named(base):
            if local.kind == "class":
                inherited = self._class_kind(local)
                if inherited is not None:
                    return inherited[0], f"{local.name}` and through it from `{inherited[1]}"
                return None
        for symbol in self.names.resolve(base).symbols:
            kind = kind_of_base(symbol)
            if kind is not None:
                return kind, symbol
        return None

    # ---- functions

    def _signatures(self) -> None:
        for definition in self.names.definitions.values():
            node = definition.node
            if definition.kind != "function" or not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            names = tuple(a.arg for a in [*node.args.posonlyargs, *node.args.args][:2])
            if names in _LOSS_ARGUMENTS and definition not in self.roots and not self._in_class(definition):
                reason = f"`{definition.name}` has the signature of a loss or metric, (y_true, y_pred)"
                self.roots[definition] = Context("loss", definition.qualname, reason)

    @staticmethod
    def _in_class(definition: Definition) -> bool:
        return definition.parent is not None and definition.parent.kind == "class"

    def _handed_over(self, call: ast.Call) -> None:
        symbols = self.names.resolve(call.func).symbols
        method = call.func.attr if isinstance(call.func, ast.Attribute) else None
        keras_call = any(s.startswith(("keras.", ".")) for s in symbols)
        if any(s.rpartition(".")[2] in ("Lambda", "LambdaMerge") and keras_call for s in symbols):
            for argument in [*call.args[:1], *(k.value for k in call.keywords if k.arg == "function")]:
                self._add(argument, "lambda", "handed to `Lambda`")
        if method == "compile":
            for argument, kind in zip(call.args[1:3], ("loss", "metric"), strict=False):
                self._add(argument, kind, "handed to `compile`")
        elif method == "add_loss" and call.args:
            value = call.args[0]
            self._add(value.func if isinstance(value, ast.Call) else value, "loss", "used in `add_loss`")
        if method == "compile" or keras_call or self._local_layer(call.func):
            for keyword in call.keywords:
                by_keyword = _keyword_kind(keyword.arg)
                if by_keyword is not None:
                    target = ast.unparse(call.func) if method != "compile" else "compile"
                    self._add(keyword.value, by_keyword, f"handed to `{target}` as `{keyword.arg}`")

    def _local_layer(self, function: ast.expr) -> bool:
        return any(d in self.roots and d.kind == "class" for d in self._definitions_named(function))

    def _add(self, value: ast.expr, kind: str, how: str) -> None:
        if isinstance(value, (ast.List, ast.Tuple)):
            for element in value.elts:
                self._add(element, kind, how)
        elif isinstance(value, ast.Dict):
            for element in value.values:
                self._add(element, kind, how)
        for definition in self._definitions_named(value):
            if definition.kind != "class":
                reason = f"`{definition.name}` is {how}"
                self.roots.setdefault(definition, Context(kind, definition.qualname, reason))

    def _definitions_named(self, value: ast.expr) -> list[Definition]:
        """The functions, classes or lambdas of this file that an expression names."""
        definitions = self.names.definitions
        if isinstance(value, ast.Lambda):
            return [definitions[value]]
        if isinstance(value, ast.Name):
            scope = self.names.scope_of(value).lookup(value.id)
            bindings: list[Binding] = scope.bindings[value.id] if scope else []
            nodes = [b.node if b.kind == "def" else b.value for b in bindings if b.kind in ("def", "assign")]
            return [definitions[node] for node in nodes if node in definitions]
        return []

    # ---- helpers

    def _helpers(self) -> None:
        """Follow calls, and functions handed on by name, from layer code until nothing new is found."""
        users: dict[Definition, list[tuple[ast.expr, bool]]] = {}
        for call in self.names.calls:
            inside = self.names.definition_of(call)
            if inside is not None:
                values = [call.func, *call.args, *(k.value for k in call.keywords)]
                users.setdefault(inside, []).extend((value, value is call.func) for value in values)
        waiting = list(self.roots)
        nested: dict[Definition, list[Definition]] = {}
        for definition in self.names.definitions.values():
            if definition.parent is not None:
                nested.setdefault(definition.parent, []).append(definition)
        while waiting:
            root = waiting.pop()
            for user in _with_nested(root, nested):
                for value, called in users.get(user, ()):
                    for helper in self._definitions_named(value):
                        if helper.kind == "class" or self.nearest_root(helper) is not None:
                            continue
                        how = "called from" if called else "handed on in"
                        reason = f"`{helper.name}` is {how} `{user.qualname}`"
                        self.roots[helper] = Context("helper", helper.qualname, reason)
                        waiting.append(helper)

    def nearest_root(self, definition: Definition | None) -> Definition | None:
        """The innermost definition of layer code around this one, itself included."""
        while definition is not None and definition not in self.roots:
            definition = definition.parent
        return definition


def _with_nested(root: Definition, nested: dict[Definition, list[Definition]]) -> Iterator[Definition]:
    waiting = [root]
    while waiting:
        definition = waiting.pop()
        yield definition
        waiting += nested.get(definition, [])


def _keyword_kind(name: str | None) -> str | None:
    if name is None:
        return None
    for suffix, kind in _FUNCTION_SUFFIXES.items():
        if name.endswith(suffix):
            return kind
    return _FUNCTION_KEYWORDS.get(name)


def kind_of_base(symbol: str) -> str | None:
    """The kind of unit that deriving from ``symbol`` makes, None where it is no Keras class."""
    module, _, name = symbol.rpartition(".")
    if symbol.startswith("keras."):
        parts = module.split(".")[1:]
        if any(part in _NO_LAYERS for part in parts):
            return None
        if name in _KIND_OF_BASE:
            return _KIND_OF_BASE[name]
        for part in parts:
            if part in _KIND_OF_MODULE:
                return _KIND_OF_MODULE[part]
        return "layer" if name[:1].isupper() or name.startswith("_") else None
    if symbol.startswith(_RNN_CELL_ENGINE_BASES):
        return None
    if engine_of(symbol) is None:
        if name in _LAYER_NAMES:
            return "layer"
        if name in _KIND_OF_BASE and symbol.startswith("."):
            return _KIND_OF_BASE[name]
    return None
