"""Scopes and bindings: which engine or Keras symbol an expression means.

Names are resolved by Python's scoping rules, never by spelling: a parameter, a local or a comprehension variable called
``tf`` hides the import of that name. The walk is iterative, so that machine-made code with deep nesting does not exhaust
the stack.

Symbols are dotted names with the roots ``tf``, ``theano`` and ``keras``; other imports keep their own dotted name, relative
ones with their leading dots (``.core.Layer``).
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

ENGINE_OF_ROOT = {"tf": "tensorflow", "theano": "theano"}

# Keras lives inside TensorFlow too; there it is Keras, not a direct engine use.
_KERAS_IN_TF = (
    "tf.keras",
    "tf.python.keras",
    "tf.contrib.keras.python.keras",
    "tf.contrib.keras",
    "tf.compat.v1.keras",
    "tf.compat.v2.keras",
    "tf_keras",
)
_OTHER_BACKEND = "tf.keras.backend."
# The engine modules that the backend modules of Keras happen to expose.
_ENGINE_IN_KERAS = {
    "keras.backend.tf": "tf",
    "keras.backend.T": "theano.tensor",
    "keras.backend.theano": "theano",
    "keras.backend.tensorflow_backend.tf": "tf",
    "keras.backend.theano_backend.T": "theano.tensor",
    "keras.backend.theano_backend.theano": "theano",
}
_BUILTINS = frozenset(dir(builtins))


def canonical(dotted: str) -> str:
    """The symbol that a dotted import path means: ``tensorflow.nn.relu`` is ``tf.nn.relu``."""
    if dotted == "tensorflow" or dotted.startswith("tensorflow."):
        dotted = "tf" + dotted[len("tensorflow") :]
    for prefix in _KERAS_IN_TF:
        if dotted == prefix or dotted.startswith(prefix + "."):
            return canonical("keras" + dotted[len(prefix) :])
    if dotted.startswith("keras.backend."):
        for prefix, meaning in _ENGINE_IN_KERAS.items():
            if dotted == prefix or dotted.startswith(prefix + "."):
                return meaning + dotted[len(prefix) :]
    return dotted


def engine_of(symbol: str) -> str | None:
    """``tensorflow`` or ``theano`` for a symbol of that engine, else None."""
    return ENGINE_OF_ROOT.get(symbol.partition(".")[0])


def _is_keras_import(node: ast.Import | ast.ImportFrom) -> bool:
    """Whether Keras itself is imported, not the one inside TensorFlow."""
    if isinstance(node, ast.Import):
        return any(item.name.partition(".")[0] == "keras" for item in node.names)
    return node.level == 0 and (node.module or "").partition(".")[0] == "keras"


@dataclass(slots=True)
class Binding:
    """One way in which a scope gives a name its value.

    ``symbol`` is set for imports; ``value`` for ``name = expression``, which may turn out to be an alias. ``kind`` is
    ``import``, ``assign``, ``none`` (``name = None``), ``param``, ``def`` or ``other``.
    """

    kind: str
    position: tuple[int, int]
    symbol: str | None = None
    value: ast.expr | None = None
    node: ast.AST | None = None


@dataclass(slots=True, eq=False)
class Scope:
    kind: str  # module, class, function, comprehension
    node: ast.AST
    parent: Scope | None
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    outer: dict[str, str] = field(default_factory=dict)  # name -> "global" or "nonlocal"

    def bind(self, name: str, binding: Binding) -> None:
        where = self
        if self.outer.get(name) == "global":
            while where.parent is not None:
                where = where.parent
        elif self.outer.get(name) == "nonlocal" and self.parent is not None:
            where = self.parent.lookup(name, from_inside=True) or self.parent
        where.bindings.setdefault(name, []).append(binding)

    def lookup(self, name: str, from_inside: bool = False) -> Scope | None:
        """The scope whose binding a use of ``name`` here sees (a class body is not seen from functions inside it)."""
        scope: Scope | None = self
        inside = from_inside
        while scope is not None:
            if name in scope.bindings and not (scope.kind == "class" and inside):
                return scope
            if scope.kind != "comprehension":
                inside = True
            scope = scope.parent
        return None


@dataclass(slots=True, eq=False)
class Definition:
    """A class, function or lambda of the file. ``parent`` is the definition that it stands in."""

    node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    kind: str  # class, function, lambda
    qualname: str
    parent: Definition | None
    scope: Scope  # the scope in which it is defined

    @property
    def name(self) -> str:
        return self.qualname.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an expression may mean. Several symbols: bound differently on several paths (``try``/``except``).

    ``certain`` is False where the name is also bound to something that is no symbol.
    """

    symbols: tuple[str, ...] = ()
    certain: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """One maximal use of an engine symbol: ``tf.nn.relu`` in ``tf.nn.relu(x)``."""

    node: ast.expr
    meaning: Meaning
    definition: Definition | None


NOTHING = Meaning()


class Names:
    """The scopes of one module.

    ``known`` answers whether a symbol exists; it is asked only about names that a star import of an engine module may
    have brought. ``imported`` translates symbols of the project's own modules to the engine or Keras symbols behind them
    (``from .compat import tf``).
    """

    def __init__(
        self,
        tree: ast.Module,
        known: Callable[[str], bool] = lambda symbol: False,
        imported: Mapping[str, str] | None = None,
    ) -> None:
        self.tree = tree
        self.known = known
        self.imported = imported or {}
        self.module = Scope("module", tree, None)
        self.parents: dict[ast.AST, ast.AST] = {}
        self.definitions: dict[ast.AST, Definition] = {}
        self.calls: list[ast.Call] = []
        self.stars: list[str] = []
        self.imports: list[ast.Import | ast.ImportFrom] = []
        self._scopes: dict[ast.AST, Scope] = {}
        self._inside: dict[ast.AST, Definition | None] = {}
        self._chains: list[ast.expr] = []
        self._resolving: set[int] = set()
        self._memo: dict[ast.AST, Meaning] = {}
        _Walk(self).run()
        self.imports_keras = any(_is_keras_import(node) for node in self.imports)

    # ---- questions

    def scope_of(self, node: ast.AST) -> Scope:
        return self._scopes[node]

    def definition_of(self, node: ast.AST) -> Definition | None:
        """The innermost definition in whose body (or parameters) the name, attribute or call stands."""
        return self._inside.get(node)

    def references(self) -> Iterator[Reference]:
        """Every maximal use of a symbol, of an engine or of anything else that is imported."""
        for node in self._chains:
            meaning = self.resolve(node)
            if meaning.symbols:
                yield Reference(node, meaning, self._inside.get(node))

    def engine_references(self) -> Iterator[Reference]:
        """Every maximal use of an engine symbol, in the order of the text."""
        found = [r for r in self.references() if any(engine_of(symbol) for symbol in r.meaning.symbols)]
        found.sort(key=lambda reference: (reference.node.lineno, reference.node.col_offset))
        return iter(found)

    def resolve(self, node: ast.AST) -> Meaning:
        """The symbols that a name or attribute chain may mean; empty for everything else."""
        path: list[str] = []
        while isinstance(node, ast.Attribute):
            path.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or node not in self._scopes:
            return NOTHING
        meaning = self._name(node)
        if not path or not meaning.symbols:
            return meaning
        tail = "." + ".".join(reversed(path))
        return Meaning(tuple(dict.fromkeys(self._joined(s + tail) for s in meaning.symbols)), meaning.certain)

    def _joined(self, dotted: str) -> str:
        """In a file that imports Keras itself, ``tf.keras.backend.X`` goes around it, to a backend with a state of its own."""
        dotted = self._translated(dotted)
        if self.imports_keras and dotted.startswith(_OTHER_BACKEND) and not dotted.startswith(_OTHER_BACKEND + "tf."):
            return dotted
        return canonical(dotted)

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

    def binding_value(self, node: ast.AST) -> Binding | None:
        """The one binding of a plain name, or None where it has several or none."""
        if not isinstance(node, ast.Name) or node not in self._scopes:
            return None
        scope = self._scopes[node].lookup(node.id)
        bindings = scope.bindings[node.id] if scope else []
        return bindings[0] if len(bindings) == 1 else None

    def all_names(self) -> set[str]:
        """Every identifier that any scope binds or uses: a name outside this set is free everywhere."""
        names = {node.id for node in self._scopes if isinstance(node, ast.Name)}
        for scope in {self.module, *self._scopes.values()}:
            names.update(scope.bindings)
        return names

    # ---- resolution

    def _name(self, node: ast.Name) -> Meaning:
        if node in self._memo:
            return self._memo[node]
        scope = self._scopes[node].lookup(node.id)
        if scope is None:
            meaning = self._star(node.id)
        else:
            meaning = self._choose(scope, node)
        self._memo[node] = meaning
        return meaning

    def _star(self, name: str) -> Meaning:
        if name in _BUILTINS:
            return NOTHING
        for module in reversed(self.stars):
            symbol = canonical(f"{module}.{name}")
            if engine_of(symbol) is None or self.known(symbol):
                return Meaning((symbol,), certain=len(self.stars) == 1)
        return NOTHING

    def _choose(self, scope: Scope, node: ast.Name) -> Meaning:
        bindings = [b for b in scope.bindings[node.id] if b.kind != "none"]
        meanings = [self._binding(b) for b in bindings]
        symbols = tuple(dict.fromkeys(s for m in meanings for s in m.symbols))
        if not symbols:
            return NOTHING
        if all(m.symbols for m in meanings):
            return Meaning(symbols, all(m.certain for m in meanings))
        # Some bindings are no symbols: the one that the use sees decides, and the answer is never certain.
        here = (node.lineno, node.col_offset)
        before = [i for i, b in enumerate(bindings) if b.position < here]
        same_scope = self._scopes[node] is scope
        index = max(before if same_scope and before else range(len(bindings)), key=lambda i: bindings[i].position)
        return Meaning(meanings[index].symbols, certain=False)

    def _binding(self, binding: Binding) -> Meaning:
        if binding.symbol is not None:
            return Meaning((self._translated(binding.symbol),))
        if binding.kind != "assign" or binding.value is None or id(binding) in self._resolving:
            return NOTHING
        self._resolving.add(id(binding))
        try:
            return self.resolve(binding.value)
        finally:
            self._resolving.discard(id(binding))


_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class _Walk:
    """Fills a ``Names``: one pass over the tree, children before nothing, order-free (bindings carry positions)."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.stack: list[tuple[ast.AST, Scope, Definition | None]] = []

    def run(self) -> None:
        names = self.names
        for statement in reversed(names.tree.body):
            names.parents[statement] = names.tree
            self.stack.append((statement, names.module, None))
        while self.stack:
            node, scope, inside = self.stack.pop()
            self.visit(node, scope, inside)

    def push(self, node: ast.AST | None, parent: ast.AST, scope: Scope, inside: Definition | None) -> None:
        if node is not None:
            self.names.parents[node] = parent
            self.stack.append((node, scope, inside))

    def children(self, node: ast.AST, scope: Scope, inside: Definition | None) -> None:
        for child in reversed(list(ast.iter_child_nodes(node))):
            self.push(child, node, scope, inside)

    def visit(self, node: ast.AST, scope: Scope, inside: Definition | None) -> None:
        names = self.names
        if isinstance(node, ast.Name):
            names._scopes[node] = scope
            names._inside[node] = inside
            if isinstance(node.ctx, ast.Load):
                if not isinstance(names.parents[node], ast.Attribute):
                    names._chains.append(node)
            else:
                self.assign_name(node, scope)
        elif isinstance(node, ast.Attribute):
            names._inside[node] = inside
            if not isinstance(names.parents[node], ast.Attribute) and isinstance(node.ctx, ast.Load):
                names._chains.append(node)
            self.push(node.value, node, scope, inside)
        elif isinstance(node, ast.ClassDef):
            self.class_definition(node, scope, inside)
        elif isinstance(node, _FUNCTIONS):
            self.function(node, scope, inside)
        elif isinstance(node, _COMPREHENSIONS):
            self.comprehension(node, scope, inside)
        else:
            if isinstance(node, ast.Call):
                names.calls.append(node)
                names._inside[node] = inside
            self.simple_binding(node, scope)
            self.children(node, scope, inside)

    def assign_name(self, node: ast.Name, scope: Scope) -> None:
        parent = self.names.parents[node]
        while scope.kind == "comprehension" and isinstance(parent, ast.NamedExpr) and scope.parent:
            scope = scope.parent  # PEP 572: the walrus binds outside the comprehension
        position = (node.lineno, node.col_offset)
        value: ast.expr | None = None
        if (isinstance(parent, ast.Assign) and node in parent.targets) or (
            isinstance(parent, (ast.AnnAssign, ast.NamedExpr)) and parent.target is node
        ):
            value = parent.value
        if value is None:
            scope.bind(node.id, Binding("other", position, node=parent))
        elif isinstance(value, ast.Constant) and value.value is None:
            scope.bind(node.id, Binding("none", position, node=parent))
        else:
            scope.bind(node.id, Binding("assign", position, value=value, node=parent))

    def simple_binding(self, node: ast.AST, scope: Scope) -> None:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            self.names.imports.append(node)
            self.import_statement(node, scope)
        elif isinstance(node, ast.Global):
            scope.outer.update(dict.fromkeys(node.names, "global"))
        elif isinstance(node, ast.Nonlocal):
            scope.outer.update(dict.fromkeys(node.names, "nonlocal"))
        elif isinstance(node, ast.ExceptHandler) and node.name:
            scope.bind(node.name, Binding("other", (node.lineno, node.col_offset), node=node))
        elif isinstance(node, (ast.MatchAs, ast.MatchStar)) and node.name:
            scope.bind(node.name, Binding("other", (node.lineno, node.col_offset), node=node))
        elif isinstance(node, ast.MatchMapping) and node.rest:
            scope.bind(node.rest, Binding("other", (node.lineno, node.col_offset), node=node))

    def import_statement(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        position = (node.lineno, node.col_offset)
        if isinstance(node, ast.Import):
            for item in node.names:
                name = item.asname or item.name.partition(".")[0]
                symbol = canonical(item.name if item.asname else name)
                scope.bind(name, Binding("import", position, symbol=symbol, node=node))
            return
        module = "." * node.level + (node.module or "")
        for item in node.names:
            if item.name == "*":
                self.names.stars.append(canonical(module))
                continue
            joined = module + item.name if module.endswith(".") else f"{module}.{item.name}"
            symbol = canonical(joined)
            scope.bind(item.asname or item.name, Binding("import", position, symbol=symbol, node=node))

    def class_definition(self, node: ast.ClassDef, scope: Scope, inside: Definition | None) -> None:
        scope.bind(node.name, Binding("def", (node.lineno, node.col_offset), node=node))
        here = self.define(node, "class", node.name, scope, inside)
        for part in [*node.decorator_list, *node.bases, *node.keywords]:
            self.push(part, node, scope, inside)
        body = Scope("class", node, scope)
        for statement in reversed(node.body):
            self.push(statement, node, body, here)

    def function(
        self,
        node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda,
        scope: Scope,
        inside: Definition | None,
    ) -> None:
        if isinstance(node, ast.Lambda):
            here = self.define(node, "lambda", "<lambda>", scope, inside)
        else:
            scope.bind(node.name, Binding("def", (node.lineno, node.col_offset), node=node))
            here = self.define(node, "function", node.name, scope, inside)
            for part in node.decorator_list:
                self.push(part, node, scope, inside)
            self.push(node.returns, node, scope, here)
        arguments = node.args
        body = Scope("function", node, scope)
        for default in [*arguments.defaults, *arguments.kw_defaults]:
            self.push(default, arguments, scope, here)
        self.names.parents[arguments] = node
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        every += [a for a in (arguments.vararg, arguments.kwarg) if a is not None]
        for argument in every:
            body.bind(argument.arg, Binding("param", (argument.lineno, argument.col_offset), node=argument))
            self.push(argument.annotation, arguments, scope, here)
        statements: list[ast.AST] = [node.body] if isinstance(node, ast.Lambda) else list(node.body)
        # A ``global`` statement governs the whole function, bindings above it included.
        for statement in statements:
            if isinstance(statement, (ast.Global, ast.Nonlocal)):
                self.simple_binding(statement, body)
        for statement in reversed(statements):
            self.push(statement, node, body, here)

    def define(
        self,
        node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda,
        kind: str,
        name: str,
        scope: Scope,
        inside: Definition | None,
    ) -> Definition:
        qualname = f"{inside.qualname}.{name}" if inside else name
        definition = Definition(node, kind, qualname, inside, scope)
        self.names.definitions[node] = definition
        return definition

    def comprehension(self, node: ast.expr, scope: Scope, inside: Definition | None) -> None:
        own = Scope("comprehension", node, scope)
        for index, generator in enumerate(node.generators):  # type: ignore[attr-defined]  # the four kinds share it
            self.names.parents[generator] = node
            # The first iterable is evaluated outside the comprehension, everything else inside.
            self.push(generator.iter, generator, scope if index == 0 else own, inside)
            self.push(generator.target, generator, own, inside)
            for condition in generator.ifs:
                self.push(condition, generator, own, inside)
        for part in ("elt", "key", "value"):
            self.push(getattr(node, part, None), node, own, inside)
