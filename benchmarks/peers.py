"""The other tools, in an environment of their own, and how each is called on a tree."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.corpora import HERE, cache, python_files
from benchmarks.measure import Cost, run

_SEMGREP_RULE = """rules:
  - id: reduce-sum
    languages: [python]
    severity: WARNING
    message: use the backend
    pattern: tf.reduce_sum(...)
"""


def environment() -> Path:
    """The folder with the peers' executables; made on first use from peers.txt."""
    folder = cache() / "peers"
    if not (folder / "bin" / "ruff").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run(
            [str(folder / "bin" / "pip"), "install", "-q", "-r", str(HERE / "peers.txt")], check=True, capture_output=True
        )
    return folder / "bin"


def measure(name: str, tree: Path) -> Cost:
    """What a peer costs on a tree. The tools that write their configuration or their result beside the files get a copy."""
    return _PEERS[name](tree)


def _ruff(tree: Path) -> Cost:
    options = ["check", "--isolated", "--no-cache", "--preview", "--select", "NPY201", "--quiet"]
    return run([str(environment() / "ruff"), *options, str(tree)])


def _fixit(tree: Path) -> Cost:
    rule = "fixit.rules:NoNamedTuple"
    return run([str(environment() / "fixit"), "--quiet", "--rules", rule, "lint", str(tree)])


def _torchfix(tree: Path) -> Cost:
    return run([str(environment() / "torchfix"), "--select", "TOR001", str(tree)])


def _semgrep(tree: Path) -> Cost:
    copy = _copy(tree)
    (copy / "rule.yml").write_text(_SEMGREP_RULE, "utf-8")
    options = ["scan", "--metrics", "off", "--disable-version-check", "--no-git-ignore", "--quiet", "--config", "rule.yml", "."]
    return run([str(environment() / "semgrep"), *options], cwd=copy)


def _django_upgrade(tree: Path) -> Cost:
    files = [str(p) for p in python_files(_copy(tree))]
    return run([str(environment() / "django-upgrade"), "--target-version", "4.2", *files])


def _copy(tree: Path) -> Path:
    copy = cache() / "copy" / tree.name
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(tree, copy, symlinks=True)
    return copy


_PEERS = {
    "ruff NPY201": _ruff,
    "Fixit, one rule": _fixit,
    "torchfix, one rule": _torchfix,
    "semgrep, one rule": _semgrep,
    "django-upgrade": _django_upgrade,
}
NAMES = tuple(_PEERS)
FAST = ("ruff NPY201", "django-upgrade")
SLOW = ("semgrep, one rule", "Fixit, one rule", "torchfix, one rule")
