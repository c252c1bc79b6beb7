"""Which Python files a run means: named files, and what is below named directories as git and the configuration see it.

Paths are strings here, joined and compared as such: thousands of ``pathlib`` objects cost more than asking the disk.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kmigrate.config import Config
from kmigrate.files import display_path, why

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

    from kmigrate.model import FileError

_SKIPPED_VCS = {".git", ".hg", ".svn", ".bzr"}
_SKIPPED_ENVIRONMENTS = {".venv", "venv", ".tox", ".nox", "site-packages", "node_modules"}
_SKIPPED_OUTPUTS = {"build", "dist", ".eggs", "__pycache__", "__pypackages__", ".ipynb_checkpoints"}
_SKIPPED_CACHES = {".mypy_cache", ".pytest_cache", ".ruff_cache"}
_SKIPPED_DIRECTORIES = frozenset(_SKIPPED_VCS | _SKIPPED_ENVIRONMENTS | _SKIPPED_OUTPUTS | _SKIPPED_CACHES)
_SKIPPED_ENDING = ".egg-info"


class Discovered:
    """``files`` are sorted, each once, named as the paths name them; ``errors`` the paths that mean none.

    ``searched`` are the folders, by ``key_of``, whose files are all among them that naming the folder itself would give.
    """

    def __init__(self, files: list[str], errors: list[FileError], searched: set[str]) -> None:
        self.files = files
        self.errors = errors
        self.searched = searched


def key_of(path: str | os.PathLike[str]) -> str:
    """The path by which the index knows a file."""
    return os.path.abspath(path).replace(os.sep, "/")


def discover(paths: Sequence[str], config: Config) -> Discovered:
    """The Python files that ``paths`` mean.

    A file that is named is always taken. Directories are searched, without what .gitignore files, ``exclude``
    and the usual names of generated folders leave out; symlinks to directories are followed only if named.
    """
    walk = _Walk(config)
    for name in paths:
        walk.add(name)
    return walk.result()


class _Ignore:
    """The patterns of one .gitignore, or of the configuration, and the (real) folder they are relative to."""

    def __init__(self, base: str, spec: GitIgnoreSpec) -> None:
        self.base = base
        self.spec = spec

    def verdict(self, real: str, is_dir: bool) -> bool | None:
        """True: leave out; False: taken back in by a ``!`` pattern; None: nothing said."""
        if not real.startswith(self.base):
            return None
        relative = real[len(self.base) :].replace(os.sep, "/")
        return self.spec.check_file(relative + "/" if is_dir else relative).include


def _ignore(base: str, lines: Iterable[str]) -> _Ignore | None:
    wanted = [line for line in lines if line.strip() and not line.startswith("#")]
    if not wanted:
        return None
    from pathspec import GitIgnoreSpec

    prefix = base if base.endswith(os.sep) else base + os.sep
    try:
        return _Ignore(prefix, GitIgnoreSpec.from_lines(wanted))
    except ValueError:
        return _Ignore(prefix, GitIgnoreSpec.from_lines(line for line in wanted if _valid(line)))


def _valid(line: str) -> bool:
    """Whether a line is a pattern: git passes over those that are not (a lone ``!``, say)."""
    from pathspec import GitIgnoreSpec

    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError:
        return False
    return True


def _ignore_file(base: str, file: Path) -> _Ignore | None:
    try:
        text = file.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    return _ignore(base, text.splitlines())


def _ignored(levels: Sequence[_Ignore], real: str, is_dir: bool) -> bool:
    """What the last level that says anything says, as git does it."""
    for level in reversed(levels):
        verdict = level.verdict(real, is_dir)
        if verdict is not None:
            return verdict
    return False


def _levels_above(directory: str) -> tuple[list[_Ignore], bool]:
    """The .gitignore files of the folders above ``directory``, up to the root of its repository, and whether it lies in one."""
    above: list[_Ignore | None] = []
    here = Path(directory)
    for folder in (here, *here.parents):
        if folder != here:
            above.append(_ignore_file(str(folder), folder / ".gitignore"))
        if (folder / ".git").exists():
            above.append(_ignore_file(str(folder), folder / ".git" / "info" / "exclude"))
            return [level for level in reversed(above) if level is not None], True
    return [], False  # Without a repository, what lies above is not ours.


class _Walk:
    """The files found so far, by their real path."""

    def __init__(self, config: Config) -> None:
        self._errors: list[FileError] = []
        self._exclude = _ignore(os.path.realpath(config.root), config.exclude)
        self._files: dict[str, str] = {}
        self._links: list[tuple[str, str]] = []
        self._visited: set[str] = set()
        self._searched: set[str] = set()
        self._linked = False

    def result(self) -> Discovered:
        """All files, sorted. A file also found through a symlink is listed once, under its own name."""
        for real, path in self._links:
            self._files.setdefault(real, path)
        # Through a link a file may be listed as one of another folder: then no folder's files are surely complete.
        searched = set() if self._links or self._linked else self._searched
        return Discovered(sorted(self._files.values(), key=_parts), self._errors, searched)

    def add(self, name: str) -> None:
        """Take one path that the user gave."""
        try:
            mode = os.stat(name).st_mode
        except ValueError:
            self._fail(name, "this is no path")
        except FileNotFoundError:
            self._fail(name, "no such file or directory")
        except OSError as error:
            self._fail(name, why(error, "read"))
        else:
            real = os.path.realpath(name)
            self._linked = self._linked or key_of(name) != real.replace(os.sep, "/")
            if stat.S_ISDIR(mode):
                levels, tracked = _levels_above(real)
                # A folder that is named is searched, even if the patterns above would leave it out.
                exclude = self._exclude
                if exclude is not None and _any_ignored([exclude], real):
                    exclude = None
                complete = exclude is self._exclude
                if _any_ignored(levels, real):
                    levels, complete = [], False
                self._search(str(Path(name)), real, levels, exclude, tracked, complete)
            elif stat.S_ISREG(mode):
                self._files[real] = str(Path(name))
            else:
                self._fail(name, "neither a regular file nor a directory")

    def _fail(self, path: str, message: str) -> None:
        from kmigrate.model import FileError

        shown = display_path(path) if path and "\0" not in path else path
        self._errors.append(FileError(shown, None, None, message))

    def _search(
        self, top: str, top_real: str, top_levels: list[_Ignore], exclude: _Ignore | None, tracked: bool, complete: bool
    ) -> None:
        """Take the Python files below a directory. ``tracked``: it lies in a repository, so that naming a folder below it finds
        the same .gitignore files; ``complete``: none of these left out the directory itself."""
        waiting = [("" if top == "." else os.path.join(top, ""), top_real, key_of(top), top_levels, complete)]
        while waiting:
            prefix, real, key, levels, complete = waiting.pop()
            if real in self._visited:
                continue
            self._visited.add(real)
            try:
                with os.scandir(prefix or ".") as scan:
                    entries = list(scan)
            except OSError as error:
                self._fail(prefix.rstrip(os.sep) or ".", why(error, "read"))
                continue
            # A repository inside this one has patterns of its own.
            names = {entry.name for entry in entries}
            complete = complete and (real == top_real or ".git" not in names)
            if complete and (tracked or not levels):
                self._searched.add(key)
            own = _ignore_file(real, Path(prefix, ".gitignore")) if ".gitignore" in names else None
            below = [*levels, own] if own else levels
            for entry, entry_real, is_dir in _wanted(entries, real, below, exclude):
                path = prefix + entry.name
                if is_dir:
                    waiting.append((path + os.sep, entry_real, f"{key.rstrip('/')}/{entry.name}", below, complete))
                elif entry.is_symlink():
                    self._links.append((os.path.realpath(entry_real), path))
                else:
                    self._files.setdefault(entry_real, path)


def _parts(path: str) -> list[str]:
    """What ``pathlib`` compares paths by: ``a/b.py`` comes before ``a.py``."""
    parts = os.path.normcase(path).split(os.sep)
    parts[0] = parts[0] or os.sep
    return parts


def _wanted(
    entries: list[os.DirEntry[str]], real: str, levels: list[_Ignore], exclude: _Ignore | None
) -> Iterator[tuple[os.DirEntry[str], str, bool]]:
    """The Python files and folders to look at, with their real paths and whether they are folders."""
    real = real if real.endswith(os.sep) else real + os.sep
    for entry in entries:
        name = entry.name
        try:
            is_dir = entry.is_dir(follow_symlinks=False)
            if not is_dir and not (name.endswith(".py") and entry.is_file()):
                continue
        except OSError:  # a symlink to itself
            continue
        if is_dir and (name in _SKIPPED_DIRECTORIES or name.endswith(_SKIPPED_ENDING)):
            continue
        entry_real = real + name
        if exclude is not None and exclude.verdict(entry_real, is_dir):
            continue
        if not levels or not _ignored(levels, entry_real, is_dir):
            yield entry, entry_real, is_dir


def _any_ignored(levels: Sequence[_Ignore], real: str) -> bool:
    """Whether a folder, or one that holds it, is left out by the levels above it."""
    return any(_ignored(levels, str(folder), True) for folder in (Path(real), *Path(real).parents))
