from __future__ import annotations

import numpy as np
import pytest

from kmigrate.verify import specs


@pytest.mark.parametrize(
    ("text", "shape", "dtype"),
    [
        ("float[2,3]", (2, 3), "float32"),
        ("float[]", (), "float32"),
        (" float64[ 2, 3 ] ", (2, 3), "float64"),
        ("int[4]<5", (4,), "int32"),
        ("int64[4]", (4,), "int64"),
        ("bool[3,0]", (3, 0), "bool"),
        ("probability[2,5]", (2, 5), "float32"),
        ("onehot[2,5]", (2, 5), "float32"),
    ],
)
def test_shape_and_dtype(text: str, shape: tuple[int, ...], dtype: str) -> None:
    value = specs.generate(text, 0)
    assert value.shape == shape
    assert value.dtype == dtype


def test_values_keep_to_their_range() -> None:
    assert specs.generate("positive[100]", 1).min() >= 0.1
    assert specs.generate("unit[100]", 1).max() <= 1.0
    assert set(specs.generate("int[100]<3", 1)) == {0, 1, 2}
    assert np.allclose(specs.generate("probability[7,3]", 1, "float64").sum(-1), 1.0)
    assert specs.generate("onehot[7,3]", 1).sum() == 7


def test_floats_include_edges_and_ties() -> None:
    values = specs.generate("float[6,6]", 3)
    assert (values == 0).any()
    assert (values < 0).any()
    assert len(np.unique(values)) < values.size


def test_same_seed_same_values_in_both_passes() -> None:
    narrow, wide = specs.generate("float[3,3]", 5, "float32"), specs.generate("float[3,3]", 5, "float64")
    assert (narrow == wide.astype("float32")).all()
    assert not (narrow == specs.generate("float[3,3]", 6)).all()


def test_literals() -> None:
    assert specs.generate("literal((1, 'a'))", 0) == (1, "a")
    assert str(specs.parse("literal([1])")) == "literal([1])"
    assert specs.parse("expr(layers.Dense(3))").value == "layers.Dense(3)"


@pytest.mark.parametrize("text", ["flaot[2]", "float", "float[a]", "float[2]<3", "int[2]<0", "literal(x)", "", "float[-1]"])
def test_bad_specs_are_quoted(text: str) -> None:
    with pytest.raises(specs.SpecError):
        specs.parse(text)


def test_with_shape() -> None:
    assert specs.with_shape("int[2]<4", (3, 3)) == "int[3,3]<4"
    assert specs.with_shape("literal(2)", (3, 3)) == "literal(2)"
