"""``when`` conditions: three-valued, because what is not known must not be guessed.

``evaluate`` answers True, False or None (unknown). ``and``, ``or`` and ``not`` follow Kleene's logic: ``False and unknown``
is False, ``True and unknown`` is unknown.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, Protocol

FUNCTIONS = frozenset(
    {
        "given",
        "literal",
        "value",
        "rank",
        "dtype",
        "floating",
        "integer",
        "length",
        "sequence",
        "function",
        "callee_argument",
        "number",
    }
)


class Unknown(Exception):
    """The question cannot be answered from the text."""


class Facts(Protocol):
    """What is known of the arguments of one use. ``name`` is a parameter of the rule's signature.

    Each method raises Unknown where the text does not tell.
    """

    def given(self, name: str) -> bool: ...
    def literal(self, name: str) -> bool: ...
    def value(self, name: str) -> Any: ...
    def rank(self, name: str) -> int: ...
    def dtype(self, name: str) -> str: ...
    def length(self, name: str) -> int: ...
    def sequence(self, name: str) -> bool: ...
    def function(self, name: str) -> bool: ...
    def number(self, name: str) -> bool: ...
    def callee_argument(self) -> bool: ...


def evaluate(condition: ast.expr, facts: Facts) -> bool | None:
    """Whether the condition holds; None where that is not known."""
    if isinstance(condition, ast.BoolOp):
        answers = [evaluate(part, facts) for part in condition.values]
        decisive = isinstance(condition.op, ast.Or)
        if decisive in answers:
            return decisive
        return None if None in answers else not decisive
    if isinstance(condition, ast.UnaryOp) and isinstance(condition.op, ast.Not):
        answer = evaluate(condition.operand, facts)
        return None if answer is None else not answer
    try:
        return bool(_compute(condition, facts))
    except Unknown:
        return None


def _compute(expression: ast.expr, facts: Facts) -> Any:
    from simpleeval import EvalWithCompoundTypes, InvalidExpression

    functions: dict[str, Callable[..., Any]] = {name: getattr(facts, name, None) for name in FUNCTIONS}  # type: ignore[misc]  # the Protocol's methods
    functions["floating"] = lambda name: facts.dtype(name).startswith(("float", "bfloat"))
    functions["integer"] = lambda name: facts.dtype(name).startswith(("int", "uint"))
    evaluator = EvalWithCompoundTypes(functions=functions, names=lambda node: node.id)
    try:
        return evaluator.eval(ast.unparse(expression))
    except (InvalidExpression, TypeError, ValueError, IndexError, KeyError, AttributeError) as error:
        raise Unknown(str(error)) from error


def compute_literal(expression: ast.expr, value: Callable[[str], Any]) -> Any:
    """The value of a ``{...}`` part of a replacement. ``value(parameter)`` raises Unknown where it is not literal."""
    from simpleeval import EvalWithCompoundTypes, InvalidExpression

    functions = {
        "len": len,
        "int": int,
        "list": list,
        "tuple": tuple,
        "min": min,
        "max": max,
        "sorted": sorted,
        "range": range,
    }
    evaluator = EvalWithCompoundTypes(functions=functions, names=lambda node: value(node.id))
    try:
        return evaluator.eval(ast.unparse(expression))
    except (InvalidExpression, TypeError, ValueError, IndexError, KeyError, AttributeError) as error:
        raise Unknown(str(error)) from error
