"""The gate: which files are parsed at all, by their bytes."""

from __future__ import annotations

import pytest

from kmigrate.gate import may_be_unreadable, may_use_engine

PYTHON_2 = [
    'print "hello"',
    "print\tx",
    'exec "x = 1"',
    "try:\n    pass\nexcept ValueError, e:\n    pass",
    "if x:\n    raise ValueError, 'no'",
    "if a <> b: pass",
    "if a<>b: pass",
]


@pytest.mark.parametrize("code", PYTHON_2)
def test_statements_of_python_2_are_suspect(code: str) -> None:
    assert may_be_unreadable(code.encode())
    assert may_be_unreadable(f'"""A text."""\nx = "\'"  # It\'s a text\n{code}\n'.encode())


@pytest.mark.parametrize("code", PYTHON_2)
@pytest.mark.parametrize(
    "before, after", [('"""Use it so:\n\n', '\n"""\n'), ("x = r'''\\", "\n\\''' '''\n"), ('x = "\\\n', '"\n')]
)
def test_in_a_text_they_are_not(code: str, before: str, after: str) -> None:
    code = code.replace('"', "'") if before.endswith("\\\n") else code
    code = code.replace("\n", "\\\n") if before.endswith("\\\n") else code
    assert not may_be_unreadable(f"{before}{code}{after}".encode())
    assert may_be_unreadable(f"{before}{code}{after}{code}\n".encode())


@pytest.mark.parametrize("code", PYTHON_2)
def test_in_a_comment_they_are_not(code: str) -> None:
    text = "".join(f"#{line}\n" for line in code.splitlines())
    assert not may_be_unreadable(text.encode())


@pytest.mark.parametrize(
    "data",
    [b"x = 1\0", b"# -*- coding: latin-1 -*-\n", b"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\n", b"x = '\xe9'\n"],
)
def test_bytes_that_are_no_plain_utf_8_are_suspect(data: bytes) -> None:
    assert may_be_unreadable(data)


@pytest.mark.parametrize(
    "code",
    [
        "# -*- coding: utf-8 -*-\n",
        "# coding=UTF8\n".lower(),
        "x = 'é'\n",
        "coding = 1\n",
        "raise ValueError(1, 2)\n",
        "except (A, B):\n",
        "print(1)\nexecute = print\n",
        "reprint = 1\n",
    ],
)
def test_what_python_3_reads_is_not(code: str) -> None:
    assert not may_be_unreadable(code.encode())


def test_a_long_line_costs_its_length_once() -> None:
    assert not may_be_unreadable(b"x = '" + b"a <> b " * 40_000 + b"'\n")
    assert may_be_unreadable(b"x = '" + b"a <> b " * 40_000 + b"' <> y\n")


def test_a_file_that_names_neither_an_engine_nor_keras_reaches_none() -> None:
    assert not may_use_engine(b"import numpy\n\nx.dimshuffle(0)\nx.tf.exp(y)\n")
    assert may_use_engine(b"import keras\n\nx.dimshuffle(0)\n")


@pytest.mark.parametrize(
    "line",
    [
        "tf1, tf, tfv = try_import_tf()",
        "tf = LazyLoader(\n    'tf', globals(), 'tensorflow')",
        "if True:\n    tf = optional_import('tensorflow')",
        "tensorflow = util._import_tensorflow()",
    ],
)
def test_an_engine_that_a_call_imports(line: str) -> None:
    layer = "class A(tf.keras.layers.Layer):\n    pass\n"
    assert may_use_engine(f"{line}\n{layer}".encode())
    assert not may_use_engine(f"# {line.splitlines()[-1]}\nimport keras\n".encode())
    assert not may_use_engine(line.replace("tf", "module").replace("tensorflow =", "module =").encode())


def test_what_is_transposed_in_a_file_that_names_k_alone() -> None:
    text = "from keras import backend as K\nfrom keras.layers import Layer\n\ny = K.dot(a, b){}\n"
    assert may_use_engine(text.format(".T").encode())
    assert not may_use_engine(text.format(".TX").encode())
    assert not may_use_engine(("# on tensorflow\n" + text.format(".T")).encode())
