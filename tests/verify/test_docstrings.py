"""What docstrings and comparisons tell of parameters, and the cases that follow from it."""

from __future__ import annotations

import pytest

from kmigrate.verify.anatomy import Parameter, UnitShape, concrete_class, read_unit
from kmigrate.verify.argument_values import values_of
from kmigrate.verify.docstrings import Told, input_specs, told
from kmigrate.verify.guesses import input_sets
from kmigrate.verify.search import candidates


@pytest.mark.parametrize(
    ("line", "name", "wanted"),
    [
        ("boxes: [N, (y1, x1, y2, x2)] in pixels", "boxes", Told("Tensor", "float[6,4]")),
        ("window: (y1, x1, y2, x2) in pixels", "window", Told("Tensor", "float[4]")),
        ("- meta: [batch, (the data)] Details.", "meta", Told("Tensor", "float[2,1]")),
        ("rate (`float`): how much", "rate", Told("float", None)),
        (":param n: integer, how many (see above)", "n", Told("int", None)),
        (":param int n: how many", "n", Told("int", None)),
        ("pad_end: bool, if true it pads", "pad_end", Told("bool", None)),
        ("sizes (tuple of int): of the windows", "sizes", Told("tuple[int]", None)),
        (":param ids: A 1D Tensor with indices into something", "ids", Told("Tensor", "int[2]<2")),
        ("x: a tensor of shape (batch, time, 5)", "x", Told("Tensor", "float[2,6,5]")),
        ("x : ndarray, shape (n_samples, 3)", "x", Told("Tensor", "float[2,3]")),
        ("fn (callable): what to call", "fn", Told("Callable", None)),
    ],
)
def test_a_line_of_a_docstring(line: str, name: str, wanted: Told) -> None:
    assert told(f"Something.\n\n    Args:\n        {line}\n", [name]) == {name: wanted}


@pytest.mark.parametrize("doc", ["", "boxes: are nice", "other: [N, 4]", "boxes and more: [1]", "boxes: see [1, p. 4]"])
def test_what_tells_nothing(doc: str) -> None:
    assert told(doc, ["boxes"]) == {}


def test_a_size_of_one_name_is_one_size_and_other_names_have_others() -> None:
    found = told("a: [rois, num_classes]\nb: [num_classes, things]\nc: [things, rois]\n", ["a", "b", "c"])
    assert [item.spec for item in found.values()] == ["float[6,4]", "float[4,5]", "float[5,6]"]


def test_the_section_of_a_layer_on_its_input() -> None:
    one = "A layer.\n\n  Input shape\n    - 3D tensor with shape: ``(batch_size, fields, size)``.\n  Output shape\n    - ``(batch_size, 1)``"
    assert input_specs(one) == ["float[2,6,4]"]
    assert input_specs(one.replace("3D tensor", "A list of 3D tensor")) == ["float[2,6,4]", "float[2,6,4]"]
    assert input_specs("A layer.") == []


def test_a_list_of_tensors_is_not_one_of_them() -> None:
    doc = """A layer.

      Input shape
        - A list of three tensors: [query, keys, keys_length]
        - query is a 3D tensor with shape:  ``(batch_size, 1, embedding_size)``
        - keys is a 3D tensor with shape: ``(batch_size, T, embedding_size)``
        - keys_length is a 2D tensor with shape: ``(batch_size, 1)``

      Output shape
        - 3D tensor with shape: ``(batch_size, 1, embedding_size)``.
    """
    assert input_specs(doc) == ["float[2,1,4]", "float[2,6,4]", "int[2,1]<2"]


def test_lengths_beside_tensors_are_told_by_their_name() -> None:
    text = "class A(Layer):\n    def call(self, inputs):\n        x, sequence_length, score = inputs\n        return x\n"
    shape = read_unit(text, "A")
    assert shape is not None
    first = input_sets(shape, "layer")[0]
    assert first == (("inputs.0", "float[2,6,4]"), ("inputs.1", "int[2,1]<4"), ("inputs.2", "float[2,6,4]"))
    other = read_unit(text.replace("x, sequence_length, score = inputs", "length = inputs[0]"), "A")
    assert other is not None
    assert other.elements == ()


SOURCE = '''
from keras.layers import Layer
class Align(Layer):
    """Crops.

    Inputs:
    - boxes: [batch, boxes, (y1, x1, y2, x2)]
    - Maps: List of feature maps.
    """
    def __init__(self, pool, mode, **kwargs):
        """pool (tuple of int): the size"""
        if mode not in KINDS and self._mode != "nearest":
            raise ValueError(mode)
    def call(self, inputs):
        boxes = inputs[0]
        maps = inputs[1:]
        return maps
KINDS = {"bilinear": 1, "cubic": 2}
def clip(boxes, window):
    """
    boxes: [N, (y1, x1, y2, x2)]
    window: [4]
    """
def table(rate, kind):
    """rate (int): a rate

    Args:
        kind (str): a kind
    """
    if kind == "log":
        return rate
'''


def shape_of(name: str) -> UnitShape:
    shape = read_unit(SOURCE, name)
    assert shape is not None
    return shape


def test_the_documented_tensors_are_the_first_case() -> None:
    assert candidates(shape_of("clip"), "helper")[0].inputs == (("boxes", "float[6,4]"), ("window", "float[4]"))
    first = candidates(shape_of("Align"), "layer")[0]
    assert first.inputs == (("inputs.0", "float[2,6,4]"), ("inputs.1", "float[2,6,4]"))
    assert candidates(shape_of("table"), "helper")[0].inputs == (("rate", "literal(3)"), ("kind", "literal('log')"))


def test_constructor_arguments_have_the_type_and_the_words_of_the_text() -> None:
    pool, mode = shape_of("Align").construct
    assert values_of(pool)[0] == (2, 2)
    assert values_of(mode)[:1] == ("nearest",)
    assert values_of(Parameter("n", annotation="int"))[0] == 2
    assert {type(value) for value in values_of(Parameter("unheard_of"))} == {int, float, tuple, str}


ABSTRACT = '''
class Base(Layer):
    def call(self, x): return self.mix(x)
    def mix(self, x):
        """To be written."""
        raise NotImplementedError("mix")
class Half(Base):
    pass
class Marked(Layer):
    @abc.abstractmethod
    def call(self, x): ...
class Whole(Half):
    def __init__(self, units): pass
    def mix(self, x): return x
class Apart(Layer):
    def fail(self): raise ValueError
'''


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("Base", "Whole"), ("Half", "Whole"), ("Marked", None), ("Whole", None), ("Apart", None), ("nothing", None)],
)
def test_an_abstract_class_runs_as_the_first_that_fills_it_in(name: str, wanted: str | None) -> None:
    assert concrete_class(ABSTRACT, name) == wanted
