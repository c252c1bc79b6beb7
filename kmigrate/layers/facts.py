"""What one file says about layer code: a pure function of its text, small enough to be cached."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from typing import TypeGuard

from kmigrate.layers.kinds import (
    BY_KEYWORD,
    BY_POSITION,
    CUSTOM,
    SCOPES,
    SPECIAL,
    function_kind,
    has_loss_signature,
)
from kmigrate.layers.members import Members
from kmigrate.layers.nouns import CALLED, DECORATES, HANDED_ON, DefinitionFacts, FileFacts, Handed, HandedEngine, Target, Use
from kmigrate.layers.passed import Passed
from kmigrate.layers.registered import custom_objects, is_registered
from kmigrate.layers.tables import Tables
from kmigrate.layers.told import Told
from kmigrate.names import Binding, Definition, Names, Scope, engine_of, foreign
from kmigrate.names.nodes import last_name
from kmigrate.tensor_methods import DISTINCTIVE, EVERYWHERE, NAMES, SHARED_ATTRIBUTES, STREAM, THEANO_TENSOR

_MAX_ALIASES = 20
_MAX_TURNS = 3
_BUILTINS = frozenset(dir(builtins))
# What is called so is Keras, also where a function chose which: ``keras = _installed_keras()``.
_KERAS = frozenset({"keras", "tf_keras"})


def file_facts(names: Names, data: bytes | None = None) -> FileFacts:
    """The facts of one module. ``data``, its bytes, tells at once what need not be looked for."""
    return _Extraction(names, data).facts()


class _Extraction:
    def __init__(self, names: Names, data: bytes | None) -> None:
        self.names = names
        self.told = Told(data)
        self.numbers = {definition: number for number, definition in enumerate(names.definitions.values())}
        self.members = Members(names, self.numbers)
        # The identifiers that may mean something of an engine, of the project or of this file: few, where most are numpy's.
        telling = names.aliased(self._telling_names() | {d.name for d in self.numbers} | self._lambda_names())
        self.tables = Tables(names.module, telling)
        self.passed = Passed(names)
        self.telling = telling | self.tables.names
        self.chains = list(names.chains(self.telling))
        self.meanings = {reference.node: reference for reference in names.references(self.chains)}
        self.special = self._special_names()
        self.bound: dict[tuple[Scope, str], list[Target]] = {}
        self.handed: dict[Handed, None] = {}
        self.unpacked: set[tuple[ast.expr, str]] = set()
        self.engines: dict[HandedEngine, None] = {}
        self.used: dict[tuple[Scope, str], list[Target]] = {}
        self.uses: dict[tuple[int, Target, str], None] = {}

    def facts(self) -> FileFacts:
        for call in self._handing_over():
            self._handed_over(call)
        for value in custom_objects(self.names) if self.told.custom_objects else ():
            self._add(value, CUSTOM, "Keras as a custom object", ())
        for chain in self.chains:
            self._used(chain)
        for definition, number in self.numbers.items() if self.told.registers else ():
            if is_registered(self.names, definition):
                self.handed[Handed(f"#{number}", CUSTOM, "registered with Keras")] = None
        self._methods_given()
        for inside, target in self.members.inherited_calls(self.targets):
            self.uses[self.numbers[inside], target, CALLED] = None
        imported, users = self._references()
        return FileFacts(
            tuple(self._definition(d) for d in self.numbers),
            self._exports(),
            tuple(self.names.stars),
            tuple(self.handed),
            tuple(self.engines),
            tuple(Use(*use) for use in self.uses),
            tuple(number for d, number in self.numbers.items() if self.told.losses and has_loss_signature(d)),
            imported,
            users,
        )

    def _number(self, definition: Definition | None) -> int:
        return -1 if definition is None else self.numbers[definition]

    def _definition(self, definition: Definition) -> DefinitionFacts:
        bases: tuple[Target, ...] = ()
        if isinstance(definition.node, ast.ClassDef):
            bases = tuple(t for base in definition.node.bases for part in _parts_of_base(base) for t in self._base(part))
        return DefinitionFacts(definition.qualname, definition.kind, self._number(definition.parent), bases)

    def _base(self, base: ast.expr) -> list[Target]:
        """What a base names; for the parameter of a factory what its callers give to it, or what its name tells."""
        found = self.targets(base) or [t for value in self.passed.values(base) for t in self.targets(value)]
        told = None if found else self.passed.base(base)
        return found if told is None else [told]

    def _exports(self) -> dict[str, tuple[Target, ...]]:
        found = {}
        for name, bindings in self.names.module.bindings.items():
            targets = self._all_bound(name, bindings, 0)
            if targets:
                found[name] = tuple(targets)
        return found

    def _references(self) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """The symbols used that may be the project's own, and the definitions that hold a direct engine use, or what may be a
        method of an engine's tensor."""
        symbols: dict[str, None] = {}
        users = set()
        for reference in self.meanings.values():
            for symbol in reference.meaning.symbols:
                if foreign(symbol):
                    symbols[symbol] = None
                elif engine_of(symbol):
                    users.add(self._number(reference.definition))
        methods = NAMES - EVERYWHERE - SHARED_ATTRIBUTES - (frozenset() if self.told.theano_methods else THEANO_TENSOR | STREAM)
        methods |= DISTINCTIVE | (SHARED_ATTRIBUTES if self.told.theano else frozenset())
        reads = filter(_of_another, self.names.reads(methods | {"initializer"}))
        users.update(self._number(self.names.definition_of(node)) for node in reads)
        return tuple(symbols), tuple(sorted(users))

    def _telling_names(self) -> set[str]:
        return self.names.leading(self.told.through_keras) | ({"tf", "T", "theano"} if self.told.through_keras else set())

    def _lambda_names(self) -> set[str]:
        """The names that are given a lambda: ``f = lambda x: x``, ``f = g if c else lambda x: x``, ``partial(lambda x: x)``."""
        found: set[str] = set()
        for definition in self.numbers:
            at = self.names.parents.get(definition.node) if isinstance(definition.node, ast.Lambda) else None
            while isinstance(at, (ast.IfExp, ast.Call)):
                at = self.names.parents.get(at)
            if isinstance(at, (ast.Assign, ast.AnnAssign, ast.NamedExpr)):
                targets = at.targets if isinstance(at, ast.Assign) else [at.target]
                found.update(target.id for target in targets if isinstance(target, ast.Name))
        return found

    # ---- targets

    def targets(self, value: ast.expr, depth: int = 0) -> list[Target]:
        """What an expression names: definitions of this file, symbols of others."""
        if depth > _MAX_ALIASES:
            return []
        if isinstance(value, ast.Name):
            return self._name(value, depth)
        if isinstance(value, ast.Attribute):
            return self._attribute(value)
        if isinstance(value, ast.Lambda):
            return [f"#{self.numbers[self.names.definitions[value]]}"]
        if isinstance(value, ast.IfExp):
            return self.targets(value.body, depth + 1) + self.targets(value.orelse, depth + 1)
        if isinstance(value, ast.Call) and last_name(value.func) == "getattr":
            return list(self.names.resolve(value).symbols)
        if self._is_partial(value):
            return self.targets(value.args[0], depth + 1)
        table = self.tables.taken_from(value)
        return [] if table is None else self._name(table, depth + 1)

    def _entries(self, elements: list[ast.expr], depth: int) -> Iterator[Target]:
        """What a table of functions holds: definitions, and the places of an engine's functions."""
        for element in elements:
            for target in self.targets(element, depth + 1):
                if target[0] in "#*=" or foreign(target):
                    yield target
                elif engine_of(target):
                    at = element.args[0] if isinstance(element, ast.Call) else element
                    yield f"={at.lineno}:{at.col_offset}"

    def _is_partial(self, value: ast.expr) -> TypeGuard[ast.Call]:
        if not isinstance(value, ast.Call) or not value.args:
            return False
        return "functools.partial" in self.names.resolve(value.func).symbols

    def _name(self, node: ast.Name, depth: int) -> list[Target]:
        scope = self.names.scope_of(node).lookup(node.id)
        if scope is None:
            symbols = self.names.resolve(node).symbols
            return list(symbols) or ([f"*{node.id}"] if self.names.stars and node.id not in _BUILTINS else [])
        key = scope, node.id
        if key not in self.bound:
            self.bound[key] = []  # what is defined through itself names nothing
            self.bound[key] = self._all_bound(node.id, scope.bindings[node.id], depth)
        return self.bound[key]

    def _all_bound(self, name: str, bindings: list[Binding], depth: int) -> list[Target]:
        found = list(dict.fromkeys(t for b in bindings for t in self._bound(b, depth)))
        return ["keras"] if not found and name in _KERAS and bindings[0].kind == "assign" else found

    def _bound(self, binding: Binding, depth: int) -> list[Target]:
        if binding.symbol is not None:
            return [binding.symbol]
        if binding.kind == "def" and binding.node is not None:
            return [f"#{self.numbers[self.names.definitions[binding.node]]}"]
        if binding.kind == "assign" and binding.value is not None:
            entries = self.tables.entries.get(binding.value)
            return self.targets(binding.value, depth + 1) if entries is None else list(self._entries(entries, depth))
        return []

    def _attribute(self, node: ast.Attribute) -> list[Target]:
        if isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"):
            return self.members.of_self(node, self.targets)
        reference = self.meanings.get(node)
        if reference is not None:
            return list(reference.meaning.symbols)
        table = self.tables.taken_from(node)
        if table is not None:
            return self._name(table, 0)
        if isinstance(node.value, ast.Name) and node.attr in self.members.names:
            return [
                target for owner in self._name(node.value, 0) for target in self.members.of_class(owner, node.attr, self.targets)
            ]
        symbols = self.names.resolve(node).symbols
        return list(symbols) if symbols else self._by_root(node)

    def _by_root(self, node: ast.Attribute) -> list[Target]:
        """An attribute of a name that a star import may bind, or that is called as Keras is."""
        path = [node.attr]
        at = node.value
        while isinstance(at, ast.Attribute):
            path.append(at.attr)
            at = at.value
        if not isinstance(at, ast.Name) or not (self.names.stars or at.id in _KERAS):
            return []
        dotted = ".".join(reversed(path))
        if self.names.scope_of(at).lookup(at.id) is None:
            return [f"*{at.id}.{dotted}"] if self.names.stars else []
        return [f"keras.{dotted}"] if at.id in _KERAS and self._name(at, 0) == ["keras"] else []

    # ---- functions handed to Keras

    def _handing_over(self) -> Iterator[ast.Call]:
        """The calls of what takes functions by position, and those with a keyword that takes one: few of all."""
        special, attribute, name, by_keyword = self.special, ast.Attribute, ast.Name, self.told.keywords
        for call in self.names.calls:
            function = call.func
            if function.__class__ is attribute:
                takes = function.attr in special
            else:
                takes = function.__class__ is name and function.id in special
            for keyword in call.keywords if by_keyword and not takes else ():
                if keyword.arg and function_kind(keyword.arg):
                    takes = True
                    break
            if takes:
                yield call

    def _handed_over(self, call: ast.Call) -> None:
        # `partial(Dense, activation=f)` hands over as Dense itself does.
        function, arguments = (call.args[0], call.args[1:]) if self._is_partial(call) else (call.func, call.args)
        last = last_name(function)
        keywords = [(k.arg, kind, k.value) for k in call.keywords if k.arg and (kind := function_kind(k.arg))]
        if last in SCOPES and arguments:
            self._add(arguments[0], CUSTOM, "Keras as a custom object", ())
        if last == "add_loss" and arguments:
            value = arguments[0]
            self._add(value.func if isinstance(value, ast.Call) else value, "loss", "`add_loss`", (), verb="used in")
        if last == "compile":
            for argument, what in zip(arguments[1:3], ("loss", "metric"), strict=False):
                self._add(argument, what, "`compile`", ())
            for keyword, kind, value in keywords:
                self._add(value, kind, f"`compile` as `{keyword}`", ())
            return
        # A call of anything else counts where that is Keras's: what it is may be known under another name here.
        receivers = tuple(self.targets(function))
        for keyword, kind, value in keywords:
            if kind == CUSTOM:
                self._add(value, kind, "Keras as a custom object", ())
            elif receivers:
                self._add(value, kind, f"`{ast.unparse(function)}` as `{keyword}`", receivers)
        for name in dict.fromkeys([last, *(r.rpartition(".")[2] for r in receivers)]):
            self._special(name, arguments, call.keywords, receivers)

    def _special_names(self) -> set[str]:
        """The names under which this file calls what takes functions by position."""
        found = set(SPECIAL)
        for node in self.names.imports:
            found.update(item.asname for item in node.names if item.asname and item.name in SPECIAL)
        for name, value in self.names.aliases():
            if getattr(value, "attr", getattr(value, "id", None)) in SPECIAL:
                found.add(name)
        return found

    def _special(self, name: str, arguments: list[ast.expr], keywords: list[ast.keyword], receivers: tuple[Target, ...]) -> None:
        if not receivers:
            return
        place, kind = BY_POSITION.get(name, (-1, ""))
        if 0 <= place < len(arguments):
            self._add(arguments[place], kind, f"`{name}`", receivers)
        for keyword in keywords:
            if keyword.arg is not None and (name, keyword.arg) in BY_KEYWORD:
                self._add(keyword.value, BY_KEYWORD[name, keyword.arg], f"`{name}`", receivers)

    def _add(self, value: ast.expr, kind: str, to: str, receivers: tuple[Target, ...], verb: str = "handed to") -> None:
        if isinstance(value, (ast.List, ast.Tuple)):
            for element in value.elts:
                self._add(element, kind, to, receivers, verb)
        elif isinstance(value, ast.Dict):
            for element in value.values:
                self._add(element, kind, to, receivers, verb)
        elif self._is_partial(value):
            self._add(value.args[0], kind, to, receivers, verb)
            return
        elif isinstance(value, ast.Name):
            for display in self._displays(value):
                self._unpack(display, kind, to, receivers, verb)
            for passed in self.passed.values(value):
                self._unpack(passed, kind, to, receivers, verb)
        elif isinstance(value, ast.Call) and not self.targets(value):
            # A factory, or the instance of a class: what its call makes is handed over.
            for target in self.targets(value.func):
                self.handed[Handed(target, kind, f"called to make what is {verb} {to}", receivers)] = None
        for target in self.targets(value):
            if not engine_of(target):
                self.handed[Handed(target, kind, f"{verb} {to}", receivers)] = None
            elif isinstance(value, (ast.Name, ast.Attribute)) and verb == "handed to":
                user = self._number(self.names.definition_of(value))
                place = HandedEngine(value.lineno, value.col_offset, user, kind, f"{verb} {to}", receivers)
                self.engines[place] = None

    def _unpack(self, value: ast.expr, kind: str, to: str, receivers: tuple[Target, ...], verb: str) -> None:
        if (value, to) not in self.unpacked:  # metrics = [metrics]
            self.unpacked.add((value, to))
            self._add(value, kind, to, receivers, verb)

    def _displays(self, node: ast.Name, depth: int = 0) -> Iterator[ast.expr]:
        """What a name holds, or takes its turns from, in ``losses = [f, g]`` and ``for loss in losses:`` (tables apart)."""
        scope = self.names.scope_of(node).lookup(node.id)
        bindings = scope.bindings[node.id] if scope is not None and depth < _MAX_TURNS else ()
        for binding in bindings:
            taken = getattr(binding.node, "iter", None) if binding.kind == "other" else binding.value
            if isinstance(taken, (ast.Dict, ast.List, ast.Tuple)) and taken not in self.tables.entries:
                yield taken
            elif isinstance(taken, ast.Name) and taken is not binding.value:
                yield from self._displays(taken, depth + 1)

    def _methods_given(self) -> None:
        """``Attention.call = attend``: what a class of the file is given from outside is its method."""
        classes = {d.name: number for d, number in self.numbers.items() if d.kind == "class"}
        for name, assigned in self.names.walk.attributes.items() if classes else ():
            for target, value in assigned:
                owner = target.value
                if isinstance(owner, ast.Name) and owner.id in classes and value is not None:
                    for found in self.targets(value):
                        if found[0] in "#*=" or foreign(found):
                            self.uses[classes[owner.id], found, f"is given as `{name}` to"] = None

    # ---- who uses what

    def _used(self, node: ast.expr) -> None:
        """A chain that is read inside a definition: what it names is used there."""
        inside = self.names.definition_of(node)
        if inside is None:
            return
        targets = self._used_targets(node)
        if targets:
            parent = self.names.parents.get(node)
            how = CALLED if isinstance(parent, ast.Call) and parent.func is node else HANDED_ON
            if node in getattr(inside.node, "decorator_list", ()) or parent in getattr(inside.node, "decorator_list", ()):
                how = DECORATES
            number = self.numbers[inside]
            for target in targets:
                self.uses[number, target, how] = None

    def _used_targets(self, node: ast.expr) -> list[Target]:
        """The targets that may lie in the project. What a plain name means is the same wherever one scope is around it."""
        if not isinstance(node, ast.Name):
            return [t for t in self.targets(node) if t[0] in "#*=" or foreign(t)]
        key = self.names.scope_of(node), node.id
        found = self.used.get(key)
        if found is None:
            found = self.used[key] = [t for t in self._name(node, 0) if t[0] in "#*=" or foreign(t)]
        return found


def _parts_of_base(base: ast.expr) -> list[ast.expr]:
    """``Layer`` of ``six.with_metaclass(ABCMeta, Layer)``."""
    return base.args if isinstance(base, ast.Call) and last_name(base.func) == "with_metaclass" else [base]


def _of_another(node: ast.Attribute) -> bool:
    """Whether an attribute is not the layer's own."""
    return not (isinstance(node.value, ast.Name) and node.value.id == "self")
