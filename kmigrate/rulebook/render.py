"""Rendering a replacement: template and bound arguments to pieces of new text.

Two ways. *In place*: the replacement is a call whose arguments are the original's, in the original's order: only the function,
keywords and dropped arguments are touched, so line breaks and comments between arguments stay. *Fresh*: anything else
(operators, another order): the arguments keep their text, the gaps between them are new; a comment
in a gap would be lost, so there is no fix.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kmigrate.fix.layout import Argument, CallLayout
from kmigrate.model import Piece
from kmigrate.rulebook.binding import Bound, NoFix
from kmigrate.rulebook.conditions import Unknown, compute_literal
from kmigrate.rulebook.rule import Rule

_HOLE = re.compile(r"__km_hole_(\d+)__")
_ATOMS: tuple[type[ast.expr], ...] = (ast.Name, ast.Call, ast.Subscript, ast.Attribute, ast.Constant, ast.List, ast.Dict, ast.Set)
_ATOMS += (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.JoinedStr)


class _Absent(Exception):
    """The parameter was not given and has no explicit default: its keyword disappears."""


@dataclass(frozen=True, slots=True)
class Site:
    """The text around a use. ``value`` gives a parameter's literal (raises Unknown), ``pure`` whether evaluating an expression
    earlier, later or not at all can be noticed, ``bare`` whether an operator expression may stand here without parentheses."""

    text: str
    backend: str
    value: Callable[[str], Any]
    pure: Callable[[ast.expr], bool]
    bare: bool


def render_value(template: ast.expr, template_name: str, site: Site) -> tuple[Piece, ...]:
    """The replacement of a symbol that is not called."""
    tree = _Filler(None, Bound(), template_name, site).fill(template)
    text = ast.unparse(tree)
    return (text if site.bare or isinstance(tree, _ATOMS) else f"({text})",)


def render_call(
    rule: Rule, template: ast.expr, template_name: str, bound: Bound, layout: CallLayout, site: Site
) -> tuple[Piece, ...]:
    """The pieces that replace the call.

    Raises:
        NoFix: an argument has no counterpart, a ``{...}`` part is not literal, a comment would be lost, or the order or number
            of evaluations of an argument would change.
    """
    filler = _Filler(rule, bound, template_name, site)
    tree = filler.fill(template)
    _check_dropped(rule, bound, layout, filler, site)
    _check_evaluation(filler.order(tree), site)
    pieces = _in_place(tree, filler, layout, site)
    if pieces is None:
        pieces = _fresh(tree, filler, layout, site)
    return pieces


class _Filler(ast.NodeTransformer):
    """Turns parameters into holes, drops absent keywords, computes ``{...}``."""

    def __init__(self, rule: Rule | None, bound: Bound, template_name: str, site: Site) -> None:
        self.rule = rule
        self.bound = bound
        self.template_name = template_name
        self.site = site
        self.holes: list[Argument] = []
        self.used: set[str] = set()
        self.locals: set[str] = set()

    def fill(self, template: ast.expr) -> ast.expr:
        tree = copy.deepcopy(template)
        self.locals = {a.arg for n in ast.walk(tree) if isinstance(n, ast.Lambda) for a in n.args.args}
        self.locals |= {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        try:
            return self.visit(tree)  # type: ignore[no-any-return]  # NodeTransformer is untyped
        except _Absent as absent:
            raise NoFix(f"argument {absent} is needed for the replacement and is not given") from None

    def order(self, tree: ast.expr) -> list[Argument]:
        return [self.holes[int(number)] for number in _HOLE.findall(ast.unparse(tree))]

    def hole(self, argument: Argument) -> ast.expr:
        self.holes.append(argument)
        return ast.Name(f"__km_hole_{len(self.holes) - 1}__", ast.Load())

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

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in self.locals:
            return node
        if node.id == self.template_name:
            return ast.Name(self.site.backend, ast.Load())
        if self.rule is not None and any(p.name == node.id for p in self.rule.parameters or ()):
            return self.parameter(node.id)
        return node

    def visit_Set(self, node: ast.Set) -> ast.expr:
        names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} & self.parameter_names()
        self.used |= names
        if names and not any(n in self.bound.given or (self.rule and n in self.rule.explicit) for n in names):
            raise _Absent(sorted(names)[0])
        try:
            value = compute_literal(node.elts[0], self.site.value)
        except Unknown:
            given = sorted(names & set(self.bound.given))
            raise NoFix(f"argument {given[0] if given else sorted(names)[0]!r} is not a literal") from None
        return ast.parse(repr(value), mode="eval").body

    def parameter_names(self) -> set[str]:
        return {p.name for p in (self.rule.parameters or ())} if self.rule else set()

    def visit_Call(self, node: ast.Call) -> ast.expr:
        node.func = self.visit(node.func)
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

    def visit_List(self, node: ast.List) -> ast.expr:
        node.elts = self.sequence(node.elts)
        return node

    def visit_Tuple(self, node: ast.Tuple) -> ast.expr:
        node.elts = self.sequence(node.elts)
        return node

    def sequence(self, elements: list[ast.expr]) -> list[ast.expr]:
        found: list[ast.expr] = []
        for element in elements:
            if (
                isinstance(element, ast.Starred)
                and isinstance(element.value, ast.Name)
                and element.value.id in self.bound.variadic
            ):
                self.used.add(element.value.id)
                found += [self.hole(argument) for argument in self.bound.variadic[element.value.id]]
            else:
                found.append(self.visit(element))
        return found


def _check_dropped(rule: Rule, bound: Bound, layout: CallLayout, filler: _Filler, site: Site) -> None:
    for name, argument in bound.given.items():
        if name in filler.used:
            continue
        if not site.pure(argument.node):
            raise NoFix(f"argument {name!r} would be dropped, but evaluating it may have an effect")
        if name in rule.drop:
            continue
        default = rule.parameter(name).default
        if default is not None and ast.unparse(argument.node) == default:
            continue
        raise NoFix(f"argument {name!r} has no counterpart in the Keras backend")
    for name, arguments in bound.variadic.items():
        if arguments and name not in filler.used:
            raise NoFix(f"argument {name!r} has no counterpart in the Keras backend")


def _check_evaluation(order: list[Argument], site: Site) -> None:
    """Arguments are evaluated once each and in the original's order, unless that cannot be noticed."""
    seen: list[Argument] = []
    for argument in order:
        again = argument in seen
        earlier = any(other.whole.start > argument.whole.start for other in seen)
        if again and not isinstance(argument.node, (ast.Name, ast.Constant)):
            raise NoFix("an argument would be evaluated more than once: give it a name first")
        if earlier and not site.pure(argument.node):
            raise NoFix("the order of evaluation of the arguments would change")
        if earlier and not all(site.pure(o.node) for o in seen if o.whole.start > argument.whole.start):
            raise NoFix("the order of evaluation of the arguments would change")
        seen.append(argument)


# ---- in place


def _in_place(tree: ast.expr, filler: _Filler, layout: CallLayout, site: Site) -> tuple[Piece, ...] | None:
    """Pieces that keep the call's own gaps, or None where the shape does not allow it."""
    if not isinstance(tree, ast.Call) or "__km_hole_" in ast.unparse(tree.func):
        return None
    items: list[tuple[str, Argument | str]] = [("", _hole_or_text(a, filler)) for a in tree.args]
    items += [(f"{k.arg}=" if k.arg else "**", _hole_or_text(k.value, filler)) for k in tree.keywords]
    if any(isinstance(value, str) and "__km_hole_" in value for _, value in items):
        return None
    kept = [value for _, value in items if isinstance(value, Argument)]
    places = [argument.whole.start for argument in kept]
    if not kept or places != sorted(set(places)):
        return None
    pieces: list[Piece] = [ast.unparse(tree.func), site.text[layout.function.end : layout.inside.start]]
    cursor = layout.inside.start
    pending: list[str] = []
    first = True
    for prefix, value in items:
        if isinstance(value, str):
            if first:
                pending.append(prefix + value)
            else:
                pieces.append(f", {prefix}{value}")
            continue
        pieces += _gap(site.text, cursor, value, layout, first=first)
        pieces += [text + ", " for text in pending]
        pending = []
        pieces += [prefix or value.star, value.value]
        cursor = value.whole.end
        first = False
    pieces.append(_tail(site.text, cursor, layout))
    return tuple(piece for piece in pieces if piece != "")


def _hole_or_text(node: ast.expr, filler: _Filler) -> Argument | str:
    match = _HOLE.fullmatch(node.id) if isinstance(node, ast.Name) else None
    return filler.holes[int(match.group(1))] if match else ast.unparse(node)


def _gap(text: str, cursor: int, argument: Argument, layout: CallLayout, first: bool) -> list[Piece]:
    """The text between the last kept argument and this one, without the dropped arguments between them."""
    between = [a for a in layout.arguments if cursor <= a.whole.start < argument.whole.start]
    if not between:
        return [text[cursor : argument.whole.start]]
    if first:  # dropped at the front: keep what stands before the first argument
        _refuse_comment(text[between[0].whole.end : argument.whole.start])
        return [text[cursor : between[0].whole.start]]
    _refuse_comment(text[cursor : between[-1].whole.start])
    return [text[between[-1].whole.end : argument.whole.start]]


def _tail(text: str, cursor: int, layout: CallLayout) -> str:
    dropped = [a for a in layout.arguments if a.whole.start >= cursor]
    if dropped:
        _refuse_comment(text[cursor : dropped[-1].whole.start])
        cursor = dropped[-1].whole.end
    return text[cursor : layout.whole.end]


def _refuse_comment(gap: str) -> None:
    if "#" in gap:
        raise NoFix("a comment inside the call would be lost")


# ---- fresh


def _fresh(tree: ast.expr, filler: _Filler, layout: CallLayout, site: Site) -> tuple[Piece, ...]:
    covered = sorted({(a.value.start, a.value.end) for a in filler.holes})
    cursor = layout.whole.start
    for start, end in [*covered, (layout.whole.end, layout.whole.end)]:
        _refuse_comment(site.text[cursor:start])
        cursor = end
    bracketed = _bracketed_holes(tree)
    text = ast.unparse(tree)
    pieces: list[Piece] = []
    cursor = 0
    for match in _HOLE.finditer(text):
        argument = filler.holes[int(match.group(1))]
        pieces.append(text[cursor : match.start()])
        if match.group(0) in bracketed:
            pieces += [argument.star, argument.value]
        else:
            pieces += _guarded(argument, site.text)
        cursor = match.end()
    pieces.append(text[cursor:])
    if not site.bare and not isinstance(tree, _ATOMS):
        pieces = ["(", *pieces, ")"]
    return tuple(piece for piece in pieces if piece != "")


def _guarded(argument: Argument, text: str) -> list[Piece]:
    value = text[argument.value.start : argument.value.end]
    enclosed = value.startswith("(") and isinstance(argument.node, ast.Tuple)
    start_is_paren = value.startswith("(") and value.endswith(")") and not isinstance(argument.node, _ATOMS)
    if isinstance(argument.node, (ast.Name, ast.Constant)) and "\n" not in value and "\r" not in value:
        # ``2 .real``: a number before a dot needs parentheses, a negative one is no constant for ast
        return [argument.value]
    if isinstance(argument.node, _ATOMS) and "\n" not in value and "\r" not in value:
        return [argument.value]
    if enclosed or (start_is_paren and _one_group(value)):
        return [argument.value]
    return ["(", argument.value, ")"]


def _one_group(value: str) -> bool:
    """Whether the first parenthesis closes at the very end (strings with parentheses make the answer a safe no)."""
    depth = 0
    for index, character in enumerate(value):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return index == len(value) - 1
    return False


def _bracketed_holes(tree: ast.expr) -> set[str]:
    """Holes that stand where any expression may stand: arguments, list and tuple elements, whole subscripts."""
    found: set[str] = set()
    for node in ast.walk(tree):
        values: list[ast.expr] = []
        if isinstance(node, ast.Call):
            values = [*node.args, *(k.value for k in node.keywords)]
        elif isinstance(node, (ast.List, ast.Tuple)):
            values = node.elts
        elif isinstance(node, ast.Subscript):
            values = [node.slice]
        found |= {v.id for v in values if isinstance(v, ast.Name) and _HOLE.fullmatch(v.id)}
    return found
