"""Filling a template: a replacement's expression and the arguments of one call to the new expression.

What is computed at rewrite time is marked in the template (see "The rule format" in docs/architecture.md): ``{...}`` values,
``[... for i in {...}]`` lists, ``A if {...} else B`` choices and ``fold(lambda acc, item: ..., items, start)`` nests. Everything
else is copied, with the parameters replaced by holes that keep the text of the call's arguments.
"""

from __future__ import annotations

import ast
import builtins
import math
import re
from itertools import islice
from typing import Any

from kmigrate.fix.layout import Argument
from kmigrate.model import Slice
from kmigrate.names.nodes import copied, walked
from kmigrate.rulebook.binding import Bound, NoFix, elements_of
from kmigrate.rulebook.conditions import Unknown, at, compute_literal
from kmigrate.rulebook.rule import Rule
from kmigrate.rulebook.site import Site

HOLE = re.compile(r"__km_hole_(\d+)__")
# An expression that is unrolled further than this is no code that a person wants to read.
_LONGEST = 64


class _Absent(Exception):
    """The parameter was not given and has no explicit default: its keyword disappears."""


class Filler(ast.NodeTransformer):
    """Turns parameters into holes, drops absent keywords, computes what is computed at rewrite time.

    ``repeated`` are the holes that stand where the new code evaluates them later or more than once: in a lambda or a
    comprehension of the template.
    """

    def __init__(self, rule: Rule | None, bound: Bound, template_name: str, site: Site) -> None:
        self.rule = rule
        self.bound = bound
        self.template_name = template_name
        self.site = site
        self.holes: list[Argument] = []
        self.used: set[str] = set()
        self.parts: dict[str, set[int]] = {}
        self.repeated: list[Argument] = []
        self.parameters = {p.name for p in (rule.parameters or ())} if rule else set()
        self.locals: set[str] = set()
        self.values: dict[str, Any] = {}
        self.nodes: dict[str, ast.expr] = {}
        self.deep = 0

    def fill(self, template: ast.expr) -> ast.expr:
        tree = _renamed(copied(template), self._foreign_names())
        self.locals = _local_names(tree)
        try:
            filled: ast.expr = self.visit(tree)
        except _Absent as absent:
            raise NoFix(f"argument {absent} is needed for the replacement and is not given") from None
        self._check_parts()
        return filled

    def _foreign_names(self) -> set[str]:
        arguments = [*self.bound.given.values(), *(a for collected in self.bound.variadic.values() for a in collected)]
        return {n.id for argument in arguments for n in walked(argument.node) if isinstance(n, ast.Name)}

    def order(self, tree: ast.expr) -> list[Argument]:
        """The arguments in the order in which the new code evaluates them, one entry for each time."""
        return [self.holes[int(number)] for number in HOLE.findall(ast.unparse(tree))]

    # ---- parameters

    def hole(self, argument: Argument) -> ast.expr:
        if self.deep:
            if self.site.in_class and any(isinstance(node, ast.Name) for node in walked(argument.node)):
                raise NoFix("in a class's body, whose names a comprehension or a lambda does not see")
            self.repeated.append(argument)
        if argument not in self.holes:
            self.holes.append(argument)
        return ast.Name(f"__km_hole_{self.holes.index(argument)}__", ast.Load())

    def parameter(self, name: str) -> ast.expr:
        assert self.rule is not None
        self.used.add(name)
        argument = self.bound.given.get(name)
        if argument is not None:
            return self.hole(argument)
        parameter = self.rule.parameter(name)
        if name in self.rule.explicit and parameter.default is not None:
            return ast.parse(parameter.default, mode="eval").body
        raise _Absent(name)

    def elements(self, name: str) -> list[Argument] | None:
        """What ``*name`` collects, or the elements of the list or tuple display given for it; None for anything else."""
        if name in self.bound.variadic:
            return self.bound.variadic[name]
        argument = self.bound.given.get(name)
        nodes = elements_of(argument.node) if argument is not None else None
        if nodes is None:
            return None
        return [self._element(node) for node in nodes]

    def _element(self, node: ast.expr) -> Argument:
        start, end = self.site.span(node)
        return Argument(Slice(start, end), Slice(start, end), None, "", node)

    def _check_parts(self) -> None:
        for name, taken in self.parts.items():
            droppable = self.rule is not None and name in self.rule.drop
            for index, argument in enumerate(self.elements(name) or ()):
                if index not in taken and not (droppable and _literal(argument.node)):
                    raise NoFix(f"element {index} of argument {name!r} has no counterpart in the Keras backend")

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in self.nodes:
            return copied(self.nodes[node.id])
        if node.id in self.locals:
            return node
        if node.id == self.template_name:
            return ast.Name(self.site.backend, ast.Load())
        if node.id in self.parameters:
            return self.parameter(node.id)
        if hasattr(builtins, node.id) and self.site.hidden(node.id):
            raise NoFix(f"the replacement needs {node.id!r}, which means something else here")
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        name = node.value.id if isinstance(node.value, ast.Name) else None
        if name in self.parameters and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, int):
            elements = self.elements(str(name))
            if elements is not None:
                if not 0 <= node.slice.value < len(elements):
                    raise NoFix(f"argument {name!r} has no element {node.slice.value}")
                self.used.add(str(name))
                self.parts.setdefault(str(name), set()).add(node.slice.value)
                return self.hole(elements[node.slice.value])
        if isinstance(node.slice, ast.Call) and isinstance(node.slice.func, ast.Name) and node.slice.func.id == "at":
            node.value = self.visit(node.value)
            node.slice = self._at(*node.slice.args)
            return node
        return self.generic_visit(node)  # type: ignore[return-value]  # NodeTransformer is untyped

    def _at(self, axis: ast.expr, item: ast.expr) -> ast.expr:
        """``at({axis}, slice(a, b))`` as a whole subscript: the axis is computed, its item is copied code."""
        assert isinstance(axis, ast.Set)
        if isinstance(item, ast.Call) and isinstance(item.func, ast.Name) and item.func.id == "slice":
            bounds = [None if isinstance(b, ast.Constant) and b.value is None else self.visit(b) for b in item.args]
            filled: ast.expr = ast.Slice(*bounds)
        else:
            filled = self.visit(item)
        number = self.compute(axis)
        if not isinstance(number, int) or abs(number) > _LONGEST:
            raise NoFix(f"{ast.unparse(axis.elts[0])} is no axis")
        place = at(number, filled)
        if not isinstance(place, tuple):
            return filled
        return ast.Tuple([part if isinstance(part, ast.expr) else _display(part) for part in place], ast.Load())

    # ---- what is computed

    def compute(self, node: ast.Set) -> Any:
        expression = node.elts[0]
        names = {n.id for n in walked(expression) if isinstance(n, ast.Name)} & self.parameters
        self.used |= names
        try:
            return compute_literal(expression, self._value, self.site.facts)
        except Unknown as unknown:
            given = sorted(n for n in names if n in self.bound.given or self.bound.variadic.get(n))
            known = f"argument {given[0]!r} has a value that" if given else "this"
            raise NoFix(str(unknown) or f"{known} the rule does not know") from None

    def _value(self, name: str) -> Any:
        if name in self.values:
            return self.values[name]
        try:
            if self.site.facts is not None:
                return self.site.facts.value(name)
        except Unknown:
            pass
        raise Unknown(f"argument {name!r} is not a literal")

    def visit_Set(self, node: ast.Set) -> ast.expr:
        names = {n.id for n in walked(node) if isinstance(n, ast.Name)} & self.parameters
        if names and not any(self._supplied(name) for name in names):
            raise _Absent(sorted(names)[0])
        return _display(self.compute(node))

    def _supplied(self, name: str) -> bool:
        return (
            name in self.bound.given
            or bool(self.bound.variadic.get(name))
            or (self.rule is not None and name in self.rule.explicit)
        )

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        if not isinstance(node.test, ast.Set):
            return self.generic_visit(node)  # type: ignore[return-value]  # NodeTransformer is untyped
        branch: ast.expr = self.visit(node.body if self.compute(node.test) else node.orelse)
        return branch

    def visit_ListComp(self, node: ast.ListComp) -> ast.expr:
        generator = node.generators[0]
        if isinstance(generator.iter, ast.List):
            elements = self._items(self.sequence(generator.iter.elts))
            assert isinstance(generator.target, ast.Name)
            return ast.List([self._with({}, {generator.target.id: element}, node.elt) for element in elements], ast.Load())
        if not isinstance(generator.iter, ast.Set):
            generator.iter = self.visit(generator.iter)
            self.deep += 1
            node.elt = self.visit(node.elt)
            self.deep -= 1
            return node
        assert isinstance(generator.target, ast.Name)
        items = self._items(self.compute(generator.iter))
        return ast.List([self._with({generator.target.id: item}, {}, node.elt) for item in items], ast.Load())

    def visit_Lambda(self, node: ast.Lambda) -> ast.expr:
        self.deep += 1
        node.body = self.visit(node.body)
        self.deep -= 1
        return node

    def _items(self, items: Any) -> list[Any]:
        try:
            found = list(islice(items, _LONGEST + 1))
        except TypeError:
            raise NoFix("what the replacement would be made of is no list") from None
        if len(found) > _LONGEST:
            raise NoFix(f"the replacement would have more than {_LONGEST} parts")
        return found

    def _with(self, values: dict[str, Any], nodes: dict[str, ast.expr], template: ast.expr) -> ast.expr:
        before = self.values, self.nodes
        self.values, self.nodes = {**self.values, **values}, {**self.nodes, **nodes}
        try:
            filled: ast.expr = self.visit(copied(template))
        finally:
            self.values, self.nodes = before
        return filled

    def _fold(self, node: ast.Call) -> ast.expr:
        """``fold(lambda acc, item: E, items, start)``: E around E around ..., written out."""
        function, source, *rest = node.args
        assert isinstance(function, ast.Lambda)
        accumulator, item = (a.arg for a in function.args.args)
        result: ast.expr | None = self.visit(rest[0]) if rest else None
        if isinstance(source, ast.Set):
            steps: list[tuple[dict[str, Any], dict[str, ast.expr]]] = [({item: v}, {}) for v in self._items(self.compute(source))]
        else:
            listed = self.visit(source)
            if not isinstance(listed, ast.List):
                raise NoFix("the elements are not written out one by one")
            steps = [({}, {item: element}) for element in self._items(listed.elts)]
        for values, nodes in steps:
            if result is None:
                result = nodes[item] if nodes else _display(values[item])
            else:
                result = self._with(values, {**nodes, accumulator: result}, function.body)
        if result is None:
            raise NoFix("nothing to put together")
        return result

    def _base(self, node: ast.Call) -> ast.expr:
        """``base(p)``: what the subscript given for ``p`` is taken of."""
        (argument,) = node.args
        name = argument.id if isinstance(argument, ast.Name) else ""
        given = self.bound.given.get(name)
        if given is None or not isinstance(given.node, ast.Subscript):
            raise NoFix(f"argument {name!r} is no subscript")
        self.used.add(name)
        return self.hole(self._element(given.node.value))

    # ---- containers

    def visit_Call(self, node: ast.Call) -> ast.expr:
        if isinstance(node.func, ast.Name) and node.func.id == "fold":
            return self._fold(node)
        if isinstance(node.func, ast.Name) and node.func.id == "base":
            return self._base(node)
        node.func = self.visit(node.func)
        self._name_dtypes(node)
        node.args = self.sequence(node.args)
        kept = []
        for keyword in node.keywords:
            try:
                keyword.value = self.visit(keyword.value)
            except _Absent:
                continue
            kept.append(keyword)
        node.keywords = kept
        return node

    def _name_dtypes(self, call: ast.Call) -> None:
        """A K function gets dtypes by their names."""
        function = call.func
        called = function.value if isinstance(function, ast.Attribute) else None
        if not (isinstance(called, ast.Name) and called.id == self.site.backend):
            return
        call.args = [self._dtype_name(argument) for argument in call.args]
        for keyword in call.keywords:
            keyword.value = self._dtype_name(keyword.value)

    def _dtype_name(self, node: ast.expr) -> ast.expr:
        if not isinstance(node, ast.Name) or node.id in self.locals or node.id not in self.bound.given:
            return node
        name = self.site.dtype_name(self.bound.given[node.id].node)
        if name is None:
            return node
        self.used.add(node.id)
        return ast.Constant(name)

    def visit_List(self, node: ast.List) -> ast.expr:
        node.elts = self.sequence(node.elts)
        return node

    def visit_Tuple(self, node: ast.Tuple) -> ast.expr:
        node.elts = self.sequence(node.elts)
        return node

    def sequence(self, elements: list[ast.expr]) -> list[ast.expr]:
        found: list[ast.expr] = []
        for element in elements:
            spliced = None
            if isinstance(element, ast.Starred) and isinstance(element.value, ast.Name) and element.value.id in self.parameters:
                spliced = self.elements(element.value.id)
                if spliced is None:
                    raise NoFix(f"argument {element.value.id!r} is no list that is written out")
                self.used.add(element.value.id)
                found += [self.hole(argument) for argument in spliced]
            else:
                found.append(self.visit(element))
        return found


def _literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except ValueError:
        return False
    return True


def _local_names(tree: ast.expr) -> set[str]:
    found = {a.arg for n in walked(tree) if isinstance(n, ast.Lambda) for a in n.args.args}
    return found | {n.id for n in walked(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def _renamed(tree: ast.expr, taken: set[str]) -> ast.expr:
    """The template with its own local names changed where the call's arguments use the same: a lambda must not capture them."""
    new = {}
    for name in sorted(_local_names(tree) & taken):
        new[name] = name + "_"
        while new[name] in taken:
            new[name] += "_"
    for node in walked(tree):
        if isinstance(node, ast.Name):
            node.id = new.get(node.id, node.id)
        elif isinstance(node, ast.arg):
            node.arg = new.get(node.arg, node.arg)
    return tree


def _display(value: Any) -> ast.expr:
    """A computed value as an expression. ``slice`` objects and ``...`` are for subscripts.

    Raises NoFix for a value that Python cannot write down."""
    if isinstance(value, slice):
        parts = [None if part is None else _display(part) for part in (value.start, value.stop, value.step)]
        return ast.Slice(*parts)
    if isinstance(value, (list, tuple)):
        elements = [_display(element) for element in value]
        return ast.List(elements, ast.Load()) if isinstance(value, list) else ast.Tuple(elements, ast.Load())
    if value is Ellipsis:
        return ast.Constant(...)
    if isinstance(value, float) and not math.isfinite(value):
        raise NoFix("an infinite value has no literal")
    return ast.parse(repr(value), mode="eval").body
