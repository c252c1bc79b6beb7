"""The imports of a rewritten module: what its new names need comes in, the engines' imports that lost their last use go.

A new import never stands behind the first statement that may need it, nor brings Keras in earlier than the file does: code
between may say which engine Keras shall run on (``os.environ["KERAS_BACKEND"] = ...``).
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Sequence
from dataclasses import dataclass

from kmigrate.fix.anchors import Anchors
from kmigrate.fix.backend import FREE_NAMES, imported_from
from kmigrate.fix.mentions import Mentions
from kmigrate.fix.moments import Moments
from kmigrate.lint import Analysis
from kmigrate.model import Target
from kmigrate.names import Names, canonical, engine_of
from kmigrate.rulebook.load import IMPORTABLE
from kmigrate.source import Source

# What a fix may need; where a star import may bind any name, only these are asked about.
_OURS = frozenset({*(name for names in FREE_NAMES.values() for name in names), *IMPORTABLE})


@dataclass(frozen=True, slots=True)
class Change:
    start: int
    end: int
    text: str


def import_changes(analysis: Analysis, source: Source, target: Target) -> list[Change]:
    """What has to change in ``source``, the text that the edits of ``analysis`` made."""
    names = Names(source.tree)
    changes = _removals(analysis, source, names)
    places = _Places(source, names, analysis.flavour)
    before = unbound(analysis.names)
    for name, uses in sorted(unbound(names).items()):
        if name in before or name not in _OURS:
            continue
        if IMPORTABLE.get(name) == "typing":
            changes.append(places.of_standard(name, uses))
            continue
        module, _, what = imported_from(name, target, analysis.flavour).rpartition(".")
        statement = f"from {module} import {what}"
        changes.append(places.of_keras(statement if what == name else f"{statement} as {name}", uses))
    return changes


def unbound(names: Names) -> dict[str, list[ast.Name]]:
    """The names that no scope and no builtin gives a value, and where they are read."""
    found: dict[str, list[ast.Name]] = {}
    for node in ast.walk(names.tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            if names.scope_of(node).lookup(node.id) is None and not hasattr(builtins, node.id):
                if not names.stars or node.id in _OURS:
                    found.setdefault(node.id, []).append(node)
    return found


# ---- new imports


class _Places:
    """Where the imports of one module may go."""

    def __init__(self, source: Source, names: Names, flavour: str) -> None:
        self.source = source
        self.moments = Moments(source.tree, names.parents)
        self.anchors = Anchors(source.tree, names.imports, self.moments, flavour)
        self.body = source.tree.body

    def of_keras(self, statement: str, uses: Sequence[ast.Name]) -> Change:
        """After the last Keras import of the leading imports (and their last star import, which might bind the name again);
        else after the first Keras import below them; else after the leading imports and what has to run first, or after docstring
        and comments. What comes from TensorFlow stands with it: nothing between says which engine it shall run on."""
        limit = min(self.moments.earliest(use) for use in uses)
        docstring = _has_docstring(self.source.tree)
        first = int(docstring)
        end = first
        while end < len(self.body) and isinstance(self.body[end], (ast.Import, ast.ImportFrom)):
            end += 1
        keras = self.anchors.keras
        leading = [index for index in keras if index < end]
        if not keras and statement.startswith("from tensorflow"):
            leading = [index for index in range(first, end) if _is_tensorflow(self.body[index])]
        if leading:
            stars = [index for index in range(first, end) if _is_star(self.body[index])]
            return self.after(self.body[max(leading[-1], *stars, -1)], statement)
        if keras and keras[0] < limit:
            return self.after(self.body[keras[0]], statement)
        if keras and limit < len(self.body):
            return self.before(self.body[limit], statement)
        sometimes = self.anchors.sometimes
        if sometimes is not None and end <= sometimes < limit:
            return self.after(self.body[sometimes], statement)
        if self.anchors.ready <= limit:
            end = max(end, self.anchors.ready)
        if end > first:
            return self.after(self.body[end - 1], statement)
        if docstring:
            return self.after(self.body[0], statement, gap_before=True)
        return self.before(self.body[0], statement, gap_after=True)

    def of_standard(self, name: str, uses: Sequence[ast.Name]) -> Change:
        """Into the file's own ``from typing import ...`` where it has one above, else before the first import."""
        module = IMPORTABLE[name]
        limit = min(self.moments.earliest(use) for use in uses)
        imports = [node for node in self.body[:limit] if isinstance(node, (ast.Import, ast.ImportFrom))]
        plain = [node for node in imports if not (isinstance(node, ast.ImportFrom) and node.module == "__future__")]
        for node in plain:
            if isinstance(node, ast.ImportFrom) and node.module == module and not node.level and not _is_star(node):
                offset = self.source.span(node.names[0])[0]
                return Change(offset, offset, f"{name}, ")
        if not plain:
            return self.of_keras(f"from {module} import {name}", uses)
        return self.before(plain[0], f"from {module} import {name}")

    def after(self, node: ast.stmt, statement: str, gap_before: bool = False) -> Change:
        assert node.end_lineno is not None
        source = self.source
        end = source.span(node)[1]
        offset = source.line_start(node.end_lineno + 1)
        if source.text[end:offset].lstrip(" \t\f").startswith(";"):
            shared = [other for other in self.body if other.lineno <= node.lineno <= (other.end_lineno or 0)]
            if any(_is_star(other) or _has_to_be_first(other, self.source.tree) for other in shared):
                return Change(end, end, f"; {statement}")
            return self.before(shared[0], statement, gap_after=shared[0] is self.body[0])
        newline = source.newline
        prefix = newline if gap_before else ""
        if offset == len(source.text) and not source.text.endswith(("\n", "\r")):
            return Change(offset, offset, newline + prefix + statement)
        return Change(offset, offset, prefix + statement + newline)

    def before(self, node: ast.stmt, statement: str, gap_after: bool = False) -> Change:
        source = self.source
        decorators = getattr(node, "decorator_list", None)
        start = source.span(decorators[0] if decorators else node)[0]
        start = source.text.rfind("@", 0, start) if decorators else start
        offset = source.line_start(source.position(start)[0])
        if source.text[offset:start].strip():
            return Change(start, start, f"{statement}; ")
        return Change(offset, offset, statement + source.newline * (2 if gap_after else 1))


def _has_docstring(tree: ast.Module) -> bool:
    first = tree.body[0] if tree.body else None
    return isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)


def _has_to_be_first(node: ast.stmt, tree: ast.Module) -> bool:
    future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
    return future or (node is tree.body[0] and _has_docstring(tree))


def _is_star(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.names[0].name == "*"


def _is_tensorflow(node: ast.stmt) -> bool:
    if isinstance(node, ast.Import):
        return any(item.name.partition(".")[0] == "tensorflow" for item in node.names)
    return isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").partition(".")[0] == "tensorflow"


# ---- engine imports that go


def _removals(analysis: Analysis, source: Source, names: Names) -> list[Change]:
    """Engine imports that the rewrite left without a use."""
    if source.path.endswith("__init__.py"):
        return []  # what a package's front door imports, others may import from it
    exported, mentions = _exported(source.tree), Mentions(source)
    before = _used_imports(analysis.names)
    after = _used_imports(names)
    changes: list[Change] = []
    for node in names.imports:
        parent = names.parents[node]
        if not isinstance(parent, (ast.Module, ast.FunctionDef)) or not _alone_on_its_lines(source, node):
            continue
        if isinstance(parent, ast.FunctionDef) and len(parent.body) < 2:
            continue
        gone = []
        for item in node.names:
            bound, symbol = _bound(node, item)
            key = bound, symbol, _place(names, parent)
            left = key in before and key not in after and bound not in exported and _is_engine(symbol)
            if left and bound not in mentions and not (isinstance(parent, ast.Module) and analysis.taken(bound)):
                gone.append(item)
        if gone:
            changes.append(_removal(source, node, gone))
    return changes


def _is_engine(symbol: str) -> bool:
    return engine_of(symbol) is not None


def _bound(node: ast.Import | ast.ImportFrom, item: ast.alias) -> tuple[str, str]:
    if isinstance(node, ast.Import):
        name = item.asname or item.name.partition(".")[0]
        return name, canonical(item.name if item.asname else name)
    return item.asname or item.name, canonical("." * node.level + f"{node.module or ''}.{item.name}")


def _place(names: Names, scope: ast.AST) -> str:
    definition = names.definitions.get(scope)
    return definition.qualname if definition is not None else ""


def _used_imports(names: Names) -> set[tuple[str, str, str]]:
    """(name, symbol, qualified name of the function that binds it) of the imports that some name in the file refers to."""
    used = set()
    for node in ast.walk(names.tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store):
            scope = names.scope_of(node).lookup(node.id)
            if scope is not None:
                place = _place(names, scope.node)
                used |= {(node.id, b.symbol, place) for b in scope.bindings[node.id] if b.symbol is not None}
    return used


def _exported(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr)) and "__all__" in ast.unparse(node):
            found |= {c.value for c in ast.walk(node) if isinstance(c, ast.Constant) and isinstance(c.value, str)}
    return found


def _alone_on_its_lines(source: Source, node: ast.stmt) -> bool:
    start, end = source.span(node)
    assert node.end_lineno is not None
    head = source.text[source.line_start(node.lineno) : start]
    tail = source.text[end : source.line_start(node.end_lineno + 1)]
    return not head.strip() and not tail.strip() and "#" not in source.text[start:end]


def _removal(source: Source, node: ast.Import | ast.ImportFrom, gone: Sequence[ast.alias]) -> Change:
    assert node.end_lineno is not None
    if len(gone) == len(node.names):
        end_line = node.end_lineno + 1
        above = source.line_text(node.lineno - 1).rstrip() if node.lineno > 1 else ""
        if node.col_offset and above.endswith(":") and not source.line_text(end_line).strip():
            end_line += 1  # the blank line that stood after the imports of a function
        return Change(source.line_start(node.lineno), source.line_start(end_line), "")
    start, end = source.span(node)
    text = source.text[start:end]
    for item in reversed(gone):
        index = node.names.index(item)
        if any(other not in gone for other in node.names[index:]):
            cut = source.span(item)[0], source.span(node.names[index + 1])[0]
        else:
            cut = source.span(node.names[index - 1])[1], source.span(item)[1]
        text = text[: cut[0] - start] + text[cut[1] - start :]
    return Change(start, end, text)
