"""Binding the arguments of a call to the parameters of a rule's signature, as Python would."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from kmigrate.fix.layout import Argument, CallLayout
from kmigrate.rulebook.rule import Rule


class NoFix(Exception):
    """There is no fix for this use; the message is the reason, for people."""


@dataclass(slots=True)
class Bound:
    """``given`` maps a parameter to its argument; ``variadic`` holds what ``*parameter`` collects, in order."""

    given: dict[str, Argument] = field(default_factory=dict)
    variadic: dict[str, list[Argument]] = field(default_factory=dict)


def elements_of(node: ast.expr) -> list[ast.expr] | None:
    """The elements of a list or tuple display without ``*``; None for any other expression."""
    if isinstance(node, (ast.List, ast.Tuple)) and not any(isinstance(e, ast.Starred) for e in node.elts):
        return list(node.elts)
    return None


def bind(rule: Rule, layout: CallLayout) -> Bound:
    """Bind every argument of the call; where what it returns is called as well, the arguments of that to ``rule.applied``.

    Raises:
        NoFix: too many arguments, an unknown keyword, ``*args``/``**kwargs`` that the signature cannot take, a parameter
            given twice or a required one missing.
    """
    parameters = rule.parameters or ()
    positional = [p for p in parameters if not p.variadic and not p.keyword_only]
    collector = next((p for p in parameters if p.variadic == "*"), None)
    by_name = {p.name: p for p in parameters if not p.variadic}
    bound = Bound(variadic={collector.name: []} if collector else {})
    index = 0
    for argument in layout.arguments:
        if argument.star == "**":
            raise NoFix("the call has **kwargs, which cannot be bound to parameters")
        if argument.keyword is not None:
            name = rule.renamed.get(argument.keyword, argument.keyword)
            if name not in by_name:
                raise NoFix(f"argument {argument.keyword!r} is not in the known signature ({rule.signature})")
        elif collector is not None and index >= len(positional):
            bound.variadic[collector.name].append(argument)
            continue
        elif argument.star:
            raise NoFix("the call has *args, which cannot be bound to parameters")
        elif index < len(positional):
            name = positional[index].name
            index += 1
        else:
            raise NoFix(f"the call has more arguments than the known signature ({rule.signature})")
        if name in bound.given:
            raise NoFix(f"parameter {name!r} is given twice")
        bound.given[name] = argument
    if rule.applied is not None:
        bound.variadic[rule.applied] = _applied(layout)
    for parameter in by_name.values():
        if parameter.default is None and parameter.name not in bound.given:
            raise NoFix(f"required argument {parameter.name!r} is missing (TensorFlow or Theano of another version?)")
    return bound


def _applied(layout: CallLayout) -> list[Argument]:
    if layout.applied is None:
        raise NoFix("the calls of what it returns must change as well")
    if any(argument.star or argument.keyword for argument in layout.applied):
        raise NoFix("what it returns is called with more than plain values")
    return list(layout.applied)
