"""Distributions beside a stack: named, built from the real registry, seen by the workers, and never over the stack's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kmigrate.model import UserError
from kmigrate.verify import overlays, stacks

LAYER = """\
import tensorflow as tf
import inflection
from keras.layers import Layer


class Named(Layer):
    def call(self, x):
        return tf.exp(x) * float(len(inflection.underscore("SomeName")))
"""
NEVER = """

class Never(Layer):
    def call(self, x):
        return tf.exp(x) * no_such_module_of_anybody.factor()
"""


def test_an_overlay_has_a_name_and_a_place_of_its_own() -> None:
    plain = stacks.get_stack("keras2-tf1")
    both = stacks.get_stack("keras2-tf1+tensorflow-addons==0.13.0+pillow")
    assert both.name == "keras2-tf1+pillow+tensorflow-addons==0.13.0"
    assert both == stacks.with_extra(plain, ["tensorflow-addons==0.13.0", "pillow"]), "the order does not matter"
    assert both.directory.parent.name == "overlays" and plain.directory.parent.name == "stacks"
    assert both.digest != plain.digest
    assert both.versions == {**plain.versions, "tensorflow-addons": "0.13.0"}


@pytest.mark.parametrize("name", ["keras2-tf1+;rm", "keras2-tf1+", "keras2-tf1+-r x", "keras2-tf1+a>=2", "keras2-tf1+./here"])
def test_what_is_no_distribution_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="is no NAME or NAME==VERSION of a distribution"):
        stacks.get_stack(name)


def test_which_distribution_has_a_module() -> None:
    assert overlays.distribution_of("cv2") == "opencv-python-headless"
    assert overlays.distribution_of("tensorflow_probability") == "tensorflow-probability"


def test_reasons_name_what_is_missing() -> None:
    reason = "fails at call: ImportError: tensorflow_probability is not installed in the stack"
    assert overlays.missing_modules([reason, None, "cv2.imgproc is not installed in the stack"]) == {
        "tensorflow_probability",
        "cv2",
    }
    assert overlays.advice(reason) == "--install-missing installs tensorflow-probability beside the stack"
    assert overlays.missing_modules(["theano is not installed in the stack"]) == set(), "an engine is the stack's own affair"
    assert overlays.advice("fails at call: ValueError") == ""


def verify(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kmigrate", "verify", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, env={**os.environ})


@pytest.mark.engines
def test_what_is_missing_is_installed_where_the_user_says_so(tmp_path: Path) -> None:
    overlay = stacks.get_stack("keras2-tf1+inflection")
    shutil.rmtree(overlay.directory, ignore_errors=True)
    (tmp_path / "layer.py").write_text(
        LAYER.replace("import inflection\n", "import inflection\nimport no_such_module_of_anybody\n") + NEVER
    )

    without = verify("layer.py", cwd=tmp_path)
    assert without.returncode == 2
    assert "inflection is not installed in the stack (--install-missing installs inflection beside the stack)" in without.stdout
    assert not overlay.directory.exists(), "nothing is installed unasked"

    having = verify("--install-missing", "layer.py", cwd=tmp_path)
    assert "1 identical, 1 skipped" in having.stdout
    assert "stack keras2-tf1+inflection" in having.stdout
    assert "could not be installed" in having.stderr and "no-such-module-of-anybody" in having.stderr
    names = {path.name.partition("-")[0].lower() for path in overlay.directory.glob("lib/python*/site-packages/*.dist-info")}
    assert names == {"inflection"}, "what the stack has is not installed again"
