"""Where the built-in rules lie. Apart from the rest, so that a run which needs no rule does not pay for reading rules."""

from __future__ import annotations

from pathlib import Path


def builtin_rules_directory() -> Path:
    """``rules/`` of the wheel, or of the source tree in an editable install."""
    inside = Path(__file__).parent.parent / "_rules"
    return inside if inside.is_dir() else Path(__file__).parent.parent.parent / "rules"
