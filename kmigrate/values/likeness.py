"""Expressions that surely have one shape, whatever it is: ``x > 0``, ``tf.exp(x)`` and ``tf.zeros_like(x)`` have that of ``x``.

A shape is named by the text of the tensor that has it. Within one expression equal texts without calls are one value; a name is
followed to what it was assigned only where neither it nor anything that the value is made of is bound again.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from kmigrate.names import Names
from kmigrate.values.domain import NUMBER, Value
from kmigrate.values.operations import RENAMED, operation

SCALAR = ""
# Effects of operations that keep the shape of their first argument, and of those that broadcast their first two.
_KEEPING = frozenset("same passed same_if_floating same_floating like cast tested to_float32 to_int32".split())
_BROADCASTING = frozenset({"broadcast", "divided", "power", "compared"})
_ELEMENTWISE = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.BitAnd, ast.BitOr, ast.BitXor)
_ORDER = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)  # ``==`` of tensors asks for identity in TensorFlow 1
_LONGEST = 50


def model_of(node: ast.expr, names: Names, value_of: Callable[[ast.expr], Value], depth: int = 0) -> str | None:
    """The text of the tensor whose shape an expression has, ``SCALAR`` for a number or tensor without axes, None if not known."""

    def model(part: ast.expr) -> str | None:
        return model_of(part, names, value_of, depth + 1)

    if depth > _LONGEST:
        return None
    value = value_of(node)
    if value.kind == NUMBER or (value.is_tensor and value.rank == 0):
        return SCALAR
    if isinstance(node, ast.BinOp) and isinstance(node.op, _ELEMENTWISE):
        return _joined(model(node.left), model(node.right))
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], _ORDER):
        return _joined(model(node.left), model(node.comparators[0]))
    if isinstance(node, ast.UnaryOp) and not isinstance(node.op, ast.Not):
        return model(node.operand)
    if isinstance(node, ast.Call):
        return _of_call(node, names, model)
    if not value.symbolic or not _is_plain(node):
        return None
    assigned = _assigned(node, names)
    followed = model(assigned) if assigned is not None else None
    return ast.unparse(node) if followed is None else followed


def _joined(first: str | None, second: str | None) -> str | None:
    if second in (first, SCALAR):
        return first
    return second if first == SCALAR else None


def _of_call(node: ast.Call, names: Names, model: Callable[[ast.expr], str | None]) -> str | None:
    symbols = names.resolve(node.func).symbols
    known = operation(symbols[0]) if len(symbols) == 1 else None
    if known is None or any(isinstance(a, ast.Starred) for a in node.args) or any(k.arg is None for k in node.keywords):
        return None
    given = dict(zip(known.parameters, node.args, strict=False))
    for keyword in node.keywords:
        if keyword.arg is not None:
            given[keyword.arg if keyword.arg in known.parameters else RENAMED.get(keyword.arg, keyword.arg)] = keyword.value
    arguments = [given.get(parameter) for parameter in known.parameters[:2]]
    if arguments[:1] in ([], [None]) or arguments[0] is None:
        return None
    if known.effect in _KEEPING:
        return model(arguments[0])
    if known.effect in _BROADCASTING and len(arguments) == 2 and arguments[1] is not None:
        return _joined(model(arguments[0]), model(arguments[1]))
    return None


def _is_plain(node: ast.expr) -> bool:
    """Whether a text without calls says which tensor is meant: ``x``, ``self.w``, ``x[:, 0]``."""
    return isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)) and not any(
        isinstance(part, (ast.Call, ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)) for part in ast.walk(node)
    )


def _assigned(node: ast.expr, names: Names) -> ast.expr | None:
    """What a name was given, where that still says the same: all local names in it are bound once and before it, and it stands in
    no loop, where it may be of an earlier round."""
    binding = names.binding_value(node)
    if binding is None or binding.kind != "assign" or binding.value is None or _in_loop(binding.value, names):
        return None
    for part in ast.walk(binding.value):
        if isinstance(part, (ast.Attribute, ast.Subscript)) and not names.resolve(part).symbols:
            return None  # what an object holds may change in between
        if isinstance(part, ast.Name) and not names.resolve(part).symbols:
            source = names.binding_value(part)
            if source is None or source.position >= binding.position:
                return None
    return binding.value


def _in_loop(node: ast.AST, names: Names) -> bool:
    at: ast.AST | None = node
    while at is not None and not isinstance(at, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        if isinstance(at, (ast.For, ast.AsyncFor, ast.While, ast.comprehension)):
            return True
        at = names.parents.get(at)
    return False
