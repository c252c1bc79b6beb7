"""Where the engines of K part: ``rules/portability.toml``, measured differences of K functions and operators.

A rule need not repeat what holds of a function of K wherever it is written: the differences of a replacement are those of the
functions and operators in it.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from kmigrate.model import UserError

FILE_NAME = "portability.toml"
_OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Invert: "~",
    ast.Eq: "==",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference. ``expression`` over ``values`` shows it; ``unseen`` says why a run of the worker would not."""

    id: str
    functions: tuple[str, ...]
    text: str
    expression: str
    values: dict[str, Any]
    unseen: str | None = None


@lru_cache(maxsize=2)
def read_differences(path: Path) -> tuple[Difference, ...]:
    """The differences of a file, in its order; none where there is no file.

    Raises:
        UserError: the file is no TOML, or an entry lacks a key.
    """
    if not path.is_file():
        return ()
    from kmigrate.toml import tomllib  # the compiled rulebook does without

    try:
        entries = tomllib.loads(path.read_text("utf-8"))["difference"]
        return tuple(
            Difference(
                entry["id"],
                tuple(entry["functions"]),
                entry["text"],
                entry["expression"],
                dict(entry.get("values", {})),
                entry.get("unseen"),
            )
            for entry in entries
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: not a list of differences ({error})") from error


def functions_of(template: ast.expr, backend: str = "K") -> set[str]:
    """The functions of the backend and the operators that a replacement uses (not what ``{...}`` computes at rewrite time)."""
    found = set()
    computed = {node for part in ast.walk(template) if isinstance(part, ast.Set) for node in ast.walk(part)}
    for node in ast.walk(template):
        if node in computed:
            continue
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == backend:
            found.add(node.attr)
        operator = _OPERATORS.get(type(node))
        if operator is not None:
            found.add(operator)
    return found


def differences_of(template: ast.expr, differences: Sequence[Difference]) -> list[Difference]:
    """Those that touch a replacement: of its functions first, then of its operators."""
    used = functions_of(template)
    touching = [difference for difference in differences if used & set(difference.functions)]
    return sorted(touching, key=lambda difference: not any(name.isidentifier() for name in used & set(difference.functions)))
