"""Overlays: a stack with distributions of the user's choice beside it, for code that imports what the stack does not have.

An overlay is an environment of its own that sees the stack's packages behind its own and changes none of them: pip is held to
the stack's versions. Its name is that of the stack with what was added, ``keras2-tf1+tensorflow-addons==0.13.0``, and it stands
for a stack wherever one is named. Built and locked as stacks are.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

from kmigrate.model import UserError
from kmigrate.toml import tomllib

_MISSING = re.compile(
    r"\b([A-Za-z_]\w*)(?:\.\w+)* is not installed in the stack|\bNo module named '([A-Za-z_]\w*)"  # at import, and later
)
_REQUIREMENT = re.compile(r"[A-Za-z0-9][\w.-]*(==[\w.+!-]+)?")
# What a stack is there to provide: nothing of that name is ever put over it.
_OWN = frozenset({"keras", "tensorflow", "theano", "numpy"})


def is_requirement(text: str) -> bool:
    """Whether it is a distribution's name, perhaps with ``==VERSION``."""
    return _REQUIREMENT.fullmatch(text) is not None


@cache
def _distributions() -> Mapping[str, str]:
    path = Path(__file__).with_name("distributions.toml")
    return {str(k): str(v) for k, v in tomllib.loads(path.read_text(encoding="utf-8")).items()}


def distribution_of(module: str) -> str:
    """The distribution that has a module: by a list where the names differ, else the module's own name."""
    return _distributions().get(module, module.replace("_", "-"))


def missing_modules(texts: Iterable[str | None]) -> set[str]:
    """The modules that reasons say the stack does not have."""
    found = {one or other for text in texts for one, other in _MISSING.findall(text or "")}
    return {name for name in found if name not in _OWN}


def advice(text: str) -> str:
    """What a person can do about a reason that names missing modules; empty where it names none."""
    names = sorted({distribution_of(name) for name in missing_modules([text])})
    return f"--install-missing installs {', '.join(names)} beside the stack" if names else ""


def build(python: Path, folder: Path, wanted: Sequence[str], call: Callable[[list[str | Path]], None]) -> Path:
    """Make the environment ``folder`` from the stack's ``python`` with ``wanted`` in it; its own interpreter.

    ``call`` runs a command and raises UserError where it fails.
    """
    call([python, "-m", "venv", "--without-pip", "--clear", folder])
    own = folder / "bin" / "python" if (folder / "bin").is_dir() else folder / "Scripts" / "python.exe"
    (_packages(own) / "kmigrate-stack.pth").write_text(f"{_packages(python)}\n", encoding="utf-8")
    held = folder / "constraints.txt"
    held.write_text(_output([python, "-m", "pip", "freeze", "--disable-pip-version-check"]), encoding="utf-8")
    command: list[str | Path] = [own, "-m", "pip", "install", "--disable-pip-version-check", "--no-warn-script-location"]
    call([*command, "--prefer-binary", "--progress-bar", "off", "-c", held, *wanted])
    return own


def _packages(python: Path) -> Path:
    return Path(_output([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]).strip())


def _output(command: Sequence[str | Path]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"{command[0]} does not run: {(done.stderr or done.stdout).strip().splitlines()[-1:]}")
    return done.stdout
