"""The text around a use, as far as it decides how a replacement is written there."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass

from kmigrate.rulebook.conditions import Facts


def _no_name(_: ast.expr) -> None:
    return None


def _visible(_: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Site:
    """The text around a use. ``facts`` answers what is known of a parameter (None where nothing is called), ``pure`` whether
    evaluating an expression earlier, later or not at all can be noticed, ``bare`` whether an operator expression may stand here
    without parentheses, ``span`` where an expression stands in the text, ``taken`` the constant index that the code takes of the
    use's value right away (``moments(x)[0]``), ``bare_taken`` what ``bare`` says of the place of use and index together,
    ``dtype_name`` the name of the dtype that an argument spells out, where a K function has to be given the name, ``hidden``
    whether a builtin means something else here, ``in_class`` whether names are those of a class, which nothing inside sees."""

    text: str
    backend: str
    facts: Facts | None
    pure: Callable[[ast.expr], bool]
    bare: bool
    span: Callable[[ast.expr], tuple[int, int]]
    taken: int | None = None
    bare_taken: bool = False
    dtype_name: Callable[[ast.expr], str | None] = _no_name
    hidden: Callable[[str], bool] = _visible
    in_class: bool = False
