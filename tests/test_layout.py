"""The layout of a call: plain calls are read without LibCST, and as LibCST reads them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kmigrate.fix.layout import LayoutError, _in_source_order, _libcst_layout, _outline, _plain_layout
from kmigrate.source import Source, SourceError

ROOT = Path(__file__).parent.parent
FILES = [*sorted((ROOT / "fixtures").rglob("*.py")), *sorted((ROOT / "kmigrate").rglob("*.py"))]


def both(source: Source, call: ast.Call) -> tuple[object, object]:
    """What the two readers make of a call."""
    start, end = source.span(call)
    text = _outline(source, call, start, end)
    nodes = _in_source_order(call)
    try:
        slow: object = _libcst_layout(text, start, nodes)
    except LayoutError:
        slow = "refused"
    return _plain_layout(text, start, nodes), slow


def calls(source: Source) -> list[ast.Call]:
    """All but those in f-strings, which Python misplaces before 3.12."""
    inside = {n for f in ast.walk(source.tree) if isinstance(f, ast.JoinedStr) for n in ast.walk(f)}
    return [n for n in ast.walk(source.tree) if isinstance(n, ast.Call) and n not in inside]


def test_real_calls() -> None:
    plain = every = 0
    for path in FILES:
        source = Source.parse(str(path), path.read_bytes())
        for call in calls(source)[:12]:
            fast, slow = both(source, call)
            every += 1
            plain += fast is not None
            assert fast is None or fast == slow, f"{path}:{call.lineno}"
    assert plain > 0.7 * every > 300


PIECES = [
    "f",
    "(",
    ")",
    ",",
    " ",
    "\t",
    "\n",
    "\r\n",
    "x",
    "y=",
    "=",
    "*",
    "**",
    "1",
    "# c\n",
    "\\\n",
    "z for z in q",
    "[a, b]",
    "(c)",
    "_",
    "'é'",
    "\f",
]


@settings(max_examples=60)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_any_call(inside: str) -> None:
    try:
        source = Source.parse("m.py", f"x = f({inside})\n".encode())
    except SourceError:
        return
    for call in calls(source):
        fast, slow = both(source, call)
        assert fast is None or fast == slow


@pytest.mark.parametrize("text", ["f(# c\n x)", "f((x))", "(f)(x)", "f(x for x in y)", "f(x, \\\n y)"])
def test_what_is_not_plain(text: str) -> None:
    source = Source.parse("m.py", text.encode())
    fast, slow = both(source, calls(source)[0])
    assert fast is None and slow != "refused"
