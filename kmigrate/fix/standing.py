"""Where a use stands in the text, as far as that matters to its fix."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from kmigrate.names import Names, Reference, engine_of
from kmigrate.names.nodes import last_name
from kmigrate.rulebook.dtype_names import spelled_dtype, takes_dtype_name
from kmigrate.source import Source
from kmigrate.values.roles import ADD_WEIGHT

_ALONE = (
    ast.Assert,
    ast.If,
    ast.While,
    ast.Assign,
    ast.AnnAssign,
    ast.AugAssign,
    ast.Return,
    ast.Expr,
    ast.Call,
    ast.keyword,
    ast.List,
    ast.Tuple,
    ast.Dict,
    ast.ListComp,
    ast.Lambda,
)

# Decorators that choose a function by the annotations of its parameters, bases whose fields are what they are annotated with.
_READS = re.compile(r"^register$|dispatch|multimethod|ExtensionType$", re.IGNORECASE)


class Standing:
    """Questions about the places of one module."""

    def __init__(self, source: Source, names: Names) -> None:
        self.source = source
        self.names = names

    def f_string(self, node: ast.AST) -> ast.JoinedStr | None:
        """The outermost f-string around a node."""
        found = None
        at: ast.AST | None = node
        while isinstance(at, (ast.expr, ast.keyword)) or (at is not None and isinstance(at, ast.comprehension)):
            if isinstance(at, ast.JoinedStr):
                found = at
            at = self.names.parents.get(at)
        return found

    def subscript(self, use: ast.expr) -> tuple[ast.expr, int | None]:
        """The subscript around the use that takes one element of its value, with the index; else the use itself."""
        parent = self.names.parents.get(use)
        if isinstance(parent, ast.Subscript) and parent.value is use and isinstance(parent.slice, ast.Constant):
            index = parent.slice.value
            between = self.source.text[self.source.span(use)[1] : self.source.span(parent)[1]]
            if type(index) is int and isinstance(parent.ctx, ast.Load) and "#" not in between:
                return parent, index
        return use, None

    def activation(self, use: ast.expr) -> bool:
        """Whether Keras will call the function that is handed on here, with one tensor."""
        parent = self.names.parents.get(use)
        if isinstance(parent, ast.keyword) and parent.arg in ("activation", "recurrent_activation"):
            call = self.names.parents.get(parent)
        else:
            call = parent if isinstance(parent, ast.Call) and parent.args[:1] == [use] else None
            if call is not None and not ast.unparse(call.func).endswith(("Activation", "Lambda")):
                call = None
        if not isinstance(call, ast.Call):
            return False
        return any(s.startswith(("keras.", "tf.keras.")) for s in self.names.resolve(call.func).symbols)

    def with_arguments(self, use: ast.expr) -> bool:
        """Whether a function is handed on with arguments for it: ``Lambda(f, arguments={...})``, ``partial(f, axis=1)``."""
        parent = self.names.parents.get(use)
        call = self.names.parents.get(parent) if isinstance(parent, ast.keyword) else parent
        if not isinstance(call, ast.Call) or call.func is use:
            return False
        if "functools.partial" in self.names.resolve(call.func).symbols:
            return len(call.args) + len(call.keywords) > 1
        if not ast.unparse(call.func).endswith("Lambda"):
            return False
        own = len(call.args) > 3 or any(isinstance(argument, ast.Starred) for argument in call.args)
        return own or any(keyword.arg in ("arguments", None) for keyword in call.keywords)

    def bare(self, use: ast.expr) -> bool:
        """Whether a replacement needs no parentheses, whatever its operators: nothing here binds closer."""
        parent = self.names.parents.get(use)
        if isinstance(parent, ast.Call):
            return parent.func is not use
        if isinstance(parent, ast.Subscript):
            return parent.slice is use
        return isinstance(parent, _ALONE)

    def _receiver(self, use: ast.expr) -> ast.Call | None:
        """The call that gets the value as an argument."""
        parent = self.names.parents.get(use)
        if isinstance(parent, ast.keyword):
            parent = self.names.parents.get(parent)
        return parent if isinstance(parent, ast.Call) and parent.func is not use else None

    def callee_argument(self, use: ast.expr) -> bool:
        """Whether what gets the value takes the name of a dtype for the dtype."""
        call = self._receiver(use)
        if call is None:
            return False
        symbols = self.names.resolve(call.func).symbols
        return all(s.startswith("keras.") or takes_dtype_name(s) for s in symbols) if symbols else _adds_weight(call)

    def dtype_name(self, reference: Reference) -> Callable[[ast.expr], str | None]:
        """What tells the name of the dtype that an argument spells out, where the symbol that is called takes no names: a dtype
        that it is handed then has no safe fix of its own."""
        if all(map(takes_dtype_name, reference.meaning.symbols)):
            return lambda _: None
        return lambda node: spelled_dtype(self.names, node)

    def _keras_argument(self, use: ast.expr) -> bool:
        """Whether Keras gets the value: an argument of ``add_weight`` or of something of Keras."""
        call = self._receiver(use)
        if call is None or _adds_weight(call):
            return call is not None
        symbols = self.names.resolve(call.func).symbols
        return bool(symbols) and all(s.startswith("keras.") and not s.startswith("keras.backend.") for s in symbols)

    def place(self, use: ast.expr) -> set[str]:
        """Where the use stands, if that matters to a rule: ``annotation`` (and ``read``, where that is more), ``compared`` (and
        ``with_dtype`` of a tensor), ``identity``, ``keras_argument``, ``type`` (asked for by ``isinstance``, ``issubclass`` or
        ``except``, or a base)."""
        if self._keras_argument(use):
            return {"keras_argument"}
        at: ast.AST = use
        parent = self.names.parents.get(at)
        while isinstance(parent, (ast.Subscript, ast.Tuple, ast.List, ast.BinOp)):
            at, parent = parent, self.names.parents.get(parent)
        owners: list[ast.AST | None] = [parent]
        if isinstance(parent, ast.arguments):
            owners = [*parent.posonlyargs, *parent.args, *parent.kwonlyargs, parent.vararg, parent.kwarg]
        if any(at in (getattr(owner, "annotation", None), getattr(owner, "returns", None)) for owner in owners):
            return {"annotation", "read"} if self._reads_annotations(use) else {"annotation"}
        if _asks_for_type(parent, at):
            return {"type"}
        if isinstance(parent, ast.Compare) and all(isinstance(o, (ast.Eq, ast.NotEq, ast.In, ast.NotIn)) for o in parent.ops):
            others = [operand for operand in (parent.left, *parent.comparators) if operand is not at]
            found = {"compared", "with_dtype"} if all(map(_is_dtype_of_tensor, others)) else {"compared"}
            return found if isinstance(at, (ast.Tuple, ast.List)) or at is use else set()
        return {"identity"} if isinstance(parent, ast.Compare) else set()

    def _reads_annotations(self, use: ast.expr) -> bool:
        """Whether the annotation decides what the code does: a dispatcher chooses by it, or a type's fields are made of it."""
        at: ast.AST | None = use
        while at is not None and not isinstance(at, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            at = self.names.parents.get(at)
        if isinstance(at, ast.ClassDef):
            return any(_READS.search(last_name(base)) for base in at.bases)
        decorators = getattr(at, "decorator_list", ())
        return any(_READS.search(last_name(d.func if isinstance(d, ast.Call) else d)) for d in decorators)

    def pure(self, node: ast.expr) -> bool:
        """Whether it cannot be noticed when the expression is evaluated: no calls but of tensor operations without state."""
        for part in ast.walk(node):
            if isinstance(part, (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)):
                return False
            if isinstance(part, ast.Call):
                symbols = self.names.resolve(part.func).symbols
                tensor = [s for s in symbols if engine_of(s) or s.startswith("keras.backend.")]
                if not tensor or any(re.search("random|shuffle|Variable|assign|update|shared|set_value", s) for s in tensor):
                    return False
        return True


def _is_dtype_of_tensor(node: ast.expr) -> bool:
    """``x.dtype``: equal to its name. What else is compared may be ``numpy.float32``, which equals TensorFlow's dtype alone."""
    return isinstance(node, ast.Attribute) and node.attr in ("dtype", "base_dtype")


def _adds_weight(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr in ADD_WEIGHT


def _asks_for_type(parent: ast.AST | None, at: ast.AST) -> bool:
    if isinstance(parent, ast.ExceptHandler):
        return parent.type is at
    if isinstance(parent, ast.ClassDef):
        return at in parent.bases
    return isinstance(parent, ast.Call) and last_name(parent.func) in ("isinstance", "issubclass") and at in parent.args[1:]
