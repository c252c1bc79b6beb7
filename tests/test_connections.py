"""Files that name no engine and connect those that do: a helper is found on every way that layer code may take to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kmigrate import universe, workers
from kmigrate.config import Config
from kmigrate.project import Project

HELPER = "def helper(x):\n    return tf.exp(x)\n"
TOOLS = "class Tools:\n    @staticmethod\n    def helper(x):\n        return tf.exp(x)\n"
# What layers/__init__.py says, and the name by which it has the helper.
PACKAGES = {
    "by name": ("from .impl import helper", "helper"),
    "under another name": ("from .impl import helper as h", "h"),
    "by an absolute name": ("from pkg.layers.impl import helper", "helper"),
    "by a star": ("from .impl import *", "helper"),
    "by two stars": ("from .between import *", "helper"),
    "by its module": ("from . import impl", "impl.helper"),
    "by an assignment": ("from . import impl\nhelper = impl.helper", "helper"),
    "by a function around it": ("from . import impl\ndef helper(x):\n    return impl.helper(x)", "helper"),
    "in a class": ("from .impl import Tools", "Tools.helper"),
}
# How the layer's module gets it: {first} is the part of the name before a dot.
IMPORTS = {
    "from the package": ("from .layers import {first}", "{name}"),
    "from the package, absolute": ("from pkg.layers import {first}", "{name}"),
    "through the package": ("from . import layers", "layers.{name}"),
    "by dots": ("import pkg.layers.impl", "pkg.layers.{name}"),
    "under an alias": ("import pkg.layers as L", "L.{name}"),
    "by a star": ("from .layers import *", "{name}"),
    "in brackets": ("from .layers import (\n    {first},\n)", "{name}"),
    "through the package above": ("from . import handed_on", "handed_on.{name}"),
}
LAYER = "from keras.layers import Layer\n{line}\n\nclass A(Layer):\n    def call(self, x):\n        return {use}(x)\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "pkg/__init__.py", "from . import layers as handed_on\n")
    write(tmp_path, "pkg/layers/__init__.py", "")
    write(tmp_path, "pkg/layers/between.py", "from .impl import *\n")
    write(tmp_path, "pkg/layers/impl.py", f"import tensorflow as tf\n\n{HELPER}\n{TOOLS}")
    return tmp_path


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def found() -> list[tuple[str, str]]:
    return [(f.path, f.symbol) for report in Project(Config()).reports(["."]) for f in report.findings]


@pytest.mark.parametrize("line", IMPORTS)
@pytest.mark.parametrize("package", PACKAGES)
def test_a_helper_that_a_package_hands_on(project: Path, package: str, line: str) -> None:
    text, name = PACKAGES[package]
    write(project, "pkg/layers/__init__.py", text + "\n")
    how, use = IMPORTS[line]
    layer = LAYER.format(line=how.format(first=name.partition(".")[0]), use=use.format(name=name))
    write(project, "pkg/model.py", layer)
    assert found() == [("pkg/layers/impl.py", "tf.math.exp")]


def test_a_package_that_uses_an_engine_itself_hands_on_too(project: Path) -> None:
    write(
        project,
        "pkg/layers/__init__.py",
        "import tensorflow as tf\nfrom .impl import helper\n\ndef other(x):\n    return tf.abs(x)\n",
    )
    write(project, "pkg/model.py", LAYER.format(line="from . import layers", use="layers.helper"))
    assert found() == [("pkg/layers/impl.py", "tf.math.exp")]


# How a file that names no engine gets that of a module whose own layer code uses it, and its base.
THROUGH = [
    ("from .z import *", "A", "tf.exp"),
    ("from .z import *\nfrom keras.layers import Layer", "Layer", "tf.exp"),
    ("from .z import A, tf", "A", "tf.exp"),
    ("from .z import A, tf as flow", "A", "flow.exp"),
    ("from . import z", "z.A", "z.tf.exp"),
    ("import pkg.z", "pkg.z.A", "pkg.z.tf.exp"),
    ("from pkg import z as q", "q.A", "q.tf.exp"),
    ("from .between import *", "A", "tf.exp"),
    ("from . import handing", "handing.A", "handing.tf.exp"),
]


@pytest.mark.parametrize(("line", "base", "use"), THROUGH)
def test_an_engine_of_a_module_that_has_layers_of_its_own(project: Path, line: str, base: str, use: str) -> None:
    own = "import tensorflow as tf\nfrom keras.layers import Layer\nclass A(Layer):\n    def call(self, x):\n        return tf.abs(x)\n"
    write(project, "pkg/z.py", own)
    write(project, "pkg/between.py", "from .z import *\n")
    write(project, "pkg/handing.py", "from .z import A, tf\n")
    write(project, "pkg/b.py", f"{line}\nclass B({base}):\n    def call(self, x):\n        return {use}(x)\n")
    assert found() == [("pkg/b.py", "tf.math.exp"), ("pkg/z.py", "tf.math.abs")]


def test_what_nobody_uses_stays_outside_of_layer_code(project: Path) -> None:
    write(project, "pkg/layers/__init__.py", "from .impl import helper\n")
    write(project, "pkg/model.py", LAYER.format(line="from . import layers", use="layers.other"))
    assert found() == []


def test_files_that_lead_nowhere_are_not_parsed(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is handed on is known exactly: a word alone (``impl``) would draw in whatever imports a module of that name."""
    parsed: list[str] = []
    real = universe.Universe._load
    monkeypatch.setattr(universe.Universe, "_load", lambda self, path: (parsed.append(path), real(self, path))[1])
    write(project, "pkg/layers/__init__.py", "from .impl import helper\n")
    write(project, "pkg/other/__init__.py", "from .impl import thing\n")
    write(project, "pkg/other/impl.py", "def thing(x):\n    return x\n")
    write(project, "pkg/far.py", "from .other import thing\n\ndef f(x):\n    return thing(x)\n")
    assert found() == []
    assert {Path(path).relative_to(project).as_posix() for path in parsed} >= {"pkg/layers/__init__.py"}
    assert not any(path.endswith(("far.py", "other/impl.py")) for path in parsed)


def test_a_chain_of_files_that_name_no_engine_is_found_link_by_link(project: Path) -> None:
    """Each file is asked for when the one before is known; what was found before is not asked about again."""
    write(project, "pkg/first.py", "from .layers.impl import helper\n\ndef one(x):\n    return helper(x)\n")
    write(project, "pkg/second.py", "from .first import one\n\ndef two(x):\n    return one(x)\n")
    write(project, "pkg/third.py", "from .second import two\n\ndef three(x):\n    return two(x)\n")
    write(project, "pkg/model.py", LAYER.format(line="from .third import three", use="three"))
    assert found() == [("pkg/layers/impl.py", "tf.math.exp")]


def test_other_processes_read_the_words_of_imports(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(project, "pkg/layers/__init__.py", "from .impl import helper\n")
    write(project, "pkg/model.py", LAYER.format(line="from .layers import helper", use="helper"))
    monkeypatch.setattr(workers, "_WORTH_PROCESSES", 0)
    monkeypatch.setattr(workers, "_CHUNK_FILES", 1)
    reports = Project(Config(), jobs=2).reports(["."])
    assert [(f.path, f.symbol) for report in reports for f in report.findings] == [("pkg/layers/impl.py", "tf.math.exp")]


def test_other_processes_read_the_modules_of_bases(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index would load them here, one at a time; what cannot be read is told as if it did."""
    write(project, "pkg/base.py", "from keras.layers import Layer\n\nclass Base(Layer):\n    pass\n")
    write(project, "pkg/broken.py", "class Mixin:\n    def f(self, x:\n")
    layer = "from .base import Base\nfrom .broken import Mixin\nfrom .layers.impl import tf\n\nclass A(Base, Mixin):\n"
    write(project, "pkg/model.py", layer + "    def call(self, x):\n        return tf.exp(x).get_shape()\n")
    one = Project(Config()).reports(["."])
    assert [(f.path, f.symbol) for report in one for f in report.findings][:1] == [("pkg/model.py", "tf.math.exp")]
    assert [error.path for report in one for error in report.errors] == ["pkg/broken.py"]
    monkeypatch.setattr(workers, "_WORTH_PROCESSES", 0)
    monkeypatch.setattr(workers, "_CHUNK_FILES", 1)
    ahead: set[str] = set()
    real = universe.Universe._look_ahead

    def look(self: universe.Universe, *arguments: Any) -> None:
        real(self, *arguments)
        ahead.update(Path(path).name for path in self._ahead)

    monkeypatch.setattr(universe.Universe, "_look_ahead", look)
    assert Project(Config(), jobs=2).reports(["."]) == one
    assert ahead == {"base.py", "broken.py"}
