"""Where the parts of a call lie in the text: function, parentheses, arguments, the gaps between them.

LibCST reads the one call (it alone knows which parentheses and comments belong to which argument); ``ast`` has found it. A
file is never parsed whole by LibCST: that would cost twelve times as much as ``ast`` (evidence: speed of reading Python).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kmigrate.model import Slice
from kmigrate.source import Source, first_newline

# The parts of an outline that holds no comment, no parentheses of its own and no line joined by a backslash.
_SPACE = r"(?:[ \t\n]|\r\n)*"
_FUNCTION = re.compile(rf"(?P<function>_+){_SPACE}(?P<open>\(){_SPACE}")
_ARGUMENT = re.compile(rf"(?:(?P<star>\*\*?){_SPACE}|(?P<keyword>\w+){_SPACE}={_SPACE})?(?P<value>_+){_SPACE}")
_COMMA = re.compile(rf",{_SPACE}")


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a call. ``whole`` covers keyword, star and value; ``value`` the value with its parentheses.

    ``star`` is ``*``, ``**`` or empty; ``node`` is the value's expression.
    """

    whole: Slice
    value: Slice
    keyword: str | None
    star: str
    node: ast.expr


@dataclass(frozen=True, slots=True)
class CallLayout:
    """``inside`` runs from after the opening to before the closing parenthesis of the call.

    ``receiver`` is set where a method is called: it is the first of ``arguments``, and stands before the function's name.
    ``applied`` are the arguments of the call of what this one returns, where ``whole`` covers both.
    """

    whole: Slice
    function: Slice
    inside: Slice
    arguments: tuple[Argument, ...]
    receiver: Argument | None = None
    applied: tuple[Argument, ...] | None = None


class LayoutError(Exception):
    """The text of a use cannot be taken apart safely; the message says why."""


def call_layout(source: Source, call: ast.Call) -> CallLayout:
    """The layout of ``call``, in character offsets of the file.

    Raises:
        LayoutError: LibCST does not read the call, or reads it otherwise than ``ast`` does.
    """
    start, end = source.span(call)
    text = _outline(source, call, start, end)
    nodes = _in_source_order(call)
    return _plain_layout(text, start, nodes) or _libcst_layout(text, start, nodes)


def applied_layout(source: Source, call: ast.Call, parent: ast.AST | None) -> CallLayout:
    """The layout of ``call`` and, where ``parent`` calls what it returns, of that call. Raises LayoutError."""
    layout = call_layout(source, call)
    if not isinstance(parent, ast.Call) or parent.func is not call:
        return layout
    around = call_layout(source, parent)
    return replace(layout, whole=around.whole, applied=around.arguments)


def _plain_layout(text: str, start: int, nodes: Sequence[tuple[str | None, ast.expr]]) -> CallLayout | None:
    """The layout of an outline with nothing in it but names, commas and white space: most calls, for which importing LibCST would
    cost more than reading them. None for any other."""
    head = _FUNCTION.match(text)
    if head is None:
        return None
    arguments: list[Argument] = []
    at = head.end()
    while not text.startswith(")", at):
        part = _ARGUMENT.match(text, at)
        if part is None or len(arguments) == len(nodes):
            return None
        keyword, node = nodes[len(arguments)]
        if part["keyword"] != keyword and not part["star"]:
            return None
        begin, value, stop = (start + offset for offset in (part.start(), *part.span("value")))
        arguments.append(Argument(Slice(begin, stop), Slice(value, stop), keyword, part["star"] or "", node))
        at = part.end()
        if not text.startswith(")", at):
            comma = _COMMA.match(text, at)
            if comma is None:
                return None
            at = comma.end()
    if at != len(text) - 1 or len(arguments) != len(nodes):
        return None
    function, inside = Slice(start, start + head.end("function")), Slice(start + head.end("open"), start + at)
    return CallLayout(Slice(start, start + len(text)), function, inside, tuple(arguments))


def _libcst_layout(text: str, start: int, nodes: Sequence[tuple[str | None, ast.expr]]) -> CallLayout:
    """The layout of any outline. Raises LayoutError."""
    import libcst as cst

    try:
        tree = cst.parse_expression(f"({text})")
    except (cst.ParserSyntaxError, RecursionError) as error:
        raise LayoutError("this call cannot be read for rewriting") from error
    module = cst.Module([], default_newline=first_newline(text))
    if not isinstance(tree, cst.Call) or module.code_for_node(tree) != f"({text})":
        raise LayoutError("this call cannot be read for rewriting")

    def width(node: cst.CSTNode) -> int:
        return len(module.code_for_node(node))

    position = start
    function = Slice(position, position + width(tree.func))
    position = function.end + width(tree.whitespace_after_func) + 1
    inside = position
    position += width(tree.whitespace_before_args)
    if len(nodes) != len(tree.args):
        raise LayoutError("this call cannot be read for rewriting")
    arguments = []
    for part, (keyword, node) in zip(tree.args, nodes, strict=True):
        begin = position
        value = begin + len(part.star) + width(part.whitespace_after_star)
        if part.keyword is not None and isinstance(part.equal, cst.AssignEqual):
            value += width(part.keyword) + width(part.equal)
        stop = value + width(part.value)
        arguments.append(Argument(Slice(begin, stop), Slice(value, stop), keyword, part.star, node))
        position = stop + width(part.whitespace_after_arg)
        if isinstance(part.comma, cst.Comma):
            position += width(part.comma)
    return CallLayout(Slice(start, start + len(text)), function, Slice(inside, start + len(text) - 1), tuple(arguments))


def method_layout(source: Source, use: ast.expr, before: Sequence[ast.expr]) -> CallLayout:
    """The layout of a method or attribute: ``before`` are the receiver and what stands in subscripts of it; the arguments of
    the call follow. An attribute's ``inside`` is empty and lies at its end.

    Raises:
        LayoutError: see ``call_layout``.
    """
    start, end = source.span(use)
    first = []
    for node in before:
        part = Slice(*source.span(node))
        first.append(Argument(part, part, None, "", node))
    if not isinstance(use, ast.Call):
        return CallLayout(Slice(start, end), Slice(start, end), Slice(end, end), tuple(first), first[0])
    layout = call_layout(source, use)
    return replace(layout, arguments=(*first, *layout.arguments), receiver=first[0])


def _outline(source: Source, call: ast.Call, start: int, end: int) -> str:
    """The call's text with a name of the same length for its function and for each value: only what is around them is asked for.

    So a call costs what it is long, not what it is deep, and LibCST never sees an expression that is too deep for it.
    """
    parts = []
    cursor = start
    values = [node.value if isinstance(node, ast.Starred) else node for _, node in _in_source_order(call)]
    for node in (call.func, *values):
        if isinstance(node, ast.GeneratorExp):
            continue  # may share its parentheses with the call
        first, last = source.span(node)
        parts += [source.text[cursor:first], "_" * (last - first)]
        cursor = last
    return "".join([*parts, source.text[cursor:end]])


def _in_source_order(call: ast.Call) -> list[tuple[str | None, ast.expr]]:
    pairs: list[tuple[str | None, ast.expr]] = [(None, a) for a in call.args]
    pairs += [(k.arg, k.value) for k in call.keywords]
    return sorted(pairs, key=lambda pair: (pair[1].lineno, pair[1].col_offset))
