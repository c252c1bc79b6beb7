"""Scopes and bindings: which engine or Keras symbol an expression means.

Names are resolved by Python's scoping rules, never by spelling: a parameter, a local or a comprehension variable called
``tf`` hides the import of that name.

``symbols`` makes dotted import paths canonical, ``scopes`` holds the nouns, ``walk`` fills the scopes of a module, ``flow`` tells
which of several bindings a use can see, ``resolve`` answers what an expression means.
"""

from kmigrate.names.resolve import Names
from kmigrate.names.scopes import NOTHING, Binding, Definition, Meaning, Reference, Scope
from kmigrate.names.symbols import canonical, engine_of, foreign
from kmigrate.names.walk import Walk

__all__ = [
    "NOTHING",
    "Binding",
    "Definition",
    "Meaning",
    "Names",
    "Reference",
    "Scope",
    "Walk",
    "canonical",
    "engine_of",
    "foreign",
]
