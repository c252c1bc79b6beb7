"""Which files can import which modules: whatever the form of the import, its file is among those that are asked for."""

from __future__ import annotations

import ast
from posixpath import dirname, relpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmigrate.reach import Reach
from kmigrate.words import ELSEWHERE, imported_words

FILES = ["/r/a/__init__.py", "/r/a/b.py", "/r/a/c/__init__.py", "/r/a/c/d.py", "/r/a/c/e/f.py", "/r/g.py", "/r/h/i.py"]


def forms(importer: str, module: str) -> list[str]:
    """The statements that may import ``name`` from a module, or the module, seen from a file."""
    below = module.removesuffix(".py").removesuffix("/__init__")
    found = []
    folder = dirname(importer)
    for level in range(1, 5):
        inner = relpath(below, folder)
        if not inner.startswith(".."):
            dotted = "" if inner == "." else inner.replace("/", ".")
            found.append(f"from {'.' * level}{dotted} import name\n")
            if dotted:
                found.append(f"import {dotted} as module\n")
                found.append(f"from {dotted} import (\n    other,\n    name,\n)\n")
        folder = dirname(folder)
    return found


@given(importer=st.sampled_from(FILES), module=st.sampled_from(FILES), data=st.data())
def test_no_form_of_an_import_is_missed(importer: str, module: str, data: st.DataObject) -> None:
    statements = forms(importer, module)
    if importer == module or not statements:
        return
    text = data.draw(st.sampled_from(statements))
    words = imported_words(f"import os\n{text}".encode())
    names = {"name", module.removesuffix("/__init__.py").removesuffix(".py").rpartition("/")[2]}
    reach = Reach({importer: words, "/r/other.py": "name"})
    assert importer in reach.importing({module: names})
    assert importer not in reach.importing({module: names})


def test_a_file_that_names_no_part_of_the_path_waits() -> None:
    reach = Reach({"/r/x/y.py": "utils name"})
    assert reach.importing({"/r/a/b.py": {"name"}}) == []
    assert reach.importing({"/r/a/utils.py": {"name"}}) == []
    assert reach.importing({"/r/x/utils.py": {"another"}}) == []
    assert reach.importing({"/r/x/utils.py": {"name"}}) == ["/r/x/y.py"]
    assert len(reach) == 0


@pytest.mark.parametrize(
    "text",
    [
        "from .helpers import one, \\\n    two\n",
        "from .helpers \\\r\n    import one\r\n",
        "from .helpers \\\n  \\\n    import one\n",
        "import os, helpers\n",
        "import os, \\\n    helpers\n",
        "import sys; from .helpers import one; import two\n",
        "try: import helpers\nexcept ImportError: from . import one\n",
        "from .helpers import (one,  # (the first)\n    two)\n",
        "x = 1\rfrom .helpers import one\r",
        "\x0cfrom .helpers import one\n",
        "import h\xe4lfte\n",
        "if x:\n\tfrom helpers import one",
    ],
)
def test_the_words_of_every_import_are_seen(text: str) -> None:
    wanted = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            wanted |= {*(node.module or "").split(".")} - {""}
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            wanted |= {part for item in node.names for part in item.name.split(".")}
    assert wanted - ELSEWHERE
    assert wanted - ELSEWHERE <= set(imported_words(text.encode()).split())


def test_an_import_of_what_no_project_owns_names_nothing() -> None:
    assert imported_words(b"import os\nimport sys  # helpers\nfrom os import (path,\n  helpers)\n") == ""


def test_what_a_text_says_of_where_things_come_from_names_nothing() -> None:
    assert imported_words(b'"""\nfrom helpers we take what is\nof use: import nothing\n"""\n') == "import nothing"
