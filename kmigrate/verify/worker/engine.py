"""The engine of this worker, behind one face."""

import importlib
import random
import re
import sys
import types

import numpy as np

from .failures import Unsupported

DRAWS = re.compile("Random|Multinomial|TruncatedNormal|PyFunc")
CALLS = re.compile("^(Stateless)?(If|While|Case)$|PartitionedCall")


def shim_scipy():
    # Theano 1.0.5 looks for these under the names that scipy gave up; without them it cannot convolve without a compiler.
    try:
        import scipy.signal
        import scipy.signal._signaltools
        import scipy.signal._sigtools
    except ImportError:
        return
    for old, new in (("signaltools", "_signaltools"), ("sigtools", "_sigtools")):
        module = sys.modules["scipy.signal." + new]
        sys.modules["scipy.signal." + old] = module
        setattr(scipy.signal, old, module)


def old_names_of_theano():
    # Pooling lived here before Theano 0.9; code of the time of Keras 0.x and 1.x imports it from there.
    from theano.tensor import signal
    from theano.tensor.signal import pool

    def max_pool_2d(input, ds, ignore_border=None, st=None, padding=(0, 0), mode="max"):
        return pool.pool_2d(input, ws=ds, ignore_border=bool(ignore_border), stride=st, pad=padding, mode=mode)

    module = types.ModuleType("theano.tensor.signal.downsample")
    module.max_pool_2d = max_pool_2d
    sys.modules[module.__name__] = signal.downsample = module


class Engine(object):
    """What differs between the engines, behind one face. ``K`` is the abstract backend of the module's flavour."""

    def __init__(self, name):
        self.name = name
        if name == "theano":
            shim_scipy()
        import keras

        self.keras = keras
        self.flavour = "keras"
        self.K = keras.backend
        self.tf2 = False
        if name == "tensorflow":
            import logging

            import tensorflow as tf

            logging.getLogger("tensorflow").setLevel(logging.ERROR)
            # Nobody reads them, and TensorFlow 1 inspects the signature of every call of a deprecated function for them.
            importlib.import_module("tensorflow.python.util.deprecation")._PRINT_DEPRECATION_WARNINGS = False
            self.tf = tf
            self.tf2 = int(tf.__version__.split(".")[0]) >= 2
            if self.tf2:
                from keras.backend import tensorflow_backend

                tensorflow_backend._LOCAL_DEVICES = []
        elif name == "theano":
            import theano

            old_names_of_theano()
            self.theano = theano
            self.learning_phase = keras.backend.theano_backend._LEARNING_PHASE

    def select(self, flavour):
        self.flavour = flavour
        if flavour == "tf.keras":
            if self.name != "tensorflow":
                raise Unsupported("tf.keras runs on TensorFlow only")
            self.keras = self.tf.keras
        else:
            import keras

            self.keras = keras
        self.K = self.keras.backend

    def start(self, case):
        """A clean session with the dtype, data format and seeds of the case."""
        if self.name == "theano":
            # Keras has no clear_session for Theano; names and the learning phase are all the state there is.
            self.K.reset_uids()
            self.K.theano_backend._LEARNING_PHASE = self.learning_phase
        else:
            self.K.clear_session()
        self.set_types(case)
        seed = case.get("seed", 0)
        random.seed(seed)
        np.random.seed(seed)
        if self.name == "tensorflow":
            self.tf.random.set_seed(seed) if self.tf2 else self.tf.set_random_seed(seed)

    def set_types(self, case):
        """The dtype, data format and epsilon that Keras takes where none is given."""
        for backend in self._backends():
            backend.set_floatx(case.get("floatx", "float32"))
            backend.set_image_data_format(case.get("data_format", "channels_last"))
            backend.set_epsilon(case.get("epsilon", 1e-7))
        if self.name == "theano":
            self.theano.config.floatX = case.get("floatx", "float32")

    def registered(self):
        """The dictionaries in which Keras keeps classes by name."""
        import keras

        modules = [keras.utils.generic_utils]
        if self.name == "tensorflow":
            modules.append(importlib.import_module("tensorflow.python.keras.utils.generic_utils"))
        names = ("_GLOBAL_CUSTOM_OBJECTS", "_GLOBAL_CUSTOM_NAMES")
        return [getattr(module, name) for module in modules for name in names if hasattr(module, name)]

    def _backends(self):
        import keras

        return [keras.backend, self.tf.keras.backend] if self.name == "tensorflow" else [keras.backend]

    def scope(self):
        """The graph to build in."""
        if self.tf2:
            from tensorflow.python.keras import backend

            return backend.get_graph().as_default()
        if self.name == "tensorflow":
            return self.tf.get_default_graph().as_default()
        return NoScope()

    def is_tensor(self, value):
        if self.name == "tensorflow":
            return isinstance(value, (self.tf.Tensor, self.tf.Variable)) or (hasattr(value, "assign") and hasattr(value, "dtype"))
        return isinstance(value, self.theano.Variable)

    def placeholder(self, array, dynamic, is_input):
        shape = tuple(array.shape)
        if dynamic == "rank":
            return self.tf.compat.v1.placeholder(str(array.dtype))
        if dynamic and shape:
            shape = (None,) + shape[1:]
        if is_input and shape:
            return self.keras.layers.Input(batch_shape=shape, dtype=str(array.dtype))
        return self.K.placeholder(shape=shape, dtype=str(array.dtype))

    def identity(self, tensor):
        # TensorFlow cannot fetch what it is fed with.
        return self.tf.identity(tensor) if self.name == "tensorflow" else tensor

    def dtype(self, tensor):
        return str(self.K.dtype(tensor)).replace("_ref", "")

    def gradients(self, loss, sources):
        if self.name == "tensorflow":
            found = self.tf.gradients(loss, sources)
            return [None if grad is None else self.tf.convert_to_tensor(grad) for grad in found]
        return self.theano.grad(loss, sources, disconnected_inputs="ignore", return_disconnected="None")

    def draws(self, tensors):
        """Whether a random operation stands on the way to these tensors, whether or not its value is used."""
        if self.name == "theano":
            return any("random" in name or "mrg" in name for name in self._theano_operations(tensors))
        waiting = [tensor.op for tensor in tensors if hasattr(tensor, "op")]
        seen = set(waiting)
        while waiting:
            operation = waiting.pop()
            # What a function of TensorFlow 2 does inside (a loop's body) is not looked at.
            if DRAWS.search(operation.type) or CALLS.search(operation.type):
                return True
            for before in [tensor.op for tensor in operation.inputs] + list(operation.control_inputs):
                if before not in seen:
                    seen.add(before)
                    waiting.append(before)
        return False

    def _theano_operations(self, tensors):
        from theano.gof.graph import ancestors

        for variable in ancestors(tensors):
            if variable.owner is not None:
                yield type(variable.owner.op).__name__.lower()
                inner = getattr(variable.owner.op, "outputs", None)
                if isinstance(inner, list):  # of a scan
                    for name in self._theano_operations(inner):
                        yield name

    def phase_inputs(self, phase):
        """The learning phase as one more input, where it is symbolic."""
        if self.tf2:
            # Keras casts it; what can be fed is the one underneath.
            from tensorflow.python.keras import backend

            lp = backend.learning_phase()
        else:
            lp = self.K.learning_phase()
        return ([lp], [bool(phase) if self.tf2 else phase]) if self.is_tensor(lp) else ([], [])

    def variables(self):
        """Every variable of the session, as far as the engine knows them."""
        if self.name == "tensorflow" and not self.tf2:
            return list(self.tf.global_variables())
        return []


class NoScope(object):
    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False
