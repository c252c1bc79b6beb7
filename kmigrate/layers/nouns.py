"""What files say about layer code, and where: the nouns that a file's facts and the project's index share.

A *target* names something that may be defined elsewhere: ``#3`` is definition number 3 of this file, ``*name`` a free name
that one of the file's star imports may bring, ``=12:8`` an engine's function in a table of the module (where its expression
begins, as ``ast`` counts), everything else a dotted symbol (``.core.Layer``, ``keras.layers.Dense``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kmigrate.model import Context

Target = str
CALLED, HANDED_ON, DECORATES = "is called from", "is handed on in", "decorates"


class DefinitionFacts(NamedTuple):
    """A class, function or lambda. ``parent`` is the number of the definition that it stands in, -1 at the module's level."""

    qualname: str
    kind: str
    parent: int
    bases: tuple[Target, ...] = ()

    @property
    def name(self) -> str:
        return self.qualname.rpartition(".")[2]


class Handed(NamedTuple):
    """A function handed to ``receivers`` (any one that is Keras's, or a layer, counts; none: it counts in any case)."""

    target: Target
    kind: str
    how: str
    receivers: tuple[Target, ...] = ()


class HandedEngine(NamedTuple):
    """The same for an engine's own function, ``activation=tf.nn.relu``: where its expression begins (as ``ast`` counts) in
    definition ``user``."""

    line: int
    column: int
    user: int
    kind: str
    how: str
    receivers: tuple[Target, ...] = ()


class Use(NamedTuple):
    """Definition ``user`` uses ``target``; ``how`` reads between the two names."""

    user: int
    target: Target
    how: str


@dataclass(frozen=True, slots=True)
class FileFacts:
    """``exports`` are the module's names that mean something elsewhere, ``imported`` the symbols of other modules than engines
    and Keras, ``users`` the definitions that may hold a direct engine use (-1: the module's level), ``flavour`` is the Keras that
    the file names, ``undecided`` whether it imports either when it runs."""

    definitions: tuple[DefinitionFacts, ...] = ()
    exports: dict[str, tuple[Target, ...]] | None = None
    stars: tuple[str, ...] = ()
    handed: tuple[Handed, ...] = ()
    engines: tuple[HandedEngine, ...] = ()
    uses: tuple[Use, ...] = ()
    losses: tuple[int, ...] = ()
    imported: tuple[str, ...] = ()
    users: tuple[int, ...] = ()
    flavour: str | None = None
    undecided: bool = False

    def __reduce__(self) -> tuple[Any, ...]:
        """Facts are what processes send each other most: as plain tuples, which take a fifth of the time to write."""
        plain = {"definitions": tuple(map(tuple, self.definitions)), "uses": tuple(map(tuple, self.uses))}
        return _sent, ({name: plain.get(name, getattr(self, name)) for name in self.__slots__},)


def _sent(facts: dict[str, Any]) -> FileFacts:
    """The facts that another process sent."""
    facts["definitions"] = tuple(map(DefinitionFacts._make, facts["definitions"]))
    facts["uses"] = tuple(map(Use._make, facts["uses"]))
    return FileFacts(**facts)


class Place(NamedTuple):
    """Definition ``number`` of the file ``path``."""

    path: str
    number: int


@dataclass(frozen=True, slots=True)
class Spot:
    """An engine's function that stands outside of every definition, in a table: where its expression begins in ``path``."""

    path: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the project says about one file: its roots of layer code by definition number, the engine or Keras symbols
    behind the names that it imports from modules of the project, which Keras is meant where the file itself names none, the
    places (line, column) outside of layer code where an engine's function is handed to Keras or stands in a table that layer
    code uses, with its kind and how, the new names (each with what it would be imported from) that would hide another in a
    file that star-imports this one, and whether a module that it takes Keras from decides when it runs which Keras that is."""

    roots: dict[int, Context]
    imported: dict[str, str]
    flavour: str | None = None
    handed: dict[tuple[int, int], tuple[str, str]] = field(default_factory=dict)
    hiding: tuple[tuple[str, str], ...] = ()
    undecided: bool = False
