"""Which files that reach no engine themselves may connect others: by the names under which engine code can be imported.

A file is parsed where it names an engine. What uses such a file may name none: a layer that calls a helper, a package that
hands the helper on. So the words of import statements are compared with the names of what would matter if it were layer code.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from kmigrate.layers.index import Index
from kmigrate.layers.nouns import FileFacts, Target
from kmigrate.names import engine_of, foreign

_ITSELF = ""


class _Name(NamedTuple):
    """A name of a module; ``#3`` is its definition number 3, the empty name the module itself."""

    path: str
    name: str


class Connections:
    """The names of the index's files that lead to an engine outside of what is known to be layer code.

    A definition leads there that uses an engine or a name that leads there; a name, where what it is bound to does; a module,
    where one of its names does. Files are read once, as the index gets them, and none is loaded.
    """

    def __init__(self, index: Index) -> None:
        self.index = index
        self._read: set[str] = set()
        self._leading: dict[str, set[str]] = {}
        self._changed: set[str] = set()
        self._users: dict[_Name, list[_Name]] = {}
        self._starred: dict[str, list[str]] = {}

    def words(self) -> dict[str, set[str]]:
        """By module, those of which the import of something in it that leads to an engine has one at least.

        Only the modules of which more leads there than when this was asked last.
        """
        for path in sorted(self.index.files.keys() - self._read):
            self._read.add(path)
            self._take(path, self.index.files[path])
        changed, self._changed = self._changed, set()
        return {path: self._words_of(path, self._leading[path]) for path in sorted(changed)}

    def expect(self, path: str) -> None:
        """A file that ``words`` will have to read: what it names is looked up already."""
        facts = self.index.facts(path)
        for target in {target for _, target in _used(facts)} if facts is not None else ():
            self._meaning(path, target)

    def _words_of(self, path: str, names: set[str]) -> set[str]:
        found = {module_name(path)} if _ITSELF in names else set()
        engines = [name for name in names if self._is_engine(path, name)]
        if engines:
            found |= {"*", *(f".{name}" for name in engines)}
        if path.endswith("__init__.py"):  # ``from . import helper`` does not name the module
            found.update(name for name in names if name and not name.startswith("#"))
        else:
            found.update(engines)
        return found

    # ---- links

    def _take(self, path: str, facts: FileFacts) -> None:
        outermost = self._open_ones(path, facts)
        for number in facts.users:
            if number >= 0 and (user := outermost[number]) is not None:
                self._lead(user)
        users: dict[Target, dict[_Name, None]] = {}
        for number, target in _used(facts):
            if (user := outermost[number]) is not None:
                users.setdefault(target, {})[user] = None
        for target, those in users.items():
            self._link(path, those, target)
        for name, targets in (facts.exports or {}).items():
            for target in targets:
                if target.startswith("="):
                    self._lead(_Name(path, name))
                else:
                    self._link(path, (_Name(path, name),), target)
        for star in filter(foreign, facts.stars):
            module = self.index.modules.find(path, star)
            if module is not None and not module[1]:
                self._starred.setdefault(module[0], []).append(path)
                for name in sorted(self._leading.get(module[0], ())):
                    self._lead(_Name(path, name))

    def _link(self, path: str, users: Iterable[_Name], target: Target) -> None:
        """``users``, names of the module ``path``, lead where ``target`` does."""
        name = self._meaning(path, target)
        leads = engine_of(target) is not None
        if name is not None and not leads:
            self._users.setdefault(name, []).extend(users)
            leads = name.name in self._leading.get(name.path, ())
        for user in users if leads else ():
            self._lead(user)

    def _meaning(self, path: str, target: Target) -> _Name | None:
        if target.startswith("#"):
            return self._outermost(path, int(target[1:]))
        if target.startswith("*"):
            return _Name(path, target[1:].partition(".")[0])
        found = self.index.modules.find(path, target) if foreign(target) else None
        return None if found is None else _Name(found[0], found[1].partition(".")[0])

    def _lead(self, name: _Name) -> None:
        waiting = [name]
        while waiting:
            name = waiting.pop()
            names = self._leading.setdefault(name.path, set())
            if name.name in names:
                continue
            names.add(name.name)
            self._changed.add(name.path)
            waiting += self._users.get(name, ())
            if not name.name.startswith("#"):
                waiting += [_Name(other, name.name) for other in self._starred.get(name.path, ())]
                if not self.index.files[name.path].users or not self._is_engine(*name):
                    waiting.append(_Name(name.path, _ITSELF))

    # ---- questions about one file

    def _is_engine(self, path: str, name: str) -> bool:
        """Whether a name is the engine itself: what others may import from here in its place."""
        return any(engine_of(target) for target in (self.index.files[path].exports or {}).get(name, ()))

    def _open_ones(self, path: str, facts: FileFacts) -> list[_Name | None]:
        """For each definition the outermost one around it; None where it is layer code, or lies in some."""
        roots = self.index.roots_of(path)
        found: list[_Name | None] = []
        for number, definition in enumerate(facts.definitions):  # what is around a definition comes before it
            if number in roots:
                found.append(None)
            else:
                found.append(found[definition.parent] if definition.parent >= 0 else _Name(path, f"#{number}"))
        return found

    def _outermost(self, path: str, number: int) -> _Name:
        definitions = self.index.files[path].definitions
        while definitions[number].parent >= 0:
            number = definitions[number].parent
        return _Name(path, f"#{number}")


def module_name(path: str) -> str:
    """The last part of a module's name: that of the folder for an ``__init__.py``."""
    folder, _, file = path.rpartition("/")
    return folder.rpartition("/")[2] if file == "__init__.py" else file.removesuffix(".py")


def _used(facts: FileFacts) -> Iterator[tuple[int, Target]]:
    """What each definition uses or derives from."""
    for use in facts.uses:
        yield use.user, use.target
    for number, definition in enumerate(facts.definitions):
        for base in definition.bases:
            yield number, base
