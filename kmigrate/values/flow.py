"""Reaching definitions: which bindings of a local name may be the one that a use sees.

One forward walk over the statements of a function. Branches are joined; in loops and ``try`` blocks a name that is assigned
anywhere inside may have any of its values at the head. The state is kept as changes upon the state outside, so that the work
grows with the number of assignments, not with names times branches.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from kmigrate.names.nodes import parts_of

ITEM = "item"  # a step of a path: an element of an iterable
ENTERED = "entered"  # a step of a path: what a `with` statement binds
_MAX_ORIGINS = 32
_Try = (ast.Try, ast.TryStar) if hasattr(ast, "TryStar") else (ast.Try,)


@dataclass(slots=True, eq=False)
class Origin:
    """Where a name gets its value: the expression ``node``, then the steps of ``path`` into it (an index, ``ITEM``
    or ``ENTERED``).

    ``node`` is None where the value is not known; a function definition stands for itself. For ``name += value`` (an
    ``ast.AugAssign``) ``previous`` are the origins of the name before.
    """

    node: ast.AST | None
    path: tuple[int | str, ...] = ()
    previous: list[Origin] = field(default_factory=list)


Origins = tuple[Origin, ...]
UNKNOWN_ORIGIN = Origin(None)
_LOST: Origins = (UNKNOWN_ORIGIN,)


def targets(target: ast.expr, value: ast.AST | None, path: tuple[int | str, ...] = ()) -> Iterator[tuple[ast.expr, Origin]]:
    """Names and attributes that an assignment gives a value, with the origin of each."""
    waiting: list[tuple[ast.expr, tuple[int | str, ...] | None]] = [(target, path)]
    while waiting:
        at, steps = waiting.pop()
        if isinstance(at, (ast.Name, ast.Attribute)):
            yield at, Origin(value, steps) if steps is not None and value is not None else UNKNOWN_ORIGIN
        elif isinstance(at, (ast.Tuple, ast.List)):
            starred = any(isinstance(element, ast.Starred) for element in at.elts)
            for place, element in enumerate(at.elts):
                inner = element.value if isinstance(element, ast.Starred) else element
                waiting.append((inner, None if starred or steps is None else (*steps, place)))


class _State:
    """The origins of each name at one place: changes upon the state around it."""

    __slots__ = ("changes", "parent")

    def __init__(self, parent: _State | None = None) -> None:
        self.parent = parent
        self.changes: dict[str, Origins] = {}

    def get(self, name: str) -> Origins:
        state: _State | None = self
        while state is not None:
            if name in state.changes:
                return state.changes[name]
            state = state.parent
        return ()


class Flow:
    """``reaching[name node]`` are the origins that a use in this function may see; a use that is missing cannot be reached,
    or stands in a nested function."""

    def __init__(self, body: Sequence[ast.stmt], parameters: dict[str, Origin]) -> None:
        self.reaching: dict[ast.Name, Origins] = {}
        self._augmented: dict[ast.AugAssign, Origin] = {}
        self._origins: dict[ast.expr, Origin] = {}
        start = _State()
        start.changes = {name: (origin,) for name, origin in parameters.items()}
        self._block(body, start)

    # ---- statements; each returns the state after it, or None where that is never reached

    def _block(self, statements: Sequence[ast.stmt], state: _State) -> _State | None:
        current: _State | None = state
        for statement in statements:
            if current is None:
                return None
            current = self._statement(statement, current)
        return current

    def _statement(self, node: ast.stmt, state: _State) -> _State | None:
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            self._assignment(node, state)
        elif isinstance(node, ast.If):
            return self._if(node, state)
        elif isinstance(node, (ast.For, ast.AsyncFor, ast.While)):
            return self._loop(node, state)
        elif isinstance(node, _Try):
            return self._try(node, state)
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            return self._with(node, state)
        elif isinstance(node, ast.Match):
            return self._match(node, state)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            self._definition(node, state)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for item in node.names:
                state.changes[item.asname or item.name.partition(".")[0]] = _LOST
        elif isinstance(node, ast.Delete):
            self._delete(node, state)
        else:
            self._uses(node, state)
            if isinstance(node, (ast.Return, ast.Raise, ast.Break, ast.Continue)):
                return None
        return state

    def _assignment(self, node: ast.Assign | ast.AnnAssign | ast.AugAssign, state: _State) -> None:
        if node.value is None:
            return
        self._uses(node.value, state)
        if isinstance(node, ast.AugAssign):
            if isinstance(node.target, ast.Name):
                origin = self._augmented.setdefault(node, Origin(node))
                origin.previous = list(state.get(node.target.id))
                state.changes[node.target.id] = (origin,)
            else:
                self._uses(node.target, state)
            return
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            self._bind(target, node.value, (), state)

    def _bind(self, target: ast.expr, value: ast.AST | None, path: tuple[int | str, ...], state: _State) -> None:
        self._uses(target, state)
        for at, origin in targets(target, value, path):
            if isinstance(at, ast.Name):
                state.changes[at.id] = (self._origins.setdefault(at, origin),)

    def _definition(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, state: _State) -> None:
        for part in node.decorator_list:
            self._uses(part, state)
        if isinstance(node, ast.ClassDef):
            for part in [*node.bases, *(keyword.value for keyword in node.keywords)]:
                self._uses(part, state)
        else:
            for default in [*node.args.defaults, *node.args.kw_defaults]:
                if default is not None:
                    self._uses(default, state)
        state.changes[node.name] = (Origin(node),)

    def _delete(self, node: ast.Delete, state: _State) -> None:
        for target in node.targets:
            self._uses(target, state)
            if isinstance(target, ast.Name):
                state.changes[target.id] = _LOST

    def _if(self, node: ast.If, state: _State) -> _State | None:
        ends: list[_State | None] = []
        while True:  # an elif chain is walked, not descended into
            self._uses(node.test, state)
            ends.append(self._block(node.body, _State(state)))
            if len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If):
                node = node.orelse[0]
                continue
            ends.append(self._block(node.orelse, _State(state)))
            return _joined(state, ends)

    def _loop(self, node: ast.For | ast.AsyncFor | ast.While, state: _State) -> _State | None:
        if not isinstance(node, ast.While):
            self._uses(node.iter, state)
        self._widen(state, [node])
        if isinstance(node, ast.While):
            self._uses(node.test, state)
        body = _State(state)
        if not isinstance(node, ast.While):
            self._bind(node.target, node.iter, (ITEM,), body)
        self._block(node.body, body)
        if not node.orelse:
            return state
        return _joined(state, [state, self._block(node.orelse, _State(state))])

    def _try(self, node: ast.Try, state: _State) -> _State | None:
        failed = _State(state)
        self._widen(failed, node.body)
        body = self._block(node.body, _State(state))
        ends = [None if body is None else self._block(node.orelse, body)]
        for handler in node.handlers:
            inner = _State(failed)
            if handler.type is not None:
                self._uses(handler.type, inner)
            if handler.name:
                inner.changes[handler.name] = _LOST
            ends.append(_flattened(self._block(handler.body, inner), state))
        after = _joined(state, ends)
        if not node.finalbody:
            return after
        final = after
        if final is None:
            final = _State(state)
            self._widen(final, [node])
        end = self._block(node.finalbody, final)
        return None if after is None else end

    def _with(self, node: ast.With | ast.AsyncWith, state: _State) -> _State | None:
        for item in node.items:
            self._uses(item.context_expr, state)
            if item.optional_vars is not None:
                self._bind(item.optional_vars, item.context_expr, (ENTERED,), state)
        if any(_suppresses(item.context_expr) for item in node.items):
            self._widen(state, node.body)
            return _joined(state, [state, self._block(node.body, _State(state))])
        return self._block(node.body, state)

    def _match(self, node: ast.Match, state: _State) -> _State | None:
        self._uses(node.subject, state)
        ends: list[_State | None] = [state]
        for case in node.cases:
            inner = _State(state)
            for part in ast.walk(case.pattern):
                name = getattr(part, "name", None) or getattr(part, "rest", None)
                if isinstance(name, str):
                    inner.changes[name] = _LOST
            if case.guard is not None:
                self._uses(case.guard, inner)
            ends.append(self._block(case.body, inner))
        return _joined(state, ends)

    # ---- uses

    def _uses(self, node: ast.AST, state: _State) -> None:
        """Records the names that are read now: not those in the bodies of nested functions."""
        waiting = [node]
        while waiting:
            at = waiting.pop()
            if isinstance(at, ast.Name):
                if isinstance(at.ctx, ast.Load):
                    self.reaching[at] = state.get(at.id)
            elif isinstance(at, ast.Lambda):
                waiting += [d for d in [*at.args.defaults, *at.args.kw_defaults] if d is not None]
            else:
                waiting += parts_of(at)

    def _widen(self, state: _State, statements: Sequence[ast.stmt]) -> None:
        """Each name that the statements assign may have its value from before, or any that it gets there."""
        for name, origins in self._assigned(statements).items():
            state.changes[name] = _union([state.get(name), tuple(origins)])

    def _assigned(self, statements: Sequence[ast.stmt]) -> dict[str, list[Origin]]:
        found: dict[str, list[Origin]] = {}
        waiting: list[ast.AST] = list(statements)
        while waiting:
            node = waiting.pop()
            bound: list[tuple[ast.expr, Origin]] = []
            if isinstance(node, ast.Assign):
                bound = [pair for target in node.targets for pair in targets(target, node.value)]
            elif isinstance(node, ast.AnnAssign):
                bound = list(targets(node.target, node.value)) if node.value else []
            elif isinstance(node, ast.AugAssign):
                bound = [(node.target, self._augmented.setdefault(node, Origin(node)))]
            elif isinstance(node, (ast.For, ast.AsyncFor)):
                bound = list(targets(node.target, node.iter, (ITEM,)))
            elif isinstance(node, (ast.With, ast.AsyncWith)):
                bound = [pair for item in node.items if item.optional_vars for pair in targets(item.optional_vars, None)]
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                found.setdefault(node.name, []).append(Origin(node))
                continue
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                for item in node.names:
                    found.setdefault(item.asname or item.name.partition(".")[0], []).append(UNKNOWN_ORIGIN)
            elif isinstance(node, ast.Delete):
                bound = [(target, UNKNOWN_ORIGIN) for target in node.targets]
            elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar, ast.MatchMapping)):
                name = getattr(node, "name", None) or getattr(node, "rest", None)
                if isinstance(name, str):
                    found.setdefault(name, []).append(UNKNOWN_ORIGIN)
            for at, origin in bound:
                if isinstance(at, ast.Name):
                    found.setdefault(at.id, []).append(self._origins.setdefault(at, origin))
            waiting.extend(
                child
                for child in ast.iter_child_nodes(node)
                if isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case, ast.pattern))
            )
        return found


def _joined(base: _State, ends: Sequence[_State | None]) -> _State | None:
    """The state after several branches upon ``base``; those that never end do not count. ``base`` becomes it: the state before
    the branches is not asked any more, and the chain of states stays short."""
    live = [end for end in ends if end is not None]
    if not live:
        return None
    changed: dict[str, list[Origins]] = {}
    for end in live:
        for name, origins in _changes(end, base).items():
            changed.setdefault(name, []).append(origins)
    for name, parts in changed.items():
        if len(parts) < len(live):
            parts.append(base.get(name))
    base.changes.update({name: _union(parts) for name, parts in changed.items()})
    return base


def _suppresses(manager: ast.expr) -> bool:
    """Whether ``with`` may swallow an error, so that its body may have stopped anywhere."""
    function = manager.func if isinstance(manager, ast.Call) else manager
    return getattr(function, "attr", getattr(function, "id", "")) in ("suppress", "ignored", "raises", "assertRaises")


def _changes(end: _State, base: _State) -> dict[str, Origins]:
    """What stands in the states from ``end`` up to ``base``, the innermost first."""
    found: dict[str, Origins] = {}
    state: _State | None = end
    while state is not None and state is not base:
        for name, origins in state.changes.items():
            found.setdefault(name, origins)
        state = state.parent
    return found


def _flattened(end: _State | None, base: _State) -> _State | None:
    if end is None:
        return None
    state = _State(base)
    state.changes = _changes(end, base)
    return state


def _union(parts: Sequence[Origins]) -> Origins:
    found = tuple(dict.fromkeys(origin for part in parts for origin in part))
    return found if len(found) <= _MAX_ORIGINS else _LOST
