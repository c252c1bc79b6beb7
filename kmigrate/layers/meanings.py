"""What a name of one file means in its project: followed through imports, re-exports and star imports, from file to file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

from kmigrate.layers.modules import Modules
from kmigrate.layers.nouns import FileFacts, Place, Spot, Target
from kmigrate.names import foreign
from kmigrate.names.symbols import canonical

_MAX_HOPS = 30
_STEP = 5
Meaning = Place | Spot | str


class Meanings(ABC):
    """The half of the project's index that follows names from file to file of ``modules``."""

    def __init__(self, modules: Modules) -> None:
        self.modules = modules
        self._numbers: dict[str, dict[str, list[int]]] = {}
        self._asked: dict[tuple[str, str], tuple[Meaning, ...]] = {}  # of one question, while it is answered

    @abstractmethod
    def facts(self, path: str) -> FileFacts | None:
        """The facts of a file of ``modules``, None where it cannot be read."""

    def resolve(self, path: str, target: Target) -> list[Place | str]:
        """The definitions, or the engine, Keras or foreign symbols, that a target of one file means."""
        return [meaning for meaning in self.meanings(path, target) if not isinstance(meaning, Spot)]

    def meanings(self, path: str, target: Target) -> list[Meaning]:
        """What a target means in a file, which can be read: definitions, places of engines' functions in tables, or symbols of an
        engine, of Keras or of others."""
        return list(dict.fromkeys(self._resolve(path, target, 0)))

    def _known(self, path: str) -> FileFacts:
        facts = self.facts(path)
        assert facts is not None
        return facts

    def _resolve(self, path: str, target: Target, hops: int) -> Iterator[Meaning]:
        if target.startswith("#"):
            yield Place(path, int(target[1:]))
        elif target.startswith("="):
            line, _, column = target[1:].partition(":")
            yield Spot(path, int(line), int(column))
        elif hops > _MAX_HOPS:
            return
        elif target.startswith("*"):
            yield from self._starred(path, target[1:], hops)
        elif not foreign(target):
            yield target
        else:
            found = self.modules.find(path, target)
            if found is None:
                yield target
            elif found[1]:
                yield from self._attribute(found[0], found[1], hops + 1)
            elif (package := self.modules.package(found[0])) not in (None, path):
                # `from pkg import attend` of pkg/attend.py is what pkg itself calls so, if it does.
                yield from self._attribute(str(package), target.rpartition(".")[2], hops + 1)

    def _starred(self, path: str, name: str, hops: int) -> Iterator[Meaning]:
        """What star imports bring. Each file is asked once for a name: files that star-import each other lead to it by more ways
        than anybody can go, and to themselves."""
        key = path, name
        known = self._asked.get(key)
        if known is None:
            outermost = not self._asked
            self._asked[key] = ()
            try:
                known = self._asked[key] = tuple(self._brought(path, name, hops))
            finally:
                if outermost:
                    self._asked.clear()
        yield from known

    def _brought(self, path: str, name: str, hops: int) -> Iterator[Meaning]:
        """The last star import that has a name decides, but functions may come from each branch of a choice of backends; what no
        module of the project has may be Keras's."""
        stars = self._known(path).stars
        brought = False
        for module in reversed(stars):
            joint = "" if module.endswith(".") else "."
            there = foreign(module) and self._is_there(path, module)
            found = list(self._resolve(path, f"{module}{joint}{name}", hops + 1)) if there else []
            if any(not isinstance(meaning, str) or not foreign(meaning) for meaning in found):
                places = [meaning for meaning in found if isinstance(meaning, Place)]
                yield from places if brought else found
                brought = True
                if len(places) < len(found):
                    return
        of_keras = next((module for module in reversed(stars) if module.startswith("keras.")), None)
        if of_keras is not None and not brought:
            yield canonical(f"{of_keras}.{name}")

    def _is_there(self, path: str, module: str) -> bool:
        """Whether a star-imported module is a file, lies elsewhere, or is a name of a file (``backend = tf_backend``). What is
        missing would be looked for among what its own package star-imports, and so on."""
        found = self.modules.find(path, module)
        if found is None or not found[1]:
            return True
        facts = self.facts(found[0])
        return facts is not None and found[1].partition(".")[0] in (facts.exports or {})

    def _attribute(self, path: str, name: str, hops: int) -> Iterator[Meaning]:
        """What ``name``, perhaps dotted, is in a module of the project."""
        facts = self.facts(path)
        if facts is None:
            return
        numbers = self._by_qualname(path).get(name)
        if numbers is not None:
            yield from (Place(path, number) for number in numbers)
            return
        first, _, rest = name.partition(".")
        exported = (facts.exports or {}).get(first)
        if exported is not None:
            for target in exported:
                yield from self._member(path, target, rest, hops)
            return
        yield from self._starred(path, name, hops)

    def _inherited(self, path: str, number: int, name: str, hops: int) -> Iterator[Meaning]:
        """A method that a class of a file, by its number, has of its bases: that of the first which has one. Hierarchies of
        classes are low, and may lead to one base by many ways: each step counts as several hops."""
        for base in self._known(path).definitions[number].bases:
            found = list(self._member(path, base, name, hops + _STEP)) if base[0] == "#" or foreign(base) else []
            if any(not isinstance(meaning, str) for meaning in found):
                yield from found
                return

    def _member(self, path: str, target: Target, rest: str, hops: int) -> Iterator[Meaning]:
        if not rest or target.startswith("="):
            yield from self._resolve(path, target, hops + 1)
        elif target.startswith("#"):
            facts = self._known(path)
            qualname = f"{facts.definitions[int(target[1:])].qualname}.{rest}"
            numbers = self._by_qualname(path).get(qualname)
            if numbers is not None:
                yield from (Place(path, number) for number in numbers)
            elif hops <= _MAX_HOPS:
                yield from self._inherited(path, int(target[1:]), rest, hops)
        else:  # `tf.keras.layers.Layer` of an engine that another module hands out is Keras's
            yield from self._resolve(path, canonical(f"{target}.{rest}"), hops + 1)

    def _by_qualname(self, path: str) -> dict[str, list[int]]:
        """The numbers of a file's definitions by their names, which two branches of the file may both define."""
        found = self._numbers.get(path)
        if found is None:
            found = self._numbers[path] = {}
            for number, definition in enumerate(self._known(path).definitions):
                found.setdefault(definition.qualname, []).append(number)
        return found
