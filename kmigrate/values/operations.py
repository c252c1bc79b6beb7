"""What is known of the functions of K and of the engines, as data: operation -> effect and parameters.

A row names an effect (a function of ``effects``), the parameters by which arguments are bound, and the operations: ``K.`` is
``keras.backend``, ``O.`` is ``keras.ops``, ``T.`` is ``theano.tensor``, ``M.`` a method of a tensor, ``tf.`` any of
TensorFlow's modules for mathematics (``tf.``, ``tf.math.``, ``tf.nn.``, ``tf.linalg.``, ``tf.random.`` and their compat
spellings). What is not here is unknown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kmigrate.values.domain import ANY_ENGINE


@dataclass(frozen=True, slots=True)
class Operation:
    """``effect`` names the function of ``effects``; ``parameters`` bind the arguments of a call; ``defaults`` are literals."""

    effect: str
    parameters: tuple[str, ...]
    defaults: dict[str, object]


# Other spellings of a parameter, of older versions or of one engine.
RENAMED = {
    "keep_dims": "keepdims",
    "reduction_indices": "axis",
    "dimension": "axis",
    "dim": "axis",
    "ndim": "ndim",
    "input_tensor": "x",
    "input": "x",
    "tensor": "x",
    "logits": "x",
    "features": "x",
    "value": "x",
    "values": "xs",
    "tensors": "xs",
    "inputs": "x",
    "newshape": "shape",
    "dims": "shape",
    "perm": "pattern",
    "concat_dim": "axis",
    "params": "reference",
    "multiples": "n",
    "reps": "n",
}

# effect: [(parameters with literal defaults, operations)]
_ROWS: tuple[tuple[str, str, str], ...] = (
    # ---- the shape of the first argument
    (
        "same",
        "x",
        "K.abs K.square  K.sign     K.print_tensor K.reverse  "
        "tf.abs tf.square tf.sign tf.round tf.relu   tf.negative tf.reverse tf.relu6 "
        "tf.leaky_relu tf.convert_to_tensor  tf.clip_by_norm tf.cumsum tf.cumprod tf.invert_permutation "
        "tf.random.shuffle tf.check_numerics tf.floor tf.ceil "
        "T.abs_ T.sqr T.sgn T.neg   theano.gradient.disconnected_grad theano.gradient.grad_clip "
        "theano.gradient.zero_grad theano.gradient.consider_constant O.abs O.square  O.sign ",
    ),
    ("passed", "x", "K.stop_gradient K.identity tf.stop_gradient tf.identity tf.Print"),
    ("clipped", "x, a, b", "K.clip tf.clip_by_value T.clip O.clip"),
    (
        "same_if_floating",
        "x",
        "K.relu K.round K.cumsum K.cumprod T.nnet.relu T.round T.floor T.ceil O.relu O.round",
    ),
    (
        "same_floating",
        "x",
        "K.sqrt K.exp K.log K.sin K.cos K.tanh K.sigmoid K.hard_sigmoid K.elu K.softplus K.softsign K.softmax K.l2_normalize "
        "K.dropout tf.sqrt tf.rsqrt tf.exp tf.log tf.log1p tf.expm1 tf.sin tf.cos tf.tan tf.tanh tf.asin tf.acos tf.atan "
        "tf.sigmoid tf.elu tf.selu tf.softplus tf.softsign tf.softmax tf.log_softmax tf.l2_normalize tf.dropout tf.erf "
        "tf.lgamma tf.digamma tf.reciprocal tf.sinh tf.cosh "
        "T.sqrt T.exp T.log T.log1p T.log2 T.log10 T.expm1 T.sin T.cos T.tan T.tanh T.sinh T.cosh T.arctan T.erf "
        "T.nnet.sigmoid T.nnet.hard_sigmoid T.nnet.ultra_fast_sigmoid T.nnet.softplus T.nnet.elu T.nnet.selu "
        "O.sqrt O.exp O.log O.sin O.cos O.tanh O.sigmoid O.softmax O.elu O.softplus",
    ),
    (
        "rank_kept",
        "x",
        "K.resize_images K.resize_volumes K.temporal_padding K.spatial_2d_padding K.spatial_3d_padding K.slice "
        "K.repeat_elements tf.pad tf.tile tf.slice "
        "tf.conv1d tf.conv2d tf.conv2d_transpose tf.depthwise_conv2d tf.conv3d tf.max_pool tf.avg_pool "
        "tf.reverse_sequence tf.lrn tf.matrix_band_part tf.band_part tf.image.resize tf.image.resize_images "
        "tf.image.resize_bilinear tf.image.resize_nearest_neighbor tf.space_to_depth tf.depth_to_space",
    ),
    ("biased", "x", "K.bias_add K.batch_normalization tf.bias_add tf.batch_normalization"),
    ("transposed", "x, pattern=None", "tf.transpose O.transpose"),
    ("transposed", "x, axes=None", "T.transpose"),
    ("transposed", "x", "K.transpose"),
    ("permuted", "x, pattern", "K.permute_dimensions"),
    ("like", "x, dtype=None", "K.zeros_like K.ones_like tf.zeros_like tf.ones_like T.zeros_like T.ones_like O.zeros_like"),
    ("cast", "x, dtype", "K.cast tf.cast T.cast O.cast tf.saturate_cast"),
    ("to_float32", "x", "tf.to_float"),
    ("to_int32", "x", "tf.to_int32"),
    ("to_floating", "x", "K.cast_to_floatx"),
    # ---- elementwise, of two
    (
        "broadcast",
        "x, y",
        "tf.add tf.subtract tf.sub tf.multiply tf.mul tf.maximum tf.minimum tf.mod tf.floormod tf.floordiv tf.squared_difference "
        "K.maximum K.minimum T.add T.sub T.mul T.maximum T.minimum T.mod O.add O.subtract O.multiply O.maximum O.minimum",
    ),
    ("divided", "x, y", "tf.divide tf.div tf.truediv tf.realdiv tf.div_no_nan T.true_div O.divide"),
    ("power", "x, a", "K.pow tf.pow T.pow"),
    (
        "compared",
        "x, y",
        "K.equal K.not_equal K.greater K.greater_equal K.less K.less_equal tf.equal tf.not_equal tf.greater tf.greater_equal "
        "tf.less tf.less_equal tf.logical_and tf.logical_or tf.logical_xor "
        "T.eq T.neq T.gt T.ge T.lt T.le O.equal O.not_equal O.greater O.greater_equal O.less O.less_equal",
    ),
    ("tested", "x", "tf.is_nan tf.is_inf tf.is_finite tf.logical_not T.isnan T.isinf"),
    # ---- reductions
    (
        "reduced",
        "x, axis=None, keepdims=False",
        "K.sum K.prod K.max K.min tf.reduce_sum tf.reduce_prod tf.reduce_max tf.reduce_min tf.reduce_mean O.sum O.max O.min",
    ),
    ("reduced", "x, axis=None, dtype=None, keepdims=False", "T.sum T.prod"),
    ("reduced", "x, axis=None, keepdims=False", "T.max T.min"),
    (
        "reduced_floating",
        "x, axis=None, keepdims=False",
        "K.std K.var K.logsumexp tf.reduce_std tf.reduce_variance tf.reduce_logsumexp",
    ),
    ("reduced_floating", "x, axis=None, ddof=0, keepdims=False", "T.var T.std"),
    ("reduced_mean", "x, axis=None, keepdims=False", "K.mean O.mean"),
    ("reduced_mean", "x, axis=None, dtype=None, keepdims=False", "T.mean"),
    ("reduced_floating", "x, ord='euclidean', axis=None, keepdims=False", "tf.norm"),
    ("reduced_bool", "x, axis=None, keepdims=False", "K.any K.all tf.reduce_any tf.reduce_all T.any T.all"),
    ("reduced_index", "x, axis=-1", "K.argmax K.argmin"),
    ("reduced_index", "x, axis=0", "tf.argmax tf.argmin tf.arg_max tf.arg_min"),
    ("reduced_index", "x, axis=None, keepdims=False", "T.argmax T.argmin"),
    ("moments", "x, axis, shift=None, name=None, keepdims=False", "tf.moments"),
    ("accumulated", "x, axis=None", "T.cumsum T.cumprod T.extra_ops.cumsum T.extra_ops.cumprod"),
    ("crossentropy", "target, output, from_logits=False, axis=-1", "K.categorical_crossentropy"),
    ("broadcast_floating", "target, x, from_logits=False", "K.binary_crossentropy"),
    ("broadcast_floating", "x, target", "T.nnet.binary_crossentropy"),
    # ---- shapes
    ("reshaped", "x, shape, ndim=None", "K.reshape tf.reshape T.reshape O.reshape"),
    ("flattened", "x", "K.flatten"),
    ("flattened", "x, outdim=1", "T.flatten"),
    ("batch_flattened", "x", "K.batch_flatten"),
    ("expanded", "x, axis=-1", "K.expand_dims"),
    ("expanded", "x, axis", "tf.expand_dims O.expand_dims"),
    ("squeezed", "x, axis", "K.squeeze"),
    ("squeezed", "x, axis=None, name=None, squeeze_dims=None", "tf.squeeze"),
    ("concatenated", "xs, axis=-1", "K.concatenate"),
    ("concatenated", "xs, axis", "tf.concat"),
    ("concatenated", "xs, axis=0", "T.concatenate O.concatenate"),
    ("stacked", "xs, axis=0", "K.stack tf.stack O.stack"),
    ("split", "x, count, axis=0", "tf.split"),
    ("unstacked", "x, num=None, axis=0", "tf.unstack tf.unpack"),
    ("repeated", "x, n", "K.repeat"),
    ("tiled", "x, n", "K.tile T.tile"),
    ("padded_left", "x, n_ones=1", "T.shape_padleft T.shape_padright"),
    ("swapped", "x, axis1, axis2", "T.swapaxes"),
    # ---- products
    ("dotted", "x, y", "K.dot T.dot"),
    (
        "multiplied",
        "x, y, transpose_a=False, transpose_b=False, adjoint_a=False, adjoint_b=False",
        "tf.matmul O.matmul",
    ),
    ("batch_dotted", "x, y, axes=None", "K.batch_dot"),
    ("tensordotted", "x, y, axes", "tf.tensordot"),
    ("tensordotted", "x, y, axes=2", "T.tensordot"),
    ("batched_dot", "x, y", "T.batched_dot T.basic.batched_dot"),
    ("einsum", "equation, *", "tf.einsum O.einsum"),
    # ---- looking up
    ("gathered", "reference, indices", "K.gather"),
    ("gathered", "reference, indices, validate_indices=None, name=None, axis=0, batch_dims=0", "tf.gather"),
    ("gathered", "reference, ids, partition_strategy=None, name=None", "tf.embedding_lookup"),
    ("one_hot", "indices, num_classes", "K.one_hot"),
    ("one_hot", "indices, depth, on_value=None, off_value=None, axis=None, dtype=None", "tf.one_hot"),
    ("chosen", "condition, x, y", "K.switch"),
    ("joined", "condition, x, y", "tf.cond theano.ifelse.ifelse"),
    ("tf_where", "condition, x=None, y=None", "tf.where"),
    ("t_switch", "condition, x, y", "T.switch"),
    ("phases", "x, alt, training=None", "K.in_train_phase K.in_test_phase"),
    ("top", "x, k=1", "tf.top_k"),
    # ---- made from a shape or a value
    ("placeholder", "shape=None, ndim=None, dtype=None", "K.placeholder"),
    ("placeholder", "dtype, shape=None", "tf.placeholder"),
    ("input", "shape=None, batch_shape=None, name=None, dtype=None", "keras.layers.Input keras.Input keras.engine.Input"),
    ("input", "shape=None, batch_shape=None, name=None, dtype=None", "keras.layers.core.Input keras.engine.topology.Input"),
    ("made_variable", "shape, dtype=None", "K.zeros K.ones"),
    ("made_variable", "shape, mean, scale, dtype=None", "K.random_normal_variable K.random_uniform_variable"),
    ("eye", "n, dtype=None", "K.eye"),
    ("constant", "x, dtype=None, shape=None", "K.constant tf.constant"),
    ("variable", "x, dtype=None, name=None", "K.variable"),
    ("variable", "x", "tf.Variable theano.shared tf.contrib.eager.Variable"),
    ("tensor_shape", "x", "tf.TensorShape"),
    ("got_variable", "name, shape=None, dtype=None", "tf.get_variable"),
    ("filled", "shape, dtype=None", "tf.zeros tf.ones T.zeros T.ones O.zeros O.ones"),
    ("filled_value", "shape, x", "tf.fill"),
    ("alloc", "x, *", "T.alloc"),
    ("random", "shape, a=None, b=None, dtype=None", "K.random_normal K.random_uniform K.truncated_normal"),
    ("random", "shape, a=None, dtype=None", "K.random_binomial"),
    ("random", "shape, a=None, b=None, dtype=None", "tf.random.normal tf.random.truncated_normal tf.random_normal"),
    ("random", "shape, a=None, b=None, dtype=None", "tf.random.uniform tf.random_uniform tf.truncated_normal"),
    ("vector", "start", "K.arange tf.range tf.linspace tf.lin_space T.arange"),
    ("scalar_integer", "x", "tf.size tf.rank K.size"),
    ("shape_vector", "x", "K.shape tf.shape T.shape"),
    # ---- convolutions and the like: the rank alone
    ("rank_3", "x", "K.conv1d K.local_conv1d K.separable_conv1d "),
    (
        "rank_4",
        "x",
        "K.conv2d K.conv2d_transpose K.depthwise_conv2d K.separable_conv2d K.pool2d K.local_conv2d "
        "    T.nnet.conv2d T.nnet.conv.conv2d "
        "",
    ),
    ("rank_5", "x", "K.conv3d K.conv3d_transpose K.pool3d  T.nnet.conv3d"),
    ("rank_2", "x", "T.nnet.softmax"),
    # ---- Python values
    ("int_shape", "x", "K.int_shape"),
    ("ndim", "x", "K.ndim"),
    ("a_float", "", "K.epsilon"),
    ("a_text", "", "K.floatx K.backend K.image_data_format K.image_dim_ordering K.dtype"),
    ("an_array", "", "K.eval K.get_value"),
    # ---- methods of tensors: ``M.``
    ("reduced", "x, axis=None, dtype=None, keepdims=False", "M.sum M.prod"),
    ("reduced", "x, axis=None, keepdims=False", "M.max M.min"),
    ("reduced_mean", "x, axis=None, dtype=None, keepdims=False", "M.mean"),
    ("reduced_floating", "x, axis=None, ddof=0, keepdims=False", "M.var M.std"),
    ("reduced_index", "x, axis=None, keepdims=False", "M.argmax M.argmin"),
    ("reduced_bool", "x, axis=None, keepdims=False", "M.any M.all"),
    ("accumulated", "x, axis=None", "M.cumsum M.cumprod"),
    ("reshaped", "x, shape, ndim=None", "M.reshape"),
    ("flattened", "x, outdim=1", "M.flatten"),
    ("cast", "x, dtype", "M.astype"),
    ("clipped", "x, a, b", "M.clip"),
    ("dotted", "x, y", "M.dot"),
    ("swapped", "x, axis1, axis2", "M.swapaxes"),
    ("dimshuffled", "x, *", "M.dimshuffle"),
    ("some_tensor", "x", "M.repeat M.sort M.take M.norm M.transpose M.copy M.round M.diagonal M.squeeze M.value M.read_value"),
    # ---- more than one result, or of a rank that is not known
    ("rnn", "step, x, initial_states", "K.rnn"),
    ("three_tensors", "x", "K.normalize_batch_in_training"),
    ("some_tensors", "", "K.gradients tf.gradients theano.grad T.grad theano.tensor.grad T.jacobian"),
    (
        "some_tensor",
        "",
        "K.map_fn K.foldl K.foldr K.sparse_categorical_crossentropy K.learning_phase K.in_top_k "
        "K.ctc_batch_cost K.to_dense tf.boolean_mask tf.gather_nd tf.scatter_nd tf.sparse_tensor_to_dense tf.strided_slice "
        "tf.add_n tf.accumulate_n tf.sequence_mask tf.diag tf.diag_part tf.matrix_diag tf.matrix_diag_part tf.matrix_inverse "
        "tf.cholesky tf.inv tf.det tf.matrix_determinant tf.trace tf.cross tf.segment_sum tf.segment_mean "
        "tf.unsorted_segment_sum tf.segment_max tf.sparse_softmax_cross_entropy_with_logits "
        "tf.softmax_cross_entropy_with_logits tf.softmax_cross_entropy_with_logits_v2 tf.sigmoid_cross_entropy_with_logits "
        "tf.image.non_max_suppression tf.image.crop_and_resize tf.extract_image_patches tf.image.extract_patches "
        "tf.batch_to_space_nd tf.space_to_batch_nd tf.foldl tf.foldr tf.random.categorical tf.multinomial tf.complex "
        "tf.real tf.imag tf.in_top_k tf.py_func tf.sort tf.argsort tf.unsorted_segment_max tf.unsorted_segment_mean "
        "tf.sparse_tensor_dense_matmul tf.pool tf.dynamic_stitch tf.histogram_fixed_width "
        " T.stack T.repeat T.extra_ops.repeat T.extra_ops.to_one_hot T.diag T.eye T.identity_like "
        "T.set_subtensor T.inc_subtensor T.sort T.argsort T.nnet.categorical_crossentropy T.batched_tensordot T.outer "
        "T.as_tensor_variable T.as_tensor T.constant T.tri T.tril T.triu T.nlinalg.diag T.nlinalg.trace T.nlinalg.matrix_inverse "
        "T.basic.tensordot T.where T.unbroadcast T.addbroadcast T.patternbroadcast T.nnet.neighbours.images2neibs "
        "T.inv T.erfinv T.gammaln   T.iround T.nonzero_values T.ptp T.and_ T.or_ T.xor T.invert "
        "T.bitwise_and T.logical_not T.take T.choose T.compress T.signal.pool.pool_2d "
        "T.signal.downsample.max_pool_2d T.signal.conv.conv2d theano.clone theano.sandbox.cuda.dnn.dnn_conv",
    ),
)
_THEANO_PLACEHOLDERS = {"scalar": 0, "vector": 1, "row": 2, "col": 2, "matrix": 2, "tensor3": 3, "tensor4": 4, "tensor5": 5}
_THEANO_DTYPES = {"b": "int8", "i": "int32", "l": "int64", "f": "float32", "d": "float64", "w": "int16", "": "floating"}
_PREFIXES = {"K.": "keras.backend.", "O.": "keras.ops.", "T.": "theano.tensor.", "M.": "method."}
# TensorFlow's modules whose functions are the same operation under another name.
_TF_MODULES = re.compile(
    r"^tf\.(?:compat\.v[12]\.)?(?:math\.|nn\.|linalg\.|random\.|dtypes\.|python\.(?:ops|framework)\.\w+\.)?(?=[^.]+$)"
)


def _parameters(text: str) -> tuple[tuple[str, ...], dict[str, object]]:
    names: list[str] = []
    defaults: dict[str, object] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, equals, default = part.partition("=")
        names.append(name)
        if equals:
            defaults[name] = {"None": None, "False": False}.get(default, _literal(default))
    return tuple(names), defaults


def _literal(text: str) -> object:
    return text.strip("'") if text.startswith("'") else (int(text) if text.lstrip("-").isdigit() else None)


def _table() -> dict[str, Operation]:
    found: dict[str, Operation] = {}
    for effect, parameters, operations in _ROWS:
        names, defaults = _parameters(parameters)
        for operation in operations.split():
            prefix = next((p for p in _PREFIXES if operation.startswith(p)), "")
            symbol = _PREFIXES.get(prefix, "") + operation[len(prefix) :]
            found[symbol] = Operation(effect, names, defaults)
    for name, rank in _THEANO_PLACEHOLDERS.items():
        for letter, dtype in _THEANO_DTYPES.items():
            plain = Operation("theano_placeholder", ("name", "dtype"), {"rank": rank, "dtype": None, "own_dtype": dtype})
            found[f"theano.tensor.{letter}{name}"] = plain
    return found


OPERATIONS = _table()


def operation(symbol: str) -> Operation | None:
    """The operation that a canonical symbol means, None where nothing is known of it."""
    found = OPERATIONS.get(symbol)
    if found is None and symbol.startswith("tf."):
        found = OPERATIONS.get(_TF_MODULES.sub("tf.", symbol))
        if found is None and symbol.startswith("tf.compat."):
            found = OPERATIONS.get("tf." + symbol.split(".", 3)[-1])
    return found


def engine_of_operation(symbol: str) -> str:
    root = symbol.partition(".")[0]
    return {"tf": "tensorflow", "theano": "theano"}.get(root, ANY_ENGINE)
