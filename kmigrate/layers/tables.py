"""Tables of functions at a module's level: ``ACTIVATIONS = {"relu": tf.nn.relu, "gelu": gelu}``.

Layer code that names such a table runs what it holds, whichever entry it takes.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

from kmigrate.names import Scope
from kmigrate.names.nodes import last_name

# The methods of a dict that give what it holds.
_GIVING = frozenset({"get", "items", "pop", "setdefault", "values"})
_FUNCTIONS = (ast.Name, ast.Attribute, ast.Lambda, ast.Call)
_MAPPINGS = frozenset({"dict", "OrderedDict"})
_DEEPEST = 5


class Tables:
    """Those displays in the scope of a module that hold a lambda or name what is in ``telling``.

    ``names`` are the names that they get, ``entries`` the functions in each by the display.
    """

    def __init__(self, module: Scope, telling: Collection[str]) -> None:
        self.names: set[str] = set()
        self.entries: dict[ast.expr, list[ast.expr]] = {}
        for name, bindings in module.bindings.items():
            for binding in bindings:
                if binding.kind != "assign" or binding.value is None:
                    continue
                entries = [entry for entry in _entries(binding.value, _DEEPEST) if _tells(entry, telling)]
                if entries:
                    self.names.add(name)
                    self.entries[binding.value] = entries

    def taken_from(self, node: ast.expr) -> ast.Name | None:
        """The table of which an expression takes an entry (``T[name]``) or a method that gives one (``T.get``)."""
        if isinstance(node, ast.Subscript) or (isinstance(node, ast.Attribute) and node.attr in _GIVING):
            return node.value if isinstance(node.value, ast.Name) and node.value.id in self.names else None
        return None


def _entries(value: ast.expr, depth: int, nested: bool = False) -> Iterator[ast.expr]:
    """The functions that may stand in a display, those of displays in it included."""
    parts: list[ast.expr] = []
    if isinstance(value, ast.Dict):
        parts = value.values
    elif isinstance(value, (ast.List, ast.Tuple, ast.Set)):
        parts = value.elts
    elif isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in _MAPPINGS:
        parts = [*value.args, *(keyword.value for keyword in value.keywords)]
    elif nested and isinstance(value, _FUNCTIONS):
        yield value
    for part in parts if depth else ():
        yield from _entries(part, depth - 1, nested=True)


def _tells(entry: ast.expr, telling: Collection[str]) -> bool:
    if isinstance(entry, ast.Call):
        return last_name(entry.func) == "partial" and bool(entry.args) and _tells(entry.args[0], telling)
    while isinstance(entry, ast.Attribute):
        entry = entry.value
    return isinstance(entry, ast.Lambda) or (isinstance(entry, ast.Name) and entry.id in telling)
