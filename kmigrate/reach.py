"""Which files can import a module at all, by the words of their import statements.

However a file imports a module, its statement names the part of the module's path that comes first below a folder that holds both
(``utils`` for ``pkg/utils/text.py`` seen from ``pkg/layers/core.py``); the ``__init__.py`` of a folder around it needs no naming.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from posixpath import dirname


class Reach:
    """Files that wait to be asked for. ``words`` are those of their import statements, between spaces; paths have ``/``."""

    def __init__(self, words: Mapping[str, str]) -> None:
        self._waiting = {path: frozenset(text.split()) for path, text in words.items()}
        self._folders: dict[str, list[str]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def importing(self, modules: Mapping[str, set[str]]) -> list[str]:
        """The waiting files that may import one of some modules by one of the words given for it. They wait no longer."""
        below = self._below(modules)
        found = [path for path, words in self._waiting.items() if self._imports(path, words, below, modules)]
        for path in found:
            del self._waiting[path]
        return found

    def _below(self, modules: Mapping[str, set[str]]) -> dict[str, dict[str, list[str]]]:
        """folder -> first part of the path below it -> modules; the empty part is the folder's own ``__init__.py``."""
        found: dict[str, dict[str, list[str]]] = {}
        for module in modules:
            below = module.removesuffix(".py")
            if below.endswith("/__init__"):
                below = dirname(below)
                found.setdefault(below, {}).setdefault("", []).append(module)
            for folder in self._above(below):
                part = below[len(folder) :].lstrip("/").partition("/")[0]
                found.setdefault(folder, {}).setdefault(part, []).append(module)
        return found

    def _imports(
        self, path: str, words: frozenset[str], below: Mapping[str, Mapping[str, list[str]]], modules: Mapping[str, set[str]]
    ) -> bool:
        for folder in self._above(path):
            parts = below.get(folder)
            if parts is None:
                continue
            for part in [p for p in parts if p in words] if len(parts) < len(words) else [w for w in words if w in parts]:
                if any(not words.isdisjoint(modules[module]) for module in parts[part]):
                    return True
            if any(not words.isdisjoint(modules[module]) for module in parts.get("", ())):
                return True
        return False

    def _above(self, path: str) -> list[str]:
        """The folders that hold a path, innermost first."""
        folder = dirname(path)
        if folder not in self._folders:
            self._folders[folder] = list(_with_those_above(folder))
        return self._folders[folder]


def _with_those_above(folder: str) -> Iterator[str]:
    while True:
        yield folder
        above = dirname(folder)
        if above == folder:
            return
        folder = above
