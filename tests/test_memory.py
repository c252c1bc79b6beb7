"""What a file is made into is freed as soon as nobody holds it: peak memory is that of one file, whatever the tree."""

from __future__ import annotations

import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import pytest

from kmigrate.cli.main import main
from kmigrate.config import Config
from kmigrate.digests import digest_of
from kmigrate.source import Source
from kmigrate.survey import analysed, survey
from kmigrate.workbench import WORKBENCH, Parsed, Workbench

LAYER = "import tensorflow as tf\nfrom keras.layers import Layer\n\n\nclass A(Layer):\n    def call(self, x):\n        return tf.exp(x)\n"
FIXTURES = sorted((Path(__file__).parent.parent / "fixtures").rglob("*.py"))


# In a process of its own: what other tests made, and what they left behind, is no business of this one.
LEFT_OVER = """
import ast, gc, sys
from collections import Counter
from pathlib import Path

from kmigrate.collector import uncollected
from kmigrate.config import Config
from kmigrate.digests import digest_of
from kmigrate.survey import analysed, survey

files = [Path(path).read_bytes() for path in sys.argv[1:]]
analysed("warm.py", files[0], "", None, Config().wishes)  # what is made once and stays
gc.collect()
with uncollected():
    for data in files:
        survey(data, forced=True)
        analysed("m.py", data, digest_of(data), None, Config().wishes)
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.collect()
ours = [o for o in gc.garbage if isinstance(o, (ast.Module, ast.stmt)) or type(o).__module__.startswith("kmigrate")]
print(len(files), Counter(type(o).__name__ for o in ours))
"""


def left_over(files: list[Path]) -> str:
    """How many files were analysed, and the kinds of what only the collector can free: statements and what kmigrate makes of them."""
    command = [sys.executable, "-c", LEFT_OVER, *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_no_cycle_holds_a_tree() -> None:
    assert len(FIXTURES) > 20
    assert left_over(FIXTURES) == f"{len(FIXTURES)} Counter()"


def test_a_cycle_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    knot = "import kmigrate.source as s\nparse = s.Source.parse.__func__\ndef tied(cls, path, data):\n"
    knot += "    source = parse(cls, path, data)\n    source.tree.knot = source.tree\n    return source\n"
    knot += "s.Source.parse = classmethod(tied)\n"
    monkeypatch.setitem(globals(), "LEFT_OVER", knot + LEFT_OVER)
    assert "'Module'" in left_over(FIXTURES[:2])


def test_a_fix_holds_one_file_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trees: weakref.WeakSet[Source] = weakref.WeakSet()
    alive: list[int] = []

    def watched(*arguments: Any) -> Any:
        report, analysis = analysed(*arguments)
        trees.add(analysis.source)
        alive.append(len(trees))
        return report, analysis

    monkeypatch.setattr("kmigrate.survey.analysed", watched)
    monkeypatch.chdir(tmp_path)
    for number in range(20):
        Path(f"m{number}.py").write_text(LAYER)
    assert main(["fix", "--write", "."]) == 0
    assert len(alive) == 2 * 20 and max(alive) <= 3  # each again, as rewritten
    assert "K.exp" in Path("m19.py").read_text()


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


def test_only_what_will_probably_be_examined_is_kept() -> None:
    layer = b"import tensorflow as tf\nfrom keras.layers import Layer\nclass A(Layer):\n    def call(self, x):\n        return tf.exp(x)\n"
    loader = b"import tensorflow as tf\nfrom keras.layers import Layer\nclass A(Layer):\n    pass\ndef load(x):\n    return tf.exp(x)\n"
    test = layer.replace(b"keras.layers import Layer", b"unittest import TestCase as Layer").replace(
        b"(Layer)", b"(tf.test.TestCase)"
    )
    handed = b"import tensorflow as tf\nfrom keras.layers import Dense\nDense(3, activation=tf.nn.relu)\n"
    for data, kept in ((layer, True), (loader, False), (test, False), (handed, True)):
        survey(data)
        assert (WORKBENCH.take(digest_of(data)) is not None) == kept, data
