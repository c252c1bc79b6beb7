"""Bindings, scopes, definitions, and what a resolved expression means: the nouns of name resolution."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

# Scopes that a class body can be seen from: those that annotations and type parameters are evaluated in.
_TRANSPARENT = frozenset({"types"})


@dataclass(slots=True, eq=False)
class Binding:
    """One way in which a scope gives a name its value.

    ``symbol`` is set for imports, with ``spelling``, the import path as the code writes it; ``value`` for ``name = expression``,
    which may turn out to be an alias. ``kind`` is ``import``, ``assign``, ``none`` (``name = None``), ``param``, ``def`` or
    ``other``.
    """

    kind: str
    position: tuple[int, int]
    symbol: str | None = None
    value: ast.expr | None = None
    node: ast.AST | None = None
    spelling: str = ""


@dataclass(slots=True, eq=False)
class Scope:
    kind: str  # module, class, function, comprehension, types (the type parameters of a definition)
    node: ast.AST
    parent: Scope | None
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    outer: dict[str, str] = field(default_factory=dict)  # name -> "global" or "nonlocal"

    def bind(self, name: str, binding: Binding) -> None:
        where = self
        if self.outer:
            if self.outer.get(name) == "global":
                while where.parent is not None:
                    where = where.parent
            elif self.outer.get(name) == "nonlocal" and self.parent is not None:
                where = self.parent.lookup(name, from_inside=True) or self.parent
        where.bindings.setdefault(name, []).append(binding)

    def lookup(self, name: str, from_inside: bool = False) -> Scope | None:
        """The scope whose binding a use of ``name`` here sees (a class body is not seen from functions inside it)."""
        scope: Scope | None = self
        inside = from_inside
        while scope is not None:
            if name in scope.bindings and not (inside and scope.kind == "class"):
                return scope
            if name in scope.outer and scope.outer[name] == "global":
                while scope.parent is not None:
                    scope = scope.parent
                return scope if name in scope.bindings else None
            if scope.kind not in _TRANSPARENT:
                inside = True
            scope = scope.parent
        return None


@dataclass(slots=True, eq=False)
class Definition:
    """A class, function or lambda of the file. ``parent`` is the definition that it stands in."""

    node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    kind: str  # class, function, lambda
    qualname: str
    parent: Definition | None
    scope: Scope  # the scope in which it is defined
    body: Scope  # the scope of its own names

    @property
    def name(self) -> str:
        return self.qualname.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an expression may mean. Several symbols: bound differently on several paths (``try``/``except``).

    ``certain`` is False where the expression may also mean something that is no symbol.
    """

    symbols: tuple[str, ...] = ()
    certain: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """One maximal use of an engine symbol: ``tf.nn.relu`` in ``tf.nn.relu(x)``.

    ``how`` says in what form it stands there: ``plain``; ``string`` (inside a string annotation); ``getattr`` (the object of a
    ``getattr`` or ``hasattr`` call, whose attribute the symbol includes if it is a literal); ``target`` (assigned to or deleted);
    ``attribute`` (through an attribute of an object, ``self.f``).
    """

    node: ast.expr
    meaning: Meaning
    definition: Definition | None
    how: str = "plain"


NOTHING = Meaning()


def union(meanings: list[Meaning]) -> Meaning:
    """What is meant where any of ``meanings`` may be: certain if each is, and each is a symbol."""
    if len(meanings) == 1:
        return meanings[0]
    symbols = tuple(dict.fromkeys(s for m in meanings for s in m.symbols))
    if not symbols:
        return NOTHING
    return Meaning(symbols, all(m.symbols and m.certain for m in meanings))
