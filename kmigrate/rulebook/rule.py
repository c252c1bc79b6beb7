"""A rule as loaded from TOML: immutable data, nothing of the code that it is applied to."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from pathlib import Path

from kmigrate.model import Target
from kmigrate.rulebook.conditions import can_hold


@dataclass(frozen=True, slots=True)
class Parameter:
    """``default`` is the source text of the signature's default, None where the parameter is required.

    ``variadic`` is ``*`` or ``**`` for collecting parameters, else empty.
    """

    name: str
    default: str | None = None
    variadic: str = ""
    keyword_only: bool = False


@dataclass(frozen=True, slots=True)
class Alternative:
    """One replacement and the condition under which it is right."""

    when: ast.expr | None = None
    when_text: str | None = None
    assume: str | None = None
    replacement: dict[Target, ast.expr] = field(default_factory=dict)

    @property
    def needs_assumption(self) -> bool:
        """Whether no code could show that it is right: its fix is unsafe wherever it applies."""
        return self.assume is not None if self.when is None else not can_hold(self.when)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A condition under which there is no fix. ``if_unknown``: also refuse where the condition cannot be decided."""

    when: ast.expr
    reason: str
    if_unknown: bool = True


@dataclass(frozen=True, slots=True)
class Example:
    """An executable example. ``after`` holds the expected text for each target; a missing ``keras2``: must refuse.

    ``ranks`` is False where the call itself says the ranks (the equation of an einsum), so that others would be mistakes.
    """

    before: str
    after: dict[Target, str]
    inputs: dict[str, str]
    setup: str = ""
    random: bool = False
    gradient: bool = True
    evaluate: str | None = None
    ranks: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """``parameters`` is None for a symbol that is a value (``tf.float32``) and not called. ``portability`` tells people where the
    replacement's value depends on the engine, with a small example. ``applied`` is the parameter ``*values`` that stands for
    the arguments of the call of what the symbol returns: ``theano.function(inputs, outputs)(*values)``."""

    code: str
    name: str
    symbols: tuple[str, ...]
    source: Path
    digest: str
    parameters: tuple[Parameter, ...] | None = None
    signature: str | None = None
    renamed: dict[str, str] = field(default_factory=dict)
    drop: frozenset[str] = frozenset({"name"})
    explicit: frozenset[str] = frozenset()
    alternatives: tuple[Alternative, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    examples: tuple[Example, ...] = ()
    guidance: str | None = None
    why: str | None = None
    portability: str | None = None
    applied: str | None = None

    def parameter(self, name: str) -> Parameter:
        """The parameter called ``name``; KeyError where the signature has none."""
        for parameter in self.parameters or ():
            if parameter.name == name:
                return parameter
        raise KeyError(name)

    @property
    def engine(self) -> str:
        return "theano" if self.symbols[0].startswith("theano") else "tensorflow"
