"""The files of one project as trees, and what a name means: an independent, plain reading of Python's scopes and imports.

Nothing here comes from the analyzer that it judges. Nodes carry three attributes of ours: ``up`` (the node around it), ``frame``
(the scope that names in it are looked up in) and ``home`` (the module).
"""

from __future__ import annotations

import ast
import builtins
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
BUILTINS = frozenset(dir(builtins))
DISPLAYS = (ast.Dict, ast.List, ast.Tuple, ast.Set)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True)
class Outside:
    """Something that the project imports: ``tensorflow.nn.relu``, ``keras.layers.Dense``, ``numpy.sum``."""

    dotted: str


Value = object
"""An ``Outside``, a ``Module``, or the ``ast`` node of a class, function or lambda of the project."""


@dataclass(eq=False)
class Frame:
    """One scope: what each name is bound to in it, in the order of the text."""

    node: ast.AST
    outer: Frame | None
    bound: dict[str, list[tuple[str, object]]] = field(default_factory=dict)
    elsewhere: set[str] = field(default_factory=set)
    stars: list[tuple[int, str]] = field(default_factory=list)

    def bind(self, name: str, kind: str, what: object) -> None:
        frame = self
        if name in self.elsewhere:
            frame = self.module_frame()
        frame.bound.setdefault(name, []).append((kind, what))

    def module_frame(self) -> Frame:
        frame = self
        while frame.outer is not None:
            frame = frame.outer
        return frame

    def find(self, name: str) -> Frame | None:
        frame: Frame | None = self
        while frame is not None:
            hidden = isinstance(frame.node, ast.ClassDef) and frame is not self
            if name in frame.bound and not hidden:
                return frame
            frame = frame.outer
        return None


@dataclass(eq=False)
class Module:
    """One parsed file."""

    path: Path
    tree: ast.Module
    frame: Frame


class Project:
    """All files under a folder that Python can parse."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.modules: dict[Path, Module] = {}
        self._busy: set[object] = set()
        self._known: dict[int, list[Value]] = {}
        self._cuts = 0  # how often a circle of definitions was cut: what was found on the way there is not all
        for path in sorted(self.root.rglob("*.py")):
            module = _read(path)
            if module is not None:
                self.modules[path] = module

    # ---- what an expression means

    def meanings(self, node: ast.AST) -> list[Value]:
        """Everything that an expression may mean, as far as names, attributes and ``partial`` show it."""
        if id(node) in self._known:
            return self._known[id(node)]
        if id(node) in self._busy or len(self._busy) > 200:
            self._cuts += 1
            return []
        self._busy.add(id(node))
        cuts = self._cuts
        try:
            found = list(dict.fromkeys(self._meanings(node)))
        finally:
            self._busy.discard(id(node))
        if self._cuts == cuts or not self._busy:
            self._known[id(node)] = found
        return found

    def _meanings(self, node: ast.AST) -> Iterator[Value]:
        if isinstance(node, ast.Name):
            yield from self._name(node)
        elif isinstance(node, ast.Attribute):
            for value in self.meanings(node.value):
                yield from self.member(value, node.attr)
        elif isinstance(node, (ast.Lambda, *DISPLAYS)):
            yield node
        elif isinstance(node, ast.IfExp):
            yield from self.meanings(node.body)
            yield from self.meanings(node.orelse)
        elif isinstance(node, ast.BoolOp):
            for part in node.values:
                yield from self.meanings(part)
        elif isinstance(node, ast.Call) and node.args:
            if any(isinstance(f, Outside) and f.dotted == "functools.partial" for f in self.meanings(node.func)):
                yield from self.meanings(node.args[0])

    def _name(self, node: ast.Name) -> Iterator[Value]:
        frame = node.frame.find(node.id)
        home: Module = node.home
        if frame is None:
            yield from self._starred(home, node.id)
            return
        found = [value for kind, what in visible(node, frame) for value in self._bound(home, kind, what)]
        yield from found or _chosen_keras(node.id, frame)

    def _bound(self, home: Module, kind: str, what: object) -> Iterator[Value]:
        if kind == "import":
            yield from self.imported(home, 0, what)
        elif kind == "from":
            level, source, name = what
            for value in self.imported(home, level, source):
                # A folder without an __init__.py is no module, and has modules.
                inside = self.imported(home, level, f"{source}.{name}") if isinstance(value, Outside) else []
                modules = [m for m in inside if isinstance(m, Module)]
                yield from modules or self.member(value, name)
        elif kind == "definition":
            yield what
        elif kind == "value":
            yield from self.meanings(what)

    def _starred(self, home: Module, name: str) -> Iterator[Value]:
        if name in BUILTINS:
            return
        for level, source in home.frame.stars:
            for value in self.imported(home, level, source):
                if isinstance(value, Module) or value.dotted.startswith(("tensorflow", "theano", "keras")):
                    yield from self.member(value, name)

    def member(self, value: Value, name: str) -> Iterator[Value]:
        if isinstance(value, Outside):
            yield Outside(f"{value.dotted}.{name}")
        elif isinstance(value, Module):
            yield from self._module_member(value, name)
        elif isinstance(value, ast.ClassDef):
            yield from self._class_member(value, name)

    def _module_member(self, module: Module, name: str) -> Iterator[Value]:
        below = self._at(module.path.parent / name) if module.path.name == "__init__.py" else None
        if name[0] != "_" and not below and f"{self.dotted(module)}.".startswith("keras.backend."):
            yield Outside(f"keras.backend.{name}")  # Keras's own interface, whatever it is made of
            return
        key = (module, name)
        if key in self._busy:
            self._cuts += 1
            if below:
                yield below
            return
        self._busy.add(key)
        if name in module.frame.bound:
            found = [value for kind, what in module.frame.bound[name] for value in self._bound(module, kind, what)]
            yield from found or _chosen_keras(name, module.frame)
        elif below:
            yield below
        else:
            yield from self._starred(module, name)
        self._busy.discard(key)

    def _class_member(self, node: ast.ClassDef, name: str) -> Iterator[Value]:
        for statement in node.body:
            if isinstance(statement, FUNCTIONS[:2]) and statement.name == name:
                yield statement
                return
        for base in node.bases:
            for value in self.meanings(base):
                if isinstance(value, ast.ClassDef) and value is not node:
                    yield from self._class_member(value, name)

    # ---- imports

    def imported(self, home: Module, level: int, dotted: str) -> list[Value]:
        parts = [p for p in dotted.split(".") if p]
        if level:
            folder = home.path.parent
            for _ in range(level - 1):
                folder = folder.parent
            found = self._at(folder.joinpath(*parts)) if parts else self._at(folder)
            return [found] if found else [Outside("." * level + dotted)]
        if parts[0] not in ("tensorflow", "theano", "numpy"):
            for folder in self._search_path(home.path):
                found = self._at(folder.joinpath(*parts))
                if found:
                    return [found]
        return [Outside(dotted)]

    def _search_path(self, path: Path) -> list[Path]:
        """The folder that holds the outermost package around a file, then the file's own folder, as for a script, then those
        around the package: it may lie in one without an __init__.py."""
        top = path.parent
        while (top / "__init__.py").exists() and top != self.root:
            top = top.parent
        own = [path.parent] if top == path.parent or top.parent == self.root else []
        above = [folder for folder in top.parents if folder.is_relative_to(self.root)]
        return [top, *own, *above] if above else [top, *own, self.root]

    def _at(self, stem: Path) -> Module | None:
        return self.modules.get(stem / "__init__.py") or self.modules.get(stem.parent / (stem.name + ".py"))

    def dotted(self, module: Module) -> str:
        """The name that a module is imported by: ``keras.layers.core``."""
        top = self._search_path(module.path)[0]
        parts = list(module.path.relative_to(top).with_suffix("").parts)
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _read(path: Path) -> Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return None
    module = Module(path, tree, Frame(tree, None))
    _mark(tree, None, module.frame, module)
    return module


def _mark(node: ast.AST, up: ast.AST | None, frame: Frame, home: Module) -> None:
    """Give a node and all below it their attributes, and its frame the names that it binds."""
    node.up, node.frame, node.home = up, frame, home
    inner = _bind(node, frame)
    if isinstance(node, FUNCTIONS):
        body = node.body if isinstance(node.body, list) else [node.body]
        inside = {id(s) for s in body} | {id(a) for a in ast.walk(node.args) if isinstance(a, ast.arg)}
        for statement in body:
            for part in ast.walk(statement):
                if isinstance(part, ast.Global):
                    inner.elsewhere.update(part.names)
        for child in ast.iter_child_nodes(node):
            _mark(child, node, inner if id(child) in inside else frame, home)
    elif isinstance(node, ast.ClassDef):
        for child in ast.iter_child_nodes(node):
            _mark(child, node, inner if child in node.body else frame, home)
    elif isinstance(node, COMPREHENSIONS):
        first = node.generators[0].iter
        for child in ast.iter_child_nodes(node):
            _mark(child, node, inner, home)
        _mark(first, node.generators[0], frame, home)
    else:
        for child in ast.iter_child_nodes(node):
            _mark(child, node, inner, home)


def _bind(node: ast.AST, frame: Frame) -> Frame:
    """Bind what this node binds; returns the frame that its inside is in."""
    if isinstance(node, ast.Import):
        for item in node.names:
            frame.bind(item.asname or item.name.split(".")[0], "import", item.name if item.asname else item.name.split(".")[0])
    elif isinstance(node, ast.ImportFrom):
        for item in node.names:
            if item.name == "*":
                frame.module_frame().stars.append((node.level, node.module or ""))
            else:
                frame.bind(item.asname or item.name, "from", (node.level, node.module or "", item.name))
    elif isinstance(node, (ast.ClassDef, *FUNCTIONS)):
        if not isinstance(node, ast.Lambda):
            frame.bind(node.name, "definition", node)
        inner = Frame(node, frame)
        if isinstance(node, FUNCTIONS):
            for argument in ast.walk(node.args):
                if isinstance(argument, ast.arg):
                    if not any(argument in ast.walk(d) for d in [*node.args.defaults, *node.args.kw_defaults] if d):
                        inner.bind(argument.arg, "other", argument)
        return inner
    elif isinstance(node, COMPREHENSIONS):
        return Frame(node, frame)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
        up = node.up
        direct = (isinstance(up, ast.Assign) and node in up.targets) or (isinstance(up, (ast.AnnAssign, ast.NamedExpr)))
        own = getattr(up, "value", None) if direct else _part(node, up)
        frame.bind(node.id, "value" if own is not None else "other", own or getattr(up, "value", None))
    elif isinstance(node, ast.ExceptHandler) and node.name:
        frame.bind(node.name, "other", None)
    return frame


def _chosen_keras(name: str, frame: Frame) -> list[Value]:
    """``keras = installed_keras()``, ``tf = try_import_tensorflow()``: a function chose which."""
    values = [what for kind, what in frame.bound[name] if kind == "value"]
    chosen = name in ("keras", "tf_keras") and len(values) == len(frame.bound[name])
    if name == "tf" and any(isinstance(v, ast.Call) and "import" in ast.unparse(v.func) for v in values):
        return [Outside("tensorflow")]
    return [Outside("keras")] if chosen else []


def visible(node: ast.Name, frame: Frame) -> list[tuple[str, object]]:
    """The bindings of a name that a use may see. A value given below it, or in a branch that ends before it, is not seen."""
    bound = frame.bound[node.id]
    if node.frame is not frame or len(bound) < 2 or any(isinstance(a, (ast.For, ast.While)) for a in _around(node)):
        return bound
    inside = set(map(id, _around(node)))
    seen = []
    for kind, what in bound:
        statement = what.up if kind == "value" and isinstance(what.up, ast.stmt) else None
        if statement is None or (statement.lineno < node.lineno and not any(id(b) not in inside for b in _left(statement))):
            seen.append((kind, what))
    return seen or bound


def _left(statement: ast.stmt) -> Iterator[ast.If]:
    """The conditions around a statement in whose branch the function ends."""
    below: ast.AST = statement
    for at in _around(statement):
        if isinstance(at, ast.If) and below in at.body and isinstance(at.body[-1], (ast.Return, ast.Raise)):
            yield at
        below = at


def _around(node: ast.AST) -> Iterator[ast.AST]:
    at = node.up
    while at is not None and not isinstance(at, FUNCTIONS):
        yield at
        at = at.up


def _part(node: ast.Name, up: ast.AST) -> ast.AST | None:
    """``y`` for ``b`` in ``a, b = x, y``."""
    statement = up.up if isinstance(up, ast.Tuple) else None
    if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Tuple):
        return None
    pairs = dict(zip(up.elts, statement.value.elts, strict=False))
    starred = any(isinstance(e, ast.Starred) for e in [*up.elts, *statement.value.elts])
    return None if starred or len(pairs) != len(up.elts) else pairs.get(node)


def position(node: ast.AST, lines: list[bytes]) -> tuple[int, int]:
    """Line and column (from 1, in characters) of a node, or of the f-string around it: Python before 3.12 misplaces it."""
    at: ast.AST | None = node
    while at is not None:
        if isinstance(at, ast.JoinedStr):
            node = at
        at = at.up
    return node.lineno, len(lines[node.lineno - 1][: node.col_offset].decode("utf-8", "replace")) + 1


def lines_of(module: Module) -> list[bytes]:
    return module.path.read_bytes().replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
