"""What an engine's error message says about the case that caused it: the next cases to try.

Each row of the table is a pattern over messages and a function that makes changed cases out of the failed one. The
messages are those of Keras 2, TensorFlow 1.15 and 2.2, Theano, numpy and Python itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kmigrate.verify import specs
from kmigrate.verify.anatomy import UnitShape
from kmigrate.verify.cases import Case
from kmigrate.verify.constructors import Classes, made
from kmigrate.verify.guesses import RANKS, alternatives


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
            yield self._with({p: _shaped(self.case, p, new) for p, (_, new) in changed.items()})
        for position, (_, new) in changed.items():
            yield self._with({position: _shaped(self.case, position, new)})

    def _with(self, texts: Mapping[int, str]) -> Case:
        inputs = tuple((name, texts.get(position, text)) for position, (name, text) in enumerate(self.case.inputs))
        return replace(self.case, inputs=inputs)

    def retyped(self, kinds: Sequence[str]) -> Iterator[Case]:
        """Each tensor alone with another kind of values, then all of them."""
        for kind in kinds:
            below = "<2" if kind.startswith("int") else ""
            texts = {p: f"{kind}[{','.join(map(str, s.shape))}]{below}" for p, _, s in self.tensors() if s.kind != kind}
            for position, text in texts.items():
                yield self._with({position: text})
            if len(texts) > 1:
                yield self._with(texts)

    def kwargs(self, **changes: Any) -> Case:
        return replace(self.case, kwargs={**self.case.kwargs, **changes})

    def given(self, value: type | tuple[type, ...]) -> list[str]:
        return [name for name, item in self.case.kwargs.items() if isinstance(item, value) and not isinstance(item, bool)]


def _shaped(case: Case, position: int, shape: tuple[int, ...]) -> str:
    return specs.with_shape(case.inputs[position][1], shape)


def _of_rank(shape: tuple[int, ...], rank: int) -> tuple[int, ...]:
    """The same sizes at both ends, others between them; 2 samples and 4 features where there is nothing to keep."""
    usual = tuple(int(size) for size in RANKS[rank][1:-1].split(",") if size) if rank in RANKS else ()
    if len(shape) < 2 or rank < 2:
        return usual
    return (shape[0], *usual[1:-1], shape[-1])


Made = Iterator[Case]


def _rank(failure: Failure, match: re.Match[str]) -> Made:
    wanted = int(match["wanted"])
    found = int(match["found"]) if match["found"] else None
    if wanted <= 5:
        yield from failure.reshaped(lambda s: _of_rank(s, wanted) if found is None or len(s) == found else None)


def _any_rank(failure: Failure, match: re.Match[str]) -> Made:
    """The ranks do not go together: every tensor alone at every other rank."""
    for position, _, spec in failure.tensors():
        for rank in (2, 3, 1, 4):
            if rank != len(spec.shape):
                yield failure._with({position: _shaped(failure.case, position, _of_rank(spec.shape, rank))})


def _higher(failure: Failure, match: re.Match[str]) -> Made:
    yield from failure.reshaped(lambda s: _of_rank(s, len(s) + 1) if len(s) < 5 else None)
    yield from _longer_list(failure, _listed(failure) + 1 if _listed(failure) else 2)


def _bounds(failure: Failure, match: re.Match[str]) -> Made:
    """``slice index 11 of dimension 1 out of bounds``: at least 12 of them."""
    axis, size = int(match["axis"]), int(match["index"]) + 1

    def change(shape: tuple[int, ...]) -> tuple[int, ...] | None:
        return tuple(size if i == axis else d for i, d in enumerate(shape)) if axis < len(shape) and shape[axis] < size else None

    yield from failure.reshaped(change)
    # What is sliced that far is often a table: one row of values for each sample.
    yield from failure.reshaped(lambda s: (s[0], size) if axis == 1 and len(s) != 2 and s else None)


def _smaller(failure: Failure, match: re.Match[str]) -> Made:
    """An index that is too large for what it is taken from."""
    for below in (int(match["size"]), 1):
        for position, _, spec in failure.tensors():
            if spec.kind == "int" and (spec.below is None or spec.below > below > 0):
                yield failure._with({position: str(replace(spec, below=below))})


def _lower(failure: Failure, match: re.Match[str]) -> Made:
    yield from failure.reshaped(lambda s: _of_rank(s, len(s) - 1) if len(s) > 1 else None)


def _listed(failure: Failure) -> int:
    return sum("." in name for name, _ in failure.case.inputs)


def _longer_list(failure: Failure, count: int) -> Made:
    """The first input as a list of ``count`` tensors like the one that it has."""
    if not failure.case.inputs or not 1 < count <= 6:
        return
    stem = failure.case.inputs[0][0].partition(".")[0]
    own = [text for name, text in failure.case.inputs if name.partition(".")[0] == stem]
    rest = tuple(item for item in failure.case.inputs if item[0].partition(".")[0] != stem)
    texts = (own + [own[-1]] * count)[:count]
    yield replace(failure.case, inputs=(*((f"{stem}.{n}", text) for n, text in enumerate(texts)), *rest))


def _unpack(failure: Failure, match: re.Match[str]) -> Made:
    """``a, b, c = x``: a list of three tensors, or a shape of rank three."""
    wanted = int(match["wanted"])
    yield from _longer_list(failure, wanted)
    if wanted <= 5:
        yield from failure.reshaped(lambda s: _of_rank(s, wanted) if len(s) != wanted else None)
    for name in failure.given((int, tuple, list)):
        yield failure.kwargs(**{name: (2,) * wanted})


def _list_wanted(failure: Failure, match: re.Match[str]) -> Made:
    count = match.groupdict().get("wanted")
    for wanted in [int(count)] if count else [2, 3]:
        yield from _longer_list(failure, wanted)


def _sizes(failure: Failure, match: re.Match[str]) -> Made:
    """Two sizes that should be one."""
    one, two = int(match["one"]), int(match["two"])
    for left, right in ((one, two), (two, one)):
        yield from failure.reshaped(lambda s, a=left, b=right: tuple(b if d == a else d for d in s) if a in s else None)  # type: ignore[misc]  # bound now
        for name in failure.given(int):
            if failure.case.kwargs[name] == left:
                yield failure.kwargs(**{name: right})


def _single(failure: Failure, match: re.Match[str]) -> Made:
    """A dimension that must be 1."""
    axis, size = int(match["axis"]), int(match["size"])
    for position, _, spec in failure.tensors():
        for axis_of in {axis, len(spec.shape) - 1, axis - 1}:
            if 0 <= axis_of < len(spec.shape) and spec.shape[axis_of] == size:
                shape = tuple(1 if i == axis_of else d for i, d in enumerate(spec.shape))
                yield failure._with({position: _shaped(failure.case, position, shape)})


def _divisible(failure: Failure, match: re.Match[str]) -> Made:
    by, size = int(match["by"]), int(match["size"])
    yield from failure.reshaped(lambda s: tuple(by if d == size else d for d in s) if size in s else None)
    for name in failure.given(int):
        if failure.case.kwargs[name] == size:
            yield failure.kwargs(**{name: by})


def _axis_value(failure: Failure, match: re.Match[str]) -> Made:
    axis, value = int(match["axis"]), int(match["value"])

    def change(shape: tuple[int, ...]) -> tuple[int, ...] | None:
        at = axis % len(shape) if shape and -len(shape) <= axis < len(shape) else None
        return None if at is None else tuple(value if i == at else d for i, d in enumerate(shape))

    yield from failure.reshaped(change)


def _missing(failure: Failure, match: re.Match[str]) -> Made:
    """``missing 1 required positional argument: 'mask'``."""
    names = re.findall(r"'(\w+)'", match["names"])
    if failure.where == "construct":
        for pick in (0, 1):
            values = {name: alternatives(name) for name in names}
            yield failure.kwargs(**{name: found[min(pick, len(found) - 1)] for name, found in values.items()})
        return
    like = next((text for _, text in failure.case.inputs if "[" in text), "float[2,4]")
    tensors = tuple((name, like) for name in names)
    yield replace(failure.case, inputs=(*failure.case.inputs, *tensors))
    literals = tuple((name, _literal(alternatives(name)[0])) for name in names)
    yield replace(failure.case, inputs=(*failure.case.inputs, *literals))


def _literal(value: Any) -> str:
    return value if isinstance(value, str) and value.startswith("expr(") else f"literal({value!r})"


def _pairs(failure: Failure, match: re.Match[str]) -> Made:
    """A number where a sequence belongs."""
    numbers = failure.given((int, float))
    for length in (2, 3):
        for name in numbers:
            yield failure.kwargs(**{name: (failure.case.kwargs[name],) * length})
        if len(numbers) > 1 and length == 2:
            yield failure.kwargs(**{name: (failure.case.kwargs[name],) * 2 for name in numbers})
    for position, (name, text) in enumerate(failure.case.inputs):
        spec = specs.parse(text)
        if spec.kind == "literal" and isinstance(spec.value, (int, float)):
            yield failure._with({position: f"literal({(spec.value, spec.value)!r})"})
            yield failure._with({position: f"float[2,{max(1, int(spec.value))}]"})
        del name


def _scalar(failure: Failure, match: re.Match[str]) -> Made:
    """A sequence where a number belongs."""
    for name in failure.given((tuple, list)):
        value = failure.case.kwargs[name]
        if value and isinstance(value[0], (int, float)):
            yield failure.kwargs(**{name: value[0]})


def _attribute(failure: Failure, match: re.Match[str]) -> Made:
    """``'int' object has no attribute 'X'``: a tensor, a layer, a model, or an object of the project that has X."""
    kind, attribute = match["kind"], match["attribute"]
    objects: list[str] = []
    if attribute in ("units", "built", "call", "build", "get_config", "compute_output_shape", "trainable_weights", "weights"):
        objects += ["expr(layers.Dense(4))", "expr(layers.SimpleRNNCell(4))", "expr(layers.LSTM(4, return_sequences=True))"]
    elif attribute in ("state_size", "output_size"):
        objects += ["expr(layers.SimpleRNNCell(4))", "expr(layers.LSTMCell(4))"]
    elif attribute in ("inputs", "outputs", "input_names", "output_names", "layers", "input", "output", "predict", "summary"):
        objects += ["expr(models.Sequential([layers.Dense(4, input_shape=(4,))]))"]
    elif attribute in ("shape", "get_shape", "dtype", "ndim", "astype"):
        objects += ["expr(np.ones((4, 4), 'float32'))", "expr(K.constant(np.ones((4, 4), 'float32')))"]
    elif failure.project is not None:
        objects += [made(*item) for item in failure.project.classes_with(attribute)[:3]]
    elif attribute in ("lower", "upper", "split", "startswith"):
        objects += ["same", "tanh"]
    for name in failure.given((int, float, tuple)) if kind != "NoneType" else _optional(failure):
        for value in objects:
            yield failure.kwargs(**{name: value})
    for position, (_, text) in enumerate(failure.case.inputs):
        if specs.parse(text).kind == "literal":
            for value in [*objects, "float[2,4]", "float[2,6,4]"][:4]:
                yield failure._with({position: value})
        elif kind in ("Tensor", "TensorVariable") and "." not in failure.case.inputs[position][0]:
            for value in objects[:2]:
                yield failure._with({position: value})


def _optional(failure: Failure) -> list[str]:
    return [item.name for item in failure.shape.construct if item.default == "None" and item.name not in failure.case.kwargs][:6]


def _none(failure: Failure, match: re.Match[str]) -> Made:
    """None where a size belongs: placeholders with every dimension known, or an optional argument that is not."""
    if failure.case.dynamic:
        yield replace(failure.case, dynamic=False)
    for name in _optional(failure):
        yield failure.kwargs(**{name: alternatives(name)[0]})


def _static(failure: Failure, match: re.Match[str]) -> Made:
    if failure.case.dynamic:
        yield replace(failure.case, dynamic=False)


def _callable(failure: Failure, match: re.Match[str]) -> Made:
    for name in failure.given((int, float, str, tuple)):
        for value in ("expr(lambda x: x)", "expr(layers.Dense(4))", "expr(lambda a, b: K.mean(K.square(a - b), axis=-1))"):
            yield failure.kwargs(**{name: value})
    for position, (_, text) in enumerate(failure.case.inputs):
        if specs.parse(text).kind == "literal" or len(failure.case.inputs) > 1:
            yield failure._with({position: "expr(lambda x: x)"})


def _integers(failure: Failure, match: re.Match[str]) -> Made:
    yield from failure.retyped(["int32"])
    for position, _, _spec in failure.tensors():
        for value in (1, 2):
            yield failure._with({position: f"literal({value})"})


def _allowed(failure: Failure, match: re.Match[str]) -> Made:
    yield from failure.retyped(["bool"] if "bool" in match["allowed"] and "int" not in match["allowed"] else ["int32", "bool"])


def _floats(failure: Failure, match: re.Match[str]) -> Made:
    yield from failure.retyped(["float"])


def _choices(failure: Failure, match: re.Match[str]) -> Made:
    """``mode must be one of 'dot', 'general'``: each of the quoted words for each string, those named in the message first."""
    words = list(dict.fromkeys(re.findall(r"['\"]([\w-]{1,24})['\"]", failure.message)))
    strings = failure.given((str, int, float))
    named = [name for name in strings if name in failure.message] or strings
    for name in named[:3]:
        for word in words[:6]:
            if word != failure.case.kwargs[name] and word not in failure.case.kwargs:
                yield failure.kwargs(**{name: word})


def _named(failure: Failure, match: re.Match[str]) -> Made:
    yield replace(failure.case, inputs=(*failure.case.inputs, ("name", "literal('unit')")))


def _drop(failure: Failure, match: re.Match[str]) -> Made:
    name = match["name"]
    if name in failure.case.kwargs:
        yield replace(failure.case, kwargs={key: value for key, value in failure.case.kwargs.items() if key != name})


def _multiples(failure: Failure, match: re.Match[str]) -> Made:
    by = int(match["by"])
    if by <= 16:
        yield from failure.reshaped(lambda s: tuple(-(-d // by) * by for d in s))


_Rows = tuple[tuple[Callable[[Failure, re.Match[str]], Made], tuple[str, ...]], ...]
_RULES: _Rows = (
    (_missing, (r"missing \d+ required (?:positional|keyword-only) arguments?: (?P<names>.*)",)),
    (_named, (r"At least one of name \(None\)",)),
    (_drop, (r"got an unexpected keyword argument '(?P<name>\w+)'",)),
    (
        _rank,
        (
            r"expected (?:min_|max_)?ndim=(?P<wanted>\d), found ndim=(?P<found>\d)",
            r"[Ss]hape must be (?:at least )?rank (?P<wanted>\d) but is rank (?P<found>\d)",
            r"must be (?:a )?(?:of )?(?:rank|ndim) ?=?(?P<wanted>\d)(?P<found>)",
            r"(?P<wanted>\d)-?D tensor(?P<found>)",
            r"Expected rank (?P<wanted>\d)[^\d]+(?P<found>\d)",
        ),
    ),
    (_axis_value, (r"expected axis (?P<axis>-?\d) of input shape to have value (?P<value>\d+)",)),
    (_single, (r"Can ?not squeeze dim\[(?P<axis>\d)\], expected a dimension of 1, got (?P<size>\d+)",)),
    (_bounds, (r"slice index (?P<index>\d+) of dimension (?P<axis>\d) out of bounds",)),
    (_smaller, (r"= -?\d+ is not in \[0, (?P<size>\d+)\)",)),
    (_divisible, (r"evenly divisible by (?P<by>\d+) but is (?P<size>\d+)",)),
    (_unpack, (r"(?:not enough|too many) values to unpack \(expected (?P<wanted>\d)",)),
    (
        _list_wanted,
        (
            r"list of (?:at least |exactly )?(?P<wanted>\d)? ?(?:inputs|tensors)",
            r"expects (?P<wanted>\d) input",
            r"must be a list",
        ),
    ),
    (
        _sizes,
        (
            r"(?:must be equal|[Ii]ncompatible shapes?|not compatible|mismatch)[^\d]+(?P<one>\d+)[^\d]+(?P<two>\d+)",
            r"[Dd]imension \d+ in both shapes must be equal, but are (?P<one>\d+) and (?P<two>\d+)",
        ),
    ),
    (
        _any_rank,
        (
            r"equal rank|[Rr]ank mismatch|[Ii]ncompatible shapes",
            r"[Ss]hapes? .* (?:are|is) (?:not compatible|incompatible)",
        ),
    ),
    (
        _higher,
        (
            r"index out of (?:range|bounds)|out of bounds|out of range|too many indices",
            r"[Ii]nvalid (?:reduction|axis)|doesn't match|must be in the range",
        ),
    ),
    (
        _pairs,
        (
            r"'(?:int|float)' object is not (?:subscriptable|iterable)",
            r"cannot unpack non-iterable|object of type '(?:int|float)' has no len",
        ),
    ),
    (
        _scalar,
        (
            r"unsupported operand type\(s\) for .*'(?:tuple|list)'",
            r"not supported between instances of '(?:tuple|list)'|must be (?:an )?int",
        ),
    ),
    (_attribute, (r"'(?P<kind>\w+)' object has no attribute '(?P<attribute>\w+)'",)),
    (_callable, (r"not callable",)),
    (
        _static,
        (
            r"unknown Dimension|partially known|Failed to convert object",
            r"not fully defined|unknown (?:rank|shape)|must be fully known",
        ),
    ),
    (_none, (r"NoneType|None values not supported|\bNone\b",)),
    (_integers, (r"Only integers, slices|indices must be integers|as an index|to be an integer|integer dtype",)),
    (
        _allowed,
        (
            r"not in list of allowed values: (?P<allowed>.*)",
            r"requested dtype (?P<allowed>int\w*|bool) for Tensor",
        ),
    ),
    (_floats, (r"requested dtype float\w* for Tensor|must be floating|dtype.*float",)),
    (
        _choices,
        (
            r"(?:one of|either|allowed|[Vv]alid|[Ss]upported|[Ee]xpected).*['\"]\w+['\"]",
            r"(?:[Uu]nknown|[Ii]nvalid|choose|must be).*['\"]\w+['\"]",
        ),
    ),
    (_multiples, (r"multiple of (?P<by>\d+)",)),
    (_lower, (r"rank|ndim|dimension",)),
)


_MOST_RULES = 3
_MOST_CHILDREN = 14


def next_cases(failure: Failure) -> list[Case]:
    """What to try after a failure, the likeliest first: from the first few rows whose pattern the message has."""
    found: list[Case] = []
    used = 0
    for make, patterns in _RULES:
        match = next((m for pattern in patterns if (m := re.search(pattern, failure.message))), None)
        if match is None:
            continue
        used += 1
        if used > _MOST_RULES:
            break
        for case in make(failure, match):
            if len(found) >= _MOST_CHILDREN:
                return found
            found.append(case)
    return found


def neighbours(case: Case) -> list[Case]:
    """Each tensor alone at another rank, with other sizes or of integers: what a message does not say."""
    failure = Failure(case, "call", "", UnitShape((), (), False, 0, ""))
    found: list[Case] = []
    for position, _, spec in failure.tensors():
        ranks = [_of_rank(spec.shape, rank) for rank in (2, 3, 1, 4, 0) if rank != len(spec.shape)]
        sizes = [(*spec.shape[:-1], size) for size in (4, 1, 2) if spec.shape and spec.shape[-1] != size]
        sizes += [(spec.shape[0], size, *spec.shape[2:]) for size in (4, 1, 9) if len(spec.shape) > 2]
        found += [failure._with({position: _shaped(case, position, shape)}) for shape in [*ranks, *sizes]]
        if spec.kind != "int":
            found.append(failure._with({position: f"int[{','.join(map(str, spec.shape))}]<2"}))
    return found
