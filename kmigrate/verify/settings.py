"""How much verification tries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kmigrate.verify.compare import Tolerance
from kmigrate.verify.projectfiles import ProjectFiles
from kmigrate.verify.saved import SavedUnit


@dataclass(frozen=True, slots=True)
class Settings:
    """How much is tried. ``cases`` gives cases by qualname (tables as ``cases.from_config`` takes them); other units
    are searched, for at most ``search_s`` seconds each. ``portable=False`` leaves the other engines alone.
    ``project`` are the files whose calls show how units are used. ``saved`` are the saved cases of the one unit at hand.
    The smallest case that shows a difference is looked for during ``shrink_s`` seconds, which edits the cases execute during
    ``reach_s``."""

    tolerance: Tolerance = field(default_factory=Tolerance)
    seeds: tuple[int, ...] = (0, 1)
    cases: Mapping[str, Sequence[Mapping[str, Any]]] | None = None
    search_s: float = 60.0
    shrink_s: float = 30.0
    reach_s: float = 30.0
    portable: bool = True
    project: ProjectFiles | None = None
    saved: SavedUnit | None = None
