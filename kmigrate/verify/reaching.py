"""Cases that may execute edits which the others do not: made from what the branches around them ask, then from flags and calls.

They are tried one after the other on the marked original; those that reach an edit are kept, with their variations.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from kmigrate.verify import specs
from kmigrate.verify.anatomy import Parameter, UnitShape, class_chain, definition_of
from kmigrate.verify.argument_values import alternatives, unique
from kmigrate.verify.cases import Case
from kmigrate.verify.constructors import Classes, constructors, values_for
from kmigrate.verify.guards import Guards
from kmigrate.verify.guesses import RANKS, literal
from kmigrate.verify.usages import Usage
from kmigrate.verify.variations import channels_first, masked
from kmigrate.verify.wishes import Alternative, Reader, Wish

_MOST_OF_ONE = 12
_MOST_VALUES = 3
_NOTHING = "literal(None)"
_ORDER = {"size": 1, "dtype": 2, "input": 3}


def reachable(
    marked_text: str, qualname: str, shape: UnitShape, engine: str, uses: Iterable[int]
) -> dict[int, list[Alternative]]:
    """What the branches around each use ask. Those that no case can reach are not there: in a method that nothing calls, in a
    branch for another engine."""
    guards = Guards(marked_text)
    unit = definition_of(guards.tree, qualname)
    classes = list(class_chain(guards.tree, unit)) if isinstance(unit, ast.ClassDef) else []
    reader = Reader(shape, engine, classes)
    around = {use: guards.of(use) for use in uses}
    asked = {use: reader.alternatives(found) for use, found in around.items() if found is not None}
    return {use: alternatives for use, alternatives in asked.items() if alternatives}


def uncalled(marked_text: str, uses: Iterable[int]) -> list[str]:
    """The methods that some of the uses stand in and that nothing calls."""
    guards = Guards(marked_text)
    return sorted({guards.method_of(use) for use in uses if guards.of(use) is None})


def directed(asked: Mapping[int, Sequence[Alternative]], shape: UnitShape, base: Case) -> Iterator[tuple[int, Case]]:
    """(use, case) pairs: what each use asks, the likeliest first. A branch may want one tensor where another unpacks a list."""
    alone = _alone(base)
    for use, start in itertools.product(sorted(asked), [base] if alone == base else [base, alone]):
        made = itertools.chain.from_iterable(_with(start, shape, wishes) for wishes in asked[use])
        for case in itertools.islice(made, _MOST_OF_ONE):
            yield use, case


def _alone(case: Case) -> Case:
    """The first tensor of a list by itself; the case as it is where it has no list."""
    first = {name.removesuffix(".0"): text for name, text in case.inputs if name.endswith(".0")}
    rest = {name: text for name, text in case.inputs if "." not in name}
    return replace(case, inputs=tuple({**first, **rest}.items())) if first else case


def undirected(base: Case, shape: UnitShape, usages: Sequence[Usage], project: Classes | None) -> Iterator[Case]:
    """Each flag turned, each argument left open given, what other calls of the unit give, each optional input given, and the
    tensors at other ranks: a loop over the dimensions may have had nothing to do."""
    for item in shape.construct:
        now = base.kwargs.get(item.name, _default(item))
        if isinstance(now, bool):
            yield _built(base, item.name, not now)
        elif now is None and item.default == "None":
            for value in values_for(item, project)[:2]:
                yield _built(base, item.name, value)
    for kwargs, where in constructors(shape.construct, usages, project) if shape.construct else ():
        if where.startswith("the call"):
            yield replace(base, kwargs=kwargs)
    for name in shape.optional:
        values = [Wish("input", name, "equal", value) for value in alternatives(name)[:2]]
        for wish in (Wish("input", name, "true"), *values, Wish("input", name, "given")):
            yield from _with(base, shape, (wish,))
    first = base.inputs[0][0].partition(".")[0] if base.inputs else ""
    for rank in (4, 3, 5, 2):
        yield from (case for case in _of_rank(base, Wish("rank", first, "equal", rank)) if case != base)


def _with(base: Case, shape: UnitShape, wishes: Alternative) -> Iterator[Case]:
    """The base case with all wishes granted, for each of which several values may do."""
    arguments: dict[str, list[Wish]] = {}
    for wish in wishes:
        if wish.kind == "construct":
            arguments.setdefault(wish.name, []).append(wish)
    cases = [base]
    for name, of_one in arguments.items():
        cases = _some(made for case in cases for made in _constructed(case, shape, name, of_one))
    # Ranks and formats before sizes, both before masks, which have the sizes of what they mask.
    others = sorted((wish for wish in wishes if wish.kind != "construct"), key=lambda wish: _ORDER.get(wish.kind, 0))
    for wish in others:
        cases = _some(made for case in cases for made in _granted(case, shape, wish))
    yield from (case for case in cases if case != base)


def _some(cases: Iterable[Case]) -> list[Case]:
    return list(itertools.islice(cases, _MOST_OF_ONE))


def _granted(case: Case, shape: UnitShape, wish: Wish) -> Iterator[Case]:
    if wish.kind == "format":
        yield from channels_first(case, shape) if wish.value == "channels_first" else [case]
    elif wish.kind == "input":
        yield from _given(case, shape, wish)
    else:
        yield from {"rank": _of_rank, "count": _of_count, "dtype": _of_dtype, "size": _of_size}[wish.kind](case, wish)


def _constructed(case: Case, shape: UnitShape, name: str, wishes: Sequence[Wish]) -> Iterator[Case]:
    """With values of one argument that grant all wishes, the likeliest first."""
    item = next((item for item in shape.construct if item.name == name), Parameter(name))
    now = case.kwargs.get(name, _default(item))
    known = [wish.value for wish in wishes if wish.operation == "equal"]
    if isinstance(now, bool) or item.default is None or any(isinstance(wish.value, bool) for wish in wishes):
        known += [True, False]
    if isinstance(now, (int, float)) and not isinstance(now, bool):
        known += [now, 0.5 if isinstance(now, float) else 2, type(now)(0)]
    guesses = () if isinstance(now, bool) else (*values_for(item), None)
    granting = (value for value in unique([*known, *guesses]) if all(_grants(value, wish) for wish in wishes))
    for value in itertools.islice(granting, _MOST_VALUES):
        yield _built(case, name, value)


def _grants(value: Any, wish: Wish) -> bool:
    if wish.operation in ("none", "given"):
        return (value is None) == (wish.operation == "none")
    if wish.operation in ("true", "false"):
        return bool(value) == (wish.operation == "true")
    same = value in wish.value if isinstance(wish.value, tuple) and not isinstance(value, tuple) else value == wish.value
    return same == (wish.operation == "equal")


def _built(case: Case, name: str, value: Any) -> Case:
    return replace(case, kwargs={**case.kwargs, name: value})


def _given(case: Case, shape: UnitShape, wish: Wish) -> Iterator[Case]:
    """An input that is, or is not, something."""
    others = tuple((name, text) for name, text in case.inputs if name.partition(".")[0] != wish.name)
    if wish.operation in ("none", "false"):
        if wish.name == "training" or wish.operation == "false":
            yield replace(case, inputs=_put(case, wish.name, "literal(False)"))
        if len(others) < len(case.inputs) and others:
            yield replace(case, inputs=others)
        yield replace(case, inputs=_put(case, wish.name, _NOTHING))
        return
    if wish.operation == "equal":
        yield replace(case, inputs=_put(case, wish.name, literal(wish.value)))
        return
    if (
        wish.operation == "other" and isinstance(wish.value, (tuple, list)) and True not in wish.value
    ):  # training in (None, False)
        yield replace(case, inputs=_put(case, wish.name, "literal(True)"))
    if "mask" in wish.name:
        yield from masked(replace(case, inputs=others)) if wish.name == "mask" else ()
        yield from (replace(case, inputs=_put(case, wish.name, text)) for text in _like(others, "bool"))
        return
    if wish.name == "initial_state" and shape.takes_states:
        yield replace(case, initial_state=True)
    if wish.operation == "true" and wish.name not in dict(case.inputs):
        yield replace(case, inputs=_put(case, wish.name, "literal(True)"))
        return
    item = next((item for item in shape.inputs if item.name == wish.name), Parameter(wish.name))
    if item.choices:
        yield from (replace(case, inputs=_put(case, wish.name, literal(word))) for word in item.choices if word != wish.value)
    yield from (replace(case, inputs=_put(case, wish.name, text)) for text in _like(others, "float"))


def _put(case: Case, name: str, text: str) -> tuple[tuple[str, str], ...]:
    """The inputs with one replaced where it stands, or added."""
    given = dict(case.inputs)
    given[name] = text
    return tuple(given.items())


def _like(inputs: Sequence[tuple[str, str]], kind: str) -> Iterator[str]:
    """Specs of the shape of the first tensor, with and without its last dimension."""
    shape = next((spec.shape for _, text in inputs if (spec := specs.parse(text)).is_tensor and spec.shape), None)
    for sizes in (shape, shape[:-1]) if shape else ():
        yield f"{kind}[{','.join(map(str, sizes))}]"


def _of_rank(case: Case, wish: Wish) -> Iterator[Case]:
    """The named tensor, and those of its rank, at another rank."""
    shapes = {name: spec.shape for name, text in case.inputs if (spec := specs.parse(text)).is_tensor}
    named = [name for name in shapes if name.partition(".")[0] == wish.name]
    now = len(shapes[named[0]]) if named else None
    if now is None or (now == wish.value) == (wish.operation == "equal"):
        yield case
        return
    alike = [name for name, shape in shapes.items() if len(shape) == now]
    for rank in [wish.value] if wish.operation == "equal" else [rank for rank in (3, 2, 4, 1) if rank != wish.value]:
        sizes = specs.parse(f"float{RANKS[rank]}").shape if rank in RANKS else ()
        for changed in ([alike] if alike == named else [alike, named]) if sizes else ():
            inputs = ((name, specs.with_shape(text, sizes) if name in changed else text) for name, text in case.inputs)
            yield replace(case, inputs=tuple(inputs))


def _of_dtype(case: Case, wish: Wish) -> Iterator[Case]:
    """The named tensors with values of another dtype."""
    wanted = [wish.value] if wish.operation == "equal" else [name for name in ("int32", "float32") if name != wish.value]
    for dtype in wanted:
        kind = {"i": "int32", "b": "bool"}.get(dtype[0], dtype)
        below = "<2" if kind == "int32" else ""
        inputs = []
        for name, text in case.inputs:
            spec = specs.parse(text)
            changed = f"{kind}[{','.join(map(str, spec.shape))}]{below}"
            inputs.append((name, changed if spec.is_tensor and name.partition(".")[0] == wish.name else text))
        yield replace(case, inputs=tuple(inputs))


def _of_size(case: Case, wish: Wish) -> Iterator[Case]:
    """The named tensor, and all that have its size there, with one axis of another size."""
    axis, size = wish.value
    wanted = size if wish.operation == "equal" else size + 1
    shapes = {name: spec.shape for name, text in case.inputs if (spec := specs.parse(text)).is_tensor}
    now = next((shape for name, shape in shapes.items() if name.partition(".")[0] == wish.name), ())
    if not -len(now) <= axis < len(now) or wanted < 0:
        return
    axis %= len(now)
    for every in (True, False):
        inputs = []
        for name, text in case.inputs:
            shape = shapes.get(name, ())
            alike = len(shape) > axis and shape[axis] == now[axis] and (every or name.partition(".")[0] == wish.name)
            inputs.append((name, specs.with_shape(text, (*shape[:axis], wanted, *shape[axis + 1 :])) if alike else text))
        yield replace(case, inputs=tuple(inputs))


def _of_count(case: Case, wish: Wish) -> Iterator[Case]:
    """A list of so many tensors (0: one tensor alone) for the named input, each like the first of those that it has."""
    texts = [text for name, text in case.inputs if name.partition(".")[0] == wish.name]
    count = wish.value if wish.operation == "equal" else len(texts) + 1
    if texts and 0 <= count <= 6 and specs.parse(texts[0]).is_tensor:
        more = (*texts, *[texts[0]] * count)[: count or 1]
        rest = tuple((name, text) for name, text in case.inputs if name.partition(".")[0] != wish.name)
        listed = tuple((f"{wish.name}.{number}" if count else wish.name, text) for number, text in enumerate(more))
        yield replace(case, inputs=(*listed, *rest))


def _default(item: Parameter) -> Any:
    """The default as a value, ``...`` where its text is no literal; None where there is none."""
    try:
        return ast.literal_eval(item.default or "None")
    except (ValueError, SyntaxError):
        return ...
