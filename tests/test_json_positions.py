"""A program that knows the JSON alone replaces what each finding's lines and columns say by ``fix.replacement``: what it gets is
what ``kmigrate fix`` writes, but for the imports, of which the JSON does not speak."""

from __future__ import annotations

import difflib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from kmigrate.cli.main import main

FIXTURES = Path(__file__).parents[1] / "fixtures"
FILES = sorted(path for folder in ("tensorflow", "theano", "hard") for path in (FIXTURES / folder).glob("*.py"))
HEAD = "import tensorflow as tf\nimport theano\nfrom keras import backend as K\nfrom keras.layers import Layer\n\n\n"


def layer(body: str) -> bytes:
    return f"{HEAD}class A(Layer):\n    def call(self, x, mask=None):\n        {body}\n".encode()


TEXTS = {
    "one-element-of-the-result": layer("return tf.nn.moments(x, [0])[0] + (tf.nn.moments(x, [1])) [1]"),
    "the-call-of-the-result": layer("return theano.function([x], [x * 2])(x)"),
    "beside-characters-of-many-bytes": layer("é = '\U0001f600 ½'; return tf.exp(é) if 'ü' else tf.abs(x)"),
    "behind-a-form-feed": layer("pass\n\x0c\n    def two(self, x):\n        return tf.exp(x)"),
    "beside-what-is-a-line-break-elsewhere": layer("s = 'a\x0cb\x1cc\u2028d\x85e'; return tf.exp(x) + s"),
    "over-lines": layer("return tf.reduce_sum(\n            x,  # x\n            1)  # end"),
    "windows": layer("y = tf.exp(x)\n        return tf.abs(\n            y)").replace(b"\n", b"\r\n"),
    "old-mac": layer("y = tf.exp(x)\n        return tf.abs(\n            y)").replace(b"\n", b"\r"),
    "byte-order-mark": b"\xef\xbb\xbf" + layer("return tf.exp(x) + tf.abs(x)"),
    "latin": b"# -*- coding: latin-1 -*-\n" + layer("y = 'h\u00e9'; return tf.exp(x) + y").decode().encode("latin-1"),
    "tabs": layer("y =\ttf.exp(\tx);\treturn tf.abs(y)"),
    "a-line-that-goes-on": layer("return tf.exp(x) \\\n            + tf.reduce_mean( \\\n            x, 1)"),
}


def found(path: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    assert main(["check", "--no-cache", "--output-format", "json", str(path)]) in (0, 1)
    findings = json.loads(capsys.readouterr().out)["findings"]
    return [finding for finding in findings if finding["fix"] and finding["fix"]["applicability"] == "safe"]


def offset(text: str, line: int, column: int) -> int:
    """Of a place as the contract counts: lines as Python ends them, columns in characters, both from 1."""
    at = 0
    for _ in range(line - 1):
        ends = [end for end in (text.find("\n", at), text.find("\r", at)) if end >= 0]
        at = min(ends) + (2 if text.startswith("\r\n", min(ends)) else 1)
    return at + column - 1


def outermost(findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that lie in no other: a replacement shows what is kept inside it as it was."""
    places = [((f["line"], f["column"]), (f["end_line"], f["end_column"])) for f in findings]
    inside = [any(b <= a and c <= d and (a, c) != (b, d) for b, d in places) for a, c in places]
    return [finding for finding, other in zip(findings, inside, strict=True) if not other]


def encoding_of(data: bytes) -> str:
    return "utf-8-sig" if data.startswith(b"\xef\xbb\xbf") else "latin-1" if b"latin-1" in data else "utf-8"


def by_hand(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The text with what the JSON says applied until nothing is left. Imports stay as they are."""
    encoding = encoding_of(path.read_bytes())
    while todo := outermost(found(path, capsys)):
        text = path.read_bytes().decode(encoding)
        for finding in reversed(todo):
            start = offset(text, finding["line"], finding["column"])
            end = offset(text, finding["end_line"], finding["end_column"])
            text = text[:start] + finding["fix"]["replacement"] + text[end:]
        path.write_bytes(text.encode(encoding))
    return path.read_bytes().decode(encoding)


def with_backend(data: bytes) -> bytes:
    """With an import of K where nothing is called so: else the first replacement leaves a K that the next may not take."""
    return (
        data
        if re.search(rb"\bK\b", data)
        else re.sub(rb"^(?=import|from (?!__))", b"from keras import backend as K; ", data, count=1, flags=re.M)
    )


CASES = {**TEXTS, **{f"{path.parent.name}-{path.stem}": path.read_bytes() for path in FILES}}


@pytest.mark.parametrize("name", CASES)
def test_what_the_json_says_is_what_is_written(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = with_backend(CASES[name])
    one, two = tmp_path / "one.py", tmp_path / "two.py"
    one.write_bytes(data)
    two.write_bytes(data)
    assert main(["fix", "--write", str(one)]) in (0, 1)
    capsys.readouterr()
    written = one.read_bytes().decode(encoding_of(data)).splitlines(keepends=True)
    lines = list(difflib.ndiff(written, by_hand(two, capsys).splitlines(keepends=True)))
    assert [line for line in lines if line[0] in "+-" and line[1:].strip() and "import" not in line] == []
