"""Which names of a module other files of its project take from it: ``from .a import tf``, ``a.tf``, a star import that uses it.

Asked before the last use of an engine's import goes and the import with it, and before a name comes in. Where a file cannot be
read or parsed, it counts as one that takes whatever its text names.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cached_property
from posixpath import basename, dirname

from kmigrate.layers.modules import Modules

_STAR_IMPORT = re.compile(rb"import(?:\s|\\)*\*")


class Takers:
    """``read`` gives the bytes of a file of ``paths``; None where it cannot be read."""

    def __init__(self, paths: Collection[str], read: Callable[[str], bytes | None]) -> None:
        self._modules = Modules(paths)
        self._paths = sorted(paths)
        self._read = read
        self._data: dict[str, bytes] = {}

    def takes(self, module: str, name: str) -> bool:
        """Whether any file but ``module`` itself takes ``name`` from it, perhaps through others that hand it on."""
        return self._taken(module, name, set())

    def _taken(self, module: str, name: str, asked: set[tuple[str, str]]) -> bool:
        if (module, name) in asked:
            return False
        asked.add((module, name))
        stem = _stem(module).encode()
        for path in self._paths:
            data = self._bytes(path) if path != module else b""
            if stem not in data or (name.encode() not in data and b"*" not in data):
                continue
            if self._takes_here(path, data, module, name, asked):
                return True
        return False

    def hiding(self, module: str, names: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """Those of some new ``names`` in ``module`` (each with what it is imported from) that would hide another in a file that
        star-imports it."""
        if not any(_stem(module).encode() in data for path, data in self._starring.items() if path != module):
            return ()
        return tuple((name, dotted) for name, dotted in names if self._hides(module, name, dotted, set()))

    @cached_property
    def _starring(self) -> dict[str, bytes]:
        """The files with a star import."""
        return {path: data for path in self._paths if _STAR_IMPORT.search(data := self._bytes(path))}

    def _hides(self, module: str, name: str, dotted: str, asked: set[str]) -> bool:
        asked.add(module)
        if b"__all__" in self._bytes(module):
            return False  # a name that is not in it is not handed on
        stem = _stem(module).encode()
        for path, data in self._starring.items():
            if path in asked or stem not in data:
                continue
            tree = _parsed(data)
            if tree is None or not any(i == "*" and self._modules.find(path, d) == (module, "") for d, i, _ in _imports(tree)):
                continue
            if _means_other(tree, name, dotted) or self._hides(path, name, dotted, asked):
                return True
        return False

    def _bytes(self, path: str) -> bytes:
        if path not in self._data:
            self._data[path] = self._read(path) or b""
        return self._data[path]

    def _takes_here(self, path: str, data: bytes, module: str, name: str, asked: set[tuple[str, str]]) -> bool:
        tree = _parsed(data)
        if tree is None:
            return name.encode() in data
        imported = list(_imports(tree))
        for dotted, item, bound in imported:
            found = self._modules.find(path, dotted)
            if item == "*" and found == (module, ""):
                if _names(tree, name) or self._taken(path, name, asked):
                    return True
            elif found == (module, name):
                return True
            elif found == (module, "") and _reads(tree, bound, name):
                return True
        return False


def _parsed(data: bytes) -> ast.Module | None:
    try:
        return ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _means_other(tree: ast.Module, name: str, dotted: str) -> bool:
    """Whether a file means by ``name`` something else than what ``dotted`` names, or gets it from where nobody sees."""
    imported = [source for source, item, bound in _imports(tree) if bound == name and item != "*"]
    named = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == name]
    bound = any(isinstance(node.ctx, ast.Store) for node in named)
    return bound or any(source != dotted for source in imported) or (bool(named) and not imported)


def _stem(module: str) -> str:
    """The name by which an import of the module has to call it."""
    stem = basename(module).removesuffix(".py")
    return basename(dirname(module)) if stem == "__init__" else stem


def _imports(tree: ast.Module) -> Iterator[tuple[str, str, str]]:
    """(dotted name, ``*`` for a star import, the text that means it afterwards) of everything imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for item in node.names:
                yield item.name, "", item.asname or item.name
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            joint = "" if module.endswith(".") else "."
            for item in node.names:
                star = item.name == "*"
                yield (module if star else f"{module}{joint}{item.name}"), ("*" if star else ""), item.asname or item.name


def _names(tree: ast.Module, name: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(tree))


def _reads(tree: ast.Module, bound: str, name: str) -> bool:
    """Whether ``bound.name`` occurs."""
    return any(
        isinstance(node, ast.Attribute) and node.attr == name and ast.unparse(node.value) == bound for node in ast.walk(tree)
    )
