"""A built wheel, installed in a clean environment, finds its rules."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_wheel_carries_its_rules_and_checks_code(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path / "dist"), str(ROOT)],
        check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "kmigrate/_rules/tensorflow/proof/math.json" in names
    assert "kmigrate/verify/stacks.toml" in names and any(n.startswith("kmigrate/verify/locks/") for n in names)
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    subprocess.run([str(python), "-m", "pip", "install", "-q", str(wheel)], check=True, capture_output=True)
    (tmp_path / "layer.py").write_text(
        "import tensorflow as tf\nfrom keras.layers import Layer\nclass A(Layer):\n    def call(self, x):\n        return tf.square(x)\n"
    )
    kmigrate = tmp_path / "env" / "bin" / "kmigrate"
    result = subprocess.run([str(kmigrate), "check", "layer.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "K.square(x)" in result.stdout
