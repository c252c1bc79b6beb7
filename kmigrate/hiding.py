"""Which new names of a module would hide others: in files that star-import it, and in those that star-import these.

Asked of every file that may get a fix, so nothing is read that the words of import statements do not call for.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence

from kmigrate.layers.modules import Modules
from kmigrate.names.nodes import walked
from kmigrate.takers import imports_of, parsed, stem_of

Name = tuple[str, str]  # a name and what it is imported from


class Hiding:
    """``stars`` are the modules that files are known to star-import, ``words`` those of the import statements of files of which
    that is not known; ``read`` gives the bytes of a file (None where it cannot be read), ``names`` are the new ones."""

    def __init__(
        self,
        modules: Modules,
        stars: Mapping[str, Iterable[str]],
        words: Mapping[str, str],
        read: Callable[[str], bytes | None],
        names: Sequence[Name],
    ) -> None:
        self._modules = modules
        self._read = read
        self._names = names
        self._waiting: dict[str, list[str]] = {}  # by a word of their import statements
        self._importers: dict[str, list[str]] = {}
        self._others: dict[str, set[Name]] = {}
        for path, starred in stars.items():
            for dotted in starred:
                self._note(path, dotted)
        for path, text in words.items():
            for word in text.split() if "*" in text else ():
                self._waiting.setdefault(word, []).append(path)

    def of(self, module: str) -> tuple[Name, ...]:
        """Those of the new names that would hide another if they came into ``module``."""
        found = self._of(module, set())
        return tuple(name for name in self._names if name in found)

    def _of(self, module: str, asked: set[str]) -> set[Name]:
        asked.add(module)
        for path in self._waiting.pop(stem_of(module), ()):
            if path not in self._others:
                self._take(path)
        importers = self._importers.get(module, [])
        if not importers or b"__all__" in (self._read(module) or b""):
            return set()  # a name that is not in __all__ is not handed on
        found: set[Name] = set()
        for path in importers:
            if path not in self._others:
                self._others[path] = self._meaning_other(parsed(self._read(path) or b""))
            found |= self._others[path]
            if path not in asked:
                found |= self._of(path, asked)
        return found

    def _take(self, path: str) -> None:
        tree = parsed(self._read(path) or b"")
        self._others[path] = self._meaning_other(tree)
        for dotted, item, _ in imports_of(tree) if tree is not None else ():
            if item == "*":
                self._note(path, dotted)

    def _note(self, path: str, dotted: str) -> None:
        module = self._modules.find(path, dotted)
        if module is not None and not module[1]:
            self._importers.setdefault(module[0], []).append(path)

    def _meaning_other(self, tree: ast.Module | None) -> set[Name]:
        """The names by which a file means something else, or that it gets from where nobody sees."""
        if tree is None:
            return set()
        imported = [(bound, source) for source, item, bound in imports_of(tree) if item != "*"]
        named: dict[str, bool] = {}  # whether it is bound here
        for node in walked(tree):
            if isinstance(node, ast.Name):
                named[node.id] = named.get(node.id, False) or isinstance(node.ctx, ast.Store)
        found = set()
        for name, dotted in self._names:
            sources = [source for bound, source in imported if bound == name]
            if named.get(name) or any(source != dotted for source in sources) or (name in named and not sources):
                found.add((name, dotted))
        return found
