"""Which identifiers may mean a symbol at all: a superset, got without resolving anything, so that most names are passed over."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import cached_property

from kmigrate.names.nodes import last_name
from kmigrate.names.symbols import engine_of, foreign, may_expose
from kmigrate.names.walk import Walk

# What is called to get the meaning of an argument, or of a module named in a text.
_OF_ARGUMENT = frozenset({"getattr", "staticmethod"})
_OF_TEXT = frozenset({"import_module", "__import__"})
_WRAPPERS = frozenset({"partial", "import_module"})  # not builtins: they may have other names
_MANY_BRANCHES = 20


class Candidates:
    """The identifiers of one module that imports bind, and those that are assigned what others mean."""

    def __init__(self, walk: Walk) -> None:
        self._walk = walk

    def imported(self) -> set[str]:
        found = {item.asname or item.name.partition(".")[0] for node in self._walk.imports for item in node.names}
        return found | self._walk.lazy.keys()

    def leading(self, symbol_of: Callable[[str], str], through_keras: bool = True) -> set[str]:
        """The names of imports by which an engine may be reached: its own, those of the project's modules, and (with
        ``through_keras``) the modules of Keras that expose it. Those of numpy and the like are most, and lead nowhere.
        ``symbol_of`` is what a dotted path means in the file."""
        found = set(self._walk.lazy)
        for node in self._walk.imports:
            module = ("." * node.level + (node.module or "")) if isinstance(node, ast.ImportFrom) else None
            for item in node.names:
                symbol = symbol_of(item.name if module is None else f"{module}.{item.name}")
                if engine_of(symbol) is not None or foreign(symbol) or (through_keras and may_expose(symbol)):
                    found.add(item.asname or item.name.partition(".")[0])
        return found

    def aliased(self, found: set[str]) -> set[str]:
        """``found`` and every identifier that is assigned what one of them may mean."""
        waiting, always = self._alias_keys
        found |= always
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
    def _alias_keys(self) -> tuple[list[tuple[str, set[str]]], set[str]]:
        """For each assignment that may make an alias: the identifiers of which one has to be a source for it to be one; and the
        names that may be one in any case."""
        found = []
        always = set()
        wrappers = self._wrappers()
        for name, value in self._walk.aliases:
            keys = _alias_keys(value, wrappers)
            if keys is None:
                always.add(name)
            elif keys:
                found.append((name, keys))
        return found, always

    def _wrappers(self) -> set[str]:
        """The names that may mean ``functools.partial`` or ``importlib.import_module`` here."""
        found = {item.asname for node in self._walk.imports for item in node.names if item.asname and item.name in _WRAPPERS}
        found |= _WRAPPERS
        while True:
            new = {name for name, value in self._walk.aliases if name not in found and last_name(value) in found}
            if not new:
                return found
            found |= new


def _alias_keys(value: ast.expr, wrappers: set[str]) -> set[str] | None:
    """The identifiers of which one has to mean a symbol for an assigned value to mean one; None where that is always possible."""
    keys: set[str] = set()
    for branch in branches(value):
        at, first = branch, None
        while at.__class__ is ast.Attribute:
            first, at = at.attr, at.value
        more: set[str] | None = None
        if at.__class__ is ast.Name:
            keys.add(at.id)
            if first is not None:
                keys.add(first)
            continue
        if at.__class__ is ast.Call:
            name = last_name(at.func)
            if not at.args or not (name in wrappers or name in _OF_ARGUMENT or name in _OF_TEXT):
                continue
            more = None if name in _OF_TEXT or name not in ("partial", *_OF_ARGUMENT) else _alias_keys(at.args[0], wrappers)
        elif at.__class__ is ast.NamedExpr:
            more = _alias_keys(at.value, wrappers)
        elif at.__class__ is ast.IfExp:
            more = _alias_keys(at, wrappers)
        else:
            continue
        if more is None:
            return None
        keys |= more
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


def may_mean(chain: ast.expr) -> bool:
    """Whether attributes of an expression that is no name may be a symbol (see ``Names._expression``): most are of the result of
    some call, and are none."""
    at: ast.AST = chain
    while at.__class__ is ast.Attribute:
        at = at.value
    if isinstance(at, ast.Call):
        looked_up = isinstance(at.func, ast.Name) and at.func.id in _OF_ARGUMENT
        return bool(at.args) and (looked_up or isinstance(at.args[-1], ast.Constant))
    return isinstance(at, (ast.IfExp, ast.NamedExpr))
