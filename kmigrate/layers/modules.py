"""Where a dotted module name of one file lies among the files of a project. Paths are strings with ``/``; nothing is read."""

from __future__ import annotations

from collections.abc import Collection
from posixpath import basename, dirname


class Modules:
    """The files of one project, by path."""

    def __init__(self, paths: Collection[str]) -> None:
        self._paths = frozenset(paths)
        self._near = _with_those_above({dirname(path) for path in self._paths})
        self._folder_of = {path: dirname(path) for path in self._paths}
        self._names = {part.removesuffix(".py") for path in self._paths for part in path.split("/")}
        self._dotted: dict[str, str] = {}
        self._found: dict[tuple[str, str], tuple[str, str] | None] = {}

    def find(self, importer: str, dotted: str) -> tuple[str, str] | None:
        """The file that the longest part of ``dotted`` names, seen from ``importer``, and what is left of the name.

        Absolute names are looked up beside the importer (a script's own folder), then in each folder above it (the
        folder that holds the package comes as one of them). None where no file of the project is meant.
        """
        if not dotted.startswith(".") and dotted.partition(".")[0] not in self._names:
            return None
        level = len(dotted) - len(dotted.lstrip("."))
        folder = self._folder_of.get(importer)
        if folder is None:
            folder = dirname(importer)
        key = folder, dotted
        if key not in self._found:
            parts = [part for part in dotted.split(".") if part]
            self._found[key] = self._relative(folder, level, parts) if level else self._absolute(folder, parts)
        found = self._found[key]
        return None if found is not None and found == (importer, "") and not level else found

    def dotted(self, path: str) -> str:
        """The name by which the topmost package around a file knows it: ``keras.layers.core`` for ``x/keras/layers/core.py``."""
        if path not in self._dotted:
            folder, _, file = path.rpartition("/")
            parts = [] if file == "__init__.py" else [file.removesuffix(".py")]
            while folder and f"{folder}/__init__.py" in self._paths:
                folder, _, name = folder.rpartition("/")
                parts.append(name)
            self._dotted[path] = ".".join(reversed(parts))
        return self._dotted[path]

    def package(self, path: str) -> str | None:
        """The ``__init__.py`` of the package that a module or package lies in; None where there is none."""
        folder = dirname(dirname(path) if path.endswith("/__init__.py") else path)
        init = f"{folder}/__init__.py" if folder else "__init__.py"
        return init if init in self._paths else None

    def _relative(self, folder: str, level: int, parts: list[str]) -> tuple[str, str] | None:
        for _ in range(level - 1):
            folder = dirname(folder)
        return self._below(folder, parts, own=True)

    def _absolute(self, folder: str, parts: list[str]) -> tuple[str, str] | None:
        beside = None
        while parts:
            first = f"{folder}/{parts[0]}" if folder else parts[0]
            if first in self._near or f"{first}.py" in self._paths:
                found = self._below(folder, parts, own=False)
                if found is not None:
                    if not self._hides_its_package(folder, parts[0]):
                        return found
                    beside = beside or found
            above = folder.rpartition("/")[0] or dirname(folder)
            if above == folder or above not in self._near:
                break
            folder = above
        return beside

    def _hides_its_package(self, folder: str, name: str) -> bool:
        """Whether a module here would have the name of a package around it: beside ``bert/bert.py``, or ``bert/graph/bert.py``,
        ``bert.layer`` is no part of it."""
        while f"{folder}/__init__.py" in self._paths:
            if basename(folder) == name:
                return True
            folder = dirname(folder)
        return False

    def _below(self, folder: str, parts: list[str], own: bool) -> tuple[str, str] | None:
        """``own``: the folder's own ``__init__.py`` may be meant, as in ``from . import name``."""
        for length in range(self._deepest(folder, parts), -1 if own else 0, -1):
            base = "/".join([folder, *parts[:length]]) if folder else "/".join(parts[:length])
            rest = ".".join(parts[length:])
            for path in (f"{base}.py" if length else "", f"{base}/__init__.py" if base else "__init__.py"):
                if path in self._paths:
                    return path, rest
        return None

    def _deepest(self, folder: str, parts: list[str]) -> int:
        """How many of the parts can name a file: all but the last of them are folders."""
        for number, part in enumerate(parts):
            folder = f"{folder}/{part}" if folder else part
            if folder not in self._near:
                return number + 1
        return len(parts)


def _with_those_above(folders: Collection[str]) -> set[str]:
    """Folders and all that hold them: those that can have files of the project beside an importer's."""
    found: set[str] = set()
    for folder in folders:
        here = folder
        while here not in found:
            found.add(here)
            here = dirname(here)
    return found
