"""Findings to new text: render the edits, add and remove imports, and check that the result stands.

The one place that changes imports. ``FixError`` means that the new text would not parse or would use an unbound
name: then nothing may be written.
"""

from __future__ import annotations

import ast
import builtins
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kmigrate.lint import Analysis
from kmigrate.model import Edit, Finding, Slice, Target
from kmigrate.names import Names, canonical, engine_of
from kmigrate.rulebook.load import IMPORTABLE
from kmigrate.rulebook.render import ATOMS
from kmigrate.source import Source, SourceError

_MODULE_OF: dict[tuple[Target, str], str] = {
    ("keras2", "keras"): "from keras import backend",
    ("keras2", "tf.keras"): "from tensorflow.keras import backend",
    ("keras3", "keras"): "from keras import ops",
    ("keras3", "tf.keras"): "from keras import ops",
}


class FixError(Exception):
    """The rewritten text is not sound; the message names what is wrong."""


def apply_fixes(analysis: Analysis, findings: Iterable[Finding], target: Target = "keras2") -> str:
    """The file's text with the fixes of ``findings`` applied.

    Raises:
        FixError: the new text would not parse, or a name that was bound would no longer be.
    """
    source = analysis.source
    edits = [f.fix.edit for f in findings if f.fix is not None]
    if not edits:
        return source.text
    text = render_edits(source.text, edits)
    text = _with_imports(analysis, text, target)
    _check(analysis, text)
    return text


def render_edits(text: str, edits: Sequence[Edit]) -> str:
    """Apply edits that may be nested: a slice that an edit keeps is itself rendered."""
    ordered = sorted(edits, key=lambda e: (e.start, -e.end))
    return _Rendering(text, ordered, [e.start for e in ordered]).range(0, len(text), 0)


@dataclass(frozen=True, slots=True)
class _Rendering:
    """A text and its edits in order: of a range, only the edits that start in it are looked at."""

    text: str
    edits: Sequence[Edit]
    starts: Sequence[int]

    def range(self, start: int, end: int, first: int) -> str:
        """The text of ``[start, end)`` with the edits from number ``first`` on that lie in it."""
        parts: list[str] = []
        cursor = start
        for index in range(bisect_left(self.starts, start, first), bisect_left(self.starts, end, first)):
            edit = self.edits[index]
            if edit.start < cursor or edit.end > end:
                continue  # inside an edit that is already rendered, or outside this range
            parts.append(self.text[cursor : edit.start])
            for piece in edit.pieces:
                parts.append(self.kept(piece, index + 1) if isinstance(piece, Slice) else piece)
            cursor = edit.end
        parts.append(self.text[cursor:end])
        return "".join(parts)

    def kept(self, piece: Slice, first: int) -> str:
        """A piece of the original with the edits in it; an operand that they made an operation gets parentheses."""
        rendered = self.range(piece.start, piece.end, first)
        if not piece.operand or rendered == self.text[piece.start : piece.end] or _is_closed(rendered):
            return rendered
        return f"({rendered})"


def _is_closed(text: str) -> bool:
    """Whether an expression stays whole beside any operator: an atom, or already in parentheses."""
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        return False
    return node.col_offset > 0 or isinstance(node, (*ATOMS, ast.Tuple))


# ---- imports


@dataclass(frozen=True, slots=True)
class _Change:
    start: int
    end: int
    text: str


def _with_imports(analysis: Analysis, text: str, target: Target) -> str:
    source = _parse(analysis, text)
    names = Names(source.tree)
    changes = _removals(analysis, source, names)
    missing = sorted(_unbound(names) - _unbound(analysis.names))
    line = _MODULE_OF[target, analysis.flavour]
    for name in missing:
        plain = line.rpartition(" ")[2] == name
        statement = line if plain else f"{line} as {name}"
        if IMPORTABLE.get(name) == "keras":
            statement = f"{line.rpartition(' ')[0]} {name}"
        if IMPORTABLE.get(name) == "typing":
            changes.append(_standard_import(source, name))
        else:
            changes.append(_insertion(source, statement, [c for c in changes if not c.text]))
    for change in sorted(changes, key=lambda c: (c.start, c.end), reverse=True):
        text = text[: change.start] + change.text + text[change.end :]
    return text


def _parse(analysis: Analysis, text: str) -> Source:
    try:
        return Source.parse(analysis.source.path, analysis.source.encode(text))
    except SourceError as error:
        raise FixError(f"the rewritten file would not parse: {error.message}") from error


def _unbound(names: Names) -> set[str]:
    if names.stars:
        known = {
            "K",
            "KB",
            "keras_backend",
            "_keras_backend",
            "ops",
            "keras_ops",
            "_keras_ops",
            "kmigrate_backend",
            *IMPORTABLE,
        }
    else:
        known = None
    found = set()
    for node in ast.walk(names.tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            if names.scope_of(node).lookup(node.id) is None and not hasattr(builtins, node.id):
                if known is None or node.id in known:
                    found.add(node.id)
    return found


def _insertion(source: Source, statement: str, removed: Sequence[_Change]) -> _Change:
    """After the last Keras import of the leading imports, else after their last, else after docstring and comments."""
    newline = source.newline
    leading = _leading(source.tree)
    after = leading[-1] if leading else None
    keras = next((n for n in reversed(leading) if isinstance(n, (ast.Import, ast.ImportFrom)) and _is_keras(n)), None)
    chosen = keras or after
    if chosen is None:
        first = source.tree.body[0]
        decorators = getattr(first, "decorator_list", None)
        line = decorators[0].lineno if decorators else first.lineno
        offset = source.line_start(line)
        return _Change(offset, offset, statement + newline + newline)
    assert chosen.end_lineno is not None
    offset = source.line_start(chosen.end_lineno + 1)
    is_docstring = isinstance(chosen, ast.Expr)
    prefix = newline if is_docstring else ""
    if offset == len(source.text) and not source.text.endswith(("\n", "\r")):
        return _Change(offset, offset, newline + prefix + statement)
    return _Change(offset, offset, prefix + statement + newline)


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _leading(tree: ast.Module) -> list[ast.stmt]:
    """The docstring and the imports that the module begins with, as far as no other code stands on their lines.

    Raises FixError where code stands on the line of what has to be first.
    """
    found: list[ast.stmt] = []
    for node in tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)) or (node is tree.body[0] and _is_docstring(node)):
            found.append(node)
        else:
            while found and found[-1].end_lineno == node.lineno:
                gone = found.pop()
                if isinstance(gone, ast.Expr) or (isinstance(gone, ast.ImportFrom) and gone.module == "__future__"):
                    raise FixError(f"line {node.lineno} has no place for an import: give each of its statements a line")
            break
    return found


def _standard_import(source: Source, name: str) -> _Change:
    """Into the file's own ``from typing import ...`` where it has one on one line, else before the first import."""
    module = IMPORTABLE[name]
    imports = [node for node in source.tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    plain = [node for node in imports if not (isinstance(node, ast.ImportFrom) and node.module == "__future__")]
    for node in plain:
        if isinstance(node, ast.ImportFrom) and node.module == module and not node.level:
            offset = source.span(node.names[0])[0]
            return _Change(offset, offset, f"{name}, ")
    if not plain:
        return _insertion(source, f"from {module} import {name}", [])
    offset = source.line_start(plain[0].lineno)
    return _Change(offset, offset, f"from {module} import {name}{source.newline}")


def _is_keras(node: ast.Import | ast.ImportFrom) -> bool:
    if isinstance(node, ast.Import):
        return any(canonical(item.name).partition(".")[0] == "keras" for item in node.names)
    if node.level:
        return False
    module = canonical(node.module or "")
    return module.partition(".")[0] == "keras" or any(canonical(f"{module}.{item.name}") == "keras" for item in node.names)


def _removals(analysis: Analysis, source: Source, names: Names) -> list[_Change]:
    """Engine imports that the rewrite left without a use."""
    if source.path.endswith("__init__.py"):
        return []  # what a package's front door imports, others may import from it
    exported = _exported(source.tree)
    before = _used_imports(analysis.names)
    after = _used_imports(names)
    changes: list[_Change] = []
    for node in names.imports:
        parent = names.parents[node]
        if not isinstance(parent, (ast.Module, ast.FunctionDef)) or not _alone_on_its_lines(source, node):
            continue
        if isinstance(parent, ast.FunctionDef) and len(parent.body) < 2:
            continue
        gone = []
        for item in node.names:
            key = _import_key(node, item)
            bound = item.asname or item.name.partition(".")[0]
            left = key in before and key not in after and bound not in exported and _is_engine(key[1])
            if left and not (isinstance(parent, ast.Module) and analysis.taken(bound)):
                gone.append(item)
        if gone:
            changes.append(_removal(source, node, gone))
    return changes


def _is_engine(symbol: str) -> bool:
    return engine_of(symbol) is not None


def _import_key(node: ast.Import | ast.ImportFrom, item: ast.alias) -> tuple[str, str]:
    if isinstance(node, ast.Import):
        name = item.asname or item.name.partition(".")[0]
        return name, canonical(item.name if item.asname else name)
    return item.asname or item.name, canonical("." * node.level + f"{node.module or ''}.{item.name}")


def _used_imports(names: Names) -> set[tuple[str, str]]:
    """(name, symbol) of the imports that some name in the file refers to."""
    used = set()
    for node in ast.walk(names.tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store):
            scope = names.scope_of(node).lookup(node.id)
            for binding in scope.bindings[node.id] if scope else ():
                if binding.symbol is not None:
                    used.add((node.id, binding.symbol))
    return used


def _exported(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, (ast.Assign, ast.AugAssign)) and "__all__" in ast.unparse(node):
            found |= {c.value for c in ast.walk(node) if isinstance(c, ast.Constant) and isinstance(c.value, str)}
    return found


def _alone_on_its_lines(source: Source, node: ast.stmt) -> bool:
    start, end = source.span(node)
    assert node.end_lineno is not None
    head = source.text[source.line_start(node.lineno) : start]
    tail = source.text[end : source.line_start(node.end_lineno + 1)]
    return not head.strip() and not tail.strip() and "#" not in source.text[start:end]


def _removal(source: Source, node: ast.Import | ast.ImportFrom, gone: Sequence[ast.alias]) -> _Change:
    assert node.end_lineno is not None
    if len(gone) == len(node.names):
        end_line = node.end_lineno + 1
        above = source.line_text(node.lineno - 1).rstrip() if node.lineno > 1 else ""
        if node.col_offset and above.endswith(":") and not source.line_text(end_line).strip():
            end_line += 1  # the blank line that stood after the imports of a function
        return _Change(source.line_start(node.lineno), source.line_start(end_line), "")
    start, end = source.span(node)
    text = source.text[start:end]
    for item in reversed(gone):
        index = node.names.index(item)
        if index + 1 < len(node.names):
            cut = source.span(item)[0], source.span(node.names[index + 1])[0]
        else:
            cut = source.span(node.names[index - 1])[1], source.span(item)[1]
        text = text[: cut[0] - start] + text[cut[1] - start :]
    return _Change(start, end, text)


# ---- the check


def _check(analysis: Analysis, text: str) -> None:
    source = _parse(analysis, text)
    lost = _unbound(Names(source.tree)) - _unbound(analysis.names)
    if lost:
        raise FixError(f"the rewritten file would use the unbound name {sorted(lost)[0]!r}")
