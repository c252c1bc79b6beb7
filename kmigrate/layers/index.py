"""The project index: facts of files in, layer code of every file out. Pure; files are loaded through a function.

Layer code is found from its roots: classes that derive from Keras's through any chain of bases, functions handed to Keras,
losses by their signature. Then everything that a root uses is followed, within the file and across files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from kmigrate.layers.kinds import article, kind_by_place, kind_of_base, kind_of_function
from kmigrate.layers.meanings import Meanings
from kmigrate.layers.modules import Modules
from kmigrate.layers.nouns import CALLED, DefinitionFacts, FileFacts, Place, Spot, Surroundings, Target
from kmigrate.model import Context
from kmigrate.names import engine_of, foreign

# Keras's own backend is what others are rewritten to: itself it has to use the engine.
_OF_BACKEND = "keras.backend."
_BACKEND = (_OF_BACKEND, "keras.src.backend.")


class Index(Meanings):
    """``load`` gives the facts of a file of ``modules``, or None where it cannot be read; ``show`` makes a path readable."""

    def __init__(
        self, modules: Modules, load: Callable[[str], FileFacts | None], show: Callable[[str], str] = lambda path: path
    ) -> None:
        super().__init__(modules)
        self._show = show
        self.files: dict[str, FileFacts] = {}
        self.roots: dict[Place, Context] = {}
        self._roots_of: dict[str, dict[int, Context]] = {}
        self._flavours: Counter[str] = Counter()
        self._load = load
        self._fresh: list[str] = []
        self._kinds: dict[Place, tuple[str, str] | None] = {}
        # By file, made when layer code is found there: of most files nobody asks.
        self._nested: dict[str, dict[int, list[Place]]] = {}
        self._uses: dict[str, dict[int, list[tuple[Target, str]]]] = {}
        self._spots: dict[str, dict[tuple[int, int], tuple[str, str]]] = {}

    # ---- files

    def add(self, path: str, facts: FileFacts) -> None:
        """Take a file into the index; ``settle`` draws the consequences."""
        if path in self.files:
            return
        self.files[path] = facts
        self._fresh.append(path)
        if facts.flavour:
            self._flavours[facts.flavour] += 1

    def facts(self, path: str) -> FileFacts | None:
        if path not in self.files:
            loaded = self._load(path)
            if loaded is not None:
                self.add(path, loaded)
        return self.files.get(path)

    def settle(self) -> None:
        """Find the roots of all files, those included that are loaded on the way."""
        while self._fresh:
            fresh, self._fresh = sorted(self._fresh), []
            # What earlier roots use was followed when they were found: a name means the same later, and loads what it needs.
            waiting: list[Place] = []
            for path in fresh:
                waiting += self._classes(path)
            for path in fresh:
                waiting += self._functions(path)
            self._follow(waiting)

    def surroundings(self, path: str) -> Surroundings:
        """What one file needs to know to be analysed by itself."""
        facts = self.files[path]
        imported = {}
        for symbol in facts.imported:
            found = [m for m in self.resolve(path, symbol) if isinstance(m, str) and not foreign(m)]
            if found:  # `ops` that is Keras's, or where that is missing the engine's, is portable already
                imported[symbol] = next((m for m in found if engine_of(m) is None), found[-1])
                holder = symbol.rpartition(".")[0]
                if imported[symbol].startswith(_OF_BACKEND) and holder not in imported and self._is_backend(path, holder):
                    imported[holder] = _OF_BACKEND[:-1]
        handed = {
            (engine.line, engine.column): (engine.kind, engine.how)
            for engine in facts.engines
            if self._is_keras(path, engine.receivers) and (engine.user < 0 or self.nearest(Place(path, engine.user)) is None)
        }
        handed |= self._spots.get(path, {})
        roots = dict(sorted(self.roots_of(path).items()))
        flavour = facts.flavour or self._flavour(path)
        return Surroundings(roots, imported, flavour, handed, undecided=facts.flavour is None and self._takes_undecided(path))

    def _is_backend(self, path: str, symbol: str) -> bool:
        """Whether what a module of the project hands out is the backend of Keras itself, whichever Keras it chose: no module of
        its own with functions of the same names."""
        found = self.resolve(path, symbol)
        return bool(found) and all(meant in ("keras.backend", "tf.keras.backend") for meant in found)

    def _takes_undecided(self, path: str) -> bool:
        found = (self.modules.find(path, symbol) for symbol in self.files[path].imported)
        return any(self.files[module[0]].undecided for module in found if module is not None and module[0] in self.files)

    def roots_of(self, path: str) -> Mapping[int, Context]:
        """The roots of layer code in a file so far, by the numbers of their definitions."""
        return self._roots_of.get(path, {})

    def is_quiet(self, path: str) -> bool:
        """Whether nothing in a file is layer code or hands an engine's function to Keras or to layer code."""
        return path not in self._roots_of and path not in self._spots and not self.files[path].engines

    def _flavour(self, path: str) -> str | None:
        """That of the files which this one imports or which import it; where they say nothing, or both, of the whole project."""
        near = {found[0] for s in self.files[path].imported if (found := self.modules.find(path, s))}
        near |= self._importers.get(path, set())
        flavours = Counter(f for p in near if p in self.files and (f := self.files[p].flavour)) or self._flavours
        return max(sorted(flavours), key=flavours.__getitem__) if flavours else None

    @cached_property
    def _importers(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for path, facts in self.files.items():
            for symbol in facts.imported:
                module = self.modules.find(path, symbol)
                if module is not None:
                    found.setdefault(module[0], set()).add(path)
        return found

    # ---- roots

    def _root(self, place: Place, kind: str, reason: str) -> bool:
        if place in self.roots or f"{self.modules.dotted(place.path)}.".startswith(_BACKEND):
            return False
        context = self.roots[place] = Context(kind, self._definition(place).qualname, reason)
        self._roots_of.setdefault(place.path, {})[place.number] = context
        return True

    def _definition(self, place: Place) -> DefinitionFacts:
        return self.files[place.path].definitions[place.number]

    def _keras_itself(self, path: str) -> list[Place]:
        """In the Keras package: its own classes, and the functions that models name (activations, losses, ...)."""
        module = self.modules.dotted(path)
        if not module.startswith("keras."):
            return []
        found = []
        for number, definition in enumerate(self.files[path].definitions):
            kind = None
            if definition.parent < 0 and definition.kind == "class":
                kind = kind_by_place(module, definition)
            elif definition.parent < 0 and definition.kind == "function":
                kind = kind_of_function(module)
            reason = f"`{definition.name}` is Keras's own {kind}, `{module}.{definition.name}`"
            if kind is not None and self._root(Place(path, number), kind, reason):
                found.append(Place(path, number))
        return found

    def _classes(self, path: str) -> list[Place]:
        found = self._keras_itself(path)
        for number, definition in enumerate(self.files[path].definitions):
            place = Place(path, number)
            kind = self._class_kind(place) if definition.kind == "class" else None
            if kind is not None:
                reason = f"`{definition.name}` is {article(kind[0])} class: it derives from `{kind[1]}`"
                if self._root(place, kind[0], reason):
                    found.append(place)
        return found

    def _class_kind(self, place: Place) -> tuple[str, str] | None:
        """The kind of unit that a class is, and the base that makes it so."""
        if place in self._kinds:
            return self._kinds[place]
        self._kinds[place] = None  # a class that derives from itself is no layer
        if self.modules.dotted(place.path).startswith("keras.") and self._definition(place).parent < 0:
            module, definition = self.modules.dotted(place.path), self._definition(place)
            own = kind_by_place(module, definition)
            if own is not None:
                self._kinds[place] = own, f"{module}.{definition.name}"
                return self._kinds[place]
        for target in self._definition(place).bases:
            for meaning in self.resolve(place.path, target):
                kind = self._base_kind(meaning)
                if kind is not None:
                    self._kinds[place] = kind
                    return kind
        return None

    def _base_kind(self, meaning: Place | str) -> tuple[str, str] | None:
        if isinstance(meaning, str):
            kind = kind_of_base(meaning)
            return None if kind is None else (kind, meaning)
        if self._definition(meaning).kind != "class":
            return None
        inherited = self._class_kind(meaning)
        if inherited is None:
            return None
        return inherited[0], f"{self._definition(meaning).name}` and through it from `{inherited[1]}"

    def _functions(self, path: str) -> list[Place]:
        facts = self.files[path]
        found = []
        for number in facts.losses:
            place = Place(path, number)
            if self.nearest(place) is None:
                name = facts.definitions[number].name
                if self._root(place, "loss", f"`{name}` has the signature of a loss or metric, (y_true, y_pred)"):
                    found.append(place)
        for handed in facts.handed:
            if not self._is_keras(path, handed.receivers):
                continue
            self._mark(path, handed.target, handed.kind, f"in a table of what is {handed.how}")
            for place in self._places(path, handed.target):
                if self.nearest(place) is None and not self._other_keras(place):
                    where = "" if place.path == path else f" in {self._show(path)}"
                    name = self._definition(place).name
                    if self._root(place, handed.kind, f"`{name}` is {handed.how}{where}"):
                        found.append(place)
        return found

    def _other_keras(self, place: Place) -> bool:
        """Whether it is a class that derives from something of Keras that does not run in a model: a callback, a generator."""
        bases = [m for target in self._definition(place).bases for m in self.resolve(place.path, target)]
        return any(isinstance(base, str) and base.startswith("keras.") for base in bases)

    def _is_keras(self, path: str, receivers: tuple[Target, ...]) -> bool:
        return not receivers or any(self._takes(path, receiver) for receiver in receivers)

    def _takes(self, path: str, receiver: Target) -> bool:
        """Whether what is called is Keras's, or a layer class of the project (what cannot be read counts as such)."""
        for meaning in self.resolve(path, receiver):
            if isinstance(meaning, str):
                if meaning.startswith(("keras.", ".")):
                    return True
            elif self._definition(meaning).kind == "class" and self._class_kind(meaning) is not None:
                return True
        return False

    def _places(self, path: str, target: Target) -> list[Place]:
        return [meaning for meaning in self.resolve(path, target) if isinstance(meaning, Place)]

    # ---- what roots use

    def _follow(self, waiting: list[Place]) -> None:
        """Everything that layer code calls, hands on or derives from is layer code, until nothing new is found."""
        while waiting:
            root = waiting.pop()
            for user in self._with_nested(root):
                waiting += self._followed(root, user)

    def _followed(self, root: Place, user: Place) -> list[Place]:
        found = []
        definition = self._definition(user)
        for target in definition.bases:
            how = f"is a base of the {self.roots[root].kind} class `{definition.name}`"
            found += [p for p in self._places(user.path, target) if self._helper(p, user, how)]
        for target, how in self._used_by(user):
            self._mark(user.path, target, "helper", f"in a table that `{definition.qualname}` uses")
            for place in self._places(user.path, target):
                # A class that is only named (``isinstance``, an annotation) does not run.
                runs = how == CALLED or self._definition(place).kind != "class"
                if runs and self._helper(place, user, f"{how} `{definition.qualname}`"):
                    found.append(place)
        return found

    def _mark(self, path: str, target: Target, kind: str, how: str) -> None:
        """The engine's functions of a table are used; a name of another file may be one."""
        if target[0] == "#":
            return
        for spot in self.meanings(path, target):
            if isinstance(spot, Spot):
                where = "" if spot.path == path else f" in {self._show(path)}"
                self._spots.setdefault(spot.path, {}).setdefault((spot.line, spot.column), (kind, f"{how}{where}"))

    def _helper(self, place: Place, user: Place, how: str) -> bool:
        if self.nearest(place) is not None:
            return False
        where = "" if place.path == user.path else f" in {self._show(user.path)}"
        return self._root(place, "helper", f"`{self._definition(place).name}` {how}{where}")

    def _with_nested(self, root: Place) -> Iterator[Place]:
        waiting = [root]
        while waiting:
            place = waiting.pop()
            yield place
            waiting += self._nested_in(place)

    def _nested_in(self, place: Place) -> Sequence[Place]:
        here = self._nested.get(place.path)
        if here is None:
            here = self._nested[place.path] = {}
            for number, definition in enumerate(self.files[place.path].definitions):
                here.setdefault(definition.parent, []).append(Place(place.path, number))
        return here.get(place.number, ())

    def _used_by(self, place: Place) -> Sequence[tuple[Target, str]]:
        here = self._uses.get(place.path)
        if here is None:
            here = self._uses[place.path] = {}
            for use in self.files[place.path].uses:
                here.setdefault(use.user, []).append((use.target, use.how))
        return here.get(place.number, ())

    def nearest(self, place: Place) -> Place | None:
        """The innermost root around a definition, itself included."""
        while place not in self.roots:
            parent = self._definition(place).parent
            if parent < 0:
                return None
            place = Place(place.path, parent)
        return place


def index_of(paths: Iterable[str], load: Callable[[str], FileFacts | None]) -> Index:
    """An index of the files at ``paths``, settled."""
    paths = sorted(paths)
    index = Index(Modules(paths), load)
    for path in paths:
        index.facts(path)
    index.settle()
    return index
