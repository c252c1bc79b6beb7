"""A failed case, and changed copies of it: what every remedy for a failure is made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kmigrate.verify import specs
from kmigrate.verify.anatomy import UnitShape
from kmigrate.verify.cases import Case
from kmigrate.verify.constructors import Classes
from kmigrate.verify.guesses import RANKS

Made = Iterator[Case]


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed case with the stage and the message of its failure."""

    case: Case
    where: str
    message: str
    shape: UnitShape
    project: Classes | None = None

    def tensors(self) -> Iterator[tuple[int, str, specs.Spec]]:
        """(position, name, spec) of the inputs that are tensors."""
        for position, (name, text) in enumerate(self.case.inputs):
            spec = specs.parse(text)
            if spec.is_tensor:
                yield position, name, spec

    def reshaped(self, change: Callable[[tuple[int, ...]], tuple[int, ...] | None]) -> Iterator[Case]:
        """All tensors changed together, then each alone."""
        changed = {p: (n, new) for p, n, s in self.tensors() if (new := change(s.shape)) is not None and new != s.shape}
        if len(changed) > 1:
            yield self.with_texts({p: shaped(self.case, p, new) for p, (_, new) in changed.items()})
        for position, (_, new) in changed.items():
            yield self.with_texts({position: shaped(self.case, position, new)})

    def with_texts(self, texts: Mapping[int, str]) -> Case:
        inputs = tuple((name, texts.get(position, text)) for position, (name, text) in enumerate(self.case.inputs))
        return replace(self.case, inputs=inputs)

    def retyped(self, kinds: Sequence[str]) -> Iterator[Case]:
        """Each tensor alone with another kind of values, then all of them."""
        for kind in kinds:
            below = "<2" if kind.startswith("int") else ""
            texts = {p: f"{kind}[{','.join(map(str, s.shape))}]{below}" for p, _, s in self.tensors() if s.kind != kind}
            for position, text in texts.items():
                yield self.with_texts({position: text})
            if len(texts) > 1:
                yield self.with_texts(texts)

    def kwargs(self, **changes: Any) -> Case:
        return replace(self.case, kwargs={**self.case.kwargs, **changes})

    def given(self, value: type | tuple[type, ...]) -> list[str]:
        return [name for name, item in self.case.kwargs.items() if isinstance(item, value) and not isinstance(item, bool)]


def shaped(case: Case, position: int, shape: tuple[int, ...]) -> str:
    return specs.with_shape(case.inputs[position][1], shape)


def of_rank(shape: tuple[int, ...], rank: int) -> tuple[int, ...]:
    """The same sizes at both ends, others between them; 2 samples and 4 features where there is nothing to keep."""
    usual = tuple(int(size) for size in RANKS[rank][1:-1].split(",") if size) if rank in RANKS else ()
    if len(shape) < 2 or rank < 2:
        return usual
    return (shape[0], *usual[1:-1], shape[-1])


def failure_of(case: Case, error: Mapping[str, Any], shape: UnitShape, project: Classes | None = None) -> Failure:
    """The failure that a worker's answer tells of."""
    return Failure(case, str(error.get("where")), said(error), shape, project)


def said(error: Mapping[str, Any]) -> str:
    """``Type: message``, once: TensorFlow begins the message with the type where it converted the code."""
    message = str(error.get("message") or "")
    return f"{error.get('type')}: {message.removeprefix(str(error.get('type')) + ': ')}"


def told(error: Mapping[str, Any]) -> str:
    """A worker's answer in words: ``fails at call (m.py:3): ValueError: odd``."""
    at = f" ({error['at']})" if error.get("at") else ""
    return f"fails at {error.get('where')}{at}: {re.sub(r' at 0x[0-9a-f]+', '', said(error))}"
