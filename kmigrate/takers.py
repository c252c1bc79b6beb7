"""Which names of a module other files of its project take from it: ``from .a import tf``, ``a.tf``, a star import that uses it,
the text of a ``patch("package.a.tf")``.

Asked before the last use of an engine's import goes and the import with it. Where a file cannot be read or parsed, it counts as
one that takes whatever its text names.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterator
from posixpath import basename, dirname

from kmigrate.layers.modules import Modules
from kmigrate.names.nodes import walked
from kmigrate.search import holds
from kmigrate.words import imported_words

_KEPT = 1 << 26  # bytes of files that are not read again for the next question
_DOTTED = re.compile(r"\.*\w+(?:\.\w+)*")


class Takers:
    """``read`` gives the bytes of a file of ``paths``; None where it cannot be read."""

    def __init__(self, paths: Collection[str], read: Callable[[str], bytes | None]) -> None:
        self._modules = Modules(paths)
        self._paths = sorted(paths)
        self._read = read
        self._data: dict[str, bytes] = {}
        self._room = _KEPT
        self._words: dict[str, frozenset[str]] = {}

    def takes(self, module: str, name: str) -> bool:
        """Whether any file but ``module`` itself takes ``name`` from it, perhaps through others that hand it on."""
        return self._taken(module, name, set())

    def _taken(self, module: str, name: str, asked: set[tuple[str, str]]) -> bool:
        if (module, name) in asked:
            return False
        asked.add((module, name))
        for path in self._paths:
            if path == module:
                continue
            data = self._bytes(path)
            if self._may_take(path, data, module, name.encode()) and self._takes_here(path, data, module, name, asked):
                return True
        return False

    def _bytes(self, path: str) -> bytes:
        data = self._data.get(path)
        if data is None:
            data = self._read(path) or b""
            if len(data) <= self._room:
                self._room -= len(data)
                self._data[path] = data
        return data

    def _may_take(self, path: str, data: bytes, module: str, name: bytes) -> bool:
        """False only where a file certainly takes nothing: neither does an import of it name the module, nor a text what the
        module has. Parsing costs a hundred times as much."""
        if not (holds(data, name) or holds(data, b"*")):
            return False
        stem = stem_of(module).encode()
        if basename(module) == "__init__.py" and path.startswith(dirname(module) + "/"):
            return True  # ``from . import tf`` does not name the package
        if not holds(data, stem):
            return False
        in_text = any(holds(data, stem + end) for end in (b"." + name, b"'", b'"'))
        return in_text or stem.decode() in self._imported(path, data)

    def _imported(self, path: str, data: bytes) -> frozenset[str]:
        words = self._words.get(path)
        if words is None:
            words = self._words[path] = frozenset(imported_words(data, elsewhere=True).split())
        return words

    def _takes_here(self, path: str, data: bytes, module: str, name: str, asked: set[tuple[str, str]]) -> bool:
        tree = parsed(data)
        if tree is None:
            return name.encode() in data
        texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
        named = [found for text in texts if (found := self._named(path, text)) is not None and found[0] == module]
        if any(found[1].partition(".")[0] == name for found in named):
            return True  # mock.patch("package.a.tf.exp")
        reached, others = bool(named), set()
        for dotted, item, bound in imports_of(tree):
            found = self._modules.find(path, dotted)
            if found is None or found[0] != module:
                others.add(bound)
            elif found == (module, name):
                return True
            elif item == "*":
                if _names(tree, name) or self._taken(path, name, asked):
                    return True
            elif not found[1] and name in texts:
                return True  # by its text: patch.object(a, "tf")
            else:
                reached = True
        return reached and _reads(tree, name, others)

    def _named(self, path: str, text: str) -> tuple[str, str] | None:
        """What a text names, as for ``mock.patch("package.a.tf.exp")`` and ``import_module("package.a")``."""
        return self._modules.find(path, text) if _DOTTED.fullmatch(text) else None


def parsed(data: bytes) -> ast.Module | None:
    try:
        return ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def stem_of(module: str) -> str:
    """The name by which an import of the module has to call it."""
    stem = basename(module).removesuffix(".py")
    return basename(dirname(module)) if stem == "__init__" else stem


def imports_of(tree: ast.Module) -> Iterator[tuple[str, str, str]]:
    """(dotted name, ``*`` for a star import, the text that means it afterwards) of everything imported."""
    for node in walked(tree):
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


def _reads(tree: ast.Module, name: str, others: Collection[str]) -> bool:
    """Whether something has ``.name`` taken from it that may be the module, by whatever name: ``m.tf`` after ``m = a``,
    ``sys.modules[A.__module__].tf``. Not what a plain name of another import has: ``K.tf``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == name:
            text = ast.unparse(node.value)
            if not any(text == other or (_DOTTED.fullmatch(text) and text.startswith(f"{other}.")) for other in others):
                return True
    return False
