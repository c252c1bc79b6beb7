"""Walking and copying trees faster than the standard library comes to the same."""

from __future__ import annotations

import ast
import copy
from pathlib import Path

import pytest

import kmigrate
from kmigrate.names.nodes import LEAVES, copied, walked

TEXTS = [file.read_text("utf-8") for file in sorted(Path(kmigrate.__file__).parent.glob("names/*.py"))]
TEXTS.append(
    "async def f(*a, k: int = 3, **kw):\n    with a as (b, c):\n        x = [y async for y in z if not (w := -y)]\n"
    "    match x:\n        case {'a': [1, *r], **s} if f'{x!r:>{k}}':\n            pass\n"
)


@pytest.mark.parametrize("text", TEXTS)
def test_a_copy_is_equal_and_shares_no_place(text: str) -> None:
    tree = ast.parse(text)
    new = copied(tree)
    assert ast.dump(new, include_attributes=True) == ast.dump(copy.deepcopy(tree), include_attributes=True)
    assert {id(node) for node in walked(tree)}.isdisjoint(id(node) for node in walked(new))


@pytest.mark.parametrize("text", TEXTS)
def test_walked_passes_over_what_has_no_place(text: str) -> None:
    tree = ast.parse(text)
    shared = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.alias)
    wanted = {node for node in ast.walk(tree) if not isinstance(node, shared) and node.__class__ not in LEAVES}
    assert set(walked(tree)) == wanted
