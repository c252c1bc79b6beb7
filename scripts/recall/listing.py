"""The independent listing: every direct engine use in layer code, from the definition of layer code in docs/architecture.md.

A use is one longest dotted name (``tf.nn.relu``, or ``f`` where ``f = tf.nn.relu``) that means an engine's object. Its file,
line and column (columns from 1, in characters) identify it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from recall.modules import DISPLAYS, FUNCTIONS, Module, Outside, Project, lines_of, position, visible

Definition = ast.AST
_KERAS_MODULES = set(
    "layers engine legacy models losses objectives metrics regularizers constraints initializers initializations optimizers "
    "activations training recurrent topology base_layer network core advanced_activations noise normalization cells "
    "optimizer_v2".split()
)
_NO_LAYER_CODE = {"callbacks", "utils", "datasets", "applications", "backend", "wrappers", "estimator"}
_KERAS_ROOT_CLASSES = {"Model", "Sequential", "Layer", "Loss", "Metric", "Regularizer", "Constraint", "Initializer", "Optimizer"}
_HANDED_SUFFIXES = ("_activation", "_regularizer", "_constraint", "_initializer")
_COMPILE_KEYWORDS = ("loss", "metrics", "weighted_metrics", "optimizer")


@dataclass(frozen=True)
class Use:
    path: str
    line: int
    column: int
    symbol: str
    where: str
    reason: str


def keras_name(dotted: str) -> str | None:
    """The name under ``keras.`` of what is Keras, wherever it was imported from; None for the rest."""
    parts = [p for p in dotted.split(".") if p not in ("compat", "v1", "v2", "_api", "python")]
    parts[0] = "tensorflow" if parts[0] == "tensorflow_core" else parts[0]
    if parts[0] == "tensorflow" and len(parts) > 1 and parts[1] == "keras":
        parts = parts[1:]
    if parts[0] in ("keras", "tf_keras"):
        return ".".join(["keras", *parts[1:]])
    if parts[0] not in ("tensorflow", "theano"):  # what other packages hand out: other.compat.keras.layers
        last = max((at for at, part in enumerate(parts[:-1]) if part in ("keras", "tf_keras")), default=0)
        return ".".join(["keras", *parts[last + 1 :]]) if last else None
    return None


def engine_name(dotted: str, imports_keras: bool = False) -> str | None:
    """The engine's name of a symbol (``tensorflow.nn.relu``), also through Keras's backend (``keras.backend.tf.nn.relu``)."""
    keras = keras_name(dotted)
    if keras is None:
        root = dotted.partition(".")[0]
        return dotted if root in ("tensorflow", "tensorflow_core", "theano") else None
    parts = keras.split(".")
    if parts[:2] == ["keras", "backend"]:
        for index, part in enumerate(parts[2:], 2):
            if part in ("tf", "T", "theano"):
                return ".".join([{"tf": "tensorflow", "T": "theano.tensor"}.get(part, part), *parts[index + 1 :]])
        if imports_keras and dotted.startswith("tensorflow") and len(parts) > 2:
            return dotted
    return None


def is_keras_class(dotted: str) -> bool:
    """Whether deriving from a class of this name makes layer code."""
    keras = keras_name(dotted)
    parts = (keras or dotted).split(".")
    name = parts[-1]
    if not (name[:1].isupper() or name[:1] == "_"):
        return False
    if keras is None:
        if engine_name(dotted):
            return len(parts) == 3 and parts[1] in ("losses", "metrics", "optimizers", "initializers")
        return bool({"layers", "losses", "metrics", "optimizers"} & set(parts[:-1])) or name in _KERAS_ROOT_CLASSES
    inner = parts[1:-1]
    if "layers" in inner:
        return True
    if _NO_LAYER_CODE & set(inner):
        return False
    return bool(_KERAS_MODULES & set(inner)) or (not inner and name in _KERAS_ROOT_CLASSES)


class Listing:
    """Layer code of one project, found by marking definitions until nothing new is reached."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.marked: dict[Definition, str] = {}
        self.handed: dict[ast.AST, str] = {}
        self._waiting: list[Definition] = []
        self._unpacked: set[tuple[ast.AST, str]] = set()
        self._kinds: dict[ast.ClassDef, bool] = {}
        for module in project.modules.values():
            for node in ast.walk(module.tree):
                self._start(node)
        self._follow()

    # ---- where it starts

    def _start(self, node: ast.AST) -> None:
        if isinstance(node, ast.ClassDef) and self.is_layer_class(node):
            self._mark_class(node, "layer class")
        elif isinstance(node, (ast.ClassDef, *FUNCTIONS[:2])) and self._is_registered(node):
            mark = self._mark_class if isinstance(node, ast.ClassDef) else self._mark
            mark(node, "registered with Keras")
        elif isinstance(node, FUNCTIONS[:2]):
            names = [a.arg for a in [*node.args.posonlyargs, *node.args.args]]
            names = names[1:] if names[:1] in (["self"], ["cls"]) else names
            unused = len(names) == 2 and any(n.startswith("_") for n in names) and any(n in ("y_true", "y_pred") for n in names)
            if names[:2] == ["y_true", "y_pred"] or (unused and names[0] != "y_pred" and names[1] != "y_true"):
                self._mark(node, "signature (y_true, y_pred)")
        elif isinstance(node, ast.Call):
            self._handed_over(node)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            if "custom_objects" in ast.unparse(node.targets[0].value):
                self._hand(node.value, "custom object")

    def _is_registered(self, node: ast.ClassDef | ast.FunctionDef) -> bool:
        """Decorated with ``register_keras_serializable``; a callback may be registered too, and is no layer code."""
        if isinstance(node, ast.ClassDef) and any("Callback" in ast.unparse(base) for base in node.bases):
            return False
        return any("register_keras_serializable" in ast.unparse(decorator) for decorator in node.decorator_list)

    def is_layer_class(self, node: ast.ClassDef) -> bool:
        if node in self._kinds:
            return self._kinds[node]
        self._kinds[node] = False
        module: Module = node.home
        dotted = f"{self.project.dotted(module)}.{node.name}"
        found = dotted.startswith("keras.") and is_keras_class(dotted)
        bases = [b for base in node.bases for b in ([base, *base.args] if isinstance(base, ast.Call) else [base])]
        for base in bases:
            for value in self.project.meanings(base):
                if isinstance(value, ast.ClassDef):
                    found = found or self.is_layer_class(value)
                elif isinstance(value, Outside):
                    found = found or is_keras_class(value.dotted)
        self._kinds[node] = found
        return found

    def _mark_class(self, node: ast.ClassDef, reason: str) -> None:
        """A class as a whole, and the plain classes of the project that it inherits methods from."""
        self._mark(node, reason)
        for base in node.bases:
            for value in self.project.meanings(base):
                if isinstance(value, ast.ClassDef) and value not in self.marked:
                    self._mark_class(value, f"base of {node.name}")

    def _handed_over(self, call: ast.Call) -> None:
        names = [v.dotted for v in self.project.meanings(call.func) if isinstance(v, Outside)]
        last = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        keywords = {k.arg: k.value for k in call.keywords if k.arg}
        keras = [n for n in map(keras_name, names) if n]
        if any(n.endswith((".Lambda", ".LambdaMerge")) for n in [*keras, *names]):
            for value in [*call.args[:1], *(keywords[k] for k in ("function", "output_shape", "mask") if k in keywords)]:
                self._hand(value, "Lambda")
        if any(n.endswith((".merge", ".Merge")) for n in keras):
            for key in ("mode", "output_shape"):
                if key in keywords:
                    self._hand(keywords[key], "merge")
        if last in ("CustomObjectScope", "custom_object_scope"):
            for value in call.args:
                self._hand(value, "custom object")
        if any(n.endswith(".Activation") for n in keras) and call.args:
            self._hand(call.args[0], "Activation")
        if last == "compile" and isinstance(call.func, ast.Attribute):
            for value in [*call.args[1:3], *(keywords[k] for k in _COMPILE_KEYWORDS if k in keywords)]:
                self._hand(value, "compile")
        if last == "update" and "custom_objects" in ast.unparse(call.func) and call.args:
            self._hand(call.args[0], "custom object")
        if last in ("add_loss", "add_metric"):
            for value in call.args[:1]:
                self._hand(value, last)
        for key, value in keywords.items():
            if any(map(engine_name, names)) or self._is_own_method(call.func):
                continue  # a function of the engine, or a method of the class, takes it, not Keras
            if key == "activation" or key.endswith(_HANDED_SUFFIXES):
                self._hand(value, f"{key}=")
            elif key == "custom_objects":
                self._hand(value, "custom object")

    def _is_own_method(self, function: ast.AST) -> bool:
        own = isinstance(function, ast.Attribute) and getattr(function.value, "id", "") == "self"
        return own and any(isinstance(v, FUNCTIONS) for v in self.project.member(_class_around(function), function.attr))

    def _hand(self, value: ast.AST, how: str) -> None:
        if isinstance(value, (ast.List, ast.Tuple)):
            for element in value.elts:
                self._hand(element, how)
            return
        if isinstance(value, ast.Dict):
            for element in value.values:
                self._hand(element, how)
            return
        if isinstance(value, ast.Name):
            for held in _held(value):
                self._hand_display(held, how)
        meant = self.project.meanings(value)
        if isinstance(value, ast.Subscript):
            for table in self.project.meanings(value.value):
                if isinstance(table, DISPLAYS):
                    self._table(table, how)
        if isinstance(value, ast.Attribute) and isinstance(value.value, ast.Name) and value.value.id in ("self", "cls"):
            meant = [*meant, *self.project.member(_class_around(value), value.attr)]
        for found in meant:
            if isinstance(found, FUNCTIONS):
                self._mark(found, f"handed to {how}")
            elif isinstance(found, ast.ClassDef) and how == "custom object":
                self._mark_class(found, "registered with Keras")
            elif isinstance(found, Outside) and engine_name(found.dotted):
                self.handed[value] = f"handed to {how}"
            elif isinstance(found, DISPLAYS):
                self._hand_display(found, how)
        if isinstance(value, ast.Call):
            for factory in self.project.meanings(value.func):
                if isinstance(factory, FUNCTIONS[:2]):
                    self._mark_returned(factory, how)

    def _hand_display(self, display: ast.AST, how: str) -> None:
        if (display, how) not in self._unpacked:  # metrics = [metrics]
            self._unpacked.add((display, how))
            self._hand(display, how)

    def _mark_returned(self, factory: ast.AST, how: str) -> None:
        for node in ast.walk(factory):
            if isinstance(node, ast.Return) and node.value is not None:
                for found in self.project.meanings(node.value):
                    if isinstance(found, FUNCTIONS) and found is not factory:
                        self._mark(found, f"made for {how}")

    # ---- where it leads

    def _mark(self, node: Definition, reason: str) -> None:
        if node not in self.marked and not f"{self.project.dotted(node.home)}.".startswith("keras.backend."):
            self.marked[node] = reason
            self._waiting.append(node)

    def _follow(self) -> None:
        while self._waiting:
            root = self._waiting.pop()
            for node in ast.walk(root):
                if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
                    self._reference(node, root)

    def _reference(self, node: ast.AST, root: Definition) -> None:
        for value in self.project.meanings(node):
            name = getattr(root, "name", "<lambda>")
            if isinstance(value, FUNCTIONS):
                self._mark(value, f"helper of {name}")
            elif isinstance(value, DISPLAYS):
                self._table(value, name)
            elif isinstance(value, ast.ClassDef) and isinstance(node.up, ast.Call) and node.up.func is node:
                if value not in self.marked:
                    self._mark_class(value, f"class made by {name}")
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"):
            for value in self.project.member(_class_around(node), node.attr):
                if isinstance(value, FUNCTIONS):
                    self._mark(value, f"method called by {getattr(root, 'name', '<lambda>')}")

    def _table(self, display: ast.AST, user: str) -> None:
        """Whatever a table outside of all definitions holds may be what its user takes of it."""
        if display.frame is not display.home.frame:
            return
        for entry in display.values if isinstance(display, ast.Dict) else display.elts:
            for value in self.project.meanings(entry):
                if isinstance(value, DISPLAYS):
                    self._table(value, user)
                elif isinstance(value, FUNCTIONS):
                    self._mark(value, f"in a table of {user}")
                elif isinstance(value, Outside) and engine_name(value.dotted):
                    self.handed[entry.args[0] if isinstance(entry, ast.Call) else entry] = f"in a table of {user}"

    # ---- the uses

    def uses(self) -> Iterator[Use]:
        for module in self.project.modules.values():
            keras = _imports_keras(module.tree)
            lines = lines_of(module)
            for node in ast.walk(module.tree):
                if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
                    if isinstance(node.up, ast.Attribute):
                        continue
                    found = self._use(node, keras, module.path, lines)
                    if found:
                        yield found

    def _use(self, node: ast.AST, keras: bool, path: Path, lines: list[bytes]) -> Use | None:
        place = self.place(node)
        if place is None:
            return None
        names = [v.dotted for v in self.project.meanings(node) if isinstance(v, Outside)]
        if isinstance(node, ast.Name) and _is_partial(node):
            return None
        if any(keras_name(n) and n.startswith("keras.") for n in names):  # the other Keras, where this one is not installed
            names = [n for n in names if not keras_name(n) or n.startswith("keras.")]
        symbols = [s for s in (engine_name(n, keras) for n in names) if s]
        if not symbols or (len(symbols) < len(names) and self._is_of_project(node) and any(map(keras_name, names))):
            return None  # the `ops` of another module that is Keras's, or an engine's where Keras has none
        relative = path.relative_to(self.project.root).as_posix()
        return Use(relative, *position(node, lines), symbols[0], *place)

    def _is_of_project(self, node: ast.AST) -> bool:
        """Whether a dotted name begins with what another module of the project hands out."""
        while isinstance(node, ast.Attribute):
            node = node.value
        frame = node.frame.find(node.id) if isinstance(node, ast.Name) else None
        if frame is None:
            return isinstance(node, ast.Name)  # by a star import
        for kind, what in frame.bound[node.id]:
            source = (0, what) if kind == "import" else what[:2] if kind == "from" else None
            if source is not None and any(isinstance(m, Module) for m in self.project.imported(node.home, *source)):
                return True
        return False

    def place(self, node: ast.AST) -> tuple[str, str] | None:
        """The definition of layer code that a node stands in, and why it is layer code."""
        if node in self.handed:
            return "<handed over>", self.handed[node]
        at = node
        while at is not None:
            if at in self.marked:
                return getattr(at, "name", "<lambda>"), self.marked[at]
            at = at.up
        return None


def _is_partial(name: ast.Name) -> bool:
    """Whether a name may hold what ``partial(tf.reduce_mean, axis=1)`` gave: a function of its own; that call is the use."""
    frame = name.frame.find(name.id)
    bound = [what for kind, what in visible(name, frame) if kind == "value"] if frame else []
    return any(isinstance(what, ast.Call) and ast.unparse(what.func).endswith("partial") for what in bound)


def _held(name: ast.Name) -> Iterator[ast.AST]:
    """What a name takes its turns from: ``for loss in losses:``."""
    frame = name.frame.find(name.id)
    for node in ast.walk(name.home.tree) if frame else ():
        if isinstance(node, (ast.For, ast.comprehension)) and getattr(node.target, "id", None) == name.id:
            if node.target.frame is frame and isinstance(node.iter, (ast.Name, *DISPLAYS)):
                yield node.iter


def _imports_keras(tree: ast.AST) -> bool:
    """Whether a file has layers or the backend of Keras itself; what it saves or configures with does not count. Where an import
    that stands in no ``try`` and no ``if`` names a Keras, those that do say nothing."""
    every, certain = [], []
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [n.name for n in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [f"{node.module}.{n.name}" for n in node.names]
        every += names
        certain += names if node in tree.body else []
    names = certain if any(map(keras_name, certain)) else every
    keras = [name for name in names if name.split(".")[0] == "keras"]
    if any(name.startswith("tensorflow.") and "keras" in name.split(".") for name in names):
        keras = [
            name for name in keras if not {"backend", "saving", "config", "utils", "callbacks", "datasets"} & set(name.split("."))
        ]
    return bool(keras)


def _class_around(node: ast.AST) -> ast.ClassDef | None:
    at = node
    while at is not None and not isinstance(at, ast.ClassDef):
        at = at.up
    return at
