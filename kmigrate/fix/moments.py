"""When the code of a module runs, told by the statements of its top level: which names are bound by then, and which must be.

Times are indices into the module's body. What stands in a function runs when somebody calls it, at the earliest in the first
statement behind its definition that may call anything.
"""

from __future__ import annotations

import ast
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from kmigrate.names.nodes import last_name, walked

ImportStatement = ast.Import | ast.ImportFrom
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_MAY_IMPORT = (ast.Import, ast.ImportFrom, ast.If, ast.Try, ast.With)  # see ``_imports``
# Contexts that end in spite of an error in their block.
_SUPPRESS = frozenset({"suppress", "raises", "assertRaises"})
_ENDS = (ast.Raise, ast.Return, ast.Continue, ast.Break)
# Expressions that run nobody else's code.
_QUIET = (ast.Constant, ast.Name, ast.Tuple, ast.List, ast.Dict, ast.Set, ast.UnaryOp, ast.Attribute, ast.Lambda)


class Moments:
    """``parents`` leads from every node of ``tree`` towards it, as ``Names.parents`` does."""

    def __init__(self, tree: ast.Module, parents: Mapping[ast.AST, ast.AST]) -> None:
        self._tree = tree
        self._parents = parents

    def earliest(self, node: ast.AST) -> int:
        """The first statement of the module during which ``node`` may be evaluated; their number if none runs it."""
        later = False
        at = node
        while (parent := self._parents.get(at)) is not None and parent is not self._tree:
            if isinstance(parent, _FUNCTIONS) and _is_body(parent, at):
                later = True
            at = parent
        if parent is None:
            return 0
        own = self._places[at]
        if not later:
            return own
        place = bisect_left(self._busy, own)
        return self._busy[place] if place < len(self._busy) else len(self._tree.body)

    def bound(self, name: str) -> int:
        """The number of statements after which an import or an assignment has surely bound ``name``; one more than there are if
        none does."""

        def binds(node: ImportStatement) -> bool:
            return any((item.asname or item.name.partition(".")[0]) == name for item in node.names)

        assigned = [index for index, statement in enumerate(self._tree.body) if _assigns(statement, name)]
        sure = [*self.sure(binds), *assigned]
        return min(sure, default=len(self._tree.body)) + 1

    def sure(self, wanted: Callable[[ImportStatement], bool]) -> list[int]:
        """The statements that, wherever they come to their end, have run a ``wanted`` import."""
        return [index for index, statement in self._importing if _imports(statement, wanted)]

    def calls_between(self, start: int, end: int) -> bool:
        """Whether a statement of ``[start, end)`` may run code that is no import's."""
        place = bisect_left(self._busy, start)
        return place < len(self._busy) and self._busy[place] < end

    def is_deleted(self, name: str) -> bool:
        return name in self._deleted

    @cached_property
    def _places(self) -> dict[ast.AST, int]:
        return {statement: index for index, statement in enumerate(self._tree.body)}

    @cached_property
    def _importing(self) -> list[tuple[int, ast.stmt]]:
        """The statements in which an import may run: few of a long module's, and asked about for each use."""
        return [(index, statement) for index, statement in enumerate(self._tree.body) if isinstance(statement, _MAY_IMPORT)]

    @cached_property
    def _busy(self) -> list[int]:
        return [index for index, statement in enumerate(self._tree.body) if not _is_quiet(statement)]

    @cached_property
    def _deleted(self) -> set[str]:
        return {n.id for n in ast.walk(self._tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Del)}


def _is_body(function: ast.AST, child: ast.AST) -> bool:
    body = getattr(function, "body", None)
    return child is body or (isinstance(body, list) and any(child is statement for statement in body))


def _imports(statement: ast.stmt, wanted: Callable[[ImportStatement], bool]) -> bool:
    """Whether a statement, wherever it comes to its end, has run a ``wanted`` import."""
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return wanted(statement)
    if isinstance(statement, ast.If):
        return _surely(statement.body, wanted) and _surely(statement.orelse, wanted)
    if isinstance(statement, ast.Try):
        tried = _surely([*statement.body, *statement.orelse], wanted)
        handled = all(_surely(handler.body, wanted) for handler in statement.handlers)
        return _surely(statement.finalbody, wanted) or (tried and handled)
    if isinstance(statement, ast.With):
        return _surely(statement.body, wanted) and not any(map(_suppresses, statement.items))
    return False


def _suppresses(item: ast.withitem) -> bool:
    names = (last_name(node) for node in walked(item) if isinstance(node, (ast.Name, ast.Attribute)))
    return not _SUPPRESS.isdisjoint(names)


def _assigns(statement: ast.stmt, name: str) -> bool:
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return any(isinstance(target, ast.Name) and target.id == name for target in targets)


def _surely(block: Sequence[ast.stmt], wanted: Callable[[ImportStatement], bool]) -> bool:
    return any(_imports(statement, wanted) or isinstance(statement, _ENDS) for statement in block)


def _is_quiet(statement: ast.stmt) -> bool:
    """Whether a statement surely calls nothing that the module defines. What an import runs is another module's."""
    if isinstance(statement, (ast.Import, ast.ImportFrom, ast.Pass, ast.Global)):
        return True
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        arguments = statement.args
        defaults = [d for d in (*arguments.defaults, *arguments.kw_defaults) if d is not None]
        return not statement.decorator_list and all(_is_quiet_value(default) for default in defaults)
    if isinstance(statement, ast.ClassDef):
        made = [*statement.bases, *(keyword.value for keyword in statement.keywords)]
        plain = not statement.decorator_list and not statement.keywords and all(_is_quiet_value(part) for part in made)
        return plain and all(_is_quiet(inner) for inner in statement.body)
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    if isinstance(statement, ast.Assign):
        return all(isinstance(target, ast.Name) for target in statement.targets) and _is_quiet_value(statement.value)
    if isinstance(statement, ast.If):
        parts = [*statement.body, *statement.orelse]
        return _is_quiet_value(statement.test) and all(_is_quiet(inner) for inner in parts)
    if isinstance(statement, ast.Try):
        parts = [*statement.body, *statement.orelse, *statement.finalbody]
        parts += [inner for handler in statement.handlers for inner in handler.body]
        return all(_is_quiet(inner) for inner in parts)
    return False


def _is_quiet_value(value: ast.expr) -> bool:
    if isinstance(value, ast.Lambda):
        return all(_is_quiet_value(default) for default in (*value.args.defaults, *value.args.kw_defaults) if default is not None)
    if not isinstance(value, _QUIET):
        return False
    return all(_is_quiet_value(child) for child in ast.iter_child_nodes(value) if isinstance(child, ast.expr))
