"""The abstract values of one module, made when the first question comes."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cached_property

from kmigrate.layers import LayerCode
from kmigrate.names import Names
from kmigrate.rulebook.conditions import Unknown
from kmigrate.values.bindings import Bindings
from kmigrate.values.domain import SEQUENCE, UNKNOWN, Value
from kmigrate.values.interpret import Interpreter
from kmigrate.values.sources import Sources


class Values:
    """Facts about the expressions of one module."""

    def __init__(self, names: Names, layer_code: LayerCode, given: Mapping[str, Value] | None = None) -> None:
        """``given`` are parameters of functions, by name, of which more is known than the text shows."""
        self.names = names
        self.layer_code = layer_code
        self.given = given or {}

    @cached_property
    def sources(self) -> Sources:
        return Sources(self.names, self.layer_code, self.bindings, self.given)

    @cached_property
    def bindings(self) -> Bindings:
        return Bindings(self.names)

    @cached_property
    def _interpreter(self) -> Interpreter:
        return Interpreter(self.names, self.sources, self.bindings)

    @property
    def file_engine(self) -> str | None:
        """The only engine that the file imports, None where it imports both or none."""
        return self.sources.file_engine

    def of(self, node: ast.expr) -> Value:
        """What is surely known of an expression."""
        try:
            return self._interpreter.value(node)
        except RecursionError:  # values nested as deep as the code
            return UNKNOWN

    def rank(self, node: ast.expr) -> int:
        """The number of axes. Raises Unknown where the text does not tell."""
        rank = self.of(node).rank
        if rank is None:
            raise Unknown("rank not shown")
        return rank

    def dtype(self, node: ast.expr) -> str:
        """The dtype's name, or the kind ``floating`` or ``integer``. Raises Unknown where the text does not tell."""
        value = self.of(node)
        if value.dtype is None or (not value.is_tensor and value.kind not in ("number", "array", SEQUENCE, None)):
            raise Unknown("dtype not shown")
        return value.dtype
