"""The two ends of the house that touch files: finding, reading and atomically writing them."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from kmigrate.config import Config
from kmigrate.model import FileError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

_SKIPPED_VCS = {".git", ".hg", ".svn", ".bzr"}
_SKIPPED_ENVIRONMENTS = {".venv", "venv", ".tox", ".nox", "site-packages", "node_modules"}
_SKIPPED_OUTPUTS = {"build", "dist", ".eggs", "__pycache__", "__pypackages__", ".ipynb_checkpoints"}
_SKIPPED_CACHES = {".mypy_cache", ".pytest_cache", ".ruff_cache"}
_SKIPPED_DIRECTORIES = frozenset(_SKIPPED_VCS | _SKIPPED_ENVIRONMENTS | _SKIPPED_OUTPUTS | _SKIPPED_CACHES)
_SKIPPED_PATTERN = "*.egg-info"


class FileAccessError(Exception):
    """A file that could not be read or written, with one clear line for people."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message

    @property
    def file_error(self) -> FileError:
        """This problem as a line of the report."""
        return FileError(display_path(self.path), None, None, self.message)


def display_path(path: str | Path) -> str:
    """A path relative to the working directory, separated by ``/``."""
    try:
        relative = os.path.relpath(path)
    except ValueError:  # another drive, or the working directory is gone
        relative = str(path)
    return relative.replace(os.sep, "/")


def read(path: Path) -> bytes:
    """The bytes of a file. Raises FileAccessError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise FileAccessError(path, _why(error, "read")) from error


def _why(error: OSError, doing: str) -> str:
    if isinstance(error, FileNotFoundError):
        return "the file does not exist (any more)" if doing == "read" else "the folder does not exist"
    if isinstance(error, IsADirectoryError):
        return "this is a directory, not a file"
    if isinstance(error, PermissionError):
        return f"no permission to {doing} it"
    return f"cannot {doing} it: {error.strerror or error}"


def write_atomic(path: Path, data: bytes, durable: bool = True) -> None:
    """Replace the content of a file in one step: whatever happens, the old or the new one is there, whole.

    Keeps the mode and, where allowed, the owner; writes through a symlink to its target. ``durable``: waits until the disk
    has it, so that not even a power cut leaves an empty file.
    Raises FileAccessError.
    """
    try:
        _replace(Path(os.path.realpath(path)), data, durable)
    except OSError as error:
        raise FileAccessError(path, _why(error, "write")) from error


def _replace(target: Path, data: bytes, durable: bool) -> None:
    old = target.stat() if target.exists() else None
    if old is not None and stat.S_ISDIR(old.st_mode):
        raise IsADirectoryError(str(target))
    if old is not None and not os.access(target, os.W_OK):
        # Replacing needs the folder's permission only, but a read-only file is meant to stay as it is.
        raise PermissionError(str(target))
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:100]}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as temporary:
            temporary.write(data)
            temporary.flush()
            if durable:
                os.fsync(temporary.fileno())
        _copy_owner_and_mode(name, old)
        os.replace(name, target)  # noqa: PTH105 - the tests make it fail here
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def _copy_owner_and_mode(name: str, old: os.stat_result | None) -> None:
    if old is None:
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)  # noqa: PTH101 - beside os.replace and os.chown
        return
    # First the owner: changing it takes special bits away from the mode.
    if hasattr(os, "chown") and (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
        with suppress(OSError):
            os.chown(name, old.st_uid, old.st_gid)
    os.chmod(name, stat.S_IMODE(old.st_mode))  # noqa: PTH101 - beside os.replace and os.chown


def discover(paths: Sequence[str], config: Config) -> tuple[list[Path], list[FileError]]:
    """The Python files that ``paths`` mean, sorted, each once, and the paths that mean none.

    A file that is named is always taken. Directories are searched, without what .gitignore files, ``exclude``
    and the usual names of generated folders leave out; symlinks to directories are followed only if named.
    """
    walk = _Walk(config)
    for name in paths:
        walk.add(name)
    return walk.result(), walk.errors


@dataclass(frozen=True)
class _Ignore:
    """The patterns of one .gitignore, or of the configuration, and the (real) folder they are relative to."""

    base: str
    spec: GitIgnoreSpec

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


def _levels_above(directory: str) -> list[_Ignore]:
    """The .gitignore files of the folders above ``directory``, up to the root of its repository."""
    above: list[_Ignore | None] = []
    here = Path(directory)
    for folder in (here, *here.parents):
        if folder != here:
            above.append(_ignore_file(str(folder), folder / ".gitignore"))
        if (folder / ".git").exists():
            above.append(_ignore_file(str(folder), folder / ".git" / "info" / "exclude"))
            return [level for level in reversed(above) if level is not None]
    return []  # Without a repository, what lies above is not ours.


class _Walk:
    """The files found so far, by their real path."""

    def __init__(self, config: Config) -> None:
        self.errors: list[FileError] = []
        self._exclude = _ignore(os.path.realpath(config.root), config.exclude)
        self._files: dict[str, Path] = {}
        self._links: list[tuple[str, Path]] = []
        self._visited: set[str] = set()

    def result(self) -> list[Path]:
        """All files, sorted. A file also found through a symlink is listed once, under its own name."""
        for real, path in self._links:
            self._files.setdefault(real, path)
        return sorted(self._files.values())

    def add(self, name: str) -> None:
        """Take one path that the user gave."""
        path = Path(name)
        try:
            mode = os.stat(name).st_mode  # noqa: PTH116 - Path("") would be "."
        except ValueError:
            self._fail(name, "this is no path")
        except FileNotFoundError:
            self._fail(name, "no such file or directory")
        except OSError as error:
            self._fail(name, _why(error, "read"))
        else:
            real = os.path.realpath(name)
            if stat.S_ISDIR(mode):
                levels = _levels_above(real)
                # A folder that is named is searched, even if the patterns above would leave it out.
                exclude = self._exclude
                if exclude is not None and _any_ignored([exclude], real):
                    exclude = None
                self._search(path, real, [] if _any_ignored(levels, real) else levels, exclude)
            elif stat.S_ISREG(mode):
                self._files[real] = path
            else:
                self._fail(name, "neither a regular file nor a directory")

    def _fail(self, path: str | Path, message: str) -> None:
        shown = display_path(path) if str(path) and "\0" not in str(path) else str(path)
        self.errors.append(FileError(shown, None, None, message))

    def _search(self, top: Path, top_real: str, top_levels: list[_Ignore], exclude: _Ignore | None) -> None:
        """Take the Python files below a directory."""
        waiting = [(top, top_real, top_levels)]
        while waiting:
            path, real, levels = waiting.pop()
            if real in self._visited:
                continue
            self._visited.add(real)
            try:
                with os.scandir(path) as scan:
                    entries = list(scan)
            except OSError as error:
                self._fail(path, _why(error, "read"))
                continue
            own = self._own_level(entries, path, real)
            below = [*levels, own] if own else levels
            for entry, entry_real, is_dir in _wanted(entries, real, below, exclude):
                if is_dir:
                    waiting.append((path / entry.name, entry_real, below))
                elif entry.is_symlink():
                    self._links.append((os.path.realpath(entry_real), path / entry.name))
                else:
                    self._files.setdefault(entry_real, path / entry.name)

    @staticmethod
    def _own_level(entries: list[os.DirEntry[str]], path: Path, real: str) -> _Ignore | None:
        if any(entry.name == ".gitignore" for entry in entries):
            return _ignore_file(real, path / ".gitignore")
        return None


def _wanted(
    entries: list[os.DirEntry[str]], real: str, levels: list[_Ignore], exclude: _Ignore | None
) -> Iterator[tuple[os.DirEntry[str], str, bool]]:
    """The Python files and folders to look at, with their real paths and whether they are folders."""
    for entry in entries:
        try:
            is_dir = entry.is_dir(follow_symlinks=False)
            if not is_dir and not (entry.name.endswith(".py") and entry.is_file()):
                continue
        except OSError:  # a symlink to itself
            continue
        if is_dir and (entry.name in _SKIPPED_DIRECTORIES or fnmatch(entry.name, _SKIPPED_PATTERN)):
            continue
        entry_real = os.path.join(real, entry.name)  # noqa: PTH118 - hot
        if exclude is not None and exclude.verdict(entry_real, is_dir):
            continue
        if not _ignored(levels, entry_real, is_dir):
            yield entry, entry_real, is_dir


def _any_ignored(levels: Sequence[_Ignore], real: str) -> bool:
    """Whether a folder, or one that holds it, is left out by the levels above it."""
    return any(_ignored(levels, str(folder), True) for folder in (Path(real), *Path(real).parents))
