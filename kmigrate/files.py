"""The two ends of the house that touch files: reading and atomically writing them (``discovery.py`` finds them)."""

from __future__ import annotations

import os
import stat
from contextlib import suppress

from kmigrate.light import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from kmigrate.filereport import FileError


_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0)
_AT_FIRST = 1 << 16  # bytes: nearly all files are smaller


class FileAccessError(Exception):
    """A file that could not be read or written, with one clear line for people."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message

    @property
    def file_error(self) -> FileError:
        """This problem as a line of the report."""
        from kmigrate.filereport import FileError

        return FileError(display_path(self.path), None, None, self.message)


def display_path(path: str | Path) -> str:
    """A path relative to the working directory, separated by ``/``."""
    try:
        relative = os.path.relpath(path)
    except ValueError:  # another drive, or the working directory is gone
        relative = str(path)
    return relative.replace(os.sep, "/")


def read(path: str | Path) -> bytes:
    """The bytes of a file. Raises FileAccessError."""
    try:
        return content(path)
    except OSError as error:
        from pathlib import Path

        raise FileAccessError(Path(path), why(error, "read")) from error


def content(path: str | Path) -> bytes:
    """The bytes of a file, a third cheaper than by ``open``, which asks about it what nobody needs here. Raises OSError."""
    file = os.open(path, _READ)
    try:
        data = os.read(file, _AT_FIRST)
        while more := os.read(file, len(data)):
            data += more
        return data
    finally:
        os.close(file)


def why(error: OSError, doing: str) -> str:
    """The cause of a failure in words; ``doing`` is ``read`` or ``write``."""
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
    from pathlib import Path

    try:
        _replace(Path(os.path.realpath(path)), data, durable)
    except OSError as error:
        raise FileAccessError(path, why(error, "write")) from error


def _replace(target: Path, data: bytes, durable: bool) -> None:
    old = target.stat() if target.exists() else None
    if old is not None and stat.S_ISDIR(old.st_mode):
        raise IsADirectoryError(str(target))
    if old is not None and not os.access(target, os.W_OK):
        # Replacing needs the folder's permission only, but a read-only file is meant to stay as it is.
        raise PermissionError(str(target))
    import tempfile

    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:100]}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as temporary:
            temporary.write(data)
            temporary.flush()
            if durable:
                os.fsync(temporary.fileno())
        _copy_owner_and_mode(name, old)
        os.replace(name, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def _copy_owner_and_mode(name: str, old: os.stat_result | None) -> None:
    if old is None:
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)
        return
    # First the owner: changing it takes special bits away from the mode.
    if hasattr(os, "chown") and (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
        with suppress(OSError):
            os.chown(name, old.st_uid, old.st_gid)
    os.chmod(name, stat.S_IMODE(old.st_mode))
