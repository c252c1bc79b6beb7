"""Which identifiers may mean a symbol at all: a superset, got without resolving anything, so that most names are passed over."""

from __future__ import annotations

import ast
from functools import cached_property

from kmigrate.names.walk import Walk

_ALIASING_CALLS = frozenset({"getattr", "staticmethod", "import_module", "__import__"})
_MANY_BRANCHES = 20


class Candidates:
    """The identifiers of one module that imports bind, and those that are assigned what others mean."""

    def __init__(self, walk: Walk) -> None:
        self._walk = walk

    def imported(self) -> set[str]:
        return {item.asname or item.name.partition(".")[0] for node in self._walk.imports for item in node.names}

    def aliased(self, found: set[str]) -> set[str]:
        """``found`` and every identifier that is assigned what one of them may mean."""
        waiting = self._alias_keys
        while waiting:
            rest = []
            for name, keys in waiting:
                if found.isdisjoint(keys):
                    rest.append((name, keys))
                else:
                    found.add(name)
            if len(rest) == len(waiting):
                break
            waiting = rest
        return found

    @cached_property
    def _alias_keys(self) -> list[tuple[str, set[str]]]:
        """For each assignment that may make an alias: the identifiers of which one has to be a source for it to be one."""
        found = []
        always = self.imported()
        for name, value in self._walk.aliases:
            keys = _alias_keys(value)
            if keys is None:
                found.append((name, always))
            elif keys:
                found.append((name, keys))
        return found


def _alias_keys(value: ast.expr) -> set[str] | None:
    """The identifiers of which one has to mean a symbol for an assigned value to mean one; None where that is always possible."""
    keys: set[str] = set()
    for branch in branches(value):
        if isinstance(branch, (ast.Name, ast.Attribute)):
            root, first = _ends(branch)
            if root is None:
                return None
            keys.update(name for name in (root, first) if name is not None)
        elif isinstance(branch, ast.NamedExpr):
            return None
        elif isinstance(branch, ast.Call) and branch.args:
            function = branch.func
            name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", None)
            if name in _ALIASING_CALLS:
                return None
            if name is not None:
                keys.add(name)
    return keys


def branches(node: ast.expr) -> list[ast.expr]:
    """``a``, ``b`` and ``c`` of ``a if x else b if y else c``; anything else alone."""
    found: list[ast.expr] = []
    waiting = [node]
    while waiting and len(found) < _MANY_BRANCHES:
        at = waiting.pop()
        if isinstance(at, ast.IfExp):
            waiting += [at.orelse, at.body]
        else:
            found.append(at)
    return found


def _ends(node: ast.expr) -> tuple[str | None, str | None]:
    """The root name of a chain (None if it is no name) and its first attribute: ``self`` and ``f`` of ``self.f.g``."""
    first: str | None = None
    while isinstance(node, ast.Attribute):
        first = node.attr
        node = node.value
    return (node.id if isinstance(node, ast.Name) else None), first
