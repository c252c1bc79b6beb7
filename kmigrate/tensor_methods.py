"""The methods and attributes that tensors of one engine have, by name: data for the gate, the facts of files and the findings."""

from __future__ import annotations

TF_TENSOR = frozenset("get_shape set_shape numpy eval op graph consumers".split())
TF_VARIABLE = frozenset("assign assign_add assign_sub read_value initialized_value initializer load".split())
TF_SHAPE = frozenset("as_list ndims rank num_elements with_rank is_fully_defined assert_has_rank merge_with".split())
THEANO_TENSOR = frozenset(
    "dimshuffle sum prod mean max min var std argmax argmin any all reshape flatten astype dot repeat take transpose swapaxes "
    "clip T ndim norm argsort cumsum cumprod nonzero round broadcastable owner ravel squeeze eval shape sort copy".split()
)
THEANO_SHARED = frozenset({"get_value", "set_value"})
# In Keras these attributes are idiomatic on TensorFlow: a use only where the code is written for Theano.
SHARED_ATTRIBUTES = frozenset({"shape"})
# Of Theano's random streams and of TensorFlow's sessions.
STREAM = frozenset(
    "normal uniform binomial multinomial choice poisson permutation shuffle_row_elements random_integers truncated_normal "
    "multinomial_wo_replacement".split()
)
SESSION = frozenset({"run"})
NAMES = TF_TENSOR | TF_VARIABLE | TF_SHAPE | THEANO_TENSOR | THEANO_SHARED | STREAM | SESSION | {"value"}
# Names that hardly anything else has; the others are numpy's and Keras's too.
DISTINCTIVE = frozenset(
    "get_shape set_shape as_list dimshuffle assign_add assign_sub set_value get_value read_value initialized_value".split()
)
# Names that half of Keras has: alone they are no reason to examine a file.
EVERYWHERE = frozenset("initializer load copy sort round any all run".split())
