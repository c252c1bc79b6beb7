"""Where the names and attributes of a module get their values: an index over the whole file, made once.

A use in the function that assigns the name sees what ``flow`` says; any other use sees every assignment of the name.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from kmigrate.names import Definition, Names, Scope
from kmigrate.values.flow import ITEM, UNKNOWN_ORIGIN, Flow, Origin, Origins, targets

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
# What may be done with a list without changing it or giving it another name.
_HARMLESS_CALLS = frozenset(
    "len tuple list range enumerate zip sum max min sorted reversed isinstance set print str repr any all map filter".split()
)
_HARMLESS_METHODS = frozenset({"count", "index", "copy"})


@dataclass(slots=True)
class Family:
    """Classes of the file that derive from each other: they share ``self``. ``attributes`` holds every assignment."""

    classes: list[Definition] = field(default_factory=list)
    attributes: dict[str, list[Origin]] = field(default_factory=dict)
    methods: dict[str, list[ast.AST]] = field(default_factory=dict)
    dynamic: bool = False  # attributes are also set in ways that the text does not show


class Bindings:
    """The origins of every name and of every ``self.attribute``."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.calls_of: dict[str, list[ast.Call]] = {}
        self._stores: dict[tuple[Scope, str], list[tuple[ast.Name, Origin]]] = {}
        self._loads: dict[tuple[Scope, str], list[ast.Name]] = {}
        self._walrus: set[tuple[Scope, str]] = set()
        self._families: dict[ast.AST, Family] = {}
        self._flows: dict[ast.AST, Flow] = {}
        self._steady: dict[tuple[Scope, str], bool] = {}
        self._counted: dict[tuple[Scope, str], bool] = {}
        self._own: dict[tuple[Scope, str], bool] = {}
        self._index_names()
        self._index_classes()

    # ---- names

    def origins(self, node: ast.Name) -> Origins:
        """The origins that a use of a name may see; empty where it is not bound in this file."""
        scope = self.scope(node)
        if scope is None:
            return ()
        if (scope, node.id) not in self._walrus and scope.kind in ("function", "module"):
            if self._accounted(scope, node.id):
                found = self._flow(scope).reaching.get(node)
                if found is not None and self._stands_in(node, scope):
                    return found or (UNKNOWN_ORIGIN,)
        return self._all(scope, node.id)

    def scope(self, node: ast.Name) -> Scope | None:
        return self.names.scope_of(node).lookup(node.id)

    def steady(self, node: ast.Name) -> bool:
        """Whether a list that the name holds is surely never changed, nor known by another name."""
        scope = self.scope(node)
        if scope is None:
            return False
        key = (scope, node.id)
        if key not in self._steady:
            self._steady[key] = all(self._harmless(use) for use in self._loads.get(key, ()))
        return self._steady[key]

    def loads(self, scope: Scope, name: str) -> list[ast.Name]:
        return self._loads.get((scope, name), [])

    def _index_names(self) -> None:
        found: dict[tuple[Scope, str], Scope | None] = {}
        for node, (here, _) in self.names.walk.places.items():
            if not isinstance(node, ast.Name):
                continue
            seen = here, node.id
            if seen not in found:
                found[seen] = here.lookup(node.id)
            scope = found[seen]
            if scope is None:
                continue
            key = (scope, node.id)
            if node.ctx.__class__ is ast.Load:
                self._loads.setdefault(key, []).append(node)
            else:
                self._stores.setdefault(key, []).append((node, self._origin_of(node, key)))

    def _origin_of(self, node: ast.Name | ast.Attribute, key: tuple[Scope, str] | None = None) -> Origin:
        """The origin that the statement around a store gives it."""
        parents = self.names.parents
        at: ast.AST = node
        while isinstance(parents[at], (ast.Tuple, ast.List, ast.Starred)):
            at = parents[at]
        statement = parents[at]
        value: ast.AST | None = None
        path: tuple[int | str, ...] = ()
        if isinstance(statement, (ast.Assign, ast.AnnAssign, ast.NamedExpr)):
            value = statement.value
        elif isinstance(statement, (ast.For, ast.AsyncFor, ast.comprehension)):
            value, path = statement.iter, (ITEM,)
        if isinstance(statement, ast.NamedExpr) and key is not None:
            self._walrus.add(key)
        if value is None or at is value or not isinstance(at, ast.expr):
            return UNKNOWN_ORIGIN
        return next((origin for store, origin in targets(at, value, path) if store is node), UNKNOWN_ORIGIN)

    def _all(self, scope: Scope, name: str) -> Origins:
        """Every binding of a name in its scope, whenever it happens."""
        found = [origin for _, origin in self._stores.get((scope, name), ())]
        for binding in scope.bindings.get(name, ()):
            if binding.kind == "param" and binding.node is not None:
                found.append(Origin(binding.node))
            elif binding.kind == "def" and binding.node is not None:
                found.append(Origin(binding.node))
            elif binding.kind == "import":
                found.append(UNKNOWN_ORIGIN)
        if not self._accounted(scope, name):
            found.append(UNKNOWN_ORIGIN)
        return tuple(found)

    def _accounted(self, scope: Scope, name: str) -> bool:
        """Whether every binding is one that the index shows (not those of ``except ... as name`` and the like)."""
        key = scope, name
        known = self._counted.get(key)
        if known is None:
            plain = sum(binding.kind in ("assign", "none", "other") for binding in scope.bindings.get(name, ()))
            known = self._counted[key] = plain == len(self._stores.get(key, ()))
        return known

    def _stands_in(self, node: ast.Name, scope: Scope) -> bool:
        """Whether the use and every binding stand in the function (or module) whose scope it is, not in a nested one."""
        key = scope, node.id
        own = self._own.get(key)
        if own is None:
            own = self._own[key] = all(self.names.scope_of(store) is scope for store, _ in self._stores.get(key, ()))
        at = self.names.scope_of(node)
        while at.kind == "comprehension" and at.parent is not None:
            at = at.parent
        return own and at is scope

    def _flow(self, scope: Scope) -> Flow:
        node = scope.node
        if node not in self._flows:
            parameters: dict[str, Origin] = {}
            body: list[ast.stmt] = []
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
                parameters = {argument.arg: Origin(argument) for argument in arguments_of(node)}
                body = [ast.Expr(node.body)] if isinstance(node, ast.Lambda) else node.body
            elif isinstance(node, ast.Module):
                body = node.body
            self._flows[node] = Flow(body, parameters)
        return self._flows[node]

    def _harmless(self, use: ast.Name) -> bool:
        parent = self.names.parents.get(use)
        if isinstance(parent, ast.keyword):
            parent = self.names.parents.get(parent)
        if isinstance(parent, ast.Call):
            return use is not parent.func and self._harmless_call(parent)
        if isinstance(parent, ast.Subscript):
            return parent.value is use and isinstance(parent.ctx, ast.Load)
        if isinstance(parent, ast.Attribute):
            return parent.attr in _HARMLESS_METHODS
        if isinstance(parent, ast.AugAssign):
            return False
        return isinstance(
            parent,
            (
                ast.For,
                ast.comprehension,
                ast.Compare,
                ast.BinOp,
                ast.Starred,
                ast.FormattedValue,
                ast.Return,
                ast.If,
                ast.UnaryOp,
            ),
        )

    def _harmless_call(self, call: ast.Call) -> bool:
        symbols = self.names.resolve(call.func).symbols
        if symbols:
            return all(s.startswith(("keras.", "tf.", "theano.", "numpy.")) for s in symbols)
        if isinstance(call.func, ast.Name):
            return call.func.id in _HARMLESS_CALLS and self.scope(call.func) is None
        return isinstance(call.func, ast.Attribute) and call.func.attr in ("add_weight", "add_variable", "reshape", "dimshuffle")

    # ---- classes

    def family(self, node: ast.AST) -> Family | None:
        """The family of the class in whose method (or body) a node stands."""
        definition = self.names.definition_of(node)
        while definition is not None and definition.kind != "class":
            definition = definition.parent
        return None if definition is None else self.family_of(definition)

    def family_of(self, definition: Definition) -> Family:
        return self._families.setdefault(definition.node, Family([definition]))

    def _index_classes(self) -> None:
        for definition in self.names.definitions.values():
            if definition.kind == "class" and isinstance(definition.node, ast.ClassDef):
                own = self.family_of(definition)
                for base in definition.node.bases:
                    for other in self._local_classes(base):
                        own = self._united(own, self.family_of(other))
        for definition in self.names.definitions.values():
            if definition.parent is not None and definition.parent.kind == "class" and definition.kind == "function":
                family = self.family_of(definition.parent)
                family.methods.setdefault(definition.name, []).append(definition.node)
        self._index_attributes()

    def _local_classes(self, base: ast.expr) -> list[Definition]:
        if not isinstance(base, ast.Name):
            return []
        scope = self.scope(base)
        nodes = [binding.node for binding in scope.bindings.get(base.id, ())] if scope else []
        return [self.names.definitions[n] for n in nodes if isinstance(n, ast.ClassDef) and n in self.names.definitions]

    def _united(self, first: Family, second: Family) -> Family:
        if first is second:
            return first
        small, large = sorted((first, second), key=lambda family: len(family.classes))
        large.classes += small.classes
        for definition in small.classes:
            self._families[definition.node] = large
        return large

    def _index_attributes(self) -> None:
        for target in self.names.walk.targets:
            if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self":
                family = self.family(target)
                if family is not None:
                    family.attributes.setdefault(target.attr, []).append(self._origin_of(target))
        for (scope, name), stores in self._stores.items():
            if scope.kind == "class":
                for node, origin in stores:
                    definition = self.names.definition_of(node)
                    if isinstance(node.ctx, ast.Store) and definition is not None and definition.kind == "class":
                        self.family_of(definition).attributes.setdefault(name, []).append(origin)
        for call in self.names.calls:
            if isinstance(call.func, ast.Name) and call.func.id == "setattr":
                family = self.family(call)
                if family is not None:
                    family.dynamic = True


def arguments_of(node: Function) -> list[ast.arg]:
    """The parameters of a function, in order, without ``*args`` and ``**kwargs``."""
    return [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
