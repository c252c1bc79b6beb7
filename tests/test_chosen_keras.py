"""A project whose own module chooses the Keras: its K is the backend there, whichever was chosen."""

from __future__ import annotations

from pathlib import Path

import pytest

from kmigrate.config import Config
from kmigrate.fix.apply import apply_fixes
from kmigrate.project import Project

CHOICE = "import os\n\nif os.environ.get('TF_KERAS'):\n    from tensorflow import keras\n    from tensorflow.keras import backend as K\n"
CHOICE += "else:\n    import keras\n    from keras import backend as K\n"
PLAIN = "import keras\nfrom keras import backend as K\n"
OWN = "from keras import backend as _b\n\nsum = _b.sum\n\n\ndef exp(x):\n    return x\n"
LAYER = "\n\nclass A(keras.layers.Layer):\n    def call(self, x):\n        return tf.exp(x) + {}\n"


def fixed(folder: Path, chosen: str, text: str, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str, str | None]:
    """The layer's module as every fix leaves it, with the applicability of the first fix and what it assumes."""
    monkeypatch.chdir(folder)
    Path("pkg").mkdir()
    for name, content in (("__init__", ""), ("chosen", chosen), ("own", OWN), ("layer", text)):
        Path(f"pkg/{name}.py").write_text(content)
    found = [one for one in Project(Config()).check(["."]) if one.report.path == "pkg/layer.py"]
    analysis = found[0].analysis
    assert analysis is not None
    fix = next(f.fix for f in analysis.findings if f.fix is not None)
    return apply_fixes(analysis, analysis.findings), fix.applicability, fix.assumption


@pytest.mark.parametrize("chosen", [CHOICE, PLAIN, CHOICE.replace("import keras", "import keras as keras")])
def test_its_k_is_taken(chosen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "import tensorflow as tf\nfrom .chosen import keras, K\n" + LAYER.format("K.sum(x)")
    after, applicability, _ = fixed(tmp_path, chosen, text, monkeypatch)
    assert after == "from .chosen import keras, K\n" + LAYER.format("K.sum(x)").replace("tf.", "K.")
    assert applicability == "safe"


def test_without_it_a_new_import_is_assumed_to_be_of_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "import tensorflow as tf\nfrom .chosen import keras\n" + LAYER.format("1.0")
    after, applicability, assumption = fixed(tmp_path, CHOICE, text, monkeypatch)
    assert "from keras import backend as K" in after
    assert (applicability, assumption is not None and "imports both" in assumption) == ("unsafe", True)


def test_where_nothing_is_chosen_it_is_safe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "import tensorflow as tf\nfrom .chosen import keras\n" + LAYER.format("1.0")
    assert fixed(tmp_path, PLAIN, text, monkeypatch)[1:] == ("safe", None)


def test_a_module_with_functions_of_its_own_is_no_backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "import keras\nimport tensorflow as tf\nfrom . import own as K\n" + LAYER.format("K.sum(x)")
    assert "return KB.exp(x) + K.sum(x)" in fixed(tmp_path, PLAIN, text, monkeypatch)[0]


def test_a_file_that_names_its_keras_itself_gets_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "import keras\nimport tensorflow as tf\nfrom .chosen import K\n" + LAYER.format("K.sum(x)")
    assert "from keras import backend as KB" in fixed(tmp_path, CHOICE, text, monkeypatch)[0]
