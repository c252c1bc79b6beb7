"""Names that a module may read from text: in doctests, in comments for type checkers, in strings that are evaluated. An import
that only these need still stays. And names of tensors that it asks a graph for."""

from __future__ import annotations

import ast
import re
from functools import cached_property

from kmigrate.source import Source

_TYPE_COMMENT = re.compile(r"#[ \t]*type:(?![ \t]*ignore\b)(.*)")
_DOCTEST = re.compile(r"^[ \t]*(?:>>>|\.\.\.)[ \t](.*)", re.MULTILINE)
_WORD = re.compile(r"\w+")
# What makes code or a variable of any string.
_EVALUATES = frozenset({"eval", "exec", "compile", "globals", "locals", "vars", "dir"})
_HOLDS_NAMES = frozenset({"modules", "__dict__"})  # sys.modules
# What finds tensors and operations by the names in its arguments.
_FINDS = re.compile(
    r"get_(?:tensor|operation)_by_name|as_graph_element|output_node_names|return_elements|(?:variables|extract)_\w*graph|variables_to_constants"
)


class Mentions:
    """The texts of one module."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def __contains__(self, name: str) -> bool:
        if name in self._words or name in self._of_itself:
            return True
        return any(self._may_read(string, name) for string in self._strings if name in string)

    def looks_up(self, tensor: str) -> bool:
        """Whether a text may name a tensor or an operation that was given the name ``tensor``, in any scope: ``'a/probs:0'``, or
        the name once more where a graph is asked for names."""
        strings = [string for string in self._strings if tensor in string]
        again = sum(string == tensor or string.endswith(f"/{tensor}") for string in strings) > 1
        return (again and self._finds) or any(re.search(rf"(?:^|/){re.escape(tensor)}:\d+$", string) for string in strings)

    @cached_property
    def _finds(self) -> bool:
        return _FINDS.search(self._source.text) is not None

    @cached_property
    def _words(self) -> set[str]:
        """Those of comments and doctests."""
        texts = [*_TYPE_COMMENT.findall(self._source.text), *_DOCTEST.findall(self._source.text)]
        return {word for text in texts for word in _WORD.findall(text)}

    @cached_property
    def _strings(self) -> list[str]:
        return [n.value for n in ast.walk(self._source.tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)]

    @cached_property
    def _evaluates(self) -> bool:
        nodes = list(ast.walk(self._source.tree))
        named = any(isinstance(n, ast.Name) and n.id in _EVALUATES for n in nodes)
        return named or any(isinstance(n, ast.Attribute) and n.attr in _HOLDS_NAMES for n in nodes)

    @cached_property
    def _of_itself(self) -> set[str]:
        """The attributes of ``sys.modules[__name__]``."""
        taken = [n for n in ast.walk(self._source.tree) if isinstance(n, ast.Attribute) and not isinstance(n.value, ast.Name)]
        return {n.attr for n in taken if any(isinstance(p, ast.Name) and p.id == "__name__" for p in ast.walk(n.value))}

    def _may_read(self, string: str, name: str) -> bool:
        """``'tf.Tensor'`` is code wherever it stands; a bare word (``'tf'``, the name of a data format once) and what is only a
        part of an expression are code where the module evaluates strings."""
        if self._evaluates and name in _WORD.findall(string):
            return True
        try:
            tree = ast.parse(string.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
        return not isinstance(tree, ast.Name) and any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(tree))
