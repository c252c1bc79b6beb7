"""What the worker's files may be: Python 3.6, numpy and the standard library, nothing of kmigrate."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

from kmigrate.verify.runner import WORKER

FILES = sorted(WORKER.glob("*.py"))
ALLOWED = {*sys.stdlib_module_names, "numpy", "keras", "tensorflow", "theano", "scipy"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_worker_runs_on_python_3_6_and_imports_nothing_of_kmigrate(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"), feature_version=(3, 6))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 0}
    assert {name.partition(".")[0] for name in imported} <= ALLOWED
    # What feature_version does not look at.
    assert not any(isinstance(node, ast.NamedExpr) or getattr(node, "posonlyargs", None) for node in ast.walk(tree))
    assert not re.search(r"f\"[^\"]*=\}", path.read_text("utf-8"))


def test_the_worker_is_a_folder_with_a_start() -> None:
    assert {"__main__.py", "__init__.py"} < {path.name for path in FILES}
