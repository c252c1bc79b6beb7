"""``when`` conditions: three-valued, because what is not known must not be guessed.

``evaluate`` answers True, False or None (unknown). ``and``, ``or`` and ``not`` follow Kleene's logic: ``False and unknown``
is False, ``True and unknown`` is unknown.
"""

from __future__ import annotations

import ast
import string
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Protocol

from kmigrate.names.nodes import copied, walked

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
        "einsum",
        "unknown",
        "display",
        "annotation",
        "compared",
        "keras_argument",
        "same",
        "same_shape",
        "nested",
        "nonnegative",
        "positive",
        "unranked",
        "called",
        "scalar_type",
        "parameter",
        "shape",
        "static",
        "tensor",
        "variable",
        "numpy",
        "part",
        "pieces",
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
    def floating(self, name: str) -> bool: ...
    def integer(self, name: str) -> bool: ...
    def shape(self, name: str) -> tuple[int | None, ...]: ...
    def static(self, name: str) -> bool: ...
    def tensor(self, name: str) -> bool: ...
    def variable(self, name: str) -> bool: ...
    def numpy(self, name: str) -> bool: ...
    def length(self, name: str) -> int: ...
    def sequence(self, name: str) -> bool: ...
    def function(self, name: str) -> bool: ...
    def number(self, name: str) -> bool: ...
    def callee_argument(self) -> bool: ...
    def annotation(self) -> bool: ...
    def compared(self) -> bool: ...
    def keras_argument(self) -> bool: ...
    def same(self, first: str, second: str) -> bool: ...
    def same_shape(self, first: str, second: str) -> bool: ...
    def nested(self, name: str) -> bool: ...
    def nonnegative(self, name: str) -> bool: ...
    def positive(self, name: str) -> bool: ...
    def unranked(self, name: str) -> bool: ...
    def called(self, name: str) -> str: ...
    def scalar_type(self, name: str) -> bool: ...
    def parameter(self, name: str) -> str: ...
    def part(self, name: str) -> tuple[int, int | None, int | None, bool] | None: ...
    def pieces(self, name: str) -> list[slice | None]: ...


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


def can_hold(condition: ast.expr) -> bool:
    """Whether some code could establish the condition. What stands under ``unknown()`` is always assumed."""
    return True in _possible(condition)


def _possible(condition: ast.expr) -> set[bool]:
    """The answers that some code could give."""
    if isinstance(condition, ast.BoolOp):
        parts = [_possible(part) for part in condition.values]
        decisive = isinstance(condition.op, ast.Or)
        some = {decisive} if any(decisive in part for part in parts) else set()
        return some | ({not decisive} if all((not decisive) in part for part in parts) else set())
    if isinstance(condition, ast.UnaryOp) and isinstance(condition.op, ast.Not):
        return {not answer for answer in _possible(condition.operand)}
    asks = any(isinstance(node, ast.Name) and node.id == "unknown" for node in ast.walk(condition))
    return set() if asks else {True, False}


class _Part(str):
    """The name of a parameter in a condition; ``p[0]`` is the name of its first element."""

    def __getitem__(self, index: Any) -> _Part:
        return _Part(f"{self}[{index}]")


def _compute(expression: ast.expr, facts: Facts) -> Any:
    from simpleeval import InvalidExpression

    try:
        return _evaluated(expression, _functions(_called(expression), facts), lambda node: _Part(node.id))
    except (InvalidExpression, TypeError, ValueError, IndexError, KeyError, AttributeError, ArithmeticError) as error:
        raise Unknown(str(error)) from error


def _evaluated(expression: ast.expr, functions: dict[str, Callable[..., Any]], names: Callable[[ast.Name], Any]) -> Any:
    """The value of an expression. Raises what simpleeval and ``functions`` raise."""
    from simpleeval import EvalWithCompoundTypes

    evaluator = EvalWithCompoundTypes(functions=functions, names=names)
    try:
        return evaluator.eval("", previously_parsed=expression)
    finally:
        # It holds itself, and would hold the file that the questions are about until the garbage collector comes.
        evaluator.nodes, evaluator.functions, evaluator.names = {}, {}, {}


@lru_cache(maxsize=10_000)
def _called(expression: ast.expr) -> frozenset[str]:
    """The functions that a condition of a rule calls. simpleeval looks at every function that it is given, at each evaluation."""
    return frozenset(
        node.func.id for node in walked(expression) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    )


def _functions(names: frozenset[str], facts: Facts) -> dict[str, Callable[..., Any]]:
    """Some functions of a condition. A function that ``facts`` does not have answers nothing."""
    functions: dict[str, Callable[..., Any]] = {name: CALCULATIONS[name] for name in names & CALCULATIONS.keys()}
    functions |= {name: getattr(facts, name, None) for name in names & FUNCTIONS}  # type: ignore[misc]  # the Protocol's methods
    functions["unknown"] = _unknown  # always: where simpleeval is given none it takes its own
    if "display" in names:
        functions["display"] = lambda name: _answered(facts.length, name)
    if "einsum" in names:
        functions["einsum"] = lambda name: einsum_form(facts.value(name))
    return functions


def _unknown() -> bool:
    raise Unknown("what the text cannot show")


def _answered(question: Callable[[str], Any], name: str) -> bool:
    try:
        question(name)
    except Unknown:
        return False
    return True


def einsum_form(equation: Any) -> str:
    """An einsum equation with its letters renamed in order of appearance: ``bmd,bnd->bmn`` is ``abc,adc->abd``."""
    if not isinstance(equation, str):
        raise Unknown("no equation")
    letters: dict[str, str] = {}
    text = equation.replace(" ", "")
    for letter in text:
        if letter.isalpha():
            letters.setdefault(letter, string.ascii_letters[len(letters) % 52])
    return "".join(letters.get(letter, letter) for letter in text)


def at(axis: int, item: Any) -> Any:
    """The subscript that takes ``item`` (an index or a ``slice``) on one axis and everything on the others."""
    if axis >= 0:
        return (*[slice(None)] * axis, item) if axis else item
    return (Ellipsis, item, *[slice(None)] * (-axis - 1))


# Functions of a ``{...}`` part, besides the questions of conditions.
CALCULATIONS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "at": at,
    "dict": dict,
    "enumerate": enumerate,
    "int": int,
    "len": len,
    "list": list,
    "max": max,
    "min": min,
    "range": range,
    "reversed": reversed,
    "slice": slice,
    "sorted": sorted,
    "str": str,
    "sum": sum,
    "tuple": tuple,
    "zip": zip,
}


def compute_literal(expression: ast.expr, value: Callable[[str], Any], facts: Facts | None = None) -> Any:
    """The value of a ``{...}`` part of a replacement. In it a parameter stands for its literal value, and ``rank(p)``,
    ``length(p)``, ... ask as in conditions.

    Raises Unknown where a parameter is not literal or a question has no answer."""
    from simpleeval import InvalidExpression

    tree = copied(expression) if facts is None else _Answers(facts).visit(copied(expression))
    try:
        return _evaluated(tree, dict(CALCULATIONS), lambda node: value(node.id))
    except (InvalidExpression, TypeError, ValueError, IndexError, KeyError, AttributeError, ArithmeticError) as error:
        raise Unknown("") from error


class _Answers(ast.NodeTransformer):
    """Puts the answers of questions such as ``rank(p)`` into an expression."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS:
            try:
                return ast.Constant(_compute(node, self.facts))
            except Unknown as unknown:
                raise Unknown(f"{ast.unparse(node)} is not known") from unknown
        return self.generic_visit(node)
