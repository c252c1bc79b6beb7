"""The configuration: ``[tool.kmigrate]`` in pyproject.toml, or kmigrate.toml.

Here is what it may say and where it is looked for; ``configfile.py`` reads a file that is found.
"""

from __future__ import annotations

import os

from kmigrate.files import content
from kmigrate.light import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any, Literal

    from kmigrate.model import Target

    Scope = Literal["layers", "module"]

OWN_FILE = "kmigrate.toml"
PROJECT_FILE = "pyproject.toml"


class CaseConfig(NamedTuple):
    """One case that the user wrote: constructor or function arguments, and input specs (``float[2,3]``)."""

    args: Mapping[str, Any] = {}
    inputs: tuple[str, ...] = ()


class VerifyConfig(NamedTuple):
    """How verification runs: limits for each case, random seeds, cases by the qualified name of a unit."""

    time_limit: float = 60.0
    """Seconds for each case."""
    memory_limit: int = 6144
    """Megabytes of address space for each worker; an engine alone takes about two thousand."""
    seeds: tuple[int, ...] = (0, 1)
    cases: Mapping[str, tuple[CaseConfig, ...]] = {}


class Config(NamedTuple):
    """What a project asks for; the defaults are a project without configuration.

    ``root`` is the folder of the configuration file, which ``exclude`` patterns are relative to (without one the
    working directory). ``src`` is relative to the working directory; ``rules`` are absolute.
    """

    src: tuple[str, ...] = ()
    target: Target = "keras2"
    scope: Scope = "layers"
    rules: tuple[Path, ...] = ()
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    portable_only: bool = False
    stack: str | None = None
    cases: Path | None = None
    """The file of saved cases, absolute."""
    verify: VerifyConfig = VerifyConfig()
    root: str | Path = "."
    file: Path | None = None

    def selects(self, code: str) -> bool:
        """Whether findings of a code are wanted: the longest prefix decides, ignore wins a tie."""
        return selects(code, self.select, self.ignore)

    @property
    def wishes(self) -> Wishes:
        """What the findings of a file depend on."""
        rules = tuple(map(str, self.rules))
        return Wishes(self.target, self.scope == "module", self.select, self.ignore, self.portable_only, rules)


class Wishes(NamedTuple):
    """The part of the configuration that the findings of one file depend on."""

    target: Target = "keras2"
    whole_module: bool = False
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    portable_only: bool = False
    rules: tuple[str, ...] = ()


def selects(code: str, select: tuple[str, ...], ignore: tuple[str, ...]) -> bool:
    """Whether findings of a code are wanted: the longest prefix decides, ``ignore`` wins a tie."""
    wanted = max((len(prefix) for prefix in select if code.startswith(prefix)), default=-1)
    unwanted = max((len(prefix) for prefix in ignore if code.startswith(prefix)), default=-1)
    if wanted < 0:
        return not select and unwanted < 0
    return wanted > unwanted


def load(start: str | Path, explicit: Path | None = None) -> Config:
    """The configuration that holds for ``start``: ``explicit``, or the nearest one in it or above it.

    The search ends at the root of the repository: what lies above was written for something else.
    Raises UserError for a file that cannot be read or says something that kmigrate does not understand.
    """
    if explicit is not None:
        from kmigrate.configfile import read_explicit

        return read_explicit(explicit)
    here = os.path.abspath(start)  # resolve() would leave the project through a symlink
    while True:
        for name in (OWN_FILE, PROJECT_FILE):
            path = os.path.join(here, name)
            if os.path.isfile(path) and (found := _read(path)) is not None:
                return found
        above = os.path.dirname(here)
        if above == here or os.path.exists(os.path.join(here, ".git")):
            return Config()
        here = above


def _read(path: str) -> Config | None:
    """None for a pyproject.toml without a table for kmigrate."""
    if path.endswith(PROJECT_FILE) and not _names_kmigrate(path):
        return None  # Someone else's file: not even its syntax is ours to judge.
    from pathlib import Path

    from kmigrate.configfile import read

    return read(Path(path))


def _names_kmigrate(path: str) -> bool:
    try:
        return b"kmigrate" in content(path)
    except OSError:
        return True  # said where it is read
