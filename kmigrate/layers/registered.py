"""What a file registers with Keras under a name: custom objects, and definitions with Keras's decorator."""

from __future__ import annotations

import ast

from kmigrate.layers.kinds import REGISTER
from kmigrate.names import Definition, Names


def custom_objects(names: Names) -> list[ast.expr]:
    """``f`` of ``get_custom_objects()['f'] = f``, ``custom_objects['f'] = f`` and ``get_custom_objects().update({'f': f})``."""
    found: list[tuple[ast.stmt | ast.expr, list[ast.expr]]] = []
    for node in names.parents:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            if _holds_them(node.targets[0].value):
                found.append((node, [node.value]))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "update":
            if _holds_them(node.func.value):
                found.append((node, [*node.args, *(k.value for k in node.keywords)]))
    found.sort(key=lambda pair: (pair[0].lineno, pair[0].col_offset))
    return [value for _, values in found for value in values]


def is_registered(names: Names, definition: Definition) -> bool:
    """Whether a definition is decorated with ``register_keras_serializable``."""
    for decorator in getattr(definition.node, "decorator_list", ()):
        function = decorator.func if isinstance(decorator, ast.Call) else decorator
        if any(symbol.rpartition(".")[2] == REGISTER for symbol in names.resolve(function).symbols):
            return True
    return False


def _holds_them(node: ast.expr) -> bool:
    node = node.func if isinstance(node, ast.Call) else node
    return getattr(node, "attr", getattr(node, "id", "")) in ("get_custom_objects", "custom_objects", "_GLOBAL_CUSTOM_OBJECTS")
