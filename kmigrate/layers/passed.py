"""What the calls in a file pass to the parameters of its functions: ``block(x, gelu)`` where ``block`` hands it to Keras."""

from __future__ import annotations

import ast
from functools import cached_property

from kmigrate.names import Binding, Definition, Names

_MANY_CALLS = 50
# Parameters that a factory of classes derives from, by what is left of their names without ``base``, ``class`` and underscores.
_KIND_OF_PARAMETER = {
    "layer": "keras.layers.Layer",
    "model": "keras.models.Model",
    "optimizer": "keras.optimizers.Optimizer",
    "loss": "keras.losses.Loss",
    "metric": "keras.metrics.Metric",
}


class Passed:
    """Answers about the parameters of one module's functions. Nothing is looked for before the first question."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def values(self, node: ast.expr) -> list[ast.expr]:
        """What a parameter stands for: its default, and what the calls of its function by its plain name give to it."""
        found = self._parameter(node)
        if found is None:
            return []
        function, argument = found
        node_of_function = function.node
        assert not isinstance(node_of_function, ast.ClassDef)
        positional = [*node_of_function.args.posonlyargs, *node_of_function.args.args]
        place = positional.index(argument) if argument in positional else None
        values = [v for v in [_default(node_of_function.args, argument, positional)] if v is not None]
        for call in self._calls.get(function.name, ())[:_MANY_CALLS]:
            if self._calls_it(call, function):
                value = _given(call, argument.arg, place)
                values += [] if value is None else [value]
        return values

    def base(self, node: ast.expr) -> str | None:
        """The class of Keras that a parameter's name tells, in a file that names Keras: ``BaseOptimizer``, ``layer_class``."""
        if self._parameter(node) is None or not isinstance(node, ast.Name) or not self._has_keras:
            return None
        name = node.id.lower().replace("_", "").removeprefix("base").removesuffix("class").removesuffix("cls")
        return _KIND_OF_PARAMETER.get(name)

    def _parameter(self, node: ast.expr) -> tuple[Definition, ast.arg] | None:
        if not isinstance(node, ast.Name):
            return None
        scope = self._names.scope_of(node).lookup(node.id)
        bindings: list[Binding] = scope.bindings[node.id] if scope is not None else []
        if scope is None or len(bindings) != 1 or bindings[0].kind != "param":
            return None
        function, argument = self._names.definitions.get(scope.node), bindings[0].node
        if function is None or function.kind != "function" or not isinstance(argument, ast.arg):
            return None
        return function, argument

    def _calls_it(self, call: ast.Call, function: Definition) -> bool:
        scope = self._names.scope_of(call.func).lookup(function.name)
        return scope is not None and any(binding.node is function.node for binding in scope.bindings[function.name])

    @cached_property
    def _calls(self) -> dict[str, list[ast.Call]]:
        found: dict[str, list[ast.Call]] = {}
        for call in self._names.calls:
            if isinstance(call.func, ast.Name):
                found.setdefault(call.func.id, []).append(call)
        return found

    @cached_property
    def _has_keras(self) -> bool:
        dotted = (self._names.symbol_of(_module(node, item)) for node in self._names.imports for item in node.names)
        return any("keras" in symbol.split(".") for symbol in dotted)


def _module(node: ast.Import | ast.ImportFrom, item: ast.alias) -> str:
    return item.name if isinstance(node, ast.Import) else "." * node.level + f"{node.module or ''}.{item.name}"


def _given(call: ast.Call, name: str, place: int | None) -> ast.expr | None:
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    if place is None or place >= len(call.args) or any(isinstance(a, ast.Starred) for a in call.args[: place + 1]):
        return None
    return call.args[place]


def _default(arguments: ast.arguments, argument: ast.arg, positional: list[ast.arg]) -> ast.expr | None:
    if argument in positional:
        place = positional.index(argument) - len(positional) + len(arguments.defaults)
        return arguments.defaults[place] if place >= 0 else None
    if argument in arguments.kwonlyargs:
        return arguments.kw_defaults[arguments.kwonlyargs.index(argument)]
    return None
