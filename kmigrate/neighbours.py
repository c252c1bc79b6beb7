"""Which files decide about each other: those of the packages, or the folders of scripts, that the files asked for lie in."""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress
from os.path import dirname

from kmigrate.config import Config
from kmigrate.discovery import discover, key_of


class Packages:
    """Which folders are packages; the disk is asked once about each of which none of the ``files``, which exist, tells."""

    def __init__(self, files: Collection[str] = ()) -> None:
        self._files = files
        self._known: dict[str, bool] = {}

    def __contains__(self, folder: str) -> bool:
        known = self._known.get(folder)
        if known is None:
            init = f"{folder}/__init__.py"
            known = self._known[folder] = init in self._files or os.path.isfile(init)
        return known

    def top(self, folder: str) -> str:
        """The topmost folder that is a package and holds ``folder``, or ``folder`` itself where it is none."""
        top = folder
        while top in self:
            folder, top = top, dirname(top)
        return folder


def files_around(
    files: Collection[str], config: Config, searched: Collection[str] = (), existing: Collection[str] = ()
) -> list[str]:
    """The Python files of the packages that ``files`` lie in, and those beside a file that lies in none; all by ``key_of``.

    Those of the folders ``searched`` (see ``Discovered``) are known already and not listed again. ``existing`` are files that
    surely lie where their keys say.
    """
    packages = Packages(existing)
    tops: set[str] = set()
    beside: list[str] = []
    for folder in sorted({file.rpartition("/")[0] or "/" for file in files}):
        if folder in packages:
            tops.add(packages.top(folder))
        else:
            with suppress(OSError):  # the folder of standard input's name need not exist
                beside += [f"{folder.rstrip('/')}/{name}" for name in os.listdir(folder) if name.endswith(".py")]
    found = discover(sorted(tops.difference(searched)), config).files
    return [*map(key_of, found), *beside]
