"""Who calls a function or method of the file, where the file shows every call, and with which arguments."""

from __future__ import annotations

import ast
from functools import cached_property

from kmigrate.names import Definition, Names
from kmigrate.values.bindings import Bindings


class Callers:
    """The calls of the helpers of one module."""

    def __init__(self, names: Names, bindings: Bindings) -> None:
        self.names = names
        self.bindings = bindings

    def of(self, definition: Definition) -> list[ast.Call] | None:
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
        for use in self._self_uses.get((id(family), definition.name), ()):
            parent = self.names.parents.get(use)
            if not isinstance(parent, ast.Call) or parent.func is not use:
                return None
            found.append(parent)
        return found

    @cached_property
    def _self_uses(self) -> dict[tuple[int, str], list[ast.Attribute]]:
        """The uses of ``self.name`` by family of classes and name."""
        found: dict[tuple[int, str], list[ast.Attribute]] = {}
        for node in self.names.parents:
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
                family = self.bindings.family(node)
                if family is not None:
                    found.setdefault((id(family), node.attr), []).append(node)
        return found


def argument_of(call: ast.Call, name: str, place: int) -> ast.expr | None:
    """The argument that a call hands over for a parameter; None where it does not, or does so through ``*`` or ``**``."""
    if any(isinstance(a, ast.Starred) for a in call.args[: place + 1]):
        return None
    if place < len(call.args):
        return call.args[place]
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def default_of(node: ast.AST, argument: ast.arg) -> ast.expr | None:
    """The default of a parameter."""
    assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
    plain = [*node.args.posonlyargs, *node.args.args]
    if argument in plain:
        index = plain.index(argument) - len(plain) + len(node.args.defaults)
        return node.args.defaults[index] if index >= 0 else None
    if argument in node.args.kwonlyargs:
        return node.args.kw_defaults[node.args.kwonlyargs.index(argument)]
    return None
