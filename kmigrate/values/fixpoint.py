"""Answers to questions that may depend on each other, or on themselves: a solver by iteration, on a stack of its own.

A question is answered by a generator: ``x = yield question`` asks for the answer to another one. The solver runs the generators
itself, so that the depth of the code never exhausts Python's stack. Answers that depend on themselves (in loops, through
recursion) are found by iteration: a first guess is assumed, and confirmed or widened until it holds.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Generator, Hashable

from kmigrate.values.bindings import Family
from kmigrate.values.domain import NOTHING_YET, UNKNOWN, Value, join

Steps = Generator[Hashable, Value, Value]
_ATTEMPTS = 4
_MAX_REPEATS = 2000


class Solver:
    """Answers each question once. ``steps``, given with each, makes the generator that answers one: who asks owns the solver, and
    if the solver knew its owner, only the garbage collector could free the two."""

    def __init__(self) -> None:
        self._memo: dict[Hashable, Value] = {}
        self._busy: dict[Hashable, _Frame] = {}
        self._trail: list[Hashable] = []
        self._repeats = 0

    def value(self, node: Hashable, steps: Callable[[Hashable], Steps]) -> Value:
        """The answer to a question."""
        if node in self._memo:
            return self._memo[node]
        if not self._busy:
            self._repeats = 0  # the budget is one question's, not the whole file's
        stack: list[_Frame] = [self._frame(node, steps(node))]
        answer: Value | None = None
        while stack:
            frame = stack[-1]
            try:
                wanted = next(frame.steps) if answer is None else frame.steps.send(answer)
            except StopIteration as stop:
                answer = self._finished(stack, stop.value, steps)
                continue
            answer = self._memo.get(wanted)
            if answer is None and wanted in self._busy:
                self._busy[wanted].circular = True
                answer = self._busy[wanted].assumed
            if answer is None:
                stack.append(self._frame(wanted, steps(wanted)))
        return self._memo[node]

    def _frame(self, key: Hashable, steps: Steps) -> _Frame:
        frame = _Frame(key, steps, len(self._trail), NOTHING_YET if self._repeats < _MAX_REPEATS else UNKNOWN)
        self._busy[key] = frame
        return frame

    def _finished(self, stack: list[_Frame], found: Value, steps: Callable[[Hashable], Steps]) -> Value | None:
        """Ends the topmost question, or repeats it with a wider assumption; answers None where it has to start again."""
        frame = stack[-1]
        assumed = frame.assumed
        if frame.circular and assumed is not UNKNOWN:
            wider = UNKNOWN if found is NOTHING_YET else join(assumed, found)
            if wider != assumed:
                frame.attempts += 1
                self._repeats += 1
                for key in self._trail[frame.trail :]:
                    self._memo.pop(key, None)
                del self._trail[frame.trail :]
                frame.assumed = UNKNOWN if frame.attempts >= _ATTEMPTS or self._repeats > _MAX_REPEATS else wider
                frame.steps = steps(frame.key)
                return None
            found = assumed
        elif frame.circular:
            found = UNKNOWN
        del self._busy[frame.key]
        self._memo[frame.key] = found
        self._trail.append(frame.key)
        stack.pop()
        return found


class _Frame:
    __slots__ = ("assumed", "attempts", "circular", "key", "steps", "trail")

    def __init__(self, key: Hashable, steps: Steps, trail: int, assumed: Value) -> None:
        self.assumed = assumed
        self.key = key
        self.steps = steps
        self.trail = trail
        self.circular = False
        self.attempts = 0


class Returns:
    """The question what a function returns."""

    __slots__ = ("function",)

    def __init__(self, function: ast.AST) -> None:
        self.function = function

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Returns) and other.function is self.function

    def __hash__(self) -> int:
        return hash(("returns", self.function))


class AttributeOf:
    """The question what ``self.name`` is in a family of classes."""

    __slots__ = ("family", "name")

    def __init__(self, family: Family, name: str) -> None:
        self.family = family
        self.name = name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AttributeOf) and other.family is self.family and other.name == self.name

    def __hash__(self) -> int:
        return hash((id(self.family), self.name))
