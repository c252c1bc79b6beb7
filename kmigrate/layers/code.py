"""The layer code of one analysed file: which definitions are roots, and why."""

from __future__ import annotations

import ast

from kmigrate.layers.facts import file_facts
from kmigrate.layers.index import Index
from kmigrate.layers.modules import Modules
from kmigrate.layers.nouns import FileFacts, Surroundings
from kmigrate.model import Context
from kmigrate.names import Definition, Names, Reference

_ALONE = "module.py"


def alone(facts: FileFacts) -> Surroundings:
    """What a file says of itself, where nothing is known of the project around it."""
    index = Index(Modules([]), lambda path: None)
    index.add(_ALONE, facts)
    index.settle()
    return index.surroundings(_ALONE)


class LayerCode:
    """Answers about the definitions of one module."""

    def __init__(self, names: Names, whole_module: bool = False, surroundings: Surroundings | None = None) -> None:
        if surroundings is None:
            surroundings = alone(file_facts(names))
        definitions = list(names.definitions.values())
        self.handed = surroundings.handed
        self.whole_module = whole_module
        self.roots = {definitions[number]: context for number, context in surroundings.roots.items()}

    def context(self, definition: Definition | None) -> Context | None:
        """Why a definition is layer code, or None where it is not."""
        nearest = self.nearest_root(definition)
        if nearest is not None and definition is not None:
            root = self.roots[nearest]
            outermost = self.root_of(definition)
            return Context(root.kind, definition.qualname, root.reason, outermost.qualname if outermost else "")
        if self.whole_module:
            name = definition.qualname if definition else "<module>"
            return Context("module", name, 'scope = "module": every use in the file counts')
        return None

    def context_of(self, reference: Reference) -> Context | None:
        """Why a use is layer code: its definition is, or it is the function of an engine that is handed to Keras there."""
        context = self.context(reference.definition)
        handed = self.handed.get((reference.node.lineno, reference.node.col_offset))
        if handed is None or (context is not None and not self.whole_module):
            return context
        kind, how = handed
        name = reference.definition.qualname if reference.definition is not None else "<module>"
        return Context(kind, name, f"`{ast.unparse(reference.node)}` is {how}")

    def root_of(self, definition: Definition | None) -> Definition | None:
        """The outermost definition of layer code around this one: what verification can run by itself."""
        found = None
        while definition is not None:
            if definition in self.roots:
                found = definition
            definition = definition.parent
        return found

    def nearest_root(self, definition: Definition | None) -> Definition | None:
        """The innermost definition of layer code around this one, itself included."""
        while definition is not None and definition not in self.roots:
            definition = definition.parent
        return definition
