"""What a class of one module has as its methods: its own, and those of its bases, which may stand in other files."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping

from kmigrate.layers.nouns import Target
from kmigrate.names import Definition, Names, foreign

_MAX_BASES = 10
_OWN = ("self", "cls")
_Naming = Callable[[ast.expr], list[Target]]


class Members:
    """``numbers`` are those of the module's definitions. ``targets``, handed to each question, tells what a base names: kept
    here, it would keep a circle."""

    def __init__(self, names: Names, numbers: Mapping[Definition, int]) -> None:
        self._names = names
        self._listed = list(numbers)
        self._members = {(d.parent, d.name): number for d, number in numbers.items() if d.parent is not None}
        self.names = {name for _, name in self._members}

    def of_class(self, owner: Target, name: str, targets: _Naming) -> list[Target]:
        """``Tools.f``: a method by its class."""
        return self._found(self._listed[int(owner[1:])], name, targets) if owner.startswith("#") else []

    def of_self(self, node: ast.Attribute, targets: _Naming) -> list[Target]:
        """``self.name``: the method of the class around it; for one of a base in another file, what it may be there."""
        owner = self._owner(node)
        return [] if owner is None else self._found(owner, node.attr, targets)

    def inherited_calls(self, targets: _Naming) -> Iterator[tuple[Definition, Target]]:
        """Each call ``self.name()`` of what the module does not define, with the definition that it stands in: the method of a
        base in another file."""
        classes = (d for d in self._listed if isinstance(d.node, ast.ClassDef) and d.node.bases)
        derived = {d for d in classes if any(isinstance(above, str) for above in self._lineage(d, targets))}
        for call in self._names.calls if derived else ():
            function = call.func
            if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id in _OWN:
                inside, owner = self._names.definition_of(function), self._owner(function)
                if inside is not None and owner in derived:
                    for target in self._found(owner, function.attr, targets):
                        if not target.startswith("#"):
                            yield inside, target

    def _owner(self, node: ast.Attribute) -> Definition | None:
        definition = self._names.definition_of(node)
        while definition is not None and definition.kind != "class":
            definition = definition.parent
        return definition

    def _found(self, owner: Definition, name: str, targets: _Naming) -> list[Target]:
        number = self._members.get((owner, name))
        if number is not None:
            return [f"#{number}"]
        found: list[Target] = []
        for above in self._lineage(owner, targets)[1:]:
            if isinstance(above, str):
                found.append(f"{above}.{name}")
            elif (above, name) in self._members:
                found.append(f"#{self._members[above, name]}")
                break
        return found

    def _lineage(self, owner: Definition, targets: _Naming) -> list[Definition | str]:
        """A class, and all that it derives from: classes of this module, and names of other files."""
        found: dict[Definition | str, None] = {}
        waiting: list[Definition | str] = [owner]
        while waiting and len(found) < _MAX_BASES:
            at = waiting.pop(0)
            if at in found:
                continue
            found[at] = None
            for base in at.node.bases if isinstance(at, Definition) and isinstance(at.node, ast.ClassDef) else ():
                for target in targets(base):
                    if target.startswith("#"):
                        waiting.append(self._listed[int(target[1:])])
                    elif foreign(target) and target[0] not in "*=":
                        waiting.append(target)
        return list(found)
