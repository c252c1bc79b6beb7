"""Which files decide about each other: those of the packages, or the folders of scripts, that the files asked for lie in."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from kmigrate.config import Config
from kmigrate.files import discover


def key_of(path: Path) -> str:
    """The path by which the index knows a file."""
    return os.path.abspath(path).replace(os.sep, "/")


def package_top(folder: str) -> str:
    """The topmost folder that is a package and holds ``folder``, or ``folder`` itself where it is none."""
    top = folder
    while os.path.isfile(f"{top}/__init__.py"):
        folder, top = top, os.path.dirname(top)
    return folder


def files_around(files: Iterable[Path], config: Config) -> list[Path]:
    """The Python files of the packages that ``files`` lie in, and those beside a file that lies in none."""
    tops: set[str] = set()
    beside: list[Path] = []
    for folder in sorted({os.path.dirname(key_of(file)) for file in files}):
        if os.path.isfile(f"{folder}/__init__.py"):
            tops.add(package_top(folder))
        else:
            beside += Path(folder).glob("*.py")
    found, _ = discover(sorted(tops), config)
    return [*found, *beside]
