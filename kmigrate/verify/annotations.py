"""Annotations that Python never evaluates: what stands there has no part in any run."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kmigrate.model import Span
from kmigrate.source import Source
from kmigrate.verify.literals import own_nodes

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def unevaluated(source: Source) -> list[Span]:
    """All annotations of a module that defers them, else those of variables in functions."""
    return [source.span(node) for node in (_every if _deferred(source.tree) else _of_variables)(source.tree)]


def _deferred(tree: ast.Module) -> bool:
    imports = (node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__")
    return any(item.name == "annotations" for node in imports for item in node.names)


def _every(tree: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        found = node.returns if isinstance(node, _FUNCTIONS) else None
        if isinstance(node, (ast.arg, ast.AnnAssign)):
            found = node.annotation
        if found is not None:
            yield found


def _of_variables(tree: ast.Module) -> Iterator[ast.expr]:
    for function in ast.walk(tree):
        for node in own_nodes(function) if isinstance(function, _FUNCTIONS) else ():
            if isinstance(node, ast.AnnAssign):
                yield node.annotation
