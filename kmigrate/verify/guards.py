"""What has to hold for a marked use to be evaluated: the tests of the branches around it and of the early exits before it.

A static reading of the marked text (``markers``); nothing is executed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from kmigrate.verify.markers import RAN

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
# Methods that Keras, or the way in which a case is run, calls by itself.
_ENTRIES = frozenset(
    "__init__ __call__ build call compute_mask compute_output_shape get_config from_config get_initial_state step get_constants"
    " preprocess_input get_output get_updates get_gradients update_state result add_weight".split()
)
_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class Guard:
    """``test`` has to come out as ``truth``; its names are those of ``function`` (None: of the module)."""

    test: ast.expr
    truth: bool
    function: FunctionNode | None


class Guards:
    """The guards of every marked use of one module. Raises SyntaxError for text that does not parse."""

    def __init__(self, marked_text: str) -> None:
        self.tree = ast.parse(marked_text)
        self._parents = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}
        self._uses = {call.args[0].value: call for call in ast.walk(self.tree) if _is_mark(call)}  # type: ignore[attr-defined]

    def of(self, use: int) -> list[Guard] | None:
        """The guards of one use, outermost last; None where it stands in a method that nothing calls."""
        found = self._uses.get(use)
        return [] if found is None else self._around(found, 0)

    def method_of(self, use: int) -> str:
        """The method that one use stands in; empty where it stands in none."""
        node: ast.AST | None = self._uses.get(use)
        while node is not None:
            parent = self._parents.get(node)
            if isinstance(node, FunctionNode) and isinstance(parent, ast.ClassDef):
                return node.name
            node = parent
        return ""

    def _around(self, node: ast.AST, depth: int) -> list[Guard] | None:
        guards: list[Guard] = []
        while (parent := self._parents.get(node)) is not None:
            function = self._function(parent)
            guards += [Guard(test, truth, function) for test, truth in _between(parent, node)]
            if isinstance(node, FunctionNode) and isinstance(parent, ast.ClassDef) and node.name not in _ENTRIES:
                callers = [] if depth >= _DEEPEST else list(self._callers(node))
                around = next((more for call in callers if (more := self._around(call, depth + 1)) is not None), None)
                return None if around is None else guards + around
            node = parent
        return guards

    def _callers(self, method: FunctionNode) -> Iterator[ast.AST]:
        """Where the method's name is looked up, outside of itself."""
        inside = set(ast.walk(method))
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Attribute) and node.attr == method.name and node not in inside:
                yield node

    def _function(self, node: ast.AST | None) -> FunctionNode | None:
        while node is not None and not isinstance(node, FunctionNode):
            node = self._parents.get(node)
        return node


def _is_mark(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == RAN


def _between(parent: ast.AST, child: ast.AST) -> Iterator[tuple[ast.expr, bool]]:
    """What ``parent`` asks before it comes to ``child``."""
    if isinstance(parent, (ast.If, ast.While)):
        if child in parent.body:
            yield parent.test, True
        elif child in parent.orelse:
            yield parent.test, False
    elif isinstance(parent, ast.IfExp):
        if child is not parent.test:
            yield parent.test, child is parent.body
    elif isinstance(parent, ast.BoolOp) and isinstance(child, ast.expr):
        for value in parent.values[: parent.values.index(child)]:
            yield value, isinstance(parent.op, ast.And)
    for _, block in ast.iter_fields(parent):
        if isinstance(block, list) and child in block:
            for before in block[: block.index(child)]:
                yield from _exits(before)


def _exits(statement: ast.AST) -> Iterator[tuple[ast.expr, bool]]:
    """``if done: return`` is passed only where ``done`` is false."""
    if isinstance(statement, ast.Assert):
        yield statement.test, True
    if isinstance(statement, ast.If):
        if _leaves(statement.body):
            yield statement.test, False
            for other in statement.orelse:
                yield from _exits(other)
        elif _leaves(statement.orelse):
            yield statement.test, True


def _leaves(block: list[ast.stmt]) -> bool:
    return bool(block) and isinstance(block[-1], (ast.Return, ast.Raise, ast.Continue, ast.Break))
