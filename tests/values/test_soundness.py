"""What the interpretation claims is what the engines give: random expressions, run on real TensorFlow and Theano."""

from __future__ import annotations

import ast
import random

import numpy as np
import pytest
from snippet import run_snippet

from kmigrate.layers import LayerCode
from kmigrate.names import Names
from kmigrate.values import Value, Values
from kmigrate.values.domain import FLOATING, INTEGER, is_floating, is_integer
from kmigrate.verify.runner import Engines

pytestmark = pytest.mark.engines

# ``{t}`` is any tensor, ``{u}`` another one, ``{i}`` one of integers; ``{a}`` an axis, ``{n}`` a number.
_ANYWHERE = """
{t} | {t} + {u} | {t} * {n} | {n} - {t} | {t} / {u} | {t} ** 2 | -{t} | {t} > {u} | {t} <= {n} | {t} // {n}
{t}[0] | {t}[:, 0] | {t}[..., 0] | {t}[..., None] | {t}[:, None, 0] | {t}[1:] | {t}[:, ::2] | {t}[-1] | {t}[:, 1:3]
({t} if flag else {u}) | [{t}, {u}][0] | ({t}, {u})[-1] | {t}[K.shape({t})[0] - 1]
"""
_K = """
K.sum({t}, axis={a}) | K.sum({t}) | K.mean({t}, {a}, keepdims=True) | K.max({t}, axis={a}) | K.std({t}, axis={a}) | K.prod({t}, {a})
K.any({t} > 0, axis={a}) | K.all({t} > 0) | K.argmax({t}, {a}) | K.argmin({t}) | K.logsumexp({t}, axis={a}) | K.var({t}, {a})
K.sum({i}, {a}) | K.mean({i}, {a}) | K.max({i}, {a}) | K.cumsum({t}, {s}) | K.cumprod({t}, {s}) | K.cumsum({i}, {s})
K.exp({t}) | K.abs({i}) | K.square({i}) | K.sqrt({t}) | K.relu({t}) | K.relu({i}) | K.round({t}) | K.sign({t}) | K.sigmoid({t})
K.clip({t}, -1, 1) | K.clip({t}, 0.1, {n}) | K.softmax({t}) | K.pow({t}, 2) | K.maximum({t}, {u}) | K.minimum({t}, {n}) | K.tanh({i})
K.elu({t}) | K.softplus({t}) | K.hard_sigmoid({t}) | K.l2_normalize({t}, {a}) | K.stop_gradient({t}) | K.identity({t})
K.expand_dims({t}, {a}) | K.expand_dims({t}) | K.squeeze(K.expand_dims({t}, 1), 1) | K.squeeze({t}, {s}) | K.reverse({t}, {s})
K.reshape({t}, (-1, 2)) | K.reshape({t}, (2, 3, 2, 2)) | K.flatten({t}) | K.batch_flatten({t}) | K.reshape({t}, K.shape({u}))
K.permute_dimensions({t}, (1, 0)) | K.permute_dimensions({t}, (2, 0, 1)) | K.transpose({t}) | K.repeat({t}, 3)
K.concatenate([{t}, {u}], axis={a}) | K.concatenate([{t}, {t}]) | K.stack([{t}, {u}], axis={a}) | K.stack([{t}, {t}, {t}])
K.repeat_elements({t}, 2, {s}) | K.tile({t}, (2, 2)) | K.tile({t}, 2) | K.tile({t}, (1, 2, 1)) | K.dot({t}, {u}) | K.dot({t}, K.transpose({u}))
K.batch_dot({t}, {u}, axes=(1, 1)) | K.batch_dot({t}, {t}, axes=(2, 2)) | K.batch_dot({t}, {t}, axes=1) | K.gather({t}, {i})
K.one_hot({i}, 5) | K.cast({t}, 'int32') | K.cast({i}, 'float32') | K.cast({t}, 'bool') | K.cast({t}, K.floatx()) | K.cast({t} > 0, 'int64')
K.shape({t}) | K.shape({t})[0] | K.ones_like({t}) | K.zeros_like({i}, dtype='int32') | K.equal({t}, {u}) | K.not_equal({t}, {n})
K.greater({t}, {u}) | K.less_equal({t}, {n}) | K.switch({t} > 0, {t}, {u}) | K.switch(K.sum({t}) > 0, {t}, {u}) | K.in_train_phase({t}, {t})
K.zeros((2, 3)) | K.ones((3, 4), dtype='int32') | K.constant({n}) | K.constant([1, 2, 3]) | K.variable([[1., 2.]]) | K.eye(3) | K.arange(4)
K.constant({n}, shape=(2, 3)) | K.random_normal((2, 3)) | K.random_uniform(K.shape({t})) | K.bias_add({t}, v) | K.resize_images(c, 2, 2, 'channels_last')
K.binary_crossentropy({t}, {u}) | K.categorical_crossentropy({t}, {u}) | K.spatial_2d_padding(c) | K.temporal_padding({t}) | K.slice({t}, [0, 0], [1, 2])
K.conv2d(c, k) | K.pool2d(c, (2, 2)) | K.dropout({t}, 0.5) | K.foldl(lambda a, b: a + b, {t}) | K.map_fn(lambda a: a * 2, {t})
"""
_TF = """
tf.reduce_sum({t}, {a}) | tf.reduce_mean({i}, {a}) | tf.reduce_max({t}, axis={a}) | tf.reduce_any({t} > 0) | tf.reduce_logsumexp({t}, {a})
tf.argmax({t}, {a}) | tf.argmax({t}) | tf.exp({t}) | tf.square({i}) | tf.nn.softmax({t}) | tf.nn.relu({i}) | tf.nn.elu({t}) | tf.sigmoid({t})
tf.add({t}, {u}) | tf.multiply({t}, {n}) | tf.maximum({t}, {n}) | tf.divide({t}, {u}) | tf.pow({t}, 2.) | tf.greater({t}, {u}) | tf.squared_difference({t}, {u})
tf.matmul({t}, {u}) | tf.matmul({t}, {u}, transpose_b=True) | tf.tensordot({t}, {u}, 1) | tf.tensordot({t}, {u}, [[0], [0]]) | tf.einsum('ab,ab->ba', {t}, {u})
tf.expand_dims({t}, {a}) | tf.squeeze({t}) | tf.squeeze({t}, [{s}]) | tf.reshape({t}, [-1, 2]) | tf.reshape({t}, tf.shape({u})) | tf.transpose({t})
tf.transpose({t}, [1, 0]) | tf.transpose({t}, perm=[0, 2, 1]) | tf.concat([{t}, {u}], {a}) | tf.stack([{t}, {u}], axis={a}) | tf.unstack({t})[0]
tf.split({t}, 2, axis={a})[0] | tf.gather({t}, {i}) | tf.gather({t}, {i}, axis={a}) | tf.one_hot({i}, 4) | tf.cast({t}, tf.int64) | tf.tile({t}, [2, 1])
tf.zeros_like({i}) | tf.ones((2, 3)) | tf.zeros(tf.shape({t}), tf.int32) | tf.fill([2, 3], {n}) | tf.constant({n}) | tf.constant([[1, 2]]) | tf.eye(3)
tf.range(4) | tf.size({t}) | tf.rank({t}) | tf.where({t} > 0, {t}, {u}) | tf.where({t} > 0) | tf.clip_by_value({t}, 0., 1.) | tf.pad({t}, [[1, 1], [0, 0]])
tf.norm({t}, axis={a}) | tf.norm({t}) | tf.nn.moments({t}, [{s}])[0] | tf.nn.top_k({t}, 1)[0] | tf.nn.l2_normalize({t}, {a}) | tf.cumsum({i}, {s}) | tf.is_finite({t})
tf.nn.conv2d(c, k, strides=[1, 1, 1, 1], padding='VALID') | tf.nn.max_pool(c, [1, 2, 2, 1], [1, 2, 2, 1], 'VALID') | tf.identity({t}) | tf.stop_gradient({t})
tf.cond(K.sum({t}) > 0, lambda: {t}, lambda: {t}) | tf.boolean_mask({t}, {t} > 0) | tf.map_fn(lambda a: a * 2, {t}) | {t}.get_shape().ndims | tf.rsqrt({t})
"""
_T = """
T.sum({t}, {a}) | T.sum({i}) | T.mean({t}, axis={a}, keepdims=True) | T.mean({i}) | T.max({t}, {a}) | T.var({t}, {a}) | T.std({t}) | T.any({t} > 0, {a})
T.argmax({t}, {a}) | T.argmax({t}) | T.exp({t}) | T.exp({i}) | T.sqr({i}) | T.abs_({i}) | T.nnet.sigmoid({t}) | T.nnet.relu({i}) | T.tanh({t}) | T.nnet.softmax({t})
T.dot({t}, {u}) | T.dot({t}, {u}.T) | T.tensordot({t}, {u}, 1) | T.batched_dot({t}, {u}) | T.maximum({t}, {n}) | T.clip({t}, 0, {n}) | T.clip({i}, 0, 3) | T.clip({i}, 0.5, 3)
T.eq({t}, {u}) | T.gt({t}, {n}) | T.switch({t} > 0, {t}, {u}) | T.concatenate([{t}, {u}], axis={a}) | T.concatenate([{t}, {u}]) | T.stack([{t}, {u}])
T.reshape({t}, (-1, 2)) | T.reshape({t}, (2, 3, -1), ndim=3) | T.flatten({t}) | T.flatten({t}, 2) | T.cumsum({t}) | T.cumsum({t}, {s}) | T.shape({t}) | T.arange(4)
T.zeros((2, 3)) | T.ones_like({i}) | T.alloc({n}, 2, 3) | T.cast({t}, 'int32') | T.shape_padleft({t}) | T.shape_padright({t}, 2) | T.pow({t}, 2) | T.true_div({t}, {u})
T.add({t}, {u}) | T.mul({t}, {n}) | T.mod({t}, {n}) | T.transpose({t}) | T.transpose({t}, (1, 0)) | T.tile({t}, (2, 2)) | T.tile({t}, (1, 2, 1)) | T.log1p({t}) | T.isnan({t})
{t}.sum({a}) | {t}.mean(axis={a}) | {t}.max() | {t}.dimshuffle(0, 'x', 1) | {t}.dimshuffle((1, 0)) | {t}.T | {t}.reshape((-1, 2)) | {t}.flatten() | {t}.flatten(2)
{t}.astype('int32') | {t}.dot({u}.T) | {t}.clip(0, 1) | {t}.argmax({a}) | {t}.ndim | {t}.shape | {t}.shape[0] | {t}.std(axis={a}) | {t}.any({a}) | {i}.sum() | {t}.swapaxes(0, 1)
"""
_LEAVES = {"t": ["x", "y", "m", "v", "s", "x", "m"], "u": ["x", "y", "m", "v", "s"], "i": ["i", "j"]}
_DTYPES = ["bool", "int8", "int16", "int32", "int64", "uint8", "float16", "float32", "float64"]
_HEAD = """
import numpy as np
from keras import backend as K
{imports}
DTYPES = {dtypes}

def example(flag):
    flag = True
    x = K.reshape(K.constant(np.arange(24.) / 7 - 1), (2, 3, 4))
    y = K.reshape(K.constant(np.arange(12.) / 5 - 1), (2, 3, 2))
    m = K.reshape(K.constant(np.arange(12.) / 3 - 1), (3, 4))
    v = K.reshape(K.constant(np.arange(4.) / 2 - 1), (4,))
    s = K.sum(v)
    i = K.cast(K.reshape(K.constant([0., 1., 1., 0.]), (2, 2)), 'int32')
    j = K.cast(K.reshape(K.constant([0., 1.]), (2,)), 'int32')
    c = K.reshape(K.constant(np.arange(2 * 4 * 4 * 3.)), (2, 4, 4, 3))
    k = K.reshape(K.constant(np.arange(2 * 2 * 3 * 2.)), (2, 2, 3, 2))
    found = []
    def note(number, kind, dtype, shape):
        found.append([number, kind, DTYPES.index(dtype), len(shape)] + list(shape) + [0] * (8 - len(shape)))
    def add(number, make):
        try:
            made = make()
            if isinstance(made, (int, float)):
                made = np.asarray(made)
                note(number, 0, str(made.dtype), made.shape)
            else:
                kept = K.dtype(made)
                value = np.asarray(K.eval(made))
                note(number, 1, kept, value.shape)
        except Exception:
            pass
"""


def _templates(text: str) -> list[str]:
    return [part.strip() for line in text.splitlines() if line for part in line.split(" | ")]


def _fill(template: str, chooser: random.Random, pool: list[str], depth: int) -> str:
    def part(kind: str) -> str:
        if depth <= 0 or kind == "i" or chooser.random() < 0.45:
            return chooser.choice(_LEAVES[kind])
        return f"({_fill(chooser.choice(pool), chooser, pool, depth - 1)})"

    return (
        template.replace("{t}", "\0")
        .replace("{a}", str(chooser.choice([0, 1, -1, -2, 2])))
        .replace("{s}", str(chooser.choice([0, 1])))
        .replace("{n}", chooser.choice(["2", "0.3", "3.0"]))
        .replace("\0", part("t"))
        .replace("{u}", part("u"))
        .replace("{i}", part("i"))
    )


def _claims(text: str, count: int) -> list[Value]:
    names = Names(ast.parse(text))
    values = Values(names, LayerCode(names))
    calls = [c for c in names.calls if isinstance(c.func, ast.Name) and c.func.id == "add"]
    found: dict[int, Value] = {}
    for call in calls:
        number, made = call.args
        assert isinstance(number, ast.Constant) and isinstance(made, ast.Lambda)
        found[int(str(number.value))] = values.of(made.body)
    return [found[number] for number in range(count)]


def _wrong(claim: Value, shape: list[int], dtype: str, kind: str) -> str | None:
    """How a claim contradicts what the engine gave, or None."""
    if kind == "tensor" and claim.kind not in (None, "tensor", "variable", "tensors"):
        return f"is a tensor, claimed {claim.kind}"
    if kind == "number" and claim.kind not in (None, "number"):
        return f"is a number, claimed {claim.kind}"
    if claim.shape is not None:
        if len(claim.shape) != len(shape) or any(a not in (None, b) for a, b in zip(claim.shape, shape, strict=True)):
            return f"has shape {shape}, claimed {claim.shape}"
    if claim.dtype is not None and kind == "tensor":
        kinds = {FLOATING: is_floating(dtype), INTEGER: is_integer(dtype)}
        if not kinds.get(claim.dtype, claim.dtype == dtype):
            return f"has dtype {dtype}, claimed {claim.dtype}"
    return None


@pytest.mark.parametrize("floatx", ["float32", "float64"])
@pytest.mark.parametrize(
    ("engine", "imports", "pool"),
    [
        ("tensorflow", "", _ANYWHERE + _K),
        ("theano", "", _ANYWHERE + _K),
        ("tensorflow", "import tensorflow as tf", _ANYWHERE + _TF),
        ("theano", "import theano.tensor as T", _ANYWHERE + _T),
    ],
    ids=["K on TensorFlow", "K on Theano", "tf", "theano"],
)
def test_every_claim_is_what_the_engine_gives(engines: Engines, engine: str, imports: str, pool: str, floatx: str) -> None:
    chooser = random.Random(7)
    templates = _templates(pool)
    expressions = [_fill(t, chooser, templates, 0) for t in templates for _ in range(2)]
    expressions += [_fill(chooser.choice(templates), chooser, templates, 2) for _ in range(150)]
    wrong, ran, known = [], 0, 0
    for start in range(0, len(expressions), 60):
        part = expressions[start : start + 60]
        lines = "".join(f"    add({number}, lambda: {expression})\n" for number, expression in enumerate(part))
        text = _HEAD.format(imports=imports, dtypes=_DTYPES) + lines + "    return K.constant(np.array(found))\n"
        claims = _claims(text, len(part))
        result = run_snippet(engines, engine, text, "example", {"flag": "literal(1)"}, floatx=floatx, gradient=False)
        assert result.ok, f"{result.where}: {result.type}: {result.message}"
        for number, kind_code, dtype_code, rank, *sizes in np.asarray(result.outputs[0]).astype(int).tolist():
            shape, dtype, kind = sizes[:rank], _DTYPES[dtype_code], ("number", "tensor")[kind_code]
            ran += 1
            known += claims[number].rank is not None
            fault = _wrong(claims[number], shape, dtype, kind)
            if fault is not None:
                wrong.append(f"{part[number]}: {fault}")
    assert wrong == []
    assert ran > 150, "too few expressions ran to say anything"
    assert known > ran // 2, "too few ranks are claimed to be of use"
