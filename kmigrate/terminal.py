"""What the terminal is asked before anything is printed. Apart from the reports, which a run with nothing new does not load."""

from __future__ import annotations

import os

from kmigrate.light import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO


def use_color(stream: TextIO | None) -> bool:
    """Whether colours are wanted on a stream: a terminal, unless NO_COLOR is set or the terminal is dumb."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream is not None and stream.isatty()
