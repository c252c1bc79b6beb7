"""Source: decoding, errors that name their place, and offsets that agree with Python's own parser."""

from __future__ import annotations

import ast
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmigrate.source import Source, SourceError


def parse(text: str) -> Source:
    return Source.parse("m.py", text.encode())


def failure(data: bytes) -> SourceError:
    with pytest.raises(SourceError) as caught:
        Source.parse("m.py", data)
    assert "\n" not in caught.value.message
    return caught.value


# --- bytes in, bytes out ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "encoding", "bom"),
    [
        (b"x = 1\n", "utf-8", False),
        (b"", "utf-8", False),
        (b"\xef\xbb\xbfx = 'caf\xc3\xa9'\r\n", "utf-8", True),
        (b"\xef\xbb\xbf# coding: utf-8\nx = 1", "utf-8", True),
        (b"# -*- coding: latin-1 -*-\nx = 'caf\xe9'\n", "iso-8859-1", False),
        (b"#!/usr/bin/python\r# vim: set fileencoding=cp1252 :\rx = '\x80'\r", "cp1252", False),
        (b"a = 1\r\nb = 2\nc = 3\rd = '''\r\n\r'''", "utf-8", False),
        (b"\x0cx = 1\n\x0c\ny = 2\n", "utf-8", False),
    ],
)
def test_round_trip(data: bytes, encoding: str, bom: bool) -> None:
    source = Source.parse("m.py", data)
    assert (source.encoding, source.bom) == (encoding, bom)
    assert source.encode(source.text) == data


def test_text_has_no_bom_and_keeps_its_newlines() -> None:
    assert Source.parse("m.py", b"\xef\xbb\xbfa = 1\r\nb = 2\r").text == "a = 1\r\nb = 2\r"


def test_a_declaration_beyond_the_second_line_is_a_comment() -> None:
    assert Source.parse("m.py", b"\n\n# coding: latin-1\n").encoding == "utf-8"
    assert Source.parse("m.py", b"\r\r# coding: latin-1\r").encoding == "utf-8"


def test_encode_names_what_the_encoding_lacks() -> None:
    source = Source.parse("m.py", b"# coding: latin-1\nx = 1\n")
    with pytest.raises(SourceError, match="iso-8859-1") as caught:
        source.encode("# coding: latin-1\nx = '\N{SNOWMAN}'\n")
    assert caught.value.line == 2


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "line", "words"),
    [
        (b"x = 1\ny = '\0'\n", 2, "NUL"),
        ("x = 1\n".encode("utf-16"), 1, "UTF-16"),
        (b"# coding: no-such\n", 1, "unknown encoding in the file's declaration: no-such"),
        (b"#!/bin/sh\n# coding: no-such\n", 2, "no-such"),
        (b"# coding: rot13\n", 1, "not a text encoding"),
        (b"\xef\xbb\xbf# coding: latin-1\n", 1, "byte order mark but declares the encoding iso-8859-1"),
        (b"x = 1\r\ny = 2\rz = '\xe9'\n", 3, "0xe9 is not valid utf-8"),
        (b"x = '\xe9'\n", 1, "0xe9"),
        (b"# coding: ascii\nx = 1\ny = '\xc3\xa9'\n", 3, "ascii"),
        (b"# coding: utf-7\nx = '+2AA-'\n", 1, "utf-7"),
        (b"x = 1\ndef f(:\n", 2, "syntax error: invalid syntax"),
        (b"x = 1\r\ny = 2\rz = = 3\r", 3, "syntax error"),
        (b"if x:\npass\n", 2, "expected an indented block"),
        (b"x = '''\n", 1, "unterminated"),
        (b"(" * 500, 1, "too many nested parentheses"),
        (b"-" * 100_000 + b"1", None, "nested too deeply"),
    ],
)
def test_errors_name_line_and_cause(data: bytes, line: int | None, words: str) -> None:
    error = failure(data)
    assert words.lower() in error.message.lower()
    assert error.line == line


@pytest.mark.parametrize(
    "code",
    [
        'print "hello"',
        "print x",
        'exec "x = 1"',
        "try:\n    pass\nexcept ValueError, e:\n    pass",
        'raise ValueError, "no"',
        "x = 0777",
        "x = 10L",
        "x = `y`",
        "if a <> b: pass",
        "def f(a, (b, c)): pass",
        "f = lambda (a, b): a",
        "x = ur'text'",
    ],
)
def test_python_2_is_recognized(code: str) -> None:
    assert "Python 2 syntax" in failure(code.encode()).message


@pytest.mark.parametrize("code", ["def f(:", "x = = 1", "print(x", "class A\n    pass", "print = = 1"])
def test_python_3_mistakes_are_not_called_python_2(code: str) -> None:
    assert "Python 2" not in failure(code.encode()).message


def test_a_byte_column_counts_characters() -> None:
    assert (failure("é = 'ü'; y = '".encode() + b"\xff'\n").line, failure("é='".encode() + b"\xff'").column) == (1, 4)


def test_warnings_of_the_code_are_not_ours() -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        parse(r"x = '\d' if y is 1 else 2")
    assert seen == []


# --- offsets ---------------------------------------------------------------------------------------------------------


def test_span_after_wide_characters_and_odd_newlines() -> None:
    source = parse("s = '''a\rb\x0cc\u2028d\r\ne'''\r\nü = '😀'; tf.abs(é)\n\x0c\nif 1:\n\ttf.exp(x)")
    calls = [node for node in ast.walk(source.tree) if isinstance(node, ast.Call)]
    assert sorted(source.segment(call) for call in calls) == ["tf.abs(é)", "tf.exp(x)"]


def test_position_counts_characters_from_one() -> None:
    source = parse("é = 1\r\nb = 2\rc = 3")
    places = {source.text[at]: source.position(at) for at in range(len(source.text))}
    assert places["é"] == (1, 1)
    assert (places["b"], places["c"]) == ((2, 1), (3, 1))
    assert source.position(len(source.text)) == (3, 6)


def test_lines() -> None:
    source = parse("a = 1\r\nb = 2\rc = 3")
    assert [source.line_text(line) for line in (1, 2, 3, 4)] == ["a = 1\r\n", "b = 2\r", "c = 3", ""]
    assert source.newline == "\r\n"
    assert parse("x").newline == "\n"


LETTERS = st.characters(exclude_characters="\r\n\0'\\", exclude_categories=["Cs", "Cc"])
IN_STRING = st.text(LETTERS | st.sampled_from(["\r", "\n", "\x0c", "\t", "\u2028", "\x85"]), max_size=6)
NAMES = st.sampled_from(["x", "é", "变量", "𝔘", "tf"])
NEWLINES = st.sampled_from(["\n", "\r\n", "\r", "\n\x0c\n", "\r\n\t\r\n", " # ü\x0c\r"])
INDENT = st.sampled_from(["", "if 1:\n\t", "\x0c", "if é: "])


@st.composite
def programs(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A program, and its marked calls as they were written."""
    text = ""
    calls: list[str] = []
    for _ in range(draw(st.integers(1, 5))):
        call = f"{draw(NAMES)}.mark('''{draw(IN_STRING)}''',{draw(st.sampled_from(['', ' ', chr(9)]))}{draw(NAMES)})"
        calls.append(call)
        text += f"{draw(INDENT)}'''{draw(IN_STRING)}'''; {call}{draw(NEWLINES)}"
    return (text if draw(st.booleans()) else text.rstrip("\r\n\t\x0c")), calls


@given(programs())
def test_segments_are_what_was_written(program: tuple[str, list[str]]) -> None:
    text, calls = program
    source = parse(text)
    found = [node for node in ast.walk(source.tree) if isinstance(node, ast.Call)]
    assert sorted(source.segment(node) for node in found) == sorted(calls)
    assert source.encode(source.text) == text.encode()
    for node in found:
        start, _ = source.span(node)
        line, column = source.position(start)
        assert line == node.lineno
        assert source.line_start(line) + column - 1 == start


@given(st.text(st.characters(exclude_categories=["Cs"])) | st.binary().map(lambda data: data.decode("latin-1")))
def test_any_text_parses_or_is_refused_clearly(text: str) -> None:
    for data in (text.encode(), text.encode("utf-8")[1:], b"# coding: latin-1\n" + text.encode("latin-1", "ignore")):
        try:
            source = Source.parse("m.py", data)
        except SourceError as error:
            assert "\n" not in error.message
        else:
            assert source.encode(source.text) == data


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_position_inverts_offset(text: str) -> None:
    source = Source("m.py", text, "utf-8", False, ast.Module([], []))
    for at in range(len(text) + 1):
        line, column = source.position(at)
        head = text[source.line_start(line) : at]
        assert len(head) == column - 1
        assert source.offset(line, len(head.encode())) == at
