"""Expressions to abstract values, on demand and each one once.

The rules for the kinds of expression are generators: ``x = yield node`` asks for the value of a part (see ``fixpoint``).
"""

from __future__ import annotations

import ast
from collections.abc import Generator, Hashable
from typing import Any

from kmigrate.names import Names
from kmigrate.values import domain, methods
from kmigrate.values.arithmetic import ELLIPSIS, binary, compare, index
from kmigrate.values.bindings import Bindings
from kmigrate.values.calls import builtin_call, keras_call
from kmigrate.values.domain import (
    ARRAY,
    FUNCTION,
    LAYER,
    NONE,
    NOTHING_YET,
    NUMBER,
    SEQUENCE,
    TENSOR,
    TENSORS,
    TEXT,
    UNKNOWN,
    Value,
    item_of,
    join,
    join_all,
    number,
    of_constant,
    sequence,
    sequence_of,
)
from kmigrate.values.effects import CALLING, Arguments, apply
from kmigrate.values.fixpoint import AttributeOf, Returns, Solver, Steps
from kmigrate.values.flow import ENTERED, ITEM, Origin
from kmigrate.values.objects import made
from kmigrate.values.operations import RENAMED, Operation, engine_of_operation, operation
from kmigrate.values.sources import Sources

_NUMPY_NUMBERS = frozenset({"numpy.pi", "numpy.e", "numpy.inf", "numpy.nan", "math.pi", "math.e", "math.inf"})
_DTYPES = frozenset("bool float16 float32 float64 int8 int16 int32 int64 uint8 uint16 complex64 complex128 string".split())


class Interpreter:
    """The abstract values of one module's expressions."""

    def __init__(self, names: Names, sources: Sources, bindings: Bindings) -> None:
        self.names = names
        self.sources = sources
        self.bindings = bindings
        self._solver = Solver()

    def value(self, node: ast.expr) -> Value:
        """What is surely known of an expression."""
        return self._solver.value(node, self._steps)

    # ---- one question

    def _steps(self, key: Any) -> Steps:
        if isinstance(key, Origin):
            return self._augmented(key)
        if isinstance(key, ast.arg):
            return self.sources.parameter(key)
        if isinstance(key, Returns):
            return self._returns(key.function)
        if isinstance(key, AttributeOf):
            return self._attribute_of(key)
        handler = getattr(self, f"_{type(key).__name__.lower()}", None)
        return handler(key) if handler is not None else _unknown()

    def _constant(self, node: ast.Constant) -> Steps:
        yield from ()
        return ELLIPSIS if node.value is Ellipsis else of_constant(node.value)

    def _name(self, node: ast.Name) -> Steps:
        origins = self.bindings.origins(node)
        symbols = self.names.resolve(node).symbols
        if symbols and (not origins or any(origin.node is None for origin in origins)):
            return _of_symbols(symbols)
        values = []
        for origin in origins:
            values.append((yield from self.origin(origin)))
        found = join_all(values)
        if found.kind == SEQUENCE and found.changeable and not self.bindings.steady(node):
            return Value(SEQUENCE)
        return found

    def origin(self, origin: Origin) -> Steps:
        """The value that an assignment gives."""
        node = origin.node
        if node is None:
            return UNKNOWN
        if isinstance(node, ast.AugAssign):
            return (yield origin)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return Value(FUNCTION, constant=node)
        if isinstance(node, ast.ClassDef):
            return self.sources.class_value(node)
        value = yield node
        for step in origin.path:
            value = _element(value, step)
        return value

    def _augmented(self, origin: Origin) -> Steps:
        node = origin.node
        assert isinstance(node, ast.AugAssign)
        before = []
        for previous in origin.previous:
            before.append((yield from self.origin(previous)))
        left = join_all(before)
        right = yield node.value
        return binary(node.op, left, right)

    def _attribute(self, node: ast.Attribute) -> Steps:
        symbols = self.names.resolve(node).symbols
        if symbols:
            return _of_symbols(symbols)
        if isinstance(node.value, ast.Name) and node.value.id == "self":
            family = self.bindings.family(node)
            if family is not None:
                return (yield AttributeOf(family, node.attr))
        receiver = yield node.value
        if receiver is NOTHING_YET:
            return receiver
        return methods.attribute(receiver, node.attr, self.sources.file_engine)

    def _attribute_of(self, key: AttributeOf) -> Steps:
        family, name = key.family, key.name
        if name in family.methods and name not in family.attributes:
            found = family.methods[name]
            if len(found) != 1 or not isinstance(found[0], (ast.FunctionDef, ast.AsyncFunctionDef)):
                return UNKNOWN
            if any(isinstance(d, ast.Name) and d.id == "property" for d in found[0].decorator_list):
                return (yield Returns(found[0]))
            return Value(FUNCTION, constant=found[0])
        if name not in family.attributes or family.dynamic:
            return self.sources.keras_attribute(family, name)
        values = []
        for origin in family.attributes[name]:
            values.append((yield from self.origin(origin)))
        value = join_all(values)
        return Value(SEQUENCE) if value.kind == SEQUENCE and value.changeable else value

    def _call(self, node: ast.Call) -> Steps:
        meaning = self.names.resolve(node.func)
        symbols = meaning.symbols
        if symbols and not meaning.certain:
            return UNKNOWN
        if symbols:
            results = []
            for symbol in symbols:
                results.append((yield from self._call_of(symbol, node)))
            return join_all(results)
        if isinstance(node.func, ast.Attribute):
            found = self.sources.own_method(node, self.bindings.family(node))
            if found is not None:
                return (yield from found)
            receiver = yield node.func.value
            if receiver is NOTHING_YET:
                return receiver
            if receiver.symbolic or receiver.kind in (ARRAY, SEQUENCE, domain.SHAPE):
                method = methods.operation_of(receiver, node.func.attr)
                if method is not None:
                    arguments = yield from self.arguments(node, method, receiver)
                    if arguments.pending:
                        return NOTHING_YET
                    return apply(method.effect, arguments, methods.engine_of(receiver, node.func.attr))
                return methods.result(receiver, node.func.attr)
        elif isinstance(node.func, ast.Name) and self.bindings.scope(node.func) is None:
            values = yield from self._values(node.args)
            return builtin_call(node.func.id, values)
        function = yield node.func
        return (yield from self.result(function))

    def _call_of(self, symbol: str, node: ast.Call) -> Steps:
        known = operation(symbol)
        if known is not None:
            arguments = yield from self.arguments(node, known)
            return NOTHING_YET if arguments.pending else apply(known.effect, arguments, engine_of_operation(symbol))
        if symbol.startswith("numpy."):
            return Value(ARRAY)
        yield from ()
        thing = made(symbol)
        return thing if thing is not UNKNOWN else keras_call(symbol)

    def result(self, function: Value) -> Steps:
        """What calling a value yields."""
        if function.returns is not None:
            return function.returns
        if function.kind == FUNCTION and isinstance(function.constant, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            return (yield Returns(function.constant))
        if function.kind == LAYER:
            return domain.tensor(domain.ANY_ENGINE, kind=TENSORS)
        return UNKNOWN

    def _returns(self, function: ast.AST) -> Steps:
        if isinstance(function, ast.Lambda):
            return (yield function.body)
        if not isinstance(function, ast.FunctionDef) or (function.decorator_list and not _plain(function)):
            return UNKNOWN
        returned = returned_values(function)
        if not returned:
            return UNKNOWN
        values = []
        for expression in returned:
            values.append((yield expression))
        return join_all(values)

    def arguments(self, node: ast.Call, known: Operation, receiver: Value | None = None) -> Generator[Hashable, Value, Arguments]:
        """The arguments of a call, bound to the parameters of an operation."""
        given: dict[str, Value] = {}
        variadic: list[Value] = []
        parameters = [p for p in known.parameters if p != "*"]
        complete, place = True, 0
        if receiver is not None:
            given[parameters[0]] = receiver
            place = 1
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                complete = False
                break
            value = yield argument
            if place < len(parameters):
                given[parameters[place]] = value
                place += 1
            else:
                variadic.append(value)
        for keyword in node.keywords:
            if keyword.arg is None:
                complete = False
                continue
            name = keyword.arg if keyword.arg in parameters else RENAMED.get(keyword.arg, keyword.arg)
            given[name] = yield keyword.value
        if known.effect in CALLING:
            for name, value in given.items():
                if value.kind == FUNCTION:
                    given[name] = yield from self.result(value)
        return Arguments(given, known.defaults, complete, tuple(variadic))

    def _values(self, nodes: list[ast.expr]) -> Generator[Hashable, Value, list[Value]]:
        found = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                found.append(Value(None))
            else:
                found.append((yield node))
        return found

    # ---- the kinds of expression

    def _binop(self, node: ast.BinOp) -> Steps:
        left = yield node.left
        right = yield node.right
        return binary(node.op, left, right)

    def _unaryop(self, node: ast.UnaryOp) -> Steps:
        value = yield node.operand
        if value is NOTHING_YET:
            return value
        if isinstance(node.op, ast.Not):
            return number(dtype="bool")
        if value.kind == NUMBER:
            known = isinstance(node.op, ast.USub) and type(value.constant) in (int, float)
            return number(-value.constant, value.dtype) if known else number(dtype=value.dtype)
        if value.symbolic:
            return Value(TENSOR, value.engine, value.shape, value.dtype if value.is_tensor else None)
        return value if value.kind == ARRAY else UNKNOWN

    def _boolop(self, node: ast.BoolOp) -> Steps:
        values = yield from self._values(node.values)
        return join_all(values)

    def _ifexp(self, node: ast.IfExp) -> Steps:
        first = yield node.body
        second = yield node.orelse
        return join(first, second)

    def _compare(self, node: ast.Compare) -> Steps:
        values = yield from self._values([node.left, *node.comparators])
        return compare(node.ops, values)

    def _subscript(self, node: ast.Subscript) -> Steps:
        value = yield node.value
        if value is NOTHING_YET:
            return value
        is_tuple = isinstance(node.slice, ast.Tuple)
        entries = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if any(isinstance(entry, ast.Starred) for entry in entries):
            return domain.tensor(value.engine or domain.ANY_ENGINE) if value.symbolic else UNKNOWN
        slices = {place: entry for place, entry in enumerate(entries) if isinstance(entry, ast.Slice)}
        keys = []
        for place, entry in enumerate(entries):
            keys.append(UNKNOWN if place in slices else (yield entry))
        return index(value, keys, slices, is_tuple)

    def _tuple(self, node: ast.Tuple) -> Steps:
        return (yield from self._display(node.elts, changeable=False))

    def _list(self, node: ast.List) -> Steps:
        return (yield from self._display(node.elts, changeable=True))

    def _display(self, elements: list[ast.expr], changeable: bool) -> Steps:
        values: list[Value] = []
        for element in elements:
            if isinstance(element, ast.Starred):
                inner = yield element.value
                if inner.elements is None:
                    return domain.changing(Value(SEQUENCE), changeable)
                values += inner.elements
            else:
                values.append((yield element))
        return domain.changing(sequence(values), changeable)

    def _listcomp(self, node: ast.ListComp) -> Steps:
        item = yield node.elt
        return domain.changing(sequence_of(item), True)

    def _generatorexp(self, node: ast.GeneratorExp) -> Steps:
        item = yield node.elt
        return sequence_of(item)

    def _lambda(self, node: ast.Lambda) -> Steps:
        yield from ()
        return Value(FUNCTION, constant=node)

    def _namedexpr(self, node: ast.NamedExpr) -> Steps:
        return (yield node.value)

    def _joinedstr(self, node: ast.JoinedStr) -> Steps:
        yield from ()
        return Value(TEXT)


def _unknown() -> Steps:
    yield from ()
    return UNKNOWN


def _of_symbols(symbols: tuple[str, ...]) -> Value:
    """What a name or attribute that means a symbol is by itself: a dtype, a number of numpy's, ``tf.newaxis``."""
    if len(symbols) != 1:
        return UNKNOWN
    symbol = symbols[0]
    if symbol in _NUMPY_NUMBERS:
        return number(dtype="floating")
    if symbol in ("tf.newaxis", "numpy.newaxis"):
        return Value(NONE, constant=None)
    root, _, name = symbol.rpartition(".")
    if name in _DTYPES and root in ("tf", "numpy", "tf.dtypes", "tf.compat.v1"):
        return Value(TEXT, constant=name)
    if symbol == "theano.config.floatX":
        return Value(TEXT)
    return UNKNOWN


def _element(value: Value, step: int | str) -> Value:
    """One step of unpacking or iterating."""
    if step == ITEM:
        return item_of(value)
    if step == ENTERED:
        return value if value.kind == domain.OBJECT else UNKNOWN
    assert isinstance(step, int)
    if value.elements is not None:
        return value.elements[step] if step < len(value.elements) else UNKNOWN
    return item_of(value)


def returned_values(function: ast.FunctionDef) -> list[ast.expr]:
    """The expressions that a function returns; empty for generators and for functions that only return nothing."""
    found: list[ast.expr] = []
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            continue
        if isinstance(node, (ast.Yield, ast.YieldFrom)):
            return []
        if isinstance(node, ast.Return) and node.value is not None:
            found.append(node.value)
        waiting.extend(ast.iter_child_nodes(node))
    return found


_PLAIN_DECORATORS = frozenset({"staticmethod", "property", "classmethod"})


def _plain(function: ast.FunctionDef) -> bool:
    return all(isinstance(d, ast.Name) and d.id in _PLAIN_DECORATORS for d in function.decorator_list)
