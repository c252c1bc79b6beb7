"""What an expression of somebody's program is worth, as far as the text shows: literals, names bound once, arithmetic.

Used to read arguments out of existing calls. Nothing is executed; what the text does not show is ``UNKNOWN``.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator
from typing import Any, Final

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


class Unknown:
    """The value of an expression that the text does not show."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()

_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
}
_SMALL = 1 << 20


class Scope:
    """The names of a module or function that are bound exactly once, to an expression; functions see those around them.

    A parameter is worth its default or, in a test, the last value of ``parametrize``, and nothing where it has neither; the
    variable of a loop over a display is worth the last item.
    """

    def __init__(self, node: ast.Module | FunctionNode, outer: Scope | None = None) -> None:
        self.node = node
        self.outer = outer
        self.bound: dict[str, ast.expr | None] = {}
        if not isinstance(node, ast.Module):
            self._parameters(node.args)
        for statement in own_nodes(node):
            self._statement(statement)

    def _parameters(self, arguments: ast.arguments) -> None:
        plain = [*arguments.posonlyargs, *arguments.args]
        defaults = [None] * (len(plain) - len(arguments.defaults)) + list(arguments.defaults)
        for item, default in [*zip(plain, defaults, strict=True), *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]:
            self.bound[item.arg] = default
        for name, value in _parametrized(self.node.decorator_list if not isinstance(self.node, ast.Module) else []):
            if name in self.bound:
                self.bound[name] = value
        for rest in (arguments.vararg, arguments.kwarg):
            if rest is not None:
                self.bound[rest.arg] = None

    def _statement(self, node: ast.AST) -> None:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
            if isinstance(target, ast.Name):
                self._bind(target.id, node.value)
                return
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple) and len(target.elts) == len(node.value.elts):
                for name, value in zip(target.elts, node.value.elts, strict=True):
                    if isinstance(name, ast.Name):
                        self._bind(name.id, value)
                return
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            self._bind(node.target.id, node.value)
        elif isinstance(node, ast.For) and (pairs := _last_item(node.target, node.iter)):
            for variable, value in pairs:
                self._bind(variable, value)
        elif isinstance(node, (ast.Assign, ast.AugAssign, ast.For, ast.With)):
            for part in ast.walk(node):
                if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                    self.bound[part.id] = None

    def _bind(self, name: str, value: ast.expr) -> None:
        # A second assignment: the text does not show which one holds.
        self.bound[name] = None if name in self.bound else value

    def lookup(self, name: str) -> tuple[Scope | None, ast.expr | None]:
        """(the scope that binds the name, its expression): (None, None) where no scope does."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.bound:
                return scope, scope.bound[name]
            scope = scope.outer
        return None, None


def _last_item(target: ast.expr, items: ast.expr) -> list[tuple[str, ast.expr]]:
    """What the names of a target are in the last round over a display: the first rounds have the trivial sizes."""
    if not isinstance(items, (ast.List, ast.Tuple)) or not items.elts:
        return []
    last = items.elts[-1]
    if isinstance(target, ast.Name):
        return [(target.id, last)]
    if (
        isinstance(target, (ast.Tuple, ast.List))
        and isinstance(last, (ast.Tuple, ast.List))
        and len(target.elts) == len(last.elts)
    ):
        pairs = zip(target.elts, last.elts, strict=True)
        return [(name.id, value) for name, value in pairs if isinstance(name, ast.Name)]
    return []


def _parametrized(decorators: list[ast.expr]) -> Iterator[tuple[str, ast.expr]]:
    """``@pytest.mark.parametrize("a, b", [(1, 2), (3, 4)])``: (a, 3), (b, 4)."""
    for node in decorators:
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr != "parametrize":
            continue
        if len(node.args) < 2:
            continue
        names = node.args[0].elts if isinstance(node.args[0], (ast.Tuple, ast.List)) else [node.args[0]]
        texts = [item.value for item in names if isinstance(item, ast.Constant) and isinstance(item.value, str)]
        parts = [part.strip() for text in texts for part in text.split(",")]
        targets: list[ast.expr] = [ast.Name(part) for part in parts]
        yield from _last_item(targets[0] if len(targets) == 1 else ast.Tuple(targets), node.args[1])


def own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a scope without those of the functions and classes inside it (their definitions are among them)."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            yield from own_nodes(child)


def value_of(node: ast.expr, scope: Scope | None = None, depth: int = 0) -> Any:
    """The Python value of an expression, or UNKNOWN."""
    if depth > 20:
        return UNKNOWN
    if isinstance(node, ast.Constant):
        return node.value if not isinstance(node.value, (bytes, complex)) and node.value is not ... else UNKNOWN
    if isinstance(node, (ast.Tuple, ast.List)):
        items = [value_of(item, scope, depth + 1) for item in node.elts]
        if any(item is UNKNOWN for item in items):
            return UNKNOWN
        return tuple(items) if isinstance(node, ast.Tuple) else items
    if isinstance(node, ast.Dict):
        return _dict(node, scope, depth)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = value_of(node.operand, scope, depth + 1)
        return -inner if isinstance(inner, (int, float)) else UNKNOWN
    if isinstance(node, ast.BinOp):
        return _arithmetic(node, scope, depth)
    if isinstance(node, ast.Name) and scope is not None:
        owner, bound = scope.lookup(node.id)
        return UNKNOWN if bound is None else value_of(bound, owner, depth + 1)
    return UNKNOWN


def _dict(node: ast.Dict, scope: Scope | None, depth: int) -> Any:
    found: dict[Any, Any] = {}
    for key, item in zip(node.keys, node.values, strict=True):
        name = value_of(key, scope, depth + 1) if key is not None else UNKNOWN
        value = value_of(item, scope, depth + 1)
        if value is UNKNOWN or not isinstance(name, str):
            return UNKNOWN
        found[name] = value
    return found


def _arithmetic(node: ast.BinOp, scope: Scope | None, depth: int) -> Any:
    left, right = value_of(node.left, scope, depth + 1), value_of(node.right, scope, depth + 1)
    work = _ARITHMETIC.get(type(node.op))
    numbers = isinstance(left, (int, float)) and isinstance(right, (int, float))
    sequences = type(left) is type(right) and isinstance(left, (tuple, list)) and isinstance(node.op, ast.Add)
    if work is None or not (numbers or sequences):
        return UNKNOWN
    if numbers and max(abs(left), abs(right)) > _SMALL:
        return UNKNOWN
    try:
        return work(left, right)
    except ArithmeticError:
        return UNKNOWN


def source_of(node: ast.expr, scope: Scope | None = None) -> str | None:
    """The expression as text that stands by itself: known names replaced by their values; None where it uses a local
    name that the text does not show."""
    replaced = _Inline(scope).visit(ast.parse(ast.unparse(node), mode="eval").body)
    inner = {a.arg for part in ast.walk(replaced) if isinstance(part, ast.Lambda) for a in part.args.args}
    for part in ast.walk(replaced):
        if isinstance(part, ast.Name) and part.id not in inner and scope is not None:
            owner, _ = scope.lookup(part.id)
            if owner is not None and not isinstance(owner.node, ast.Module):
                return None
            if part.id in ("self", "cls"):
                return None
    return ast.unparse(ast.fix_missing_locations(replaced))


class _Inline(ast.NodeTransformer):
    def __init__(self, scope: Scope | None) -> None:
        self.scope = scope

    def visit_Name(self, node: ast.Name) -> ast.expr:
        value = value_of(node, self.scope)
        if value is UNKNOWN:
            return node
        return ast.parse(repr(value), mode="eval").body
