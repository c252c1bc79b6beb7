"""Engines that a call imports: ``tf = LazyLoader("tf", globals(), "tensorflow")``, ``tf1, tf, tfv = try_import_tf()``.

What the function does may stand anywhere; the name that it gives is the engine's, and its own says that it imports.
"""

from __future__ import annotations

import ast
import re

from kmigrate.names.nodes import last_name

# What a module of this name is where a function imports it.
MODULES = {
    **dict.fromkeys(("tf", "_tf", "tf2", "tensorflow"), "tensorflow"),
    "tf1": "tensorflow.compat.v1",
    "theano": "theano",
}
_IMPORTS = re.compile("import|lazy|tensorflow|theano", re.IGNORECASE)
_ENGINE = re.compile(r"(?:tensorflow|theano)(?:\.\w+)*")
_OF_TEXT = frozenset({"import_module", "__import__"})  # Python's own, which ``Names`` understands


def imported_by_call(name: str, value: ast.expr | None) -> str | None:
    """The import path of the module that ``name``, one of ``MODULES``, gets from ``name = value``, or a part of it from
    ``a, name = value``; None where the value is no call that imports, or one that names another module."""
    if not isinstance(value, ast.Call):
        return None
    function = last_name(value.func)
    if function in _OF_TEXT or not _IMPORTS.search(function):
        return None
    texts = [a.value for a in value.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    named = [text for text in texts if _ENGINE.fullmatch(text)]
    if named:
        return named[-1]
    return MODULES[name] if not texts or name in texts else None
