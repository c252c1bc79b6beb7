"""``Names``: what the expressions of one module mean."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable, Iterator, Mapping

from kmigrate.names.candidates import Candidates, branches, may_mean
from kmigrate.names.flow import reaching
from kmigrate.names.scopes import NOTHING, Binding, Definition, Meaning, Reference, Scope, union
from kmigrate.names.symbols import canonical, canonical_beside_keras, engine_of, imports_keras, without_fallbacks
from kmigrate.names.walk import Walk

_BUILTINS = frozenset(dir(builtins))
_LOOKUPS = frozenset({"getattr", "hasattr"})
# A name that is bound more often than this is taken to mean any of its bindings, wherever it is used.
_MANY_BINDINGS = 50
_LONGEST_ALIAS = 50


class Names:
    """The scopes of one module.

    ``known`` answers whether an engine has a symbol; it is asked only about names that a star import of an engine module may
    have brought. ``imported`` translates symbols of the project's own modules to the engine or Keras symbols behind them
    (``from .compat import tf``). ``walk`` is the pass over ``tree``, where it was made before.
    """

    def __init__(
        self,
        tree: ast.Module,
        known: Callable[[str], bool] = lambda symbol: False,
        imported: Mapping[str, str] | None = None,
        walk: Walk | None = None,
    ) -> None:
        walk = walk or Walk(tree)
        self.tree = tree
        self.known = known
        self.imported = imported or {}
        self.module = walk.module
        self.parents = walk.parents
        self.definitions = walk.definitions
        self.calls = walk.calls
        self.stars = walk.stars
        self.imports = walk.imports
        self.imports_keras = imports_keras(self.imports, [node for node in self.imports if walk.parents[node] is tree])
        self.walk = walk
        self._places = walk.places
        self._resolving: set[ast.expr] = set()
        self._memo: dict[ast.AST, Meaning] = {}
        self._values: dict[ast.expr, Meaning] = {}
        self._imports: dict[Binding, Meaning] = {}
        self._attributes: dict[tuple[Meaning, str], Meaning] = {}
        self._meaningful: dict[tuple[Scope, str], bool] = {}
        self._sources: set[str] | None = None
        self._last_attributes: set[tuple[str | None, str]] | None = None
        self._candidates = Candidates(walk)

    # ---- questions

    def scope_of(self, node: ast.AST) -> Scope:
        return self._places[node][0]

    def definition_of(self, node: ast.AST) -> Definition | None:
        """The innermost definition that the name, attribute or call belongs to: its body, parameters, decorators and bases."""
        place = self._places.get(node)
        return None if place is None else place[1]

    def references(self, chains: Iterable[ast.expr] | None = None) -> Iterator[Reference]:
        """Every maximal use of a symbol, of an engine or of anything else that is imported. ``chains``: among these alone."""
        for node in self.chains(self._source_names()) if chains is None else chains:
            meaning = self.resolve(node)
            if meaning.symbols and not self._holds_reference(node):
                yield self._reference(node, meaning)
        for node in self.walk.targets:
            meaning = self.resolve(node)
            if meaning.symbols and not self._through_object(node):
                yield Reference(node, meaning, self.definition_of(node), "target")

    def chains(self, sources: set[str] | None) -> Iterator[ast.expr]:
        """The maximal names and attribute chains that are read: those that begin with one of ``sources``, with an object and an
        attribute of that name, or with no name but what may mean something (``may_mean``); all where ``sources`` is None or a
        star import may bind any name."""
        if sources is None or self.stars:
            yield from self.walk.chains
            return
        for node, (root, first) in zip(self.walk.chains, self.walk.ends, strict=True):
            if may_mean(node) if root is None else (root in sources or first in sources):
                yield node

    def reads(self, attributes: frozenset[str]) -> Iterator[ast.Attribute]:
        """The chains that end in one of ``attributes``, those of imported modules apart."""
        modules = self._candidates.imported()
        found: dict[str, list[ast.Attribute]] = {}
        dotted = ast.Attribute
        for node, (root, _) in zip(self.walk.chains, self.walk.ends, strict=True):
            if isinstance(node, dotted) and node.attr in attributes and root not in modules:
                if node.attr != "value" or root is None:  # of a dimension: x.shape[1].value
                    found.setdefault(node.attr, []).append(node)
        for name in sorted(found):
            yield from found[name]

    def is_read_of(self, name: str, attribute: str) -> bool:
        """Whether ``name.attribute``, or a longer chain that begins and ends with them, is read anywhere."""
        if self._last_attributes is None:
            ends = zip(self.walk.chains, self.walk.ends, strict=True)
            self._last_attributes = {(root, node.attr) for node, (root, _) in ends if isinstance(node, ast.Attribute)}
        return (name, attribute) in self._last_attributes

    def attributes_read(self, attributes: frozenset[str]) -> Iterator[ast.Attribute]:
        """Every read of one of ``attributes``, also as a part of a longer chain, of which the whole comes first."""
        for chains in (self.walk.chains, self.walk.targets):
            for chain in chains:
                node = chain
                while isinstance(node, ast.Attribute):
                    if node.attr in attributes and node.ctx.__class__ is ast.Load:
                        yield node
                    node = node.value

    def engine_references(self) -> Iterator[Reference]:
        """Every maximal use of an engine symbol, in the order of the text."""
        leading = None if self.stars else self.aliased(self.leading(True))
        found = [r for r in self.references(self.chains(leading)) if any(engine_of(symbol) for symbol in r.meaning.symbols)]
        found.sort(key=lambda reference: (reference.node.lineno, reference.node.col_offset))
        return iter(found)

    def resolve(self, node: ast.AST) -> Meaning:
        """The symbols that an expression may mean; empty for one that names none.

        Names and attribute chains, ``a if condition else b``, ``getattr(module, 'literal')`` and ``import_module('literal')``.
        """
        path: list[str] = []
        while node.__class__ is ast.Attribute:
            path.append(node.attr)
            node = node.value
        if node.__class__ is not ast.Name:
            return self._extended(self._expression(node), path[::-1])
        if node not in self._places:
            return NOTHING
        meaning = self._name(node)
        if not path:
            return meaning
        path.reverse()
        return self._extended(meaning, path) if meaning.symbols else self._attribute(node, path)

    def binding_value(self, node: ast.AST) -> Binding | None:
        """The one binding of a plain name, or None where it has several or none."""
        if not isinstance(node, ast.Name) or node not in self._places:
            return None
        scope = self._places[node][0].lookup(node.id)
        bindings = scope.bindings[node.id] if scope else []
        return bindings[0] if len(bindings) == 1 else None

    def all_names(self) -> set[str]:
        """Every identifier that any scope binds or uses: a name outside this set is free everywhere."""
        names = {node.id for node in self._places if isinstance(node, ast.Name)}
        for scope in {self.module, *(scope for scope, _ in self._places.values()), *(d.body for d in self.definitions.values())}:
            names.update(scope.bindings)
        return names

    # ---- references

    def _reference(self, node: ast.expr, meaning: Meaning) -> Reference:
        how = "string" if node in self.walk.quoted else "plain"
        call = self.parents.get(node)
        if isinstance(call, ast.Call) and call.args[:1] == [node] and self._builtin(call.func) in _LOOKUPS:
            how = "getattr"
            name = call.args[1] if len(call.args) > 1 else None
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                meaning = self._extended(meaning, [name.value])
        elif self._through_object(node):
            how = "attribute"
        return Reference(node, meaning, self.definition_of(node), how)

    def _holds_reference(self, node: ast.expr) -> bool:
        """``(tf if x else y).exp``: the names inside are the uses."""
        while isinstance(node, ast.Attribute):
            node = node.value
        if isinstance(node, ast.Call):
            return self._builtin(node.func) == "getattr"
        return not isinstance(node, ast.Name)

    def _through_object(self, node: ast.expr) -> bool:
        root = node
        while isinstance(root, ast.Attribute):
            root = root.value
        return root is not node and isinstance(root, ast.Name) and root in self._places and not self._name(root).symbols

    def _source_names(self) -> set[str] | None:
        """The identifiers and attributes that may mean a symbol; None where a star import may bind any name."""
        if self.stars:
            return None
        if self._sources is None:
            self._sources = self.aliased(self._candidates.imported())
        return self._sources

    def leading(self, through_keras: bool) -> set[str]:
        """The names of imports by which an engine may be reached (see ``Candidates.leading``)."""
        return self._candidates.leading(self.symbol_of, through_keras)

    def aliased(self, found: set[str]) -> set[str]:
        """``found`` and every identifier that is assigned what one of them may mean: a superset, got without resolving."""
        return self._candidates.aliased(found)

    def aliases(self) -> list[tuple[str, ast.expr]]:
        """The plain assignments ``name = value`` and ``x.name = value`` whose value may be a symbol."""
        return self.walk.aliases

    # ---- resolution

    def _extended(self, meaning: Meaning, path: list[str]) -> Meaning:
        if not path or not meaning.symbols:
            return meaning
        key = meaning, ".".join(path)
        known = self._attributes.get(key)
        if known is None:
            symbols = dict.fromkeys(self._joined(f"{symbol}.{key[1]}") for symbol in meaning.symbols)
            known = self._attributes[key] = Meaning(tuple(symbols), meaning.certain)
        return known

    def _joined(self, dotted: str) -> str:
        return self.symbol_of(self._translated(dotted))

    def symbol_of(self, dotted: str) -> str:
        """The symbol that a dotted path means in this file."""
        return canonical_beside_keras(dotted) if self.imports_keras else canonical(dotted)

    def _translated(self, symbol: str) -> str:
        """The engine or Keras symbol behind a symbol of the project's own modules; other symbols as they are."""
        if not self.imported:
            return symbol
        head, tail = symbol, ""
        while head:
            if head in self.imported:
                return self.imported[head] + tail
            head, dot, last = head.rpartition(".")
            tail = f"{dot}{last}{tail}"
        return symbol

    def _expression(self, node: ast.AST) -> Meaning:
        """The meaning of an expression that is neither a name nor an attribute."""
        if isinstance(node, ast.IfExp):
            return union([self.resolve(branch) for branch in branches(node)])
        if isinstance(node, ast.NamedExpr):
            return self.resolve(node.value)
        if isinstance(node, ast.Call) and node.args:
            return self._call(node)
        return NOTHING

    def _call(self, node: ast.Call) -> Meaning:
        """``getattr(tf.nn, 'relu')``, ``importlib.import_module('tensorflow')``, ``staticmethod(tf.exp)``."""
        builtin = self._builtin(node.func)
        literal = node.args[-1].value if isinstance(node.args[-1], ast.Constant) else None
        if builtin == "getattr" and len(node.args) == 2:
            meaning = self.resolve(node.args[0])
            return self._extended(meaning, [literal]) if isinstance(literal, str) else NOTHING
        if builtin == "staticmethod" and len(node.args) == 1:
            return self.resolve(node.args[0])
        if len(node.args) == 1 and isinstance(literal, str) and not literal.startswith("."):
            if builtin == "__import__" or "importlib.import_module" in self.resolve(node.func).symbols:
                return Meaning((canonical(literal if builtin is None else literal.partition(".")[0]),))
        return NOTHING

    def _builtin(self, function: ast.expr) -> str | None:
        """The name of the builtin that is called, None where it is none (or a name of the file hides it)."""
        if isinstance(function, ast.Name) and function.id in _BUILTINS and function in self._places:
            return function.id if self._places[function][0].lookup(function.id) is None else None
        return None

    def _name(self, node: ast.Name) -> Meaning:
        meaning = self._memo.get(node)
        if meaning is None:
            scope = self._places[node][0].lookup(node.id)
            meaning = self._star(node.id) if scope is None else self._choose(scope, node)
            self._memo[node] = meaning
        return meaning

    def _star(self, name: str) -> Meaning:
        """What star imports make of a name that nothing binds: the last module that has it decides.

        Whether a module that is no engine has it cannot be known here: then the name may mean either.
        """
        symbols: list[str] = []
        for module in reversed(self.stars):
            symbol = canonical(f"{module}{name}" if module.endswith(".") else f"{module}.{name}")
            if engine_of(module) is not None:
                if self.known(symbol):
                    symbols.append(symbol)
                    break
            elif engine_of(symbol) is not None:  # ``from keras.backend import *`` brings ``tf``
                symbols.append(symbol)
            elif name not in _BUILTINS:
                symbols.append(symbol)
        return Meaning(tuple(symbols), len(symbols) == 1)

    def _choose(self, scope: Scope, node: ast.Name) -> Meaning:
        bindings = scope.bindings[node.id]
        if len(bindings) == 1:
            return self._binding(bindings[0])
        if not self._may_mean(scope, node.id):
            return NOTHING
        if len(bindings) <= _MANY_BINDINGS:
            bindings = reaching(bindings, node if self._places[node][0] is scope else None, self.parents)
        meaning = union([self._binding(b) for b in bindings if b.kind != "none"] or [NOTHING])
        return Meaning(without_fallbacks(meaning.symbols), meaning.certain)

    def _may_mean(self, scope: Scope, name: str) -> bool:
        """Whether any binding of a name gives it a symbol; asked once, since a name may be bound a thousand times."""
        key = scope, name
        known = self._meaningful.get(key)
        if known is None:
            known = any(self._binding(b).symbols for b in scope.bindings[name])
            if not self._resolving:  # else what is being resolved meant nothing for now
                self._meaningful[key] = known
        return known

    def _binding(self, binding: Binding) -> Meaning:
        """What a binding gives its name."""
        if binding.symbol is not None:
            known = self._imports.get(binding)
            if known is None:
                known = self._imports[binding] = Meaning((self._joined(binding.spelling or binding.symbol),))
            return known
        if binding.kind != "assign" or binding.value is None:
            return NOTHING
        return self._value(binding.value)

    def _value(self, value: ast.expr) -> Meaning:
        """What an assigned value means; nothing where it is defined through itself or through too many others."""
        meaning = self._values.get(value)
        if meaning is None:
            if value in self._resolving or len(self._resolving) > _LONGEST_ALIAS:
                return NOTHING
            self._resolving.add(value)
            try:
                meaning = self._values[value] = self.resolve(value)
            finally:
                self._resolving.discard(value)
        return meaning

    # ---- attributes of objects

    def _attribute(self, node: ast.Name, path: list[str]) -> Meaning:
        """``self.f`` where the class, or a base of it in the file, gives ``f`` its only value."""
        if not self._may_be_attribute(path[0]):
            return NOTHING
        owner = self._class_of(node)
        return NOTHING if owner is None else self._extended(self._member(owner, path[0], []), path[1:])

    def _may_be_attribute(self, name: str) -> bool:
        sources = self._source_names()
        return sources is None or name in sources

    def _class_of(self, node: ast.Name) -> Definition | None:
        """The class whose instance (the first parameter of a method) or which itself a name means."""
        scope = self._places[node][0].lookup(node.id)
        bindings = scope.bindings[node.id] if scope is not None else []
        if scope is None or len(bindings) != 1:
            return None
        binding = bindings[0]
        if binding.kind == "def":
            definition = self.definitions.get(binding.node) if binding.node is not None else None
            return definition if definition is not None and definition.kind == "class" else None
        method = self.definitions.get(scope.node)
        if binding.kind != "param" or method is None or isinstance(method.node, (ast.ClassDef, ast.Lambda)):
            return None
        owner = method.parent
        if owner is None or owner.kind != "class" or method.scope is not owner.body:
            return None
        first = [*method.node.args.posonlyargs, *method.node.args.args][:1]
        return owner if first == [binding.node] else None

    def _member(self, owner: Definition, name: str, seen: list[Definition]) -> Meaning:
        """The meaning of an attribute that is given a value once: in the body of the class, or as ``self.name = value``."""
        in_body = owner.body.bindings.get(name, [])
        elsewhere = self.walk.attributes.get(name, [])
        if len(in_body) + len(elsewhere) > 1:
            return NOTHING
        if in_body:
            return self._binding(in_body[0])
        if elsewhere:
            target, value = elsewhere[0]
            if isinstance(target.value, ast.Name) and self._class_of(target.value) is owner and value is not None:
                return self._value(value)
        for base in owner.node.bases if isinstance(owner.node, ast.ClassDef) else ():
            above = self._class_of(base) if isinstance(base, ast.Name) else None
            if above is not None and above not in seen:
                meaning = self._member(above, name, [*seen, owner])
                if meaning.symbols:
                    return meaning
        return NOTHING
