"""Where a module imports Keras: a new import of its backend stands beside that, and brings Keras in no earlier or more often."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import cached_property

from kmigrate.fix.moments import ImportStatement, Moments
from kmigrate.names import canonical, engine_of
from kmigrate.names.symbols import paths_of

# What a file says to Keras before it imports it.
_SETTING = "KERAS_BACKEND"
SOMETIMES = "Keras may be imported wherever the module is: the file does so under a condition or in a function only"
EARLIER = "Keras may be imported above what the file runs before it does so"


class Anchors:
    """The imports of one module that a new one may stand beside. ``imports`` are all its import statements, wherever they are."""

    def __init__(self, tree: ast.Module, imports: Sequence[ImportStatement], moments: Moments, flavour: str) -> None:
        self._tree = tree
        self._imports = imports
        self._moments = moments
        self._flavour = flavour

    @cached_property
    def keras(self) -> list[int]:
        """The statements of the module that import any Keras, whatever branch they take."""
        return self._moments.sure(_names_keras)

    @property
    def named(self) -> bool:
        """Whether any import names a Keras."""
        return any(map(_names_keras, self._imports))

    @cached_property
    def own(self) -> list[int]:
        """Those that import what a new import of the file's own Keras brings in: it itself, or else an engine."""
        return self._moments.sure(self._brings) or self._moments.sure(_names_engine)

    @cached_property
    def ready(self) -> int:
        """The number of statements after which a file that imports no Keras has told it its engine and imported one; 0 where it
        does neither."""
        if self.keras:
            return 0
        told = [index for index, statement in enumerate(self._tree.body) if _configures(statement)]
        return max([*told, *self.own[:1]], default=-1) + 1

    @cached_property
    def sometimes(self) -> int | None:
        """The first statement of the module that imports Keras in one of its branches."""
        places = [i for i, statement in enumerate(self._tree.body) if _imports_somewhere(statement)]
        return places[0] if places else None

    def assumed(self, limit: int, by_others: bool) -> str | None:
        """What a new import that has to stand above statement ``limit`` assumes; None where nothing tells against it.
        ``by_others``: a function or another module imports the engine, perhaps later, or where it is installed."""
        wanted = self._brings if any(map(self._brings, self._imports)) else _names_engine
        sure = self._moments.sure(wanted)
        if not sure and (by_others or any(map(wanted, self._imports))):
            return SOMETIMES
        first = self.keras[0] if self.keras else self.ready
        return EARLIER if self._moments.calls_between(limit, first) else None

    def _brings(self, node: ImportStatement) -> bool:
        root = "keras" if self._flavour == "keras" else "tensorflow"
        return any(path.partition(".")[0] == root for path in paths_of(node))


def _names_keras(node: ImportStatement) -> bool:
    return any(canonical(path).partition(".")[0] == "keras" for path in paths_of(node))


def _names_engine(node: ImportStatement) -> bool:
    return any(engine_of(canonical(path)) for path in paths_of(node))


def _configures(statement: ast.stmt) -> bool:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return False
    return any(isinstance(node, ast.Constant) and node.value == _SETTING for node in ast.walk(statement))


def _imports_somewhere(statement: ast.stmt) -> bool:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return False
    return any(isinstance(node, (ast.Import, ast.ImportFrom)) and _names_keras(node) for node in ast.walk(statement))
