"""Remedies that change the arguments of a failed case: missing ones, other types, objects; rows of ``feedback``'s table."""

from __future__ import annotations

import re
from dataclasses import replace

from kmigrate.verify import specs
from kmigrate.verify.argument_values import alternatives
from kmigrate.verify.constructors import made
from kmigrate.verify.failure import Failure, Made
from kmigrate.verify.guesses import literal

# What Keras itself hands to a call.
_OF_KERAS = {"mask", "states", "initial_state", "constants", "training", "partition_info"}
# Layers of Keras that have what not every layer has.
_LAYERS = (
    (r"pool_size|_pooling_function", ("expr(layers.MaxPooling2D(2))", "expr(layers.MaxPooling1D(2))")),
    (
        r"filters|kernel_size|strides|padding|data_format",
        ("expr(layers.Conv2D(4, 3, padding='same'))", "expr(layers.Conv1D(4, 3, padding='same'))"),
    ),
    (r"cell|return_sequences|states|recurrent_activation", ("expr(layers.LSTM(4, return_sequences=True))",)),
)


def missing(failure: Failure, match: re.Match[str]) -> Made:
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
    literals = tuple((name, literal(alternatives(name)[0])) for name in names)
    yield replace(failure.case, inputs=(*failure.case.inputs, *literals))


def pairs(failure: Failure, match: re.Match[str]) -> Made:
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
            yield failure.with_texts({position: f"literal({(spec.value, spec.value)!r})"})
            yield failure.with_texts({position: f"float[2,{max(1, int(spec.value))}]"})
        del name


def scalar(failure: Failure, match: re.Match[str]) -> Made:
    """A sequence or a word where a number belongs."""
    for name in failure.given(str):
        if not failure.case.kwargs[name].startswith("expr("):
            yield failure.kwargs(**{name: 3})
    for name in failure.given((tuple, list)):
        value = failure.case.kwargs[name]
        if value and isinstance(value[0], (int, float)):
            yield failure.kwargs(**{name: value[0]})


def attribute(failure: Failure, match: re.Match[str]) -> Made:
    """``'int' object has no attribute 'X'``: a tensor, a layer, a model, or an object of the project that has X."""
    kind, attribute = match["kind"], match["attribute"]
    objects: list[str] = []
    if attribute in ("units", "built", "call", "build", "get_config", "compute_output_shape", "trainable_weights", "weights"):
        objects += ["expr(layers.Dense(4))", "expr(layers.SimpleRNNCell(4))", "expr(layers.LSTM(4, return_sequences=True))"]
    elif attribute in ("state_size", "output_size"):
        objects += ["expr(layers.SimpleRNNCell(4))", "expr(layers.LSTMCell(4))"]
    elif attribute in ("inputs", "outputs", "input_names", "output_names", "layers", "input", "output", "predict", "summary"):
        objects += ["expr(models.Sequential([layers.Dense(4, input_shape=(4,))]))"]
    elif layers := next((layers for pattern, layers in _LAYERS if re.fullmatch(pattern, attribute)), ()):
        objects += layers
    elif attribute in ("shape", "get_shape", "dtype", "ndim", "astype"):
        objects += ["expr(np.ones((4, 4), 'float32'))", "expr(K.constant(np.ones((4, 4), 'float32')))"]
    elif failure.project is not None:
        objects += [made(*item) for item in failure.project.classes_with(attribute)[:3]]
    elif attribute in ("lower", "upper", "split", "startswith"):
        objects += ["same", "tanh"]
    for name in failure.given((int, float, tuple, str)) if kind != "NoneType" else optional(failure):
        for value in objects:
            yield failure.kwargs(**{name: value})
    for position, (_, text) in enumerate(failure.case.inputs):
        if specs.parse(text).kind == "literal":
            for value in [*objects, "float[2,4]", "float[2,6,4]"][:4]:
                yield failure.with_texts({position: value})
        elif kind in ("Tensor", "TensorVariable") and "." not in failure.case.inputs[position][0]:
            for value in objects[:2]:
                yield failure.with_texts({position: value})


def python_value(failure: Failure, match: re.Match[str]) -> Made:
    """A tensor where the code computes with a Python value: each tensor alone, from the last one on, then all but the first."""
    texts = {position: literal(alternatives(name.partition(".")[0])[0]) for position, name, _ in failure.tensors()}
    for position in sorted(texts, reverse=True):
        yield failure.with_texts({position: texts[position]})
    first = min(texts, default=0)
    if len(texts) > 2:
        yield failure.with_texts({position: text for position, text in texts.items() if position != first})


def training(failure: Failure, match: re.Match[str]) -> Made:
    """Python's ``if`` meets the symbolic learning phase: the call is told which phase it is."""
    if "training" in failure.shape.optional and "training" not in dict(failure.case.inputs):
        for value in ("literal(True)", "literal(False)"):
            yield replace(failure.case, inputs=(*failure.case.inputs, ("training", value)))


def computed(failure: Failure, match: re.Match[str]) -> Made:
    """A tensor where the code computes with numpy: an array of its shape, then a Python value, each alone."""
    arrays = {
        position: f"expr(np.random.RandomState({position}).uniform(-1, 1, {spec.shape}).astype('float32'))"
        for position, _, spec in failure.tensors()
    }
    if len(arrays) > 1:
        yield failure.with_texts(arrays)
    for position, text in arrays.items():
        yield failure.with_texts({position: text})
    yield from python_value(failure, match)


def sparse(failure: Failure, match: re.Match[str]) -> Made:
    """A sparse tensor: each tensor of rank 2 alone, the last one first (``inputs`` are often features and their graph)."""
    for position, _, spec in reversed(list(failure.tensors())):
        if len(spec.shape) == 2:
            dense = f"(np.random.RandomState(1).uniform(size={spec.shape}) > .5).astype(K.floatx())"
            yield failure.with_texts({position: f"expr(tf.sparse.from_dense({dense}))"})


def ragged(failure: Failure, match: re.Match[str]) -> Made:
    """Ragged tensors, the second row one step shorter: all tensors together, with indices behind the first, then each alone."""
    found = [(position, spec) for position, _, spec in failure.tensors() if len(spec.shape) >= 2 and spec.shape[1] > 1]
    texts = {position: _ragged(position, spec.shape, spec.kind == "int") for position, spec in found}
    if len(texts) > 1:
        yield failure.with_texts(texts)
        yield failure.with_texts({**texts, **{position: _ragged(position, spec.shape, True) for position, spec in found[1:]}})
    for position, text in texts.items():
        yield failure.with_texts({position: text})


def _ragged(seed: int, shape: tuple[int, ...], integers: bool) -> str:
    steps = shape[1]
    inner = (2 * steps - 1, *shape[2:])
    random = f"np.random.RandomState({seed + 1})"
    values = f"{random}.randint(0, 2, {inner})" if integers else f"{random}.uniform(-1, 1, {inner}).astype(K.floatx())"
    return f"expr(tf.RaggedTensor.from_row_lengths({values}, [{steps}, {steps - 1}]))"


def key(failure: Failure, match: re.Match[str]) -> Made:
    """``KeyError: 'nb_steps'``: another tensor of a dictionary, else an argument among the ``**kwargs``."""
    name = match["name"]
    for stem, text in [(given.partition("."), text) for given, text in failure.case.inputs if "." in given][-1:]:
        added = f"{stem[0]}.{name}"
        if not stem[2].isdigit() and added not in dict(failure.case.inputs):
            yield replace(failure.case, inputs=(*failure.case.inputs, (added, text)))
    for value in alternatives(name)[:2]:
        if failure.shape.is_class and failure.where == "construct":
            yield failure.kwargs(**{name: value})
        elif name not in dict(failure.case.inputs):
            yield replace(failure.case, inputs=(*failure.case.inputs, (name, literal(value))))


def whole_number(failure: Failure, match: re.Match[str]) -> Made:
    """``Expected int32 passed to parameter 'n' ..., got 0.5``: integers instead of floats, first where the name is the same."""
    floats = [
        (name, position) for position, (name, text) in enumerate(failure.case.inputs) if re.match(r"literal\(-?\d*\.", text)
    ]
    for _, position in sorted(floats, key=lambda item: item[0] != match.groupdict().get("name")):
        for value in ("literal(1)", "int[2]<2"):
            yield failure.with_texts({position: value})
    for name in failure.given(float):
        yield failure.kwargs(**{name: 2})


def optional_inputs(failure: Failure) -> Made:
    """Parameters of a call that have a default and may be needed all the same: as a value, then as a tensor like another."""
    like = next((text for _, text in failure.case.inputs if "[" in text), "float[2,4]")
    given = {name for name, _ in failure.case.inputs}
    for name in [name for name in failure.shape.optional if name not in given | _OF_KERAS][:3]:
        for text in (literal(alternatives(name)[0]), like):
            yield replace(failure.case, inputs=(*failure.case.inputs, (name, text)))


def optional(failure: Failure) -> list[str]:
    return [item.name for item in failure.shape.construct if item.default == "None" and item.name not in failure.case.kwargs][:6]


def callable(failure: Failure, match: re.Match[str]) -> Made:
    for name in failure.given((int, float, str, tuple)):
        for value in ("expr(lambda x: x)", "expr(layers.Dense(4))", "expr(lambda a, b: K.mean(K.square(a - b), axis=-1))"):
            yield failure.kwargs(**{name: value})
    for position, (_, text) in enumerate(failure.case.inputs):
        if specs.parse(text).kind == "literal" or len(failure.case.inputs) > 1:
            yield failure.with_texts({position: "expr(lambda x: x)"})


def choices(failure: Failure, match: re.Match[str]) -> Made:
    """``mode must be one of 'dot', 'general'``: each of the quoted words for each string, those named in the message first."""
    words = list(dict.fromkeys(re.findall(r"['\"]([\w-]{1,24})['\"]", failure.message)))
    strings = failure.given((str, int, float))
    named = [name for name in strings if name in failure.message] or strings
    for name in named[:3]:
        for word in words[:6]:
            if word != failure.case.kwargs[name] and word not in failure.case.kwargs:
                yield failure.kwargs(**{name: word})


def named(failure: Failure, match: re.Match[str]) -> Made:
    """A layer or an operation wants a name."""
    if failure.shape.is_class:
        yield failure.kwargs(name="unit")
        return
    yield replace(failure.case, inputs=(*failure.case.inputs, ("name", "literal('unit')")))


def tensorflow_cell(failure: Failure, match: re.Match[str]) -> Made:
    """A cell of TensorFlow's own."""
    made_of = "expr(tf.compat.v1.nn.rnn_cell.GRUCell(4))"
    for name in [item.name for item in failure.shape.construct if "cell" in item.name]:
        yield failure.kwargs(**{name: made_of})
    for position, (name, _) in enumerate(failure.case.inputs):
        if "cell" in name:
            yield failure.with_texts({position: made_of})


def whole_quotients(failure: Failure, match: re.Match[str]) -> Made:
    """``units / ratio`` is no whole number, or 0: sizes that the usual divisors divide, each number alone."""
    for size in (4, 16, 64):
        for name in failure.given(int):
            if failure.case.kwargs[name] != size:
                yield failure.kwargs(**{name: size})


def drop(failure: Failure, match: re.Match[str]) -> Made:
    name = match["name"]
    if name in failure.case.kwargs:
        yield replace(failure.case, kwargs={key: value for key, value in failure.case.kwargs.items() if key != name})
