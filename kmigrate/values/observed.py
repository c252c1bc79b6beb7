"""What runs of the original showed of the arguments of a use, as answers to the conditions of a rule.

An observation is no proof: another call may hand over something else. So a fix that rests on one is unsafe, and says on what it
rests. The text goes first; an observation answers only what the text does not show.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kmigrate.fix.layout import Argument
from kmigrate.model import Observation, Span
from kmigrate.rulebook.conditions import Unknown, evaluate
from kmigrate.values.domain import SEQUENCE, Shape, is_floating, is_integer
from kmigrate.values.facts import UseFacts

_TENSORS = ("tensor", "variable")
_KINDS = {"list": SEQUENCE, **{kind: kind for kind in ("array", "bool", "function", "none", "number", "text")}}
# A question that was answered by an observation, in words: by name and answer.
_WORDS: Mapping[str, Callable[[str, str], str]] = {
    "rank": lambda name, answer: f"{name} of rank {answer}",
    "dtype": lambda name, answer: f"{name} of dtype {answer}",
    "shape": lambda name, answer: f"{name} of shape {answer}",
    "floating": lambda name, answer: f"{name} {'of floats' if answer == 'True' else 'not of floats'}",
    "integer": lambda name, answer: f"{name} {'of integers' if answer == 'True' else 'not of integers'}",
    "tensor": lambda name, answer: f"{name} {'a' if answer == 'True' else 'no'} tensor",
    "variable": lambda name, answer: f"{name} {'a' if answer == 'True' else 'no'} variable",
    "numpy": lambda name, answer: f"{name} {'a' if answer == 'True' else 'no'} numpy array",
    "sequence": lambda name, answer: f"{name} {'a' if answer == 'True' else 'no'} list",
    "number": lambda name, answer: f"{name} {'a' if answer == 'True' else 'no'} Python number",
    "function": lambda name, answer: f"{name} {'a' if answer == 'True' else 'no'} function",
}

Fact = tuple[str, str, str]
"""A question, the name that it asks about, and the answer."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One argument of one call: ``kind`` is tensor, variable, array, number, bool, text, none, list, function or other."""

    kind: str
    rank: int | None = None
    dtype: str = ""
    shape: Shape | None = None
    items: tuple[Seen, ...] = ()

    def is_one_of(self, kinds: Sequence[str]) -> bool | None:
        """None for what the worker cannot name."""
        return None if self.kind == "other" else self.kind in kinds


@dataclass(frozen=True, slots=True)
class Call:
    """One evaluation of a use: the ``case`` that it happened in, and the arguments by their place in the text."""

    case: int
    arguments: Mapping[int, Seen]


Observed = Mapping[Span, Sequence[Call]]


class CallFacts(UseFacts):
    """The facts of the text, and where it does not tell, those of one call. ``learned`` collects what the call answered."""

    def __init__(self, text: UseFacts, arguments: Sequence[Argument], call: Call, learned: set[Fact]) -> None:
        super().__init__(text.rule, text.bound, text.values, text.callee_argument(), text._place)
        self._arguments = arguments
        self._call = call
        self._learned = learned

    def seen(self, name: str) -> Seen:
        """What was handed over for a parameter, or an element of it. Raises Unknown."""
        stem, *indices = name.replace("]", "").split("[")
        if stem in self.bound.variadic and indices:
            collected, index = self.bound.variadic[stem], int(indices.pop(0))
            given = collected[index] if 0 <= index < len(collected) else None
        else:
            given = self.bound.given.get(stem)
        place = next((place for place, argument in enumerate(self._arguments) if argument is given), None)
        found = self._call.arguments.get(place) if place is not None else None
        for position in indices:
            found = found.items[int(position)] if found is not None and int(position) < len(found.items) else None
        if found is None:
            raise Unknown(f"{name} was not seen")
        return found

    def _ask(self, question: str, name: str, text: Callable[[str], Any], seen: Callable[[Seen], Any]) -> Any:
        try:
            return text(name)
        except Unknown:
            answer = seen(self.seen(name))
            if answer is None:
                raise Unknown(f"{question}({name}) was not seen") from None
            self._learned.add((question, name, str(answer)))
            return answer

    def rank(self, name: str) -> int:
        return int(self._ask("rank", name, super().rank, lambda seen: seen.rank))

    def dtype(self, name: str) -> str:
        return str(self._ask("dtype", name, super().dtype, lambda seen: seen.dtype or None))

    def floating(self, name: str) -> bool:
        return bool(self._ask("floating", name, super().floating, lambda seen: is_floating(seen.dtype) if seen.dtype else None))

    def integer(self, name: str) -> bool:
        return bool(self._ask("integer", name, super().integer, lambda seen: is_integer(seen.dtype) if seen.dtype else None))

    def shape(self, name: str) -> Shape:
        found: Shape = self._ask("shape", name, super().shape, lambda seen: seen.shape)
        return found

    def tensor(self, name: str) -> bool:
        return bool(self._ask("tensor", name, super().tensor, lambda seen: seen.is_one_of(_TENSORS)))

    def variable(self, name: str) -> bool:
        return bool(self._ask("variable", name, super().variable, lambda seen: seen.is_one_of(("variable",))))

    def numpy(self, name: str) -> bool:
        return bool(self._ask("numpy", name, super().numpy, lambda seen: seen.is_one_of(("array",))))

    def sequence(self, name: str) -> bool:
        return bool(self._ask("sequence", name, super().sequence, lambda seen: seen.is_one_of(("list",))))

    def function(self, name: str) -> bool:
        return bool(self._ask("function", name, super().function, lambda seen: seen.is_one_of(("function",))))

    def number(self, name: str) -> bool:
        """The text knows literals only; what a name holds is seen."""

        def literal(name: str) -> bool:
            if UseFacts.number(self, name) or isinstance(self.node(name), ast.Constant):
                return UseFacts.number(self, name)
            raise Unknown(f"{name} may be a number")

        return bool(self._ask("number", name, literal, lambda seen: seen.is_one_of(("number",))))


class Observations:
    """All calls of one use that were seen."""

    def __init__(self, text: UseFacts, arguments: Sequence[Argument], calls: Sequence[Call]) -> None:
        self.text = text
        self.arguments = arguments
        self.calls = calls

    def holds(self, condition: ast.expr) -> tuple[bool | None, frozenset[Fact]]:
        """Whether a condition holds in every call (False: it does not in one), and what the calls were asked for that."""
        answers, learned = self._answers(condition)
        return (False if False in answers else True if None not in answers else None), learned

    def holds_in_any(self, condition: ast.expr) -> tuple[bool | None, frozenset[Fact]]:
        """Whether a condition holds in one call at least (False: in none), and what the calls were asked for that."""
        answers, learned = self._answers(condition)
        return (True if True in answers else False if None not in answers else None), learned

    def _answers(self, condition: ast.expr) -> tuple[set[bool | None], frozenset[Fact]]:
        learned: set[Fact] = set()
        return {evaluate(condition, CallFacts(self.text, self.arguments, call, learned)) for call in self.calls}, frozenset(
            learned
        )

    def said(self, facts: frozenset[Fact]) -> Observation:
        """The facts in words: ``a of rank 2, b of rank 2``."""
        answers: dict[tuple[str, str], list[str]] = {}
        for question, name, answer in sorted(facts):
            answers.setdefault((name, question), []).append(answer)
        words = [_WORDS[question](name, _either(found)) for (name, question), found in answers.items()]
        return Observation(tuple(words), len({call.case for call in self.calls}))

    def kinds(self, name: str) -> frozenset[str]:
        """The kinds of Python value (see ``kinds``) that a parameter was seen to be."""
        found = set()
        for call in self.calls:
            try:
                seen = CallFacts(self.text, self.arguments, call, set()).seen(name)
            except Unknown:
                continue
            found.add(_KINDS.get(seen.kind, ""))
        return frozenset(found - {""})


class AgreedFacts(UseFacts):
    """For what is computed into a replacement: ranks and dtypes that all calls agree on, never the sizes of one case."""

    def __init__(self, observations: Observations, learned: set[Fact]) -> None:
        text = observations.text
        super().__init__(text.rule, text.bound, text.values, text.callee_argument(), text._place)
        calls = observations.calls
        self._calls = [CallFacts(text, observations.arguments, call, learned) for call in calls]

    def rank(self, name: str) -> int:
        return int(self._agreed(name, [call.rank for call in self._calls]))

    def dtype(self, name: str) -> str:
        return str(self._agreed(name, [call.dtype for call in self._calls]))

    @staticmethod
    def _agreed(name: str, questions: Sequence[Callable[[str], Any]]) -> Any:
        answers = {question(name) for question in questions}
        if len(answers) != 1:
            raise Unknown(f"calls differ in {name}")
        return answers.pop()


def _either(answers: Sequence[str]) -> str:
    most = list(answers[:3])
    return " or ".join(most) + (" or others" if len(answers) > 3 else "")
