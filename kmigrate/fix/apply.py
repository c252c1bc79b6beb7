"""Findings to new text: render the edits, have the imports changed, and check that the result stands.

``FixError`` means that the new text would not parse or would use an unbound
name: then nothing may be written.
"""

from __future__ import annotations

import ast
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kmigrate.fix.imports import import_changes, unbound
from kmigrate.lint import Analysis
from kmigrate.model import Edit, Finding, Slice, Target
from kmigrate.names import Names
from kmigrate.rulebook.render import ATOMS
from kmigrate.source import Source, SourceError


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


def gone_with(chosen: Sequence[Finding], findings: Iterable[Finding]) -> list[Finding]:
    """Those of ``findings`` whose text the fixes of ``chosen`` do not keep: a dtype that is written by its name, say."""
    taken = {finding.span for finding in chosen}
    entries = [(f.fix.edit.start, -f.fix.edit.end, f.fix.edit, f) for f in chosen if f.fix is not None]
    others = [(f.start, -f.end, None, f) for f in findings if f.span not in taken]
    around: list[Edit] = []
    found = []
    for start, end, edit, finding in sorted([*entries, *others], key=lambda entry: (*entry[:2], entry[2] is None)):
        while around and around[-1].end <= start:
            around.pop()
        if edit is not None:
            around.append(edit)
        elif any(outer.end >= -end and not _keeps(outer, start, -end) for outer in around):
            found.append(finding)
    return found


def _keeps(edit: Edit, start: int, end: int) -> bool:
    return any(isinstance(piece, Slice) and piece.start <= start and end <= piece.end for piece in edit.pieces)


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


# ---- the result


def _with_imports(analysis: Analysis, text: str, target: Target) -> str:
    changes = import_changes(analysis, _parse(analysis, text), target)
    for change in sorted(changes, key=lambda c: (c.start, c.end), reverse=True):
        text = text[: change.start] + change.text + text[change.end :]
    return text


def _parse(analysis: Analysis, text: str) -> Source:
    try:
        return Source.parse(analysis.source.path, analysis.source.encode(text))
    except SourceError as error:
        raise FixError(f"the rewritten file would not parse: {error.message}") from error


def _check(analysis: Analysis, text: str) -> None:
    source = _parse(analysis, text)
    lost = unbound(Names(source.tree)).keys() - unbound(analysis.names).keys()
    if lost:
        raise FixError(f"the rewritten file would use the unbound name {sorted(lost)[0]!r}")
