"""The nouns of kmigrate, shared by every room of the house. Plain data: no behaviour beyond trivial properties.

All offsets are character offsets into the decoded text of one file; lines and columns count from 1, columns in
characters (the contract of ``--output-format json``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from kmigrate.errors import UserError
from kmigrate.filereport import FileError, FileReport, failed

Applicability = Literal["safe", "unsafe"]
Target = Literal["keras2", "keras3"]
Span = tuple[int, int]

__all__ = [
    "TIED_TO_TENSORFLOW", "Applicability", "Context", "Edit", "FileError", "FileReport", "Finding", "Fix", "Observation", "Piece",
    "Slice", "Span", "Target", "Unit", "UserError", "failed",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Slice:
    """A range of the original text that a rewrite keeps (with the rewrites inside it applied).

    An ``operand`` stands beside an operator, a subscript or a dot: what the rewrites inside make of it gets parentheses where
    it needs them.
    """

    start: int
    end: int
    operand: bool = False


Piece = str | Slice


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace ``[start, end)`` by the pieces. Slices lie inside the range, so nested edits never overlap."""

    start: int
    end: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Context:
    """Why a place is layer code: ``kind`` is layer, loss, lambda, helper, ...; ``reason`` is for people.

    ``unit`` is the outermost layer class or function around it, empty where there is none.
    """

    kind: str
    qualname: str
    reason: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """What runs of the original showed that the text does not, in words, and in how many cases."""

    facts: tuple[str, ...]
    cases: int

    def __str__(self) -> str:
        return f"observed {', '.join(self.facts)} in {self.cases} case{'' if self.cases == 1 else 's'}"


TIED_TO_TENSORFLOW = "imported from tensorflow.keras: still tied to TensorFlow"


@dataclass(frozen=True, slots=True)
class Fix:
    """The replacement of one finding.

    ``replacement`` is the rewritten text of this use alone. ``assumption`` says what an unsafe fix rests on.
    ``portable`` is None where no proof says either way; ``portability`` says on which engine it differs, and how.
    ``observed`` is what the choice of this replacement rests on where runs of the original told; the assumption says so, too.
    """

    applicability: Applicability
    replacement: str
    edit: Edit
    assumption: str | None = None
    portable: bool | None = None
    portability: str | None = None
    observed: Observation | None = None

    @property
    def engines_part(self) -> bool:
        """Whether the replacement itself gives other values on another engine, whichever Keras its backend comes from."""
        return self.portable is False and self.portability != TIED_TO_TENSORFLOW

    @property
    def rests_on_observation_alone(self) -> bool:
        return self.observed is not None and self.assumption == str(self.observed)


@dataclass(frozen=True, slots=True)
class Finding:
    """One use of an engine symbol in layer code. Lines and columns are those of what its fix replaces, where it has one;
    ``start`` and ``end`` those of the use."""

    code: str
    name: str
    symbol: str
    message: str
    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    context: Context
    fix: Fix | None
    start: int = 0
    end: int = 0

    @property
    def span(self) -> Span:
        """Its offsets, which name it in its file: ``f(x)`` and ``f(x).g()`` start at the same place."""
        return self.start, self.end


@dataclass(frozen=True, slots=True)
class Unit:
    """One piece of layer code that can be run by itself: a layer class, a loss, a helper function, ...

    ``remaining`` lists the engine symbols that the rewritten unit still uses directly, by engine name
    (``{"tensorflow": ("tf.image.resize",)}``): such a unit cannot run on another engine. ``unsafe`` are those of
    them that have an unsafe fix.
    """

    qualname: str
    kind: str
    line: int
    remaining: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unsafe: tuple[str, ...] = ()
