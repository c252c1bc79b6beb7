"""The trees that are measured: unpacked packages and generated files, in a cache folder outside the repository."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from platformdirs import user_cache_path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "scripts"))

from recall.download import cache_folder, unpacked  # noqa: E402

_HEAD = "import tensorflow as tf\nfrom keras.layers import Layer\n"
_LAYER = '''

class Layer{n}(Layer):
    """Scores of part {n}."""

    def call(self, inputs, mask=None):
        values = inputs[0] * 2.0
        if mask is not None:
            values = values * mask  # keep the padding out
        scores = tf.reduce_sum(values, axis=-1, keepdims=True)
        return values / (scores + 1e-7)
'''


def cache() -> Path:
    return user_cache_path("kmigrate") / "benchmarks"


def python_files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*.py") if p.is_file())


def packages(corpus: str) -> Path:
    """The folder with the packages that corpora.txt lists for a corpus."""
    folder = cache() / corpus
    for line in (HERE / "corpora.txt").read_text("utf-8").splitlines():
        if line.startswith(f"{corpus} "):
            unpacked(line.split()[1], folder)
    return folder


def dirty() -> Path:
    """Layer code with many uses: the projects that scripts/recall reads."""
    for line in (HERE.parent / "scripts" / "recall" / "projects.txt").read_text("utf-8").splitlines():
        unpacked(line.split()[0], cache_folder())
    return cache_folder()


def generated(lines: int) -> Path:
    """A folder with one file of about ``lines`` lines of layer code."""
    text = _HEAD + "".join(_LAYER.format(n=n) for n in range(lines // 12))
    return _written(f"generated-{lines}", {"layers.py": text})


def giants() -> Path:
    """A folder with files that are large in one thing: terms, nested calls, bindings of one name."""
    call = f"{_HEAD}\n\nclass Giant(Layer):\n    def call(self, x):\n"
    bindings = "".join(f"        x = tf.exp(x) + {n}\n" for n in range(900))
    return _written(
        "giants",
        {
            "terms_10000.py": f"{call}        return {' + '.join(['tf.exp(x)'] * 10_000)}\n",
            "nested_1000.py": f"{call}        return {'tf.exp(' * 1000}x{')' * 1000}\n",
            "nested_190.py": f"{call}        return {'tf.exp(' * 190}x{')' * 190}\n",
            "bindings_900.py": f"{call}{bindings}        return x\n",
        },
    )


def _written(name: str, files: dict[str, str]) -> Path:
    """A folder of the cache with these files, which keep their time where they are there already."""
    folder = cache() / name
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in files.items():
        path = folder / file
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
    return folder


@contextmanager
def copied(tree: Path) -> Iterator[Path]:
    """A copy of the Python files of a tree, to be changed; as old as they are, so that the cache trusts their times."""
    with tempfile.TemporaryDirectory() as folder:
        for path in python_files(tree):
            target = Path(folder) / path.relative_to(tree)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
        yield Path(folder)


def copies(tree: Path, count: int, name: str) -> Path:
    """A tree several times, side by side: growth over the number of files, where all else stays. A part of a tree would be less
    than its share: what its files import is missing."""
    folder = cache() / name
    for number in range(count):
        if not (folder / str(number)).exists():
            shutil.copytree(tree, folder / str(number), symlinks=True)
    return folder
