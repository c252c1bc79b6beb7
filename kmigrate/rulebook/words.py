"""Conditions in words: ``rank(a) == 2 and not given(name)`` is "a has rank 2 and name is not given"."""

from __future__ import annotations

import ast

_SAID = {
    "given": ("is given", "is not given"),
    "literal": ("is written out as a literal", "is not a literal"),
    "floating": ("is a tensor of floats", "is not a tensor of floats"),
    "integer": ("is a tensor of integers", "is not a tensor of integers"),
    "sequence": ("is a list or a tuple", "is not a list or a tuple"),
    "number": ("is a number", "is not a number"),
    "nonnegative": ("is nowhere negative", "may be negative"),
    "positive": ("is positive everywhere", "may not be positive"),
    "function": ("is a function", "is not a function"),
    "value": ("is true", "is false"),
    "scalar_type": ("is a type such as `float` or `np.int32`", "is no type such as `float` or `np.int32`"),
}
_PLACES = {
    "callee_argument": (
        "the use is an argument of another tensor function",
        "the use is not an argument of another tensor function",
    ),
    "annotation": ("the use is an annotation", "the use is not an annotation"),
    "compared": ("the use is compared with a tensor's dtype", "the use is not compared with a tensor's dtype"),
}
_COMPARED: dict[type[ast.cmpop], str] = {
    ast.Eq: "is",
    ast.NotEq: "is not",
    ast.Lt: "is less than",
    ast.LtE: "is at most",
    ast.Gt: "is greater than",
    ast.GtE: "is at least",
    ast.In: "is one of",
    ast.NotIn: "is none of",
    ast.Is: "is",
    ast.IsNot: "is not",
}
_MEASURES = {"rank": "the rank of {}", "dtype": "the dtype of {}", "length": "the number of elements of {}"}


def in_words(condition: ast.expr, negative: bool = False) -> str:
    """The condition for people. What has no words stays code."""
    if isinstance(condition, ast.UnaryOp) and isinstance(condition.op, ast.Not):
        return in_words(condition.operand, not negative)
    if isinstance(condition, ast.BoolOp):
        return _joined(condition, negative)
    if isinstance(condition, ast.Call) and isinstance(condition.func, ast.Name):
        name = condition.func.id
        if name in _PLACES:
            return _PLACES[name][negative]
        if name in _SAID and len(condition.args) == 1:
            return f"{_code(condition.args[0])} {_SAID[name][negative]}"
        if name == "same_shape":
            return f"{' and '.join(map(_code, condition.args))} have {'different shapes' if negative else 'one shape'}"
    if isinstance(condition, ast.Compare) and len(condition.ops) == 1 and not negative:
        return _comparison(condition)
    text = f"`{ast.unparse(condition)}`"
    return f"not {text}" if negative else text


def _joined(condition: ast.BoolOp, negative: bool) -> str:
    word = "and" if isinstance(condition.op, ast.And) != negative else "or"
    parts = []
    for value in condition.values:
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "unknown":
            continue  # no condition, but a word to the rulebook: what follows is assumed
        text = in_words(value, negative)
        parts.append(f"({text})" if isinstance(value, ast.BoolOp) and type(value.op) is not type(condition.op) else text)
    return f" {word} ".join(parts)


def _comparison(condition: ast.Compare) -> str:
    left, operator, right = condition.left, condition.ops[0], condition.comparators[0]
    if isinstance(left, ast.Call) and isinstance(left.func, ast.Name) and len(left.args) == 1:
        subject = _code(left.args[0])
        equal = isinstance(operator, ast.Eq) and isinstance(right, ast.Constant)
        if left.func.id == "rank" and equal:
            return f"{subject} has rank {ast.unparse(right)}"
        if left.func.id == "length" and equal:
            return f"{subject} has {ast.unparse(right)} elements"
        if left.func.id in ("sequence", "number", "given", "literal") and equal:
            return f"{subject} {_SAID[left.func.id][not ast.literal_eval(right)]}"
    choice = isinstance(operator, (ast.In, ast.NotIn)) and isinstance(right, (ast.Tuple, ast.List))
    return f"{_measured(left)} {_COMPARED[type(operator)]} {_choice(right) if choice else _measured(right)}"


def _choice(node: ast.expr) -> str:
    items = [_code(item) for item in node.elts] if isinstance(node, (ast.Tuple, ast.List)) else []
    return ", ".join(items[:-1]) + (" or " if len(items) > 1 else "") + items[-1] if items else _code(node)


def _measured(node: ast.expr) -> str:
    """A side of a comparison."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) == 1:
        if node.func.id in _MEASURES:
            return _MEASURES[node.func.id].format(_code(node.args[0]))
        if node.func.id == "value":
            return _code(node.args[0])
    return _code(node)


def _code(node: ast.expr) -> str:
    return f"`{ast.unparse(node)}`"
