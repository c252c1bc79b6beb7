"""What a file is made into is freed as soon as nobody holds it: peak memory is that of one file, whatever the tree."""

from __future__ import annotations

import ast
import gc
from collections import Counter
from pathlib import Path

import pytest

from kmigrate.collector import uncollected
from kmigrate.config import Config
from kmigrate.digests import digest_of
from kmigrate.source import Source
from kmigrate.survey import analysed, survey
from kmigrate.workbench import Parsed, Workbench

FIXTURES = sorted((Path(__file__).parent.parent / "fixtures").rglob("*.py"))


def left_over() -> Counter[str]:
    """The kinds of what only the collector can free, by name: statements and what kmigrate makes of them."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        gc.collect()
        return Counter(
            type(o).__name__
            for o in gc.garbage
            if isinstance(o, (ast.Module, ast.stmt)) or type(o).__module__.startswith("kmigrate")
        )
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.collect()  # what was saved is free only now; else the next call would count it again


def test_no_cycle_holds_a_tree() -> None:
    assert len(FIXTURES) > 20
    data = [path.read_bytes() for path in FIXTURES]
    analysed("warm.py", data[0], "", None, Config().wishes)  # what is made once and stays
    gc.collect()  # what other tests left
    with uncollected():
        for bytes_ in data:
            survey(bytes_, forced=True)
            analysed("m.py", bytes_, digest_of(bytes_), None, Config().wishes)
        assert not left_over()


def parsed(size: int) -> Parsed:
    from kmigrate.names import Walk

    source = Source.parse("", b"#" * size)
    return Parsed(source, Walk(source.tree))


def test_the_workbench_keeps_the_newest_up_to_its_limit() -> None:
    bench = Workbench(100)
    for name in "abc":
        bench.put(name, parsed(40))
    assert bench.take("a") is None
    assert bench.take("b") is not None and bench.take("b") is None
    bench.put("huge", parsed(101))
    assert bench.take("huge") is None
    assert bench.take("c") is not None
    bench.put("d", parsed(100))
    assert bench.take("d") is not None


def test_the_workbench_keeps_nothing_of_a_large_run() -> None:
    bench = Workbench(100, worth=1000)
    bench.put("a", parsed(40))
    bench.clear_for(1001)
    bench.put("b", parsed(40))
    assert bench.take("a") is None and bench.take("b") is None
    bench.clear_for(1000)
    bench.put("c", parsed(90))
    assert bench.take("c") is not None


@pytest.mark.parametrize(
    "text",
    [
        "import tensorflow as tf\nfrom keras.layers import Layer\nclass A(Layer):\n    def call(self, x):\n        return tf.exp(x)\n"
    ],
)
def test_a_file_is_examined_as_if_it_had_not_been_surveyed_here(text: str) -> None:
    data = text.encode()
    fresh = analysed("m.py", data, digest_of(data), None, Config().wishes)[0]
    assert survey(data).facts is not None
    assert analysed("m.py", data, digest_of(data), None, Config().wishes)[0] == fresh
    assert fresh.findings[0].path == "m.py"
