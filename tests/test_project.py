"""Whole projects on disk: what other files decide, what is remembered, what two processes find."""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kmigrate import project, survey, universe, workers
from kmigrate.cache import cache_directory
from kmigrate.cli.main import main
from kmigrate.config import Config
from kmigrate.fix.anchors import SOMETIMES
from kmigrate.gate import may_use_engine
from kmigrate.layers.nouns import DefinitionFacts, Use
from kmigrate.model import FileReport
from kmigrate.names.aliases import canonical_symbol
from kmigrate.names.symbols import ENGINE_IN_KERAS
from kmigrate.project import Project
from kmigrate.traces import EXPOSED

FILES = {
    "pkg/__init__.py": "",
    "pkg/compat.py": "import tensorflow as tf\n",
    "pkg/ops.py": "import tensorflow as tf\n\ndef total(x):\n    return tf.reduce_sum(x)\n\ndef unused(x):\n    return tf.square(x)\n",
    "pkg/layer.py": "from keras.layers import Layer\nfrom .ops import total\n\nclass A(Layer):\n    def call(self, x):\n        return total(x)\n",
    "pkg/through.py": "from keras.layers import Layer\nfrom .compat import tf\n\nclass B(Layer):\n    def call(self, x):\n        return tf.exp(x)\n",
    "pkg/broken.py": "import tensorflow as tf\ndef f(:\n",
    "pkg/clean.py": "def f(x):\n    return x\n",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose files are old enough for their times to be trusted."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KMIGRATE_CACHE_DIR", str(tmp_path / "cache"))
    for name, text in FILES.items():
        write(tmp_path / name, text)
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    old = time.time() - 60
    os.utime(path, (old, old))


def symbols(reports: list[FileReport]) -> dict[str, list[str]]:
    return {r.path: [f.symbol for f in r.findings] for r in reports if r.findings}


EXPECTED = {"pkg/ops.py": ["tf.math.reduce_sum"], "pkg/through.py": ["tf.math.exp"]}


def test_findings_that_other_files_decide(folder: Path) -> None:
    reports = Project(Config()).reports(["pkg"])
    assert symbols(reports) == EXPECTED
    assert [(e.path, e.line) for r in reports for e in r.errors] == [("pkg/broken.py", 2)]
    assert len(reports) == len(FILES)


def test_an_engine_of_another_module_is_the_one_that_methods_are_of(folder: Path) -> None:
    helper = "\n\ndef told(v):\n    return v.numpy()\n"
    write(folder / "pkg/through.py", FILES["pkg/through.py"].replace("tf.exp(x)", "told(tf.exp(x).other)") + helper)
    assert symbols(Project(Config()).reports(["pkg/through.py"])) == {"pkg/through.py": ["tf.math.exp", "tf.Tensor.numpy"]}


def test_a_new_import_of_keras_beside_an_engine_of_another_module_is_an_assumption(folder: Path) -> None:
    write(folder / "pkg/through.py", "from .compat import tf\n\ndef f(y_true, y_pred):\n    return tf.exp(y_pred)\n")
    (finding,) = Project(Config()).reports(["pkg/through.py"])[0].findings
    assert finding.fix is not None
    assert finding.fix.assumption == SOMETIMES
    own = FILES["pkg/through.py"]  # which imports Keras
    write(folder / "pkg/through.py", own)
    (finding,) = Project(Config()).reports(["pkg/through.py"])[0].findings
    assert finding.fix is not None
    assert finding.fix.applicability == "safe"


def test_one_file_alone_is_judged_by_its_whole_package(folder: Path) -> None:
    reports = Project(Config()).reports(["pkg/ops.py"])
    assert symbols(reports) == {"pkg/ops.py": ["tf.math.reduce_sum"]}
    assert [r.path for r in reports] == ["pkg/ops.py"]


def test_check_and_reports_agree(folder: Path) -> None:
    assert [c.report for c in Project(Config()).check(["pkg"])] == Project(Config()).reports(["pkg"])


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """Which steps ran on which content since the last call."""
    ran: list[str] = []
    real_survey, real_examine = universe.survey, project._examine
    monkeypatch.setattr(universe, "survey", lambda *asked: (ran.append("survey"), real_survey(*asked))[1])
    monkeypatch.setattr(project, "_examine", lambda job, data: (ran.append(f"examine {job.name}"), real_examine(job, data))[1])

    def taken() -> list[str]:
        found = ran.copy()
        ran.clear()
        return found

    return taken


def test_a_second_run_reads_nothing_and_says_the_same(folder: Path, parsed: Callable[[], list[str]]) -> None:
    first = Project(Config(), cached=True).reports(["pkg"])
    assert "examine pkg/ops.py" in parsed()
    assert Project(Config(), cached=True).reports(["pkg"]) == first
    assert parsed() == []


def test_one_changed_file_costs_that_file(folder: Path, parsed: Callable[[], list[str]]) -> None:
    Project(Config(), cached=True).reports(["pkg"])
    parsed()
    write(folder / "pkg/through.py", FILES["pkg/through.py"].replace("exp", "log"))
    reports = Project(Config(), cached=True).reports(["pkg"])
    # The gate keeps it out; then the index asks for it, since it imports what may be an engine.
    assert parsed() == ["survey", "examine pkg/through.py"]
    assert symbols(reports) == {**EXPECTED, "pkg/through.py": ["tf.math.log"]}


def test_what_a_changed_file_decides_elsewhere_is_decided_anew(folder: Path) -> None:
    Project(Config(), cached=True).reports(["pkg"])
    write(folder / "pkg/layer.py", FILES["pkg/layer.py"].replace("total", "unused"))
    assert symbols(Project(Config(), cached=True).reports(["pkg"]))["pkg/ops.py"] == ["tf.math.square"]


def test_a_file_written_a_moment_ago_is_read_again(folder: Path) -> None:
    path = folder / "pkg/through.py"
    path.write_text(FILES["pkg/through.py"])
    Project(Config(), cached=True).reports(["pkg"])
    times = path.stat()
    path.write_text(FILES["pkg/through.py"].replace("exp", "log"))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert symbols(Project(Config(), cached=True).reports(["pkg"]))["pkg/through.py"] == ["tf.math.log"]


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"version": 1}', b'{"version": "", "entries": 3}', b"\xff\x00"])
def test_a_damaged_cache_is_as_none(folder: Path, damage: bytes) -> None:
    first = Project(Config(), cached=True).reports(["pkg"])
    for file in Path(cache_directory()).iterdir():
        file.write_bytes(damage)
    assert Project(Config(), cached=True).reports(["pkg"]) == first


@pytest.mark.parametrize("part", [0.3, 0.5, 0.9])
def test_of_a_cache_that_was_cut_the_rest_is_good(folder: Path, part: float) -> None:
    first = Project(Config(), cached=True).reports(["pkg"])
    for file in Path(cache_directory()).iterdir():
        data = file.read_bytes()
        file.write_bytes(data[: int(len(data) * part)])
    assert Project(Config(), cached=True).reports(["pkg"]) == first


def test_entries_of_another_shape_are_not_used(folder: Path) -> None:
    first = Project(Config(), cached=True).reports(["pkg"])
    for file in Path(cache_directory()).iterdir():
        file.write_text(file.read_text().replace("\t[", "\t[1,"))
    assert Project(Config(), cached=True).reports(["pkg"]) == first


def test_other_options_are_other_results(folder: Path) -> None:
    Project(Config(), cached=True).reports(["pkg"])
    assert symbols(Project(Config(ignore=("TF",)), cached=True).reports(["pkg"])) == {}
    whole = symbols(Project(Config(scope="module"), cached=True).reports(["pkg"]))
    assert whole["pkg/ops.py"] == ["tf.math.reduce_sum", "tf.math.square"]


def test_a_folder_that_cannot_hold_the_cache_changes_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "file").write_text("")
    monkeypatch.setenv("KMIGRATE_CACHE_DIR", str(folder / "file"))
    assert symbols(Project(Config(), cached=True).reports(["pkg"])) == EXPECTED


def test_two_processes_find_what_one_finds(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = Project(Config(), jobs=1).reports(["pkg"])
    monkeypatch.setattr(workers, "_WORTH_PROCESSES", 0)
    monkeypatch.setattr(workers, "_CHUNK_FILES", 2)
    assert Project(Config(), jobs=2).reports(["pkg"]) == one


@pytest.mark.parametrize(
    ("use", "symbol"),
    [
        ("x.get_shape()", "tf.Tensor.get_shape"),
        ("K.exp(x).sum()", "theano.tensor.TensorVariable.sum"),
        ("x.dimshuffle(0, 'x')", "theano.tensor.TensorVariable.dimshuffle"),
        ("self.add_weight().initializer", "tf.Variable.initializer"),
    ],
)
def test_methods_of_an_engine_in_a_file_that_names_none(folder: Path, use: str, symbol: str) -> None:
    text = f"from keras import backend as K\nfrom keras.layers import Layer\n\nclass A(Layer):\n    def call(self, x):\n        return {use}\n"
    write(folder / "pkg/methods.py", text)
    assert symbols(Project(Config()).reports(["pkg/methods.py"])) == {"pkg/methods.py": [symbol]}


def test_a_call_and_the_method_of_its_result_are_two_findings_of_one_unit(folder: Path) -> None:
    text = "import theano.tensor as T\nfrom keras.layers import Layer\n\nclass A(Layer):\n    def call(self, x):\n        return T.scan(x).sum()\n"
    write(folder / "pkg/two.py", text.replace("T.scan", "T.argsort"))
    (checked,) = Project(Config()).check(["pkg/two.py"])
    assert checked.analysis is not None
    both = checked.analysis.findings
    assert [f.start for f in both] == [both[0].start] * 2
    (unit,) = checked.analysis.units([f for f in both if f.symbol.endswith(".sum")])
    assert unit.remaining == {"theano": ("theano.tensor.argsort",)}


def test_clean_forgets_what_was_kept(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Project(Config(), cached=True).reports(["pkg"])
    kept = list(Path(cache_directory()).iterdir())
    assert main(["clean", "--dry-run"]) == 0
    assert f"would remove {len(kept)} files" in capsys.readouterr().out
    assert list(Path(cache_directory()).iterdir()) == kept
    assert main(["clean"]) == 0
    assert list(Path(cache_directory()).iterdir()) == []
    assert main(["clean"]) == 0
    assert "removed 0 files" in capsys.readouterr().out


@pytest.mark.parametrize("command", [["check", "-j", "1", "--no-cache"], ["fix"]])
def test_a_defect_of_ours_costs_one_file(
    command: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = survey.analysed

    def broken(name: str, *rest: Any) -> Any:
        if name.endswith("through.py"):
            raise ZeroDivisionError("planted")
        return real(name, *rest)

    monkeypatch.setattr(survey, "analysed", broken)
    assert main([*command, "pkg"]) == 2
    told = capsys.readouterr()
    said = told.out + told.err
    assert "pkg/through.py" in said and "internal error: ZeroDivisionError: planted (KMIGRATE_DEBUG=1 shows where)" in said
    assert "K.sum(x)" in said, "the other files go on"


@pytest.mark.parametrize(
    ("head", "call", "symbol"),
    [
        ("tf = __import__('tensorflow')", "tf.exp(x)", "tf.math.exp"),
        ("import importlib as il\ntf = il.import_module('tensorflow')", "tf.exp(x)", "tf.math.exp"),
        ("from importlib import import_module as im\nload = im\ntf = load('tensorflow')", "tf.exp(x)", "tf.math.exp"),
        ("from keras import backend as K", "K.math_ops.exp(x)", "tf.python.ops.math_ops.exp"),
        ("from keras import backend as K", "K.ctc.ctc_loss(x, x, x)", "tf.python.ops.ctc_ops.ctc_loss"),
        ("from keras.backend import tf", "tf.exp(x)", "tf.math.exp"),
        ("from keras.backend import (\n    shape,\n    T,\n)", "T.exp(x)", "theano.tensor.exp"),
        ("from keras.backend import *", "T.exp(x)", "theano.tensor.exp"),
        ("from keras import backend as B\nT = B.T  # Theano's", "T.exp(x)", "theano.tensor.exp"),
        ("from keras import backend as B", "B.T.exp(x)", "theano.tensor.exp"),
        ("from keras import backend as B", "getattr(B.T, 'exp')(x)", "theano.tensor.exp"),
        ("try: import tensorflow as tf\nexcept ImportError: pass", "tf.exp(x)", "tf.math.exp"),
        ("import os; import tensorflow as tf", "tf.exp(x)", "tf.math.exp"),
        ("from \\\n    tensorflow import exp", "exp(x)", "tf.math.exp"),
        ("\N{BYTE ORDER MARK}import tensorflow as tf", "tf.exp(x)", "tf.math.exp"),
        ("from keras import utils", "utils.module_utils.tensorflow.exp(x)", "tf.math.exp"),
        ("import numpy as np\nfrom functools import partial as p\nimport tensorflow as tf\nf = tf.exp", "f(x)", "tf.math.exp"),
    ],
)
def test_an_engine_is_found_however_it_is_reached(folder: Path, head: str, call: str, symbol: str) -> None:
    write(
        folder / "one.py",
        f"{head}\nfrom keras.layers import Layer\n\nclass A(Layer):\n    def call(self, x):\n        return {call}\n",
    )
    (report,) = Project(Config()).reports(["one.py"])
    assert [canonical_symbol(f.symbol) for f in report.findings] == [canonical_symbol(symbol)]


@pytest.mark.parametrize(
    "line",
    [
        "y = x.T + f(x.T)  # of numpy",
        "# import tensorflow as tf",
        "URL = 'https://www.tensorflow.org/guide'",
        "self.assign_add(v, x)",
        "ready = testing.tensorflow_uses_gpu()",
        "from keras.initializers.initializer import Initializer",
        "f(self.num_ops, 1)",
        "text = '>>> import tensorflow'",
    ],
)
def test_what_only_looks_like_an_engine_is_not_parsed(line: str) -> None:
    assert not may_use_engine(f"import keras\n\n{line}\n".encode())


@pytest.mark.parametrize("line", ["n = x.shape[1].value", "n = (x.shape[1] * x.shape[2]).value"])
def test_a_dimension_alone_ties_a_layer_to_tensorflow(line: str) -> None:
    assert may_use_engine(f"import keras\n\n{line}\n".encode())


def test_the_gate_knows_every_name_by_which_keras_exposes_an_engine() -> None:
    assert set(EXPOSED) == ENGINE_IN_KERAS.keys()


def test_facts_arrive_as_they_were_sent() -> None:
    text = b"import tensorflow as tf\nfrom .a import f\nclass A(f.Base):\n    def call(self, x):\n        return f(tf.exp(x))\n"
    facts = survey.survey(text).facts
    assert facts is not None and facts.uses and facts.definitions
    arrived = pickle.loads(pickle.dumps(facts))
    assert arrived == facts
    assert [type(arrived.uses[0]), type(arrived.definitions[0])] == [Use, DefinitionFacts]


def test_the_largest_group_of_files_comes_first() -> None:
    sizes = [300_000, 200_000, 900_000, 100, 200]
    groups = workers.chunks([(str(size), size) for size in sizes])
    assert [[size for _, size in group] for group in groups] == [[900_000], [300_000, 200_000], [100, 200]]


def test_another_text_of_a_file_is_judged_by_its_own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the project says of a file numbers its definitions and tells lines: both are others after a fix."""
    text = "import tensorflow as tf\nfrom keras.layers import Lambda\n\n\ndef give(f):\n    return f\n\n\na = give  (tf.log)\nb = Lambda(tf.exp)\n"
    text += "c = lambda x: tf.exp(x)\nd = Lambda(lambda x: tf.exp(x))\n"
    monkeypatch.chdir(tmp_path)
    Path("a.py").write_text(text)
    analysis = next(one.analysis for one in Project(Config()).check(["a.py"]))
    assert analysis is not None and analysis.again is not None
    assert [f.line for f in analysis.findings] == [10, 12]
    moved = analysis.again(f"import os\n{text}".encode())
    assert moved is not None and [f.line for f in moved.findings] == [13]
    assert analysis.again(text.replace("lambda x: tf.exp(x)", "give", 1).encode()) is None
