"""What kinds of Python value an argument is, and which of them a proof covers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmigrate.values.domain import UNKNOWN, Value, of_constant, sequence, sequence_of, tensor
from kmigrate.values.kinds import in_words, is_proven, kinds_of

X = tensor("tensorflow")


@pytest.mark.parametrize(
    ("value", "kinds"),
    [
        (X, set()),
        (UNKNOWN, set()),
        (of_constant(3), {"number"}),
        (of_constant(True), {"bool"}),
        (of_constant(None), {"none"}),
        (of_constant("same"), {"text"}),
        (of_constant([]), {"sequence of nothing"}),
        (of_constant((1, 2.5)), {"sequence of number"}),
        (of_constant([[1.0], [2.0]]), {"sequence of sequence"}),
        (sequence([X, X]), {"sequence"}),
        (sequence([X, of_constant(2), of_constant(None)]), {"sequence", "sequence of number", "sequence of none"}),
        (sequence_of(UNKNOWN), {"sequence"}),
        (Value("sequence"), {"sequence"}),
        (Value("array"), {"array"}),
    ],
)
def test_kinds(value: Value, kinds: set[str]) -> None:
    assert kinds_of(value) == kinds


constants = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3), lambda inner: st.lists(inner, max_size=4)
)


@given(constants)
def test_what_was_proven_is_proven_and_has_words(constant: object) -> None:
    kinds = kinds_of(of_constant(constant))
    assert kinds, "a Python value is of some kind"
    for kind in kinds:
        assert is_proven(kind, kinds) and not is_proven(kind, frozenset())
        assert in_words(kind) and "sequence" not in in_words(kind)


def test_a_list_of_unknown_things_asks_for_a_list_of_any() -> None:
    assert is_proven("sequence", ["sequence of number"])
    assert not is_proven("sequence of number", ["sequence"])
    assert not is_proven("sequence of number", ["sequence of sequence", "number"])
