"""What an engine's error message says about the case that caused it: the next cases to try.

Each row of the table is a pattern over messages and a remedy that makes changed cases out of the failed one. The
messages are those of Keras 2, TensorFlow 1.15 and 2.2, Theano, numpy and Python itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from kmigrate.verify import remedies_arguments as arguments
from kmigrate.verify import remedies_tensors as tensors
from kmigrate.verify import specs
from kmigrate.verify.anatomy import UnitShape
from kmigrate.verify.cases import Case
from kmigrate.verify.failure import Failure, Made, of_rank, shaped

__all__ = ["Failure", "neighbours", "next_cases"]

_Rows = tuple[tuple[Callable[[Failure, re.Match[str]], Made], tuple[str, ...]], ...]
_RULES: _Rows = (
    (arguments.missing, (r"missing \d+ required (?:positional|keyword-only) arguments?: (?P<names>.*)",)),
    (arguments.named, (r"At least one of name \(None\)", r"name for name_scope must be a string")),
    (
        arguments.drop,
        (r"got an unexpected keyword argument '(?P<name>\w+)'", r"Keyword argument not understood:\W+(?P<name>\w+)"),
    ),
    (
        arguments.whole_quotients,
        (r"Ambiguous dimension: \d*\.\d|'float' object cannot be interpreted as an integer|ZeroDivisionError",),
    ),
    (tensors.states, (r"cell\.state_size` is \[(?P<sizes>\d[\d, ]*)\]",)),
    (tensors.keyed, (r"are valid indices, got '(?P<name>\w+)'",)),
    (arguments.key, (r"^KeyError: '(?P<name>[A-Za-z_]\w*)'$",)),
    (
        arguments.training,
        (r"Python control flow in a layer|using a `tf\.Tensor` as a Python `bool`",),
    ),
    (
        tensors.expected,
        (r"Input '(?P<name>\w+)' of '\w+' Op has type \w+ that does not match (?:expected )?type (?:of )?(?P<kind>\w+)",),
    ),
    (
        arguments.whole_number,
        (r"Expected u?int\d* passed to parameter '(?P<name>\w+)'", r"Expected u?int\d*, got -?\d+\.\d* of type 'float'"),
    ),
    (tensors.last_sizes, (r"(?:must|should|expected to) (?:be of|have) shape (?P<wanted>[(\[].*?)(?:,? (?:but|got)|$)",)),
    (
        tensors.rank,
        (
            r"expected (?:min_|max_)?ndim=(?P<wanted>\d), found ndim=(?P<found>\d)",
            r"[Ss]hape must be (?:at least )?rank (?P<wanted>\d) but is rank (?P<found>\d)",
            r"must be (?:a )?(?:of )?(?:rank|ndim) ?=?(?P<wanted>\d)(?P<found>)",
            r"(?P<wanted>\d)-?D tensor(?P<found>)",
            r"Expected rank (?P<wanted>\d)[^\d]+(?P<found>\d)",
        ),
    ),
    (tensors.axis_value, (r"expected axis (?P<axis>-?\d) of input shape to have value (?P<value>\d+)",)),
    (tensors.single, (r"Can ?not squeeze dim\[(?P<axis>\d)\], expected a dimension of 1, got (?P<size>\d+)",)),
    (tensors.bounds, (r"slice index (?P<index>\d+) of dimension (?P<axis>\d) out of bounds",)),
    (tensors.smaller, (r"= -?\d+ is not in \[0, (?P<size>\d+)\)",)),
    (tensors.divisible, (r"evenly divisible by (?P<by>\d+) but is (?P<size>\d+)",)),
    (tensors.unpack, (r"(?:not enough|too many) values to unpack \(expected (?P<wanted>\d)",)),
    (
        tensors.list_wanted,
        (
            r"list of (?:at least |exactly )?(?P<wanted>\d)? ?(?:inputs|tensors)",
            r"expects (?P<wanted>\d) input",
            r"must be a list|len is not well defined for symbolic|within a TensorFlow loop",
            r"Tensor objects are only iterable|iterating over `tf\.Tensor` is not allowed",
        ),
    ),
    (
        tensors.sizes,
        (
            r"(?:must be equal|[Ii]ncompatible shapes?|not compatible|mismatch)[^\d]+(?P<one>\d+)[^\d]+(?P<two>\d+)",
            r"[Dd]imension \d+ in both shapes must be equal, but are (?P<one>\d+) and (?P<two>\d+)",
        ),
    ),
    (
        tensors.any_rank,
        (
            r"equal rank|[Rr]ank mismatch|[Ii]ncompatible shapes",
            r"[Ss]hapes? .* (?:are|is) (?:not compatible|incompatible)",
        ),
    ),
    (
        tensors.higher,
        (
            r"index out of (?:range|bounds)|out of bounds|out of range|too many indices",
            r"[Ii]nvalid (?:reduction|axis)|doesn't match|must be in (?:the )?range",
        ),
    ),
    (
        arguments.pairs,
        (
            r"'(?:int|float)' object is not (?:subscriptable|iterable)",
            r"cannot unpack non-iterable|object of type '(?:int|float)' has no len",
        ),
    ),
    (
        arguments.scalar,
        (
            r"unsupported operand type\(s\) for .*'(?:tuple|list|str)'",
            r"not supported between instances of '(?:tuple|list|str)'|must be (?:an )?int",
        ),
    ),
    (
        arguments.ragged,
        (r"'(?:Tensor|list)' object has no attribute '(?:values|row_splits|ragged_rank|flat_values|row_lengths)'|[Rr]agged",),
    ),
    (
        arguments.sparse,
        (
            r"'Tensor' object has no attribute '(?:indices|dense_shape|values)'",
            r"must be a SparseTensor|[Ee]xpected a? ?SparseTensor",
        ),
    ),
    (tensors.product, (r"got (?P<one>\d+) \* (?P<two>\d+) != (?P<size>\d+)",)),
    (tensors.masked, (r"must support mask|[Mm]ask (?:is required|must|should|can ?not be None)",)),
    (arguments.tensorflow_cell, (r"must be an instance of RNNCell",)),
    (tensors.alone, (r"'(?:list|tuple)' object has no attribute '(?:shape|get_shape|dtype|ndim|op)'",)),
    (
        arguments.computed,
        (
            r"array element with a sequence|must be a TensorType|__array__\(\)|Tensor is unhashable",
            r"needs numeric values and not symbolic|symbolic Tensor .* to a numpy|data type not understood",
            r"can't convert .* to numpy|loop of ufunc does not support",
        ),
    ),
    (arguments.attribute, (r"'(?P<kind>\w+)' object has no attribute '(?P<attribute>\w+)'",)),
    (
        arguments.python_value,
        (r"using a `tf\.Tensor` as a Python `bool`|Tensor objects are only iterable|iterating over `tf\.Tensor` is not allowed",),
    ),
    (arguments.callable, (r"not callable",)),
    (
        tensors.static,
        (
            r"unknown Dimension|partially known|Failed to convert object",
            r"not fully defined|unknown (?:rank|shape)|must be fully known",
        ),
    ),
    (tensors.none, (r"NoneType|None values not supported|\bNone\b",)),
    (tensors.integers, (r"Only integers, slices|indices must be integers|as an index|to be an integer|integer dtype",)),
    (
        tensors.allowed,
        (
            r"not in list of allowed values: (?P<allowed>.*)",
            r"requested dtype (?P<allowed>int\w*|bool) for Tensor",
        ),
    ),
    (
        tensors.complexes,
        (r"requested dtype complex\d* for Tensor|allowed values: complex|non-complex|requires? (?:tf\.)?complex",),
    ),
    (tensors.floats, (r"requested dtype float\w* for Tensor|must be floating|dtype.*float",)),
    (
        arguments.choices,
        (
            r"(?:one of|either|allowed|[Vv]alid|[Ss]upported|[Ee]xpected).*['\"]\w+['\"]",
            r"(?:[Uu]nknown|[Ii]nvalid|choose|must be).*['\"]\w+['\"]",
        ),
    ),
    (tensors.multiples, (r"multiple of (?P<by>\d+)",)),
    (tensors.lower, (r"rank|ndim|dimension",)),
)


_MOST_RULES = 3
_MOST_CHILDREN = 14


def next_cases(failure: Failure) -> list[Case]:
    """What to try after a failure, the likeliest first: from the first few rows whose pattern the message has. Sizes that a
    message tells may be any number: what is too large is left out."""
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
            if all(specs.affordable(text) for _, text in case.inputs):
                found.append(case)
    return found


def neighbours(case: Case) -> list[Case]:
    """Each tensor alone at another rank, with other sizes or of integers: what a message does not say."""
    failure = Failure(case, "call", "", UnitShape((), (), False, 0, ""))
    # Lists of embeddings: one step each, all together.
    found = list(failure.reshaped(lambda s: (s[0], 1, *s[2:]) if len(s) > 2 else None))[:1]
    for position, _, spec in failure.tensors():
        ranks = [of_rank(spec.shape, rank) for rank in (2, 3, 1, 4, 0) if rank != len(spec.shape)]
        sizes = [(*spec.shape[:-1], size) for size in (4, 1, 2) if spec.shape and spec.shape[-1] != size]
        sizes += [(spec.shape[0], size, *spec.shape[2:]) for size in (4, 1, 9) if len(spec.shape) > 2]
        found += [failure.with_texts({position: shaped(case, position, shape)}) for shape in [*ranks, *sizes]]
        if spec.kind != "int":
            found.append(failure.with_texts({position: f"int[{','.join(map(str, spec.shape))}]<2"}))
    return found
