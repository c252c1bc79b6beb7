"""Which Keras a file is written for: Keras itself, or the one inside TensorFlow. A fix imports its backend from the same one."""

from __future__ import annotations

import ast
import re
from typing import Literal

from kmigrate.names import Names

Flavour = Literal["keras", "tf.keras"]

_INSIDE = ("tensorflow.keras", "tensorflow.python.keras", "tensorflow.contrib.keras", "tensorflow.compat.v1.keras")
_ATTRIBUTE = re.compile(r"\b(tf|tensorflow)\.(compat\.v[12]\.)?keras\b")


def own_flavour(text: str, names: Names) -> Flavour | None:
    """What the file's own imports and uses say; None for a file that names no Keras at all."""
    if names.imports_keras:
        return "keras"
    if "tensorflow" not in text:
        return None
    for node in names.imports:
        if isinstance(node, ast.Import):
            modules = [item.name for item in node.names]
        else:
            modules = [f"{node.module}.{item.name}" for item in node.names] if not node.level else []
        if any(module.startswith(_INSIDE) for module in modules):
            return "tf.keras"
    return "tf.keras" if _ATTRIBUTE.search(text) else None
