"""Rendering a replacement: template and bound arguments to pieces of new text.

Two ways. *In place*: the replacement is a call whose arguments are the original's, in the original's order: only the function,
keywords and dropped arguments are touched, so line breaks and comments between arguments stay. *Fresh*: anything else
(operators, another order): the arguments keep their text, the gaps between them are new; a comment
in a gap would be lost, so there is no fix.
"""

from __future__ import annotations

import ast

from kmigrate.fix.layout import Argument, CallLayout
from kmigrate.model import Piece, Slice
from kmigrate.rulebook.binding import Bound, NoFix
from kmigrate.rulebook.filling import HOLE, Filler
from kmigrate.rulebook.rule import Rule
from kmigrate.rulebook.site import Site

# Expressions that nothing around them takes apart.
ATOMS: tuple[type[ast.expr], ...] = (ast.Name, ast.Call, ast.Subscript, ast.Attribute, ast.Constant, ast.List, ast.Dict, ast.Set)
ATOMS += (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.JoinedStr)


def render_value(template: ast.expr, template_name: str, site: Site) -> tuple[Piece, ...]:
    """The replacement of a symbol that is not called."""
    tree = Filler(None, Bound(), template_name, site).fill(template)
    text = ast.unparse(tree)
    return (text if site.bare or isinstance(tree, ATOMS) else f"({text})",)


def render_function(rule: Rule, template: ast.expr, template_name: str, site: Site) -> tuple[tuple[Piece, ...], int]:
    """The replacement of a function that is handed on and not called here, and how many arguments it may be called with.

    The K function itself, where the template hands it the first parameters in their order: ``K.tanh(x)`` gives ``K.tanh``.

    Raises:
        NoFix: the template is more than the call of a K function, or hands on the arguments in another way.
    """
    if not (
        isinstance(template, ast.Call)
        and isinstance(template.func, ast.Attribute)
        and isinstance(template.func.value, ast.Name)
        and template.func.value.id == template_name
        and template.args
    ):
        raise NoFix("used as a value, not called, and no K function takes its place alone")
    parameters = [p.name for p in rule.parameters or () if not p.keyword_only and not p.variadic]
    given = [argument.id if isinstance(argument, ast.Name) else "" for argument in template.args]
    optional = {p.name for p in rule.parameters or () if p.default is not None} - rule.explicit
    named = [{n.id for n in ast.walk(k.value) if isinstance(n, ast.Name)} for k in template.keywords]
    if given != parameters[: len(given)] or not all(names and names <= optional for names in named):
        raise NoFix("used as a value, not called: the replacement takes its arguments differently")
    return (f"{site.backend}.{template.func.attr}",), len(given)


def render_call(
    rule: Rule, template: ast.expr, template_name: str, bound: Bound, layout: CallLayout, site: Site
) -> tuple[tuple[Piece, ...], bool]:
    """The pieces that replace the call, and whether they stand for the element ``site.taken`` of its value: of a tuple or list
    in the template only that element is written.

    Raises:
        NoFix: an argument has no counterpart, a ``{...}`` part is not literal, a comment would be lost, or the order or number
            of evaluations of an argument would change.
    """
    filler = Filler(rule, bound, template_name, site)
    tree = filler.fill(template)
    _check_dropped(rule, bound, layout, filler, site)
    picked = _picked(tree, filler, site)
    tree = picked or tree
    _check_evaluation(filler.order(tree), filler.repeated, site)
    pieces = _in_place(tree, filler, layout, site)
    if pieces is None:
        pieces = _fresh(tree, filler, layout, site, bare=site.bare_taken if picked else site.bare)
    return pieces, picked is not None


def _picked(tree: ast.expr, filler: Filler, site: Site) -> ast.expr | None:
    """The one element of a tuple or list that the code around the call takes; None where it takes the whole, or where not
    computing the others could be noticed."""
    if site.taken is None or not isinstance(tree, (ast.Tuple, ast.List)) or not 0 <= site.taken < len(tree.elts):
        return None
    one = tree.elts[site.taken]
    kept = filler.order(one)
    lost = [argument for argument in filler.order(tree) if argument not in kept]
    return one if all(site.pure(argument.node) for argument in lost) else None


def _check_dropped(rule: Rule, bound: Bound, layout: CallLayout, filler: Filler, site: Site) -> None:
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
        if name in rule.drop and all(site.pure(argument.node) for argument in arguments):
            continue
        if arguments and name not in filler.used:
            raise NoFix(f"argument {name!r} has no counterpart in the Keras backend")


def _check_evaluation(order: list[Argument], repeated: list[Argument], site: Site) -> None:
    """Arguments are evaluated once each and in the original's order, unless that cannot be noticed."""
    seen: list[Argument] = []
    for argument in order:
        if (argument in seen or argument in repeated) and not _named(argument.node):
            raise NoFix("an argument would be evaluated more than once: give it a name first")
        earlier = any(other.whole.start > argument.whole.start for other in seen)
        if earlier and not site.pure(argument.node):
            raise NoFix("the order of evaluation of the arguments would change")
        if earlier and not all(site.pure(o.node) for o in seen if o.whole.start > argument.whole.start):
            raise NoFix("the order of evaluation of the arguments would change")
        seen.append(argument)


def _named(node: ast.expr) -> bool:
    """A literal, a name or a dotted name: evaluating it again gives the same value."""
    if isinstance(node, (ast.List, ast.Tuple)):
        return all(isinstance(e, (ast.Constant, ast.UnaryOp)) and _named(e) for e in node.elts)
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.operand, ast.Constant)
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, (ast.Name, ast.Constant))


# ---- in place


def _in_place(tree: ast.expr, filler: Filler, layout: CallLayout, site: Site) -> tuple[Piece, ...] | None:
    """Pieces that keep the call's own gaps, or None where the shape does not allow it."""
    if not isinstance(tree, ast.Call) or "__km_hole_" in ast.unparse(tree.func):
        return None
    items: list[tuple[str, Argument | str]] = [("", _hole_or_text(a, filler)) for a in tree.args]
    items += [(f"{k.arg}=" if k.arg else "**", _hole_or_text(k.value, filler)) for k in tree.keywords]
    if any(isinstance(value, str) and "__km_hole_" in value for _, value in items):
        return None
    kept = [value for _, value in items if isinstance(value, Argument)]
    places = [argument.whole.start for argument in kept]
    if not kept or places != sorted(set(places)) or any(argument not in layout.arguments for argument in kept):
        return None
    pieces: list[Piece] = [ast.unparse(tree.func), site.text[layout.function.end : layout.inside.start]]
    cursor = layout.inside.start
    if layout.receiver is not None:
        if layout.receiver not in (items[0][1], *kept[1:]) or pieces[1] == "":
            return None  # an attribute, or the receiver is not the first argument
        pieces.append(_receiver(layout, layout.receiver, site.text))
        items = items[1:]
    pending: list[str] = []
    first = True
    for prefix, value in items:
        if isinstance(value, str):
            if first and layout.receiver is None:
                pending.append(prefix + value)
            else:
                pieces.append(f", {prefix}{value}")
            continue
        if first and layout.receiver is not None:
            pieces.append("," if site.text[cursor : cursor + 1].isspace() else ", ")
        pieces += _gap(site.text, cursor, value, layout, first=first)
        pieces += [text + ", " for text in pending]
        pending = []
        pieces += [prefix or value.star, value.value]
        cursor = value.whole.end
        first = False
    pieces.append(_tail(site.text, cursor, layout))
    return tuple(piece for piece in pieces if piece != "")


def _receiver(layout: CallLayout, receiver: Argument, text: str) -> Piece:
    """The receiver of a method as the first argument of the function that takes its place."""
    _refuse_comment(text[layout.whole.start : receiver.value.start])
    _refuse_comment(text[receiver.value.end : layout.inside.start])
    return receiver.value


def _hole_or_text(node: ast.expr, filler: Filler) -> Argument | str:
    match = HOLE.fullmatch(node.id) if isinstance(node, ast.Name) else None
    return filler.holes[int(match.group(1))] if match else ast.unparse(node)


def _gap(text: str, cursor: int, argument: Argument, layout: CallLayout, first: bool) -> list[Piece]:
    """The text between the last kept argument and this one, without the dropped arguments between them."""
    between = [a for a in layout.arguments if cursor <= a.whole.start < argument.whole.start]
    if not between:
        return [text[cursor : argument.whole.start]]
    if first:  # dropped at the front: keep what stands before the first argument
        _refuse_comment(text[between[0].whole.start : argument.whole.start])
        return [text[cursor : between[0].whole.start]]
    _refuse_comment(text[cursor : between[-1].whole.end])
    return [text[between[-1].whole.end : argument.whole.start]]


def _tail(text: str, cursor: int, layout: CallLayout) -> str:
    dropped = [a for a in layout.arguments if a.whole.start >= cursor]
    if dropped:
        _refuse_comment(text[cursor : dropped[-1].whole.end])
        cursor = dropped[-1].whole.end
    return text[cursor : layout.whole.end]


def _refuse_comment(gap: str) -> None:
    if "#" in gap:
        raise NoFix("a comment inside the call would be lost")


# ---- fresh


def _fresh(tree: ast.expr, filler: Filler, layout: CallLayout, site: Site, *, bare: bool) -> tuple[Piece, ...]:
    covered = sorted({(a.value.start, a.value.end) for a in filler.order(tree)})
    cursor = layout.whole.start
    for start, end in [*covered, (layout.whole.end, layout.whole.end)]:
        _refuse_comment(site.text[cursor:start])
        cursor = end
    bracketed = _bracketed_holes(tree)
    text = ast.unparse(tree)
    pieces: list[Piece] = []
    cursor = 0
    for match in HOLE.finditer(text):
        argument = filler.holes[int(match.group(1))]
        pieces.append(text[cursor : match.start()])
        if match.group(0) in bracketed:
            pieces += [argument.star, argument.value]
        else:
            pieces += _guarded(argument, site.text)
        cursor = match.end()
    pieces.append(text[cursor:])
    if not bare and not isinstance(tree, (*ATOMS, ast.Tuple)):
        pieces = ["(", *pieces, ")"]
    return tuple(piece for piece in pieces if piece != "")


def _guarded(argument: Argument, text: str) -> list[Piece]:
    value = text[argument.value.start : argument.value.end]
    enclosed = value.startswith("(") and isinstance(argument.node, ast.Tuple)
    start_is_paren = value.startswith("(") and value.endswith(")") and not isinstance(argument.node, ATOMS)
    if isinstance(argument.node, ATOMS) and (("\n" not in value and "\r" not in value) or _is_one_line(value)):
        # a call here may be rewritten itself, to an expression that is no atom
        return [Slice(argument.value.start, argument.value.end, operand=True)]
    if enclosed or (start_is_paren and _one_group(value)):
        return [argument.value]
    return ["(", argument.value, ")"]


def _is_one_line(value: str) -> bool:
    """Whether the line breaks of an expression all lie inside its own brackets."""
    try:
        ast.parse(value, mode="eval")
    except (SyntaxError, RecursionError, MemoryError):
        return False
    return True


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
        found |= {v.id for v in values if isinstance(v, ast.Name) and HOLE.fullmatch(v.id)}
    return found
