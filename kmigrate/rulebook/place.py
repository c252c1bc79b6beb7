"""Where the built-in rules lie. Apart from the rest, so that a run which needs no rule does not pay for reading rules."""

from __future__ import annotations

import os

from kmigrate.light import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def builtin_rules() -> str:
    """``rules/`` of the wheel, or of the source tree in an editable install."""
    package = os.path.dirname(os.path.dirname(__file__))
    inside = os.path.join(package, "_rules")
    return inside if os.path.isdir(inside) else os.path.join(os.path.dirname(package), "rules")


def builtin_rules_directory() -> Path:
    from pathlib import Path

    return Path(builtin_rules())
