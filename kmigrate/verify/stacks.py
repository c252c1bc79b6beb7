"""Stacks: pinned environments, each with a Keras and its engines, made on first use in the user's cache directory.

A stack is one table in ``stacks.toml`` and one hash-pinned lock in ``locks/``. Its directory carries a digest of the lock,
so that a changed lock makes a new stack and never a mixed one. It is built under a temporary name and renamed when
complete: a killed installation leaves no half stack, and two installations at the same time wait for each other.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Literal

from kmigrate.model import UserError
from kmigrate.toml import tomllib
from kmigrate.verify import overlays

HERE = Path(__file__).resolve().parent
CACHE_VARIABLE = "KMIGRATE_CACHE_DIR"
DEFAULT_STACKS = {"keras2": "keras2-tf1"}
_COMPLETE = "kmigrate-stack.txt"
_KEYS = {"target", "python", "engines", "summary", "requirements"}

Status = Literal["installed", "missing", "no-python"]


@dataclass(frozen=True, slots=True)
class Stack:
    """``python`` is ``major.minor``; ``lock`` is the file of pins; ``requirements`` are what the lock was made from;
    ``extra`` are the distributions of an overlay (see ``overlays``), which ``name`` has as well."""

    name: str
    target: str
    python: str
    engines: tuple[str, ...]
    summary: str
    requirements: tuple[str, ...]
    lock: Path
    extra: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Twelve hex digits that change with the pins, with the Python version and with what is added."""
        # Newlines are normalised: a checkout with CRLF is the same stack.
        pins = self.lock.read_bytes().replace(b"\r\n", b"\n")
        added = "".join(f"\n+{requirement}" for requirement in self.extra)
        return hashlib.sha256(self.python.encode() + b"\n" + pins + added.encode()).hexdigest()[:12]

    @property
    def versions(self) -> dict[str, str]:
        """The versions that a reader of results asks for: Python, Keras, the engines and numpy, from the lock."""
        pins = dict(re.findall(r"^([\w.-]+)==([^\s;]+)", self.lock.read_text(encoding="utf-8"), re.MULTILINE))
        wanted = ("keras", *self.engines, *(f"{engine}-cpu" for engine in self.engines), "numpy")
        added = dict(requirement.split("==") for requirement in self.extra if "==" in requirement)
        return {"python": self.python, **{name: pins[name] for name in wanted if name in pins}, **added}

    @property
    def directory(self) -> Path:
        name = self.name.partition("+")[0]
        return cache_dir() / ("overlays" if self.extra else "stacks") / f"{name}-{self.digest}"


def cache_dir() -> Path:
    """``$KMIGRATE_CACHE_DIR``, else the platform's place for caches."""
    given = os.environ.get(CACHE_VARIABLE)
    if given:
        return Path(given).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_cache_dir("kmigrate", appauthor=False))


def load_stacks(path: Path = HERE / "stacks.toml") -> dict[str, Stack]:
    """Every stack by name. Raises UserError that names file, table and key."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: {error}") from None
    return {name: _stack(path, name, table) for name, table in tables.items()}


def get_stack(name: str) -> Stack:
    """One stack by its name, or an overlay by ``NAME+DISTRIBUTION...``. Raises UserError that lists the names."""
    stacks = load_stacks()
    base, *added = name.split("+")
    if base not in stacks:
        raise UserError(f"no stack is called {base!r}; there are: {', '.join(sorted(stacks))}")
    for requirement in added:
        if not overlays.is_requirement(requirement):
            raise UserError(f"stack {name!r}: {requirement!r} is no NAME or NAME==VERSION of a distribution")
    return with_extra(stacks[base], added)


def with_extra(stack: Stack, added: Iterable[str]) -> Stack:
    """The stack with distributions beside it, those included that it has."""
    extra = tuple(sorted({*stack.extra, *added}))
    return replace(stack, name="+".join([stack.name.partition("+")[0], *extra]), extra=extra)


def _stack(path: Path, name: str, table: Any) -> Stack:
    if not isinstance(table, Mapping):
        raise UserError(f"{path}: {name}: expected a table")
    if wrong := sorted(_KEYS.symmetric_difference(table)):
        what = "unknown" if wrong[0] in table else "missing"
        raise UserError(f"{path}: [{name}]: {what} key {wrong[0]!r}")
    for key in ("engines", "requirements"):
        if not isinstance(table[key], list) or not all(isinstance(item, str) for item in table[key]):
            raise UserError(f"{path}: [{name}]: {key}: expected a list of strings")
    lock = path.parent / "locks" / f"{name}.txt"
    if not lock.is_file():
        raise UserError(f"{path}: [{name}]: there is no lock {lock}")
    engines, requirements = tuple(table["engines"]), tuple(table["requirements"])
    return Stack(name, table["target"], str(table["python"]), engines, table["summary"], requirements, lock)


def python_of(directory: Path) -> Path:
    """The interpreter inside a virtual environment."""
    return directory / "Scripts" / "python.exe" if os.name == "nt" else directory / "bin" / "python"


def is_installed(stack: Stack) -> bool:
    return (stack.directory / _COMPLETE).is_file() and python_of(stack.directory).exists()


def status(stack: Stack) -> Status:
    """installed, missing (can be installed) or no-python (its interpreter is not on this machine)."""
    if is_installed(stack):
        return "installed"
    return "missing" if find_interpreter(stack.python) else "no-python"


def find_interpreter(version: str) -> Path | None:
    """A CPython of that ``major.minor``: PATH, pyenv, uv, conda, the Windows launcher; the newest patch release first."""
    import findpython

    major, minor = (int(part) for part in version.split("."))
    try:
        found = list(findpython.find_all(major=major, minor=minor)) + _uv_pythons(version)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    paths = [Path(python.executable) for python in sorted(found, key=lambda python: python.version, reverse=True)]
    return next((path for path in paths if _can_make_environments(path)), None)


def _uv_pythons(version: str) -> list[Any]:
    # findpython does not look into uv's own directory unless its shims are on PATH.
    import findpython
    import platformdirs

    base = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or platformdirs.user_data_dir("uv", appauthor=False)) / "python"
    names = ("python.exe",) if os.name == "nt" else (f"bin/python{version}",)
    paths = [path for name in names for path in sorted(base.glob(f"cpython-{version}.*/{name}"))]
    return [python for python in map(findpython.PythonVersion, paths) if python.is_valid()]


def _can_make_environments(python: Path) -> bool:
    # Debian splits venv off; a pyenv shim of a version that is not selected exists and fails.
    try:
        done = subprocess.run([python, "-c", "import venv, ensurepip, ssl"], capture_output=True, timeout=30, check=False)
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def ensure(stack: Stack, console: Any = None) -> Path:
    """The stack's Python executable; installs the stack if it is not there.

    ``console`` is a ``rich.console.Console`` for progress (default: one on standard error). Raises UserError if no interpreter
    fits or the installation fails.
    """
    if not is_installed(stack):
        with _locked(stack.directory.with_name(stack.directory.name + ".lock")):
            if not is_installed(stack):
                (_add if stack.extra else _install)(stack, console or _stderr_console())
    return python_of(stack.directory)


def _stderr_console() -> Any:
    from rich.console import Console

    return Console(stderr=True)


def _install(stack: Stack, console: Any) -> None:
    interpreter = find_interpreter(stack.python)
    if interpreter is None:
        raise UserError(_missing_python(stack))
    started = time.monotonic()
    with (
        _building(stack) as building,
        _progress(console, f"stack {stack.name}: making an environment for Python {stack.python}") as say,
    ):
        _call(stack, [interpreter, "-m", "venv", "--clear", building])
        say(f"stack {stack.name}: installing {stack.summary} (once, about 800 MB)")
        _pip_install(stack, building, say)
    console.print(f"stack {stack.name}: ready after {time.monotonic() - started:.0f} s", highlight=False)


def _add(stack: Stack, console: Any) -> None:
    """Install an overlay, and first the stack under it."""
    python = ensure(load_stacks()[stack.name.partition("+")[0]], console)
    with _building(stack) as building, _progress(console, f"stack {stack.name}: installing {', '.join(stack.extra)}"):
        overlays.build(python, building, stack.extra, lambda command: _call(stack, command))
    console.print(f"stack {stack.name}: ready", highlight=False)


@contextmanager
def _building(stack: Stack) -> Iterator[Path]:
    """A folder that becomes the stack's when all went well."""
    _sweep(stack)
    if stack.directory.exists():  # without its mark: not made by a complete installation
        shutil.rmtree(stack.directory)
    building = Path(tempfile.mkdtemp(prefix=f".{stack.directory.name}.", dir=stack.directory.parent))
    try:
        yield building
        (building / _COMPLETE).write_text(f"{stack.name}\n{stack.digest}\n", encoding="utf-8")
        building.rename(stack.directory)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _pip_install(stack: Stack, building: Path, say: Any) -> None:
    # --no-deps: the lock is complete, and a resolver that is older than its packages can only do harm.
    command: list[str | Path] = [
        python_of(building),
        "-m",
        "pip",
        "install",
        "--require-hashes",
        "--no-deps",
        "--disable-pip-version-check",
    ]
    command += ["--no-warn-script-location", "--progress-bar", "off", "-r", stack.lock]
    # requirement hashes are checked whatever the index; only the user's own configuration says where packages come from
    total = stack.lock.read_text(encoding="utf-8").count("==")
    count = 0
    tail: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=_clean_env()) as process:
        assert process.stdout is not None
        for line in process.stdout:
            tail = [*tail, line.rstrip()][-40:]
            if line.startswith("Collecting "):
                count += 1
                say(f"stack {stack.name}: {count}/{total} {line.split()[1]}")
            elif line.startswith("Installing collected"):
                say(f"stack {stack.name}: unpacking {total} packages")
    if process.returncode:
        raise UserError(_failure(stack, tail))


def _call(stack: Stack, command: list[str | Path]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, env=_clean_env(), check=False)
    if done.returncode:
        raise UserError(_failure(stack, (done.stdout + done.stderr).splitlines()))


def _clean_env() -> dict[str, str]:
    # The caller's virtual environment must not leak into the stack; the user's pip configuration must stay.
    drop = {
        "PYTHONPATH",
        "PYTHONHOME",
        "VIRTUAL_ENV",
        "PIP_REQUIRE_VIRTUALENV",
        "PIP_TARGET",
        "PIP_PREFIX",
        "PIP_USER",
        "__PYVENV_LAUNCHER__",
    }
    return {name: value for name, value in os.environ.items() if name not in drop}


def _failure(stack: Stack, lines: list[str]) -> str:
    # pip words its cause as "ERROR: ..." and follows it with advice about itself.
    errors = [line.strip() for line in lines if "ERROR" in line or "error:" in line.lower()]
    last = errors[-1] if errors else next((line for line in reversed(lines) if line.strip()), "no output")
    return f"stack {stack.name} could not be installed: {last}"


def _missing_python(stack: Stack) -> str:
    command = python_command(stack.python)
    return f"stack {stack.name} needs Python {stack.python}, which was not found; install it with: {command}"


def python_command(version: str) -> str:
    """The one command that installs a Python of that version with a tool that is here, else with uv."""
    if not shutil.which("uv") and shutil.which("pyenv"):
        return f"pyenv install {version}"
    if not shutil.which("uv") and shutil.which("conda"):
        return f"conda create -y -n python{version} python={version}"
    return f"uv python install {version}"


def _sweep(stack: Stack) -> None:
    """Remove what killed installations of this stack left; the lock is held, so nobody builds there now."""
    for left in stack.directory.parent.glob(f".{stack.directory.name}.*"):
        shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _progress(console: Any, first: str) -> Iterator[Any]:
    """A spinner on a terminal; plain lines, one for each phase, elsewhere."""
    if console.is_terminal:
        with console.status(first) as shown:
            yield shown.update
        return

    def say(text: str) -> None:
        # a line for each of forty packages is noise in a log
        if "/" not in text:
            console.print(text, highlight=False, soft_wrap=True)

    say(first)
    yield say


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """An exclusive lock between processes, freed by the system when its holder dies."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("a+b")
    except OSError as error:
        raise UserError(f"cannot write into the cache directory {path.parent}: {error.strerror}") from None
    with handle:
        _lock(handle)
        yield


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: IO[bytes]) -> None:
        while True:
            try:
                handle.seek(0)
                msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
                return
            except OSError:
                time.sleep(0.5)
else:
    import fcntl

    def _lock(handle: IO[bytes]) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX)
