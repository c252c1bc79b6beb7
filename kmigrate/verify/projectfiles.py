"""The files of a project that may mention a name, and what they say: the edge where ``usages`` meets the disk."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kmigrate.verify.usages import Usage, usages_in_module, usages_in_prose

_ROOT_MARKS = ("pyproject.toml", "setup.py", "setup.cfg", ".git")
_SKIPPED = {".git", ".venv", "venv", "node_modules", "__pycache__", ".tox", "site-packages", "build", "dist", ".mypy_cache"}
_MOST_FILES = 3000
_MOST_BYTES = 1 << 20


@dataclass(slots=True)
class ProjectFiles:
    """Read once, on first use. ``root`` is the folder that the module's project lies in."""

    root: Path
    _texts: dict[Path, str] | None = None
    _usages: dict[str, list[Usage]] = field(default_factory=dict)

    def usages(self, name: str) -> list[Usage]:
        """The calls of ``name``: in tests and examples first, then in the library, then in prose."""
        if name not in self._usages:
            found: list[tuple[int, Usage]] = []
            for path, text in self._mentioning(name):
                shown = path.relative_to(self.root).as_posix()
                read = usages_in_module if path.suffix == ".py" else usages_in_prose
                order = 2 if path.suffix != ".py" else 0 if re.search(r"test|example|demo", shown) else 1
                found += [(order, usage) for usage in read(text, name, shown)]
            self._usages[name] = [usage for _, usage in sorted(found, key=lambda item: item[0])]
        return self._usages[name]

    def classes(self, pattern: str) -> list[tuple[str, str]]:
        """(module, class) for classes whose name matches, the shortest name first: ``Config`` before ``CocoConfig``."""
        found = []
        for path, text in self._all().items():
            if path.suffix == ".py":
                for name in re.findall(r"^class (\w+)\b", text, re.MULTILINE):
                    if re.fullmatch(pattern, name):
                        found.append((_module_name(path), name))
        return sorted(set(found), key=lambda item: (len(item[1]), item))

    def classes_with(self, attribute: str) -> list[tuple[str, str]]:
        """(module, class) for classes whose body sets that attribute: what a configuration object looks like."""
        found = []
        pattern = re.compile(rf"^\s+(?:self\.)?{re.escape(attribute)}\s*(?::[^=\n]*)?=[^=]", re.MULTILINE)
        for path, text in self._all().items():
            if path.suffix == ".py":
                for match in pattern.finditer(text):
                    owners = re.findall(r"^class (\w+)\b", text[: match.start()], re.MULTILINE)
                    if owners:
                        found.append((_module_name(path), owners[-1]))
        return list(dict.fromkeys(sorted(found, key=lambda item: (len(item[1]), item))))

    def _mentioning(self, name: str) -> Iterator[tuple[Path, str]]:
        for path, text in self._all().items():
            if f"{name}(" in text:
                yield path, text

    def _all(self) -> dict[Path, str]:
        if self._texts is None:
            self._texts = {path: text for path in _walk(self.root) if (text := _read(path)) is not None}
        return self._texts


def project_root(path: Path) -> Path:
    """The nearest folder above that looks like a project's, else the outermost package."""
    folder = path.resolve().parent
    for above in (folder, *folder.parents):
        if any((above / mark).exists() for mark in _ROOT_MARKS):
            return above
    while (folder.parent / "__init__.py").is_file():
        folder = folder.parent
    return folder


def _module_name(path: Path) -> str:
    parts = [path.stem] if path.name != "__init__.py" else []
    folder = path.parent
    while (folder / "__init__.py").is_file():
        parts.insert(0, folder.name)
        folder = folder.parent
    return ".".join(parts)


def _walk(root: Path) -> Iterator[Path]:
    count = 0
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED and not name.startswith("."))
        for name in sorted(files):
            if name.endswith((".py", ".md", ".rst")):
                count += 1
                if count > _MOST_FILES:
                    return
                yield Path(folder) / name


def _read(path: Path) -> str | None:
    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        return path.read_text("utf-8", "replace")
    except OSError:
        return None
