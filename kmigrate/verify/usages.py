"""Calls that exist: how a project itself constructs a class or calls a function, read from its files, tests and docstrings.

The arguments of existing calls are the best cases there are. Nothing is executed: arguments are taken as far as
``literals`` can tell what they are, shapes from ``Input(shape=...)`` and its like in the same function.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kmigrate.verify.literals import UNKNOWN, FunctionNode, Scope, own_nodes, source_of, value_of

Shape = tuple[int | None, ...]
_LONGEST_CALL = 2000
_ARRAY_MAKERS = {"rand", "randn", "random", "random_sample", "zeros", "ones", "normal", "uniform", "standard_normal", "empty"}


@dataclass(frozen=True, slots=True)
class TensorHint:
    """A tensor that stands near a call: its shape without the batch (None: unknown size), and whether it holds integers."""

    shape: Shape
    integers: bool = False


Hints = tuple[TensorHint, ...]


@dataclass(frozen=True, slots=True)
class Usage:
    """One call. Arguments are Python values, ``expr(...)`` texts for the worker, or UNKNOWN.

    ``direct`` are the tensors that the made object is called with in the same expression; ``near`` those that are made
    in the same function.
    """

    positional: tuple[Any, ...] = ()
    keywords: Mapping[str, Any] = field(default_factory=dict)
    direct: tuple[TensorHint, ...] = ()
    near: tuple[TensorHint, ...] = ()
    where: str = ""


def usages_in_module(text: str, name: str, where: str = "") -> list[Usage]:
    """The calls of ``name`` in Python code and in its docstrings; none in text that does not parse."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return []
    found = list(_in_scope(tree, Scope(tree), name, where))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and name in node.value:
            found += usages_in_prose(node.value, name, f"{where}:{node.lineno}")
    return found


def usages_in_prose(text: str, name: str, where: str = "") -> list[Usage]:
    """The calls of ``name`` in a README or a docstring: balanced text that parses as an expression."""
    found = []
    shapes = tuple(_hints_in_prose(text))
    for match in re.finditer(rf"(?<![\w.]){re.escape(name)}\(", text):
        call = _balanced(text, match.start(), match.end() - 1)
        if call is not None:
            found.append(_usage(call, None, (), shapes, where))
    return found


def _balanced(text: str, start: int, opening: int) -> ast.Call | None:
    depth = 0
    for position in range(opening, min(len(text), opening + _LONGEST_CALL)):
        depth += (text[position] in "([{") - (text[position] in ")]}")
        if depth == 0:
            written = re.sub(r"^\s*(\.\.\.|>>>)", "", text[start : position + 1], flags=re.MULTILINE)
            try:
                node = ast.parse(written, mode="eval").body
            except (SyntaxError, ValueError):
                return None
            # A signature in a docstring reads like a call: `Layer(units, **kwargs)`; it says nothing.
            return node if isinstance(node, ast.Call) else None
    return None


def _hints_in_prose(text: str) -> Iterator[TensorHint]:
    for match in re.finditer(r"(?<![\w])Input\(", text):
        call = _balanced(text, match.start(), match.end() - 1)
        if call is not None:
            yield from _hint_of_call(call, None)


def _in_scope(node: ast.Module | FunctionNode, scope: Scope, name: str, where: str) -> Iterator[Usage]:
    """Calls in this function, then in those inside it."""
    near: tuple[TensorHint, ...] | None = None
    parents: dict[ast.AST, ast.AST] = {}
    inner: list[FunctionNode] = []
    waiting: list[ast.AST] = [node]
    while waiting:
        at = waiting.pop()
        for child in ast.iter_child_nodes(at):
            parents[child] = at
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                inner.append(child)
            else:
                waiting.append(child)
    for call in parents:
        if isinstance(call, ast.Call) and _last_name(call.func) == name and not _is_base_call(call):
            if near is None:
                near = tuple(_hints(node, scope))
            outer = parents.get(call)
            direct = tuple(_tensors(outer.args, scope)) if isinstance(outer, ast.Call) and outer.func is call else ()
            yield _usage(call, scope, direct, near, f"{where}:{call.lineno}")
    for function in inner:
        yield from _in_scope(function, Scope(function, scope), name, where)


def _is_base_call(call: ast.Call) -> bool:
    """``Base.__init__(self, ...)`` and ``super(Name, self)`` are not calls that make anything."""
    return bool(call.args) and isinstance(call.args[0], ast.Name) and call.args[0].id in ("self", "cls")


def _usage(
    call: ast.Call, scope: Scope | None, direct: tuple[TensorHint, ...], near: tuple[TensorHint, ...], where: str
) -> Usage:
    positional = []
    for argument in call.args:
        if isinstance(argument, ast.Starred):
            break
        positional.append(_argument(argument, scope))
    keywords = {item.arg: _argument(item.value, scope) for item in call.keywords if item.arg is not None}
    return Usage(tuple(positional), keywords, direct, near, where)


def _argument(node: ast.expr, scope: Scope | None) -> Any:
    value = value_of(node, scope)
    if value is not UNKNOWN:
        return value
    if isinstance(node, (ast.Call, ast.Lambda, ast.Attribute, ast.List, ast.Tuple, ast.Dict)) and scope is not None:
        text = source_of(node, scope)
        return f"expr({text})" if text is not None else UNKNOWN
    return UNKNOWN


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


# --- tensors near a call ---


def _hints(node: ast.AST, scope: Scope) -> Iterator[TensorHint]:
    for part in own_nodes(node):
        if isinstance(part, ast.Call):
            yield from _hint_of_call(part, scope)


def _tensors(arguments: list[ast.expr], scope: Scope) -> Iterator[TensorHint]:
    """The shapes of the tensors that a layer is called with, as far as the text shows them; none at all where one is missing."""
    first = arguments[0] if arguments else None
    items = first.elts if isinstance(first, (ast.List, ast.Tuple)) else [first] if first is not None else []
    found = []
    for item in items:
        hint = _tensor(item, scope)
        if hint is None:
            return
        found.append(hint)
    yield from found


def _tensor(node: ast.expr, scope: Scope, depth: int = 0) -> TensorHint | None:
    if isinstance(node, ast.Name) and depth < 5:
        owner, bound = scope.lookup(node.id)
        return _tensor(bound, owner, depth + 1) if bound is not None and owner is not None else None
    return next(_hint_of_call(node, scope), None) if isinstance(node, ast.Call) else None


def _hint_of_call(call: ast.Call, scope: Scope | None) -> Iterator[TensorHint]:
    name = _last_name(call.func)
    keywords = {item.arg: item.value for item in call.keywords if item.arg}
    integers = "int" in ast.unparse(keywords["dtype"]) if "dtype" in keywords else False
    if name == "Input":
        for key, skip in (("shape", 0), ("batch_shape", 1)):
            node = keywords.get(key) or (call.args[0] if key == "shape" and call.args else None)
            if node is not None and (shape := _shape(value_of(node, scope), skip)) is not None:
                yield TensorHint(shape, integers)
    elif name == "placeholder" and (node := keywords.get("shape") or (call.args[0] if call.args else None)) is not None:
        if (shape := _shape(value_of(node, scope), 1)) is not None:
            yield TensorHint(shape, integers)
    elif name in _ARRAY_MAKERS or name == "randint":
        yield from _hint_of_array(call, name, keywords, scope)
    for key in ("input_shape", "batch_input_shape"):
        if key in keywords and (shape := _shape(value_of(keywords[key], scope), int(key != "input_shape"))) is not None:
            yield TensorHint(shape)


def _hint_of_array(call: ast.Call, name: str, keywords: Mapping[str, ast.expr], scope: Scope | None) -> Iterator[TensorHint]:
    """``np.random.rand(8, 10)``, ``np.zeros((8, 10))``, ``np.random.randint(5, size=(8, 10))``: arrays with their batch."""
    given = keywords.get("size") or keywords.get("shape")
    if given is None and name in ("rand", "randn"):
        given = ast.Tuple(list(call.args), ast.Load())
    elif given is None and name != "randint":
        given = next((a for a in call.args if isinstance(a, (ast.Tuple, ast.List, ast.Name))), None)
    if given is not None and (shape := _shape(value_of(given, scope), 1)) is not None:
        yield TensorHint(shape, name == "randint")


def _shape(value: Any, skip: int) -> Shape | None:
    if isinstance(value, (tuple, list)) and len(value) >= skip and all(item is None or type(item) is int for item in value):
        if all(item is None or item > 0 for item in value):
            return tuple(value[skip:])
    return None
