"""Which Keras a file is written for: Keras itself, or the one inside TensorFlow. A fix imports its backend from the same one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Literal

from kmigrate.names import Names
from kmigrate.names.symbols import canonical

Flavour = Literal["keras", "tf.keras"]

_ATTRIBUTE = re.compile(r"\b(tf|tensorflow)\.(compat\.v[12]\.)?keras\b")


def own_flavour(text: str, names: Names) -> Flavour | None:
    """What the file's own imports and uses say; None for a file that names no Keras at all."""
    if names.imports_keras:
        return "keras"
    named = "tensorflow" in text
    if named and any("tf.keras" in _imported(node) for node in names.imports):
        return "tf.keras"
    # `from .compat import tf` does not name TensorFlow; elsewhere such a text is a comment.
    return "tf.keras" if (named or "tf" in names.module.bindings) and _ATTRIBUTE.search(text) else None


def is_disputed(text: str, names: Names) -> bool:
    """Whether the file names both, and its text does not tell whose layers it holds: its classes derive from both, from the one
    that is not its own, or (where none derives from either) both are imported, and only in branches."""
    if "tensorflow" not in text or not names.imports_keras:
        return False
    derived = set(_of_bases(names))
    return "tf.keras" in derived if derived else is_undecided(text, names)


def is_undecided(text: str, names: Names) -> bool:
    """Whether the file imports both, and each in a branch only: which it is (and hands on to others) is decided when it runs."""
    if "tensorflow" not in text or not names.imports_keras:
        return False
    certain = [node for node in names.imports if names.parents[node] is names.tree]
    if any(_imported(node) for node in certain):
        return False
    return any("tf.keras" in _imported(node) for node in names.imports)


def _of_bases(names: Names) -> Iterator[Flavour]:
    """The Keras that each base of a class comes from, once for each import that may have bound it."""
    for definition in names.definitions.values():
        if not isinstance(definition.node, ast.ClassDef):
            continue
        for base in definition.node.bases:
            root, _, path = ast.unparse(base).partition(".")
            scope = definition.scope.lookup(root)
            for binding in scope.bindings[root] if scope else ():
                if isinstance(binding.node, (ast.Import, ast.ImportFrom)):
                    for module, bound in _bound(binding.node):
                        flavour = _flavour(f"{module}.{path}") if bound == root else None
                        if flavour:
                            yield flavour


def _imported(node: ast.Import | ast.ImportFrom) -> set[Flavour]:
    """The Keras that an import names."""
    modules = [item.name for item in node.names] if isinstance(node, ast.Import) else [module for module, _ in _bound(node)]
    return {flavour for module in modules if (flavour := _flavour(module))}


def _bound(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """What an import binds, in its own spelling, and to which name."""
    for item in node.names:
        if isinstance(node, ast.ImportFrom):
            if not node.level:
                yield f"{node.module}.{item.name}", item.asname or item.name
        else:
            name = item.name if item.asname else item.name.partition(".")[0]
            yield name, item.asname or name


def _flavour(module: str) -> Flavour | None:
    if module.partition(".")[0] == "keras":
        return "keras"
    inside = module.startswith("tensorflow") and canonical(module).partition(".")[0] == "keras"
    return "tf.keras" if inside else None
