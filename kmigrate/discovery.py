"""Which Python files a run means: named files, and what is below named directories as git and the configuration see it.

Paths are strings here, joined and compared as such: thousands of ``pathlib`` objects cost more than asking the disk.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence

from kmigrate.config import Config
from kmigrate.files import content, display_path, why
from kmigrate.light import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

    from kmigrate.filereport import FileError

_SKIPPED_VCS = {".git", ".hg", ".svn", ".bzr"}
_SKIPPED_ENVIRONMENTS = {".venv", "venv", ".tox", ".nox", "site-packages", "node_modules"}
_SKIPPED_OUTPUTS = {"build", "dist", ".eggs", "__pycache__", "__pypackages__", ".ipynb_checkpoints"}
_SKIPPED_CACHES = {".mypy_cache", ".pytest_cache", ".ruff_cache"}
_SKIPPED_DIRECTORIES = frozenset(_SKIPPED_VCS | _SKIPPED_ENVIRONMENTS | _SKIPPED_OUTPUTS | _SKIPPED_CACHES)
_SKIPPED_ENDING = ".egg-info"
_GITS = (".git", ".gitignore")


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


def _ignore_file(base: str, file: str) -> _Ignore | None:
    try:
        text = content(file).decode("utf-8", "surrogateescape")
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
    repository = next((folder for folder in _with_those_above(directory) if os.path.exists(os.path.join(folder, ".git"))), None)
    if repository is None:
        return [], False  # Without a repository, what lies above is not ours.
    above = [_ignore_file(repository, os.path.join(repository, ".git", "info", "exclude"))]
    for folder in reversed(list(_with_those_above(directory))):
        if folder != directory and len(folder) >= len(repository):
            above.append(_ignore_file(folder, os.path.join(folder, ".gitignore")))
    return [level for level in above if level is not None], True


def _with_those_above(folder: str) -> Iterator[str]:
    """A folder and all that hold it, innermost first."""
    while True:
        yield folder
        above = os.path.dirname(folder)
        if above == folder:
            return
        folder = above


def _plain(path: str) -> str:
    """A path as ``pathlib`` writes it: without ``.``, doubled and final separators, but with ``..``."""
    parts = path.split(os.sep)
    if path == "." or (os.sep == "/" and path and "." not in parts and "" not in parts[1:]):
        return path
    from pathlib import Path

    return str(Path(path))


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
        return Discovered(sorted(self._files.values(), key=_in_order), self._errors, searched)

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
                self._search(_plain(name), real, levels, exclude, tracked, complete)
            elif stat.S_ISREG(mode):
                self._files[real] = _plain(name)
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
        shown = "" if top == "." else os.path.join(top, "")
        base, key = os.path.join(top_real, ""), key_of(top).rstrip("/") + "/"
        waiting = [("", top_levels, complete)]
        while waiting:
            below, levels, complete = waiting.pop()
            real = base + below
            if real in self._visited:
                continue
            self._visited.add(real)
            try:
                folders, files, links, git = _listing(shown + below or ".")
            except OSError as error:
                self._fail((shown + below).rstrip(os.sep) or ".", why(error, "read"))
                continue
            if git:
                # A repository inside this one has patterns of its own.
                complete = complete and (not below or ".git" not in git)
                own = _ignore_file(real, real + ".gitignore") if ".gitignore" in git else None
                inner = [*levels, own] if own else levels
            else:
                inner = levels
            if complete and (tracked or not levels):
                self._searched.add((key + below).replace(os.sep, "/")[:-1] or "/")
            if inner or exclude is not None:
                folders, files, links = _kept(real, folders, files, links, inner, exclude)
            for name in folders:
                waiting.append((f"{below}{name}{os.sep}", inner, complete))
            for name in files:
                self._files.setdefault(real + name, shown + below + name)
            for name in links:
                self._links.append((os.path.realpath(real + name), shown + below + name))


def _in_order(path: str) -> str:
    """What ``pathlib`` compares paths by, their parts: ``a/b.py`` comes before ``a.py``."""
    parts = (path if os.name == "posix" else os.path.normcase(path)).replace(os.sep, "\0")
    return os.sep + parts if parts[:1] == "\0" else parts


def _listing(folder: str) -> tuple[list[str], list[str], list[str], list[str]]:
    """What a folder holds: folders (without those that are never looked at), Python files, symlinks to Python files, and which of
    git's own. Raises OSError."""
    folders: list[str] = []
    files: list[str] = []
    links: list[str] = []
    git: list[str] = []
    with os.scandir(folder) as scan:
        for entry in scan:
            name = entry.name
            try:
                if entry.is_dir(follow_symlinks=False):
                    if name not in _SKIPPED_DIRECTORIES and not name.endswith(_SKIPPED_ENDING):
                        folders.append(name)
                elif name.endswith(".py") and entry.is_file():
                    (links if entry.is_symlink() else files).append(name)
            except OSError:  # a symlink to itself
                continue
            if name in _GITS:
                git.append(name)
    return folders, files, links, git


def _kept(
    real: str, folders: list[str], files: list[str], links: list[str], levels: Sequence[_Ignore], exclude: _Ignore | None
) -> tuple[list[str], list[str], list[str]]:
    """Those that no pattern leaves out. ``real`` is the folder's real path, with a separator at its end."""

    def kept(name: str, is_dir: bool = False) -> bool:
        path = real + name
        return not (exclude is not None and exclude.verdict(path, is_dir)) and not _ignored(levels, path, is_dir)

    return [name for name in folders if kept(name, True)], list(filter(kept, files)), list(filter(kept, links))


def _any_ignored(levels: Sequence[_Ignore], real: str) -> bool:
    """Whether a folder, or one that holds it, is left out by the levels above it."""
    return bool(levels) and any(_ignored(levels, folder, True) for folder in _with_those_above(real))
