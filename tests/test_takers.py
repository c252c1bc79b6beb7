"""The import of an engine stays where another file takes the name from the module that loses its last use of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kmigrate.cli.main import main
from kmigrate.hiding import Hiding
from kmigrate.layers.modules import Modules
from kmigrate.takers import Takers
from kmigrate.words import imported_words

LAYER = "import tensorflow as tf\nfrom keras.layers import Layer\n\n\nclass A(Layer):\n    def call(self, x):\n        return tf.exp(x)\n"
TAKE = [
    "from .a import tf, A\n",
    "from pkg.a import tf as flow\n",
    "from pkg.a import (\n    A,\n    tf,\n)\n",
    "def f():\n    from .a import tf\n    return tf\n",
    "from . import a\nprint(a.tf.__version__)\n",
    "import pkg.a\nprint(pkg.a.tf)\n",
    "import pkg.a as other\nprint(other.tf)\n",
    "from .a import *\nprint(tf)\n",
    "from .a import tf\ndef f(:\n",
    "from unittest import mock\n@mock.patch('pkg.a.tf')\ndef test(tf):\n    pass\n",
    "def test(mocker):\n    mocker.patch('pkg.a.tf.exp')\n",
    "from pkg import a\ndef test(monkeypatch):\n    monkeypatch.setattr(a, 'tf', None)\n",
    "from . import a\nm = a\nprint(m.tf)\n",
    "from . import a\ndef f(module):\n    return module.tf\nf(a)\n",
    "import sys\nfrom .a import A\nprint(sys.modules[A.__module__].tf)\n",
    "import importlib\nprint(importlib.import_module('pkg.a').tf)\n",
    "import importlib\nm = importlib.import_module('.a', 'pkg')\nprint(m.tf)\n",
]
LEAVE = [
    "from .a import A\n",
    "from .a import *\nprint(A)\n",
    "import tensorflow as tf\nfrom .a import A\nprint(tf)\n",
    "from . import a\nprint(a.A)\n",
    "from .other import tf\nfrom .a import A\n",
    "# from .a import tf\nfrom .a import A\n",
    "def test(mocker):\n    mocker.patch('pkg.a.A')\n    mocker.patch('pkg.other.tf')\n    print('tf', 'pkg.a', 'tf.pkg.a')\n",
    "def f(:\n",
    "from .a import A\nfrom keras import backend as K\nprint(K.tf)\n",
    "from . import a, other\nprint(a.A, other.tf)\n",
]


def takers(files: dict[str, str]) -> Takers:
    return Takers(files, lambda path: files[path].encode())


@pytest.mark.parametrize("text", TAKE)
def test_what_takes_the_name(text: str) -> None:
    assert takers({"pkg/__init__.py": "", "pkg/a.py": LAYER, "pkg/b.py": text}).takes("pkg/a.py", "tf")


@pytest.mark.parametrize("text", LEAVE)
def test_what_does_not(text: str) -> None:
    assert not takers({"pkg/__init__.py": "", "pkg/a.py": LAYER, "pkg/b.py": text, "pkg/other.py": ""}).takes("pkg/a.py", "tf")


@pytest.mark.parametrize(("path", "text"), [("pkg/b.py", "from . import tf\n"), ("pkg/c/d.py", "from .. import tf\n")])
def test_what_takes_from_the_package_around_it(path: str, text: str) -> None:
    files = {"pkg/__init__.py": LAYER, "pkg/c/__init__.py": "", path: text}
    assert takers(files).takes("pkg/__init__.py", "tf")
    assert not takers({**files, path: text.replace("tf", "A") + "print('tf')\n"}).takes("pkg/__init__.py", "tf")


def test_a_project_that_is_called_as_a_known_package() -> None:
    files = {"keras/__init__.py": "", "keras/a.py": LAYER, "use.py": "from keras.a import tf\n"}
    assert takers(files).takes("keras/a.py", "tf")


def test_a_package_that_hands_everything_on() -> None:
    files = {"pkg/__init__.py": "from .a import *\n", "pkg/a.py": LAYER, "use.py": "from pkg import A\n"}
    assert not takers(files).takes("pkg/a.py", "tf")
    assert takers({**files, "use.py": "from pkg import tf\n"}).takes("pkg/a.py", "tf")


def test_modules_that_star_each_other_end() -> None:
    files = {"pkg/__init__.py": "", "pkg/a.py": "from .b import *\n" + LAYER, "pkg/b.py": "from .a import *\n"}
    assert takers(files).takes("pkg/a.py", "tf"), "the module itself may have it back through the other"


def test_what_cannot_be_read_takes_nothing() -> None:
    assert not Takers(["a.py", "b.py"], lambda path: None).takes("a.py", "tf")


@pytest.mark.parametrize("other", ["from .a import tf\n", "from .a import A\n"])
def test_a_fixed_project_still_imports(other: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a real Python, with stand-ins for TensorFlow and Keras: what is asked is whether the names still exist."""
    monkeypatch.chdir(tmp_path)
    package, libraries = tmp_path / "pkg", tmp_path / "libraries"
    for folder in (package, libraries / "tensorflow", libraries / "keras"):
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text("")
    (libraries / "keras" / "layers.py").write_text("class Layer:\n    pass\n")
    (libraries / "keras" / "backend.py").write_text("")
    (package / "a.py").write_text(LAYER)
    (package / "b.py").write_text(other)
    assert main(["fix", "--write", "pkg"]) == 0
    text = (package / "a.py").read_text()
    assert "K.exp(x)" in text
    assert ("import tensorflow as tf\n" in text) == ("tf" in other), "kept where it is taken, and only there"
    environment = {**os.environ, "PYTHONPATH": str(libraries)}
    subprocess.run([sys.executable, "-c", "import pkg.b"], check=True, env=environment, cwd=tmp_path)


@pytest.mark.parametrize(
    ("other", "name"),
    [
        ("import tensorflow.keras.backend as K\nfrom .a import *\nprint(K.x)\n", "_keras_backend"),
        ("K = 3\nfrom .a import *\n", "_keras_backend"),
        ("from .names import *\nfrom .a import *\nprint(K)\n", "_keras_backend"),
        ("from keras import backend as K\nfrom .a import *\nprint(K.x)\n", "K"),  # the same K
        ("from .a import *\nprint(A)\n", "K"),
        ("K = 3\nfrom .a import A\n", "K"),
    ],
)
def test_a_new_name_hides_none_of_a_file_that_star_imports_the_module(
    other: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    package = tmp_path / "pkg"
    package.mkdir()
    for file, text in (("__init__.py", ""), ("names.py", "K = 3\n"), ("a.py", LAYER), ("b.py", other)):
        (package / file).write_text(text)
    assert main(["check", "--no-cache", "--output-format", "json", "pkg"]) == 1
    told = [finding["fix"]["replacement"] for finding in json.loads(capsys.readouterr().out)["findings"]]
    assert main(["fix", "--write", "pkg"]) == 0
    text = (package / "a.py").read_text()
    assert f"from keras import backend as {name}\n" in text and f"return {name}.exp(x)" in text
    assert told == [f"{name}.exp(x)"], "what is told is what is written"
    assert main(["fix", "--write", "pkg"]) == 0
    assert (package / "a.py").read_text() == text


def test_a_public_name_where_it_is_another_that_would_be_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file's own K comes from elsewhere and is handed on; the new name is not that."""
    monkeypatch.chdir(tmp_path)
    files = {"names.py": "K = 3\n", "a.py": f"from names import K\n{LAYER}", "b.py": "from a import *\nprint(K)\n"}
    for file, text in files.items():
        Path(file).write_text(text)
    assert main(["fix", "--write", "."]) == 0
    assert "return KB.exp(x)" in Path("a.py").read_text()


STARRED = {"pkg/__init__.py": "", "pkg/a.py": LAYER, "pkg/b.py": "from .a import *\n", "pkg/c.py": "K = 3\nfrom .b import *\n"}
NEW = [("K", "keras.backend")]


def hiding(files: dict[str, str], parsed: set[str]) -> Hiding:
    """Those of ``parsed`` are known by what they star-import, the others by the words of their imports."""
    stars = {path: re.findall(r"from (\S+) import \*", files[path]) for path in parsed}
    words = {path: imported_words(files[path].encode()) for path in files.keys() - parsed}
    return Hiding(Modules(files), stars, words, lambda path: files[path].encode(), NEW)


@pytest.mark.parametrize("parsed", [set(), {"pkg/b.py"}, {"pkg/c.py"}, set(STARRED)])
def test_a_star_import_through_another_file_and_a_module_that_says_what_it_hands_on(parsed: set[str]) -> None:
    assert hiding(STARRED, parsed).of("pkg/a.py") == tuple(NEW)
    assert hiding(STARRED, parsed).of("pkg/c.py") == ()
    assert hiding({**STARRED, "pkg/a.py": f"{LAYER}__all__ = ['A']\n"}, parsed).of("pkg/a.py") == ()
    assert hiding({**STARRED, "pkg/c.py": "K = 3\nfrom .b import A\n"}, parsed - {"pkg/c.py"}).of("pkg/a.py") == ()
    assert hiding({**STARRED, "pkg/c.py": "def f(:\nfrom .b import *\n"}, parsed).of("pkg/a.py") == ()


def test_modules_that_star_each_other_hide_what_either_means() -> None:
    files = {"pkg/__init__.py": "", "pkg/a.py": "from .b import *\n", "pkg/b.py": "from .a import *\nK = 1\n"}
    found = hiding(files, set())
    assert found.of("pkg/a.py") == tuple(NEW) and found.of("pkg/b.py") == tuple(NEW)


def test_what_is_written_is_what_is_shown_whatever_the_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """b.py takes tf from z.py, and no longer when it is rewritten itself: the diff shows z.py as it is with b.py as it was."""
    monkeypatch.chdir(tmp_path)
    package = tmp_path / "pkg"
    package.mkdir()
    through = LAYER.replace("import tensorflow as tf", "from . import z").replace("tf.exp", "z.tf.exp")
    for file, text in (("__init__.py", ""), ("z.py", LAYER), ("b.py", through)):
        (package / file).write_text(text)
    assert main(["fix", "pkg"]) == 1
    assert "-import tensorflow as tf" not in capsys.readouterr().out
    assert main(["fix", "--write", "pkg"]) == 0
    assert "import tensorflow as tf" in (package / "z.py").read_text()
    assert "K.exp" in (package / "b.py").read_text()
