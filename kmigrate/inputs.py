"""What a run is about: the files that are asked for, those that decide about them, and the state that all are in."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from kmigrate.cache import Stat, stat_of
from kmigrate.config import Config
from kmigrate.discovery import discover, key_of
from kmigrate.files import display_path
from kmigrate.light import TYPE_CHECKING
from kmigrate.neighbours import files_around

if TYPE_CHECKING:
    from kmigrate.filereport import FileError


class Inputs:
    """``files`` maps each file that is asked for to its path as it is shown, in order, ``named`` to its path as it was given;
    ``others`` are the files around them.

    Files are known by ``key_of``. ``given`` holds the bytes of those that are not read from the disk (standard input);
    ``errors`` are paths that mean no file.
    """

    def __init__(self, config: Config, paths: Sequence[str], stdin_name: str | None = None) -> None:
        self.given: dict[str, bytes] = {}
        self.files: dict[str, str] = {}
        self.named: dict[str, str] = {}
        if "-" in paths:
            name = stdin_name or "-"
            self.given[key_of(name)] = sys.stdin.buffer.read()
            self.files[key_of(name)] = self.named[key_of(name)] = name
        found = discover([p for p in paths if p != "-"], config)
        self.errors: list[FileError] = found.errors
        here = key_of(".").rstrip("/") + "/"
        for name in found.files:
            # Nearly all of thousands of paths only lack the working directory in front of them.
            plain = os.sep == "/" and name[0] not in "./" and "/.." not in name
            key = here + name if plain else key_of(name)
            if key not in self.given:
                self.files[key] = name if plain else display_path(name)
                self.named[key] = name
        # Standard input need not be a file, and through a link a key may say what is not so.
        existing = self.files if found.searched and not self.given else ()
        self.others = files_around(self.files, config, found.searched, existing)

    def states(self) -> list[tuple[str, Stat]] | None:
        """Time, size and inode of every file that decides; None where one is too young for its time to be trusted."""
        found = []
        for key in sorted({*self.files, *self.others}):
            state = stat_of(key)
            if state is None:
                return None
            found.append((key, state))
        return found
