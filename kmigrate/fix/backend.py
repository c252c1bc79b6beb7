"""The name that means the abstract backend at a place: one that the file has bound by then, or a free one that a fix imports."""

from __future__ import annotations

import ast
from collections.abc import Collection
from typing import NamedTuple

from kmigrate.fix.anchors import Anchors
from kmigrate.fix.moments import Moments
from kmigrate.model import Target
from kmigrate.names import Binding, Names, Scope, canonical, engine_of
from kmigrate.names.symbols import in_tensorflow
from kmigrate.rulebook.load import IMPORTABLE

BACKEND_SYMBOL: dict[Target, str] = {"keras2": "keras.backend", "keras3": "keras.ops"}
FREE_NAMES: dict[Target, tuple[str, ...]] = {
    "keras2": ("K", "KB", "keras_backend", "_keras_backend", "_kmigrate_backend"),
    "keras3": ("ops", "keras_ops", "_keras_ops", "_kmigrate_ops"),
}
_MODULES: dict[tuple[Target, str], str] = {
    ("keras2", "keras"): "keras.backend",
    ("keras2", "tf.keras"): "tensorflow.keras.backend",
    ("keras3", "keras"): "keras.ops",
    ("keras3", "tf.keras"): "keras.ops",
}


def imported_from(name: str, target: Target, flavour: str) -> str:
    """What a name means that a fix imports, as the import spells it."""
    module = _MODULES[target, flavour]
    package = IMPORTABLE.get(name)
    if package is None:
        return module
    return f"{module.rpartition('.')[0] if package == 'keras' else package}.{name}"


def new_names() -> list[tuple[str, str]]:
    """The names that fixes import and that a star import hands on, each with all that it may mean."""
    found = set()
    for target, flavour in _MODULES:
        public = [name for name in (*FREE_NAMES[target], *IMPORTABLE) if not name.startswith("_")]
        found |= {(name, imported_from(name, target, flavour)) for name in public}
    return sorted(found)


class BackendName(NamedTuple):
    """``assumed`` is what the import assumes that has to come in for the name; None where it is bound, or may surely come in."""

    name: str
    assumed: str | None = None


class BackendNames:
    """The names in one module of the backend of its own Keras. ``hiding``: see ``Surroundings``."""

    def __init__(self, names: Names, target: Target, flavour: str, hiding: Collection[tuple[str, str]] = ()) -> None:
        self._names = names
        self._target = target
        self._flavour = flavour
        self._moments = Moments(names.tree, names.parents)
        self._anchors = Anchors(names.tree, names.imports, self._moments, flavour)
        self._own = self._bound_names(BACKEND_SYMBOL[target])
        self._candidates = FREE_NAMES[target]
        self._hiding = hiding
        self._free: str | None = None

    def at(self, use: ast.expr, scope: Scope) -> BackendName:
        """A name for the backend where ``use`` stands, in ``scope``. What the file binds below may not be bound when it runs."""
        earliest = self._moments.earliest(use)
        for name, bound in self._own.items():
            if scope.lookup(name) is self._names.module and bound <= earliest:
                return BackendName(name)
        if self._free is None:
            self._free = self._free_name()
        taken = any(engine_of(symbol) for symbol in self._names.imported.values())
        return BackendName(self._free, self._anchors.assumed(earliest, taken or bool(self._names.walk.lazy)))

    def hides(self, name: str) -> bool:
        """Whether the name, if a fix imports it, would hide another in a file that star-imports the module."""
        return (name, imported_from(name, self._target, self._flavour)) in self._hiding

    def is_there(self, name: str, symbol: str, use: ast.expr, scope: Scope) -> bool:
        """Whether ``name``, where the scope binds it, surely means ``symbol`` when ``use`` runs."""
        where = scope.lookup(name)
        if where is None:
            return True
        bindings = where.bindings[name]
        if any(binding.symbol != symbol for binding in bindings) or self._moments.is_deleted(name):
            return False
        if where is self._names.module:
            return self._moments.bound(name) <= self._moments.earliest(use)
        above = [b for b in bindings if b.position < (use.lineno, use.col_offset)]
        return any(b.node is not None and self._names.parents.get(b.node) is where.node for b in above)

    def _bound_names(self, symbol: str) -> dict[str, int]:
        """The names that mean the backend for good, each with the number of statements after which it does."""
        found: dict[str, int] = {}
        for name, bindings in self._names.module.bindings.items():
            meant = bindings and all(self._means(b, symbol) for b in bindings) and not self._moments.is_deleted(name)
            if meant and any(map(self._is_own, bindings)) and not self._may_be_hidden(name, min(b.position for b in bindings)):
                found[name] = self._moments.bound(name)
        return found

    def _means(self, binding: Binding, symbol: str) -> bool:
        if binding.kind == "assign" and binding.value is not None:
            meaning = self._names.resolve(binding.value)  # K = keras.backend
            return meaning.certain and meaning.symbols == (symbol,)
        return symbol in (binding.symbol, self._names.imported.get(binding.symbol or ""))

    def _is_own(self, binding: Binding) -> bool:
        """Whether it is the backend of the file's own Keras: the one inside TensorFlow is another, with a state of its own."""
        if binding.kind == "assign":
            return True  # beside Keras itself, the backend inside TensorFlow is another symbol
        if binding.symbol in self._names.imported:
            return not self._anchors.named  # that of the project is that of a file which names no Keras itself
        inside = in_tensorflow(binding.spelling)
        return self._target != "keras2" or inside == (self._flavour == "tf.keras")

    def _may_be_hidden(self, name: str, position: tuple[int, int]) -> bool:
        """Whether a star import below may bind ``name`` again; where the file itself reads the name, it trusts that none does."""
        below = [
            node
            for node in self._names.imports
            if isinstance(node, ast.ImportFrom) and node.names[0].name == "*" and (node.lineno, node.col_offset) > position
        ]
        foreign = any(canonical(node.module or "").partition(".")[0] not in ("keras", "tf", "theano") for node in below)
        return foreign and not any(root == name for root, _ in self._names.walk.ends)

    def _free_name(self) -> str:
        """A name that nothing in the file has. A star import that stands below the import that a fix adds could bind a public one
        again, and one of the module hands it on: what begins with an underscore not."""
        taken = self._names.all_names()
        free = [name for name in self._candidates if name not in taken] or [self._candidates[-1]]
        public = not self.hides(free[0]) and (not self._names.stars or _stars_lead(self._names.tree))
        return free[0] if public else next(name for name in (*free, self._candidates[-1]) if name.startswith("_"))


def _stars_lead(tree: ast.Module) -> bool:
    """Whether every star import is one of the imports at the module's head."""
    stars = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.names[0].name == "*"]
    for index, statement in enumerate(tree.body):
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            stars = [star for star in stars if star is not statement]
        elif index or not isinstance(statement, ast.Expr):
            break
    return not stars
