"""One pass over a module: fills its scopes and lists the expressions that may mean a symbol.

The walk is iterative, so that machine-made code with deep nesting does not exhaust the stack, and order-free: bindings carry
their positions.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import Any

from kmigrate.names.assigned import assigned_value, own_part, whole_value
from kmigrate.names.lazy import MODULES, imported_by_call
from kmigrate.names.nodes import LEAVES, fields_of, last_name
from kmigrate.names.scopes import Binding, Definition, Scope
from kmigrate.names.strings import annotation_of
from kmigrate.names.symbols import canonical

# The scope in which a name is looked up, and the innermost definition that it belongs to.
Place = tuple[Scope, Definition | None]
_FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class Walk:
    """What one pass over a module collects; ``Names`` answers questions from it.

    ``chains`` are the maximal names and attribute chains that are read, ``ends`` the root name of each (None if it is no name)
    and its first attribute; ``targets`` the attribute chains that are assigned to or deleted; ``attributes`` lists by attribute
    name each ``x.name = ...`` of the file with its value (None where it has none of its own); ``aliases`` the plain assignments
    ``name = value`` and ``x.name = value`` whose value may be a symbol; ``lazy`` the names that calls give to engines, with
    their import paths.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.module = Scope("module", tree, None)
        self.parents: dict[ast.AST, ast.AST] = {}
        self.definitions: dict[ast.AST, Definition] = {}
        self.places: dict[ast.AST, Place] = {}  # of every name, attribute and call
        self.calls: list[ast.Call] = []
        self.imports: list[ast.Import | ast.ImportFrom] = []
        self.stars: list[str] = []
        self.chains: list[ast.expr] = []
        self.ends: list[tuple[str | None, str | None]] = []
        self.targets: list[ast.expr] = []
        self.quoted: set[ast.AST] = set()
        self.attributes: dict[str, list[tuple[ast.Attribute, ast.expr | None]]] = {}
        self.aliases: list[tuple[str, ast.expr]] = []
        self.lazy: dict[str, str] = {}
        self._stack: list[tuple[ast.AST, Place]] = []
        self._run(tree)

    def _run(self, tree: ast.Module) -> None:
        stack, chains, ends = self._stack, self.chains, self.ends
        places, assigned = self.places, self.assigned
        handler_of, children, name = _HANDLERS.get, Walk.children, ast.Name
        self.children(tree, (self.module, None))
        while stack:
            node, place = stack.pop()
            if node.__class__ is name:
                # Here and not in a handler: every second node is a name, and most are read.
                places[node] = place
                context = node.ctx.__class__
                if context is ast.Load:
                    chains.append(node)
                    ends.append((node.id, None))
                elif context is ast.Store:
                    assigned(node, place[0])
            else:
                handler_of(node.__class__, children)(self, node, place)

    def push(self, node: ast.AST | None, parent: ast.AST, place: Place) -> None:
        if node is not None and node.__class__ not in LEAVES:
            self.parents[node] = parent
            self._stack.append((node, place))

    def push_all(self, nodes: Iterable[Any], parent: ast.AST, place: Place) -> None:
        parents, stack, leaves = self.parents, self._stack, LEAVES
        for node in nodes:
            if node.__class__ not in leaves:
                parents[node] = parent
                stack.append((node, place))

    def children(self, node: ast.AST, place: Place) -> None:
        parents, stack, leaves = self.parents, self._stack, LEAVES
        for field in fields_of(node.__class__):
            value = getattr(node, field)
            if value.__class__ is list:
                for child in reversed(value):
                    if child.__class__ not in leaves:
                        parents[child] = node
                        stack.append((child, place))
            elif value.__class__ not in leaves:
                parents[value] = node
                stack.append((value, place))

    def value(self, node: Any, place: Place) -> None:
        """The only child of many kinds of nodes."""
        child = node.value
        if child.__class__ not in LEAVES:
            self.parents[child] = node
            self._stack.append((child, place))

    def assignment(self, node: ast.Assign, place: Place) -> None:
        """As ``children`` does it; with ``elements`` for half of what would come there."""
        parents, stack = self.parents, self._stack
        value = node.value
        if value.__class__ not in LEAVES:
            parents[value] = node
            stack.append((value, place))
        for target in reversed(node.targets):
            parents[target] = node
            stack.append((target, place))

    def elements(self, node: ast.List | ast.Tuple, place: Place) -> None:
        parents, stack, leaves = self.parents, self._stack, LEAVES
        for child in reversed(node.elts):
            if child.__class__ not in leaves:
                parents[child] = node
                stack.append((child, place))

    # ---- expressions

    def attribute(self, node: ast.Attribute, place: Place) -> None:
        """A whole chain at once: ``tf.nn.relu`` is one entry of ``chains``."""
        if node.ctx.__class__ is not ast.Load:
            self.targets.append(node)
            value = assigned_value(node, self.parents[node]) if node.ctx.__class__ is ast.Store else None
            self.attributes.setdefault(node.attr, []).append((node, value))
            if value is not None:
                self.aliases.append((node.attr, value))
        parents, places = self.parents, self.places
        at: ast.expr = node
        first = None
        while at.__class__ is ast.Attribute:
            places[at] = place
            parents[at.value] = at
            first = at.attr
            at = at.value
        if node.ctx.__class__ is ast.Load:
            self.chains.append(node)
            self.ends.append((at.id if at.__class__ is ast.Name else None, first))
        if at.__class__ is ast.Name:
            places[at] = place
        elif at.__class__ not in LEAVES:
            self._stack.append((at, place))

    def call(self, node: ast.Call, place: Place) -> None:
        self.calls.append(node)
        self.places[node] = place
        parents, stack, leaves = self.parents, self._stack, LEAVES
        if node.keywords:
            for keyword in reversed(node.keywords):
                parents[keyword] = node
                child = keyword.value
                if child.__class__ not in leaves:
                    parents[child] = keyword
                    stack.append((child, place))
        for child in reversed(node.args):
            if child.__class__ not in leaves:
                parents[child] = node
                stack.append((child, place))
        parents[node.func] = node
        stack.append((node.func, place))

    def comprehension(self, node: Any, place: Place) -> None:
        scope, inside = place
        own = (Scope("comprehension", node, scope), inside)
        for index, generator in enumerate(node.generators):
            self.parents[generator] = node
            # The first iterable is evaluated outside the comprehension, everything else inside.
            self.push(generator.iter, generator, place if index == 0 else own)
            self.push(generator.target, generator, own)
            self.push_all(generator.ifs, generator, own)
        for part in ("elt", "key", "value"):
            self.push(getattr(node, part, None), node, own)

    def annotation(self, node: ast.expr | None, parent: ast.AST, place: Place) -> None:
        """An annotation, which may be, or hold, a string that is one: ``"tf.Tensor"``, ``List["tf.Tensor"]``."""
        if node is None or node.__class__ is ast.Name or node.__class__ is ast.Attribute:
            self.push(node, parent, place)
            return
        for text, holder in _strings(node, parent):
            inner = annotation_of(text)
            if inner is not None:
                self.quoted.update(ast.walk(inner))
                self.push(inner, holder, place)
        self.push(node, parent, place)

    # ---- bindings

    def assigned(self, node: ast.Name, scope: Scope) -> None:
        parent = self.parents[node]
        position = (node.lineno, node.col_offset)
        if parent.__class__ is ast.NamedExpr:
            while scope.kind == "comprehension" and scope.parent is not None:
                scope = scope.parent  # PEP 572: the walrus binds outside the comprehension
        value = assigned_value(node, parent)
        if value is None and (parent.__class__ is ast.Tuple or parent.__class__ is ast.List):
            value = own_part(node, parent, self.parents)
        if node.id in MODULES and self.lazily(node, value, scope):
            return
        if value is None:
            if not (parent.__class__ is ast.AnnAssign and scope.kind != "function"):
                scope.bind(node.id, Binding("other", position, None, None, parent))
        elif value.__class__ is ast.Constant and value.value is None:
            scope.bind(node.id, Binding("none", position, None, None, parent))
        else:
            self.aliases.append((node.id, value))
            scope.bind(node.id, Binding("assign", position, None, value, parent))

    def lazily(self, node: ast.Name, value: ast.expr | None, scope: Scope) -> bool:
        """Bind a name to the engine that a call imports, if one does."""
        parent = self.parents[node]
        path = imported_by_call(node.id, value if value is not None else whole_value(parent, self.parents))
        if path is not None:
            self.lazy[node.id] = path
            position = (node.lineno, node.col_offset)
            scope.bind(node.id, Binding("assign", position, canonical(path), value, parent, path))
        return path is not None

    def annotated(self, node: ast.AnnAssign, place: Place) -> None:
        self.push(node.value, node, place)
        self.annotation(node.annotation, node, place)
        self.push(node.target, node, place)

    def import_module(self, node: ast.Import, place: Place) -> None:
        self.imports.append(node)
        position = (node.lineno, node.col_offset)
        for item in node.names:
            name = item.asname or item.name.partition(".")[0]
            path = item.name if item.asname else name
            place[0].bind(name, Binding("import", position, symbol=canonical(path), node=node, spelling=path))

    def import_from(self, node: ast.ImportFrom, place: Place) -> None:
        self.imports.append(node)
        position = (node.lineno, node.col_offset)
        module = "." * node.level + (node.module or "")
        for item in node.names:
            if item.name == "*":
                self.stars.append(canonical(module))
                continue
            path = module + item.name if module.endswith(".") else f"{module}.{item.name}"
            place[0].bind(item.asname or item.name, Binding("import", position, symbol=canonical(path), node=node, spelling=path))

    def global_names(self, node: ast.Global, place: Place) -> None:
        place[0].outer.update(dict.fromkeys(node.names, "global"))

    def nonlocal_names(self, node: ast.Nonlocal, place: Place) -> None:
        place[0].outer.update(dict.fromkeys(node.names, "nonlocal"))

    def named(self, node: Any, place: Place) -> None:
        """``except E as name`` and the patterns of ``match`` that bind a name."""
        name = node.rest if node.__class__ is ast.MatchMapping else node.name
        if name:
            place[0].bind(name, Binding("other", (node.lineno, node.col_offset), node=node))
        self.children(node, place)

    # ---- definitions

    def class_definition(self, node: ast.ClassDef, place: Place) -> None:
        scope, inside = place
        scope.bind(node.name, Binding("def", (node.lineno, node.col_offset), node=node))
        outside = self.type_parameters(node, place)
        body = Scope("class", node, outside)
        here = self.define(node, "class", node.name, scope, body, inside)
        self.push_all(reversed(node.body), node, (body, here))
        # What the class is made with belongs to it: a decorator or a base that is a symbol is a use in this class.
        self.push_all(node.keywords, node, (outside, here))
        self.push_all(node.bases, node, (outside, here))
        self.push_all(node.decorator_list, node, (scope, here))

    def function(self, node: _FunctionNode, place: Place) -> None:
        scope, inside = place
        outside = scope
        if isinstance(node, ast.Lambda):
            body = Scope("function", node, scope)
            here = self.define(node, "lambda", "<lambda>", scope, body, inside)
            statements: list[ast.AST] = [node.body]
        else:
            scope.bind(node.name, Binding("def", (node.lineno, node.col_offset), node=node))
            outside = self.type_parameters(node, place)
            body = Scope("function", node, outside)
            here = self.define(node, "function", node.name, scope, body, inside)
            statements = list(node.body)
        # A ``global`` statement governs the whole function, bindings above it included.
        for statement in statements:
            if statement.__class__ is ast.Global or statement.__class__ is ast.Nonlocal:
                _HANDLERS[statement.__class__](self, statement, (body, here))
        self.push_all(reversed(statements), node, (body, here))
        self.parameters(node.args, body, (outside, here))
        self.parents[node.args] = node
        if not isinstance(node, ast.Lambda):
            self.annotation(node.returns, node, (outside, here))
            self.push_all(node.decorator_list, node, (scope, here))

    def parameters(self, arguments: ast.arguments, body: Scope, outside: Place) -> None:
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        if arguments.vararg is not None:
            every.append(arguments.vararg)
        if arguments.kwarg is not None:
            every.append(arguments.kwarg)
        for argument in every:
            body.bind(argument.arg, Binding("param", (argument.lineno, argument.col_offset), None, None, argument))
            if argument.annotation is not None:
                self.annotation(argument.annotation, arguments, outside)
        self.push_all(arguments.defaults, arguments, outside)
        self.push_all(arguments.kw_defaults, arguments, outside)

    def type_parameters(self, node: Any, place: Place) -> Scope:
        """The scope of ``def f[T]()``'s ``T``: what stands between a definition and the scope that it is defined in."""
        parameters = getattr(node, "type_params", None)
        scope, inside = place
        if not parameters:
            return scope
        own = Scope("types", node, scope)
        for parameter in parameters:
            own.bind(parameter.name, Binding("other", (parameter.lineno, parameter.col_offset), node=parameter))
        self.push_all(parameters, node, (own, inside))
        return own

    def type_alias(self, node: Any, place: Place) -> None:
        own = self.type_parameters(node, place)
        self.push(node.value, node, (own, place[1]))
        self.push(node.name, node, place)

    def define(
        self, node: ast.ClassDef | _FunctionNode, kind: str, name: str, scope: Scope, body: Scope, inside: Definition | None
    ) -> Definition:
        qualname = f"{inside.qualname}.{name}" if inside else name
        definition = Definition(node, kind, qualname, inside, scope, body)
        self.definitions[node] = definition
        return definition


def _strings(node: ast.expr, parent: ast.AST) -> list[tuple[ast.Constant, ast.AST]]:
    """The strings in an annotation that are themselves annotations, each with the node that holds it."""
    found: list[tuple[ast.Constant, ast.AST]] = []
    waiting: list[tuple[ast.AST, ast.AST]] = [(node, parent)]
    while waiting:
        at, holder = waiting.pop()
        if isinstance(at, ast.Constant):
            if isinstance(at.value, str):
                found.append((at, holder))
        elif isinstance(at, ast.Subscript) and last_name(at.value) == "Literal":
            continue
        elif isinstance(at, ast.Subscript) and last_name(at.value) == "Annotated" and isinstance(at.slice, ast.Tuple):
            waiting.append((at.slice.elts[0], at.slice))
        else:
            waiting += [(child, at) for child in ast.iter_child_nodes(at)]
    return found


_Handler = Callable[[Walk, Any, Place], None]
_HANDLERS: dict[type, _Handler] = {
    ast.Attribute: Walk.attribute,
    ast.Call: Walk.call,
    ast.ListComp: Walk.comprehension,
    ast.SetComp: Walk.comprehension,
    ast.DictComp: Walk.comprehension,
    ast.GeneratorExp: Walk.comprehension,
    ast.AnnAssign: Walk.annotated,
    ast.Import: Walk.import_module,
    ast.ImportFrom: Walk.import_from,
    ast.Global: Walk.global_names,
    ast.Nonlocal: Walk.nonlocal_names,
    ast.ExceptHandler: Walk.named,
    ast.MatchAs: Walk.named,
    ast.MatchStar: Walk.named,
    ast.MatchMapping: Walk.named,
    ast.ClassDef: Walk.class_definition,
    ast.FunctionDef: Walk.function,
    ast.AsyncFunctionDef: Walk.function,
    ast.Lambda: Walk.function,
    ast.Assign: Walk.assignment,
    ast.List: Walk.elements,
    ast.Tuple: Walk.elements,
    ast.Expr: Walk.value,
    ast.Return: Walk.value,
    ast.Starred: Walk.value,
    ast.Await: Walk.value,
}
if hasattr(ast, "TypeAlias"):  # Python 3.12
    _HANDLERS[ast.TypeAlias] = Walk.type_alias
