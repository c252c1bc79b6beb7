"""One case of one unit: constructed, and called with tensors."""

import inspect
import re
import types

import numpy as np

from .failures import CaseError, CaseTimeout, Unsupported, stage
from .units import Factory, plain
from .values import decode, flatten

# The size of a dimension that a model leaves open: enough for five poolings.
MODEL_SIZE = 32


class Attached(object):
    """What a regularizer of Keras 0.x asks of its layer."""

    def __init__(self, output):
        self.output = output

    def get_output(self, train=False):
        return self.output


class Running(object):
    """One case: its tensors, its object and what it yields."""

    def __init__(self, engine, module, unit, case):
        self.engine, self.module, self.unit, self.case = engine, module, unit, case
        self.feeds, self.values, self.names = [], [], []
        self.layer, self.subject = None, None
        self.updates, self.losses, self.weights, self.trainable = [], [], [], []
        self.outputs = 0

    def build(self, made=None):
        """Construct (unless an object is given) and call; returns the flat list of (name, value)."""
        target = self.subject = self._constructed() if made is None else made
        stage("call", self._attach, target)
        if hasattr(target, "get_output") and not hasattr(target, "call"):
            return self._legacy(target)
        if not callable(target) and not hasattr(target, "call"):
            raise Unsupported("a %s is not called by Keras with tensors" % type(target).__name__)
        is_layer = self._is_layer(target)
        if is_layer and self._is_cell(target):
            target = stage("construct", self.engine.keras.layers.RNN, target, return_sequences=True)
        arguments = stage("call", self._arguments, is_layer)
        if self.case.get("initial_state"):
            arguments["initial_state"] = stage("call", self._states, target)
        result = stage("call", self._call_converted, target, arguments, is_layer)
        if is_layer:
            self._collect(target)
        flat = []
        flatten(stage("call", self._opened, result), "output", flat)
        for _, value in flat:
            if isinstance(value, types.FunctionType):
                raise CaseError("evaluate", TypeError("it returns a function, and no value that could be compared"))
        self.outputs = len(flat)
        if is_layer and "mask" in arguments:
            flatten(stage("call", self._mask, target, arguments), "output mask", flat)
        for position, loss in enumerate(self.losses):
            flatten(loss, "loss[%d]" % position, flat)
        return flat

    def _constructed(self):
        kwargs = {
            key: stage("construct", plain, self.engine, self.module, value) for key, value in self.case.get("kwargs", {}).items()
        }
        if isinstance(self.unit, Factory):
            return stage("construct", self.unit.make, kwargs)
        return stage("construct", self.unit, **kwargs) if inspect.isclass(self.unit) else self.unit

    def _states(self, layer):
        """Initial states that are not zero, of the sizes that the layer or its cell names."""
        sizes = getattr(layer, "cell", layer).state_size
        rng = np.random.RandomState(self.case.get("seed", 0) + 29)
        states = []
        for position, size in enumerate(sizes if isinstance(sizes, (list, tuple)) else [sizes]):
            shape = (len(self.values[0]),) + (tuple(size) if hasattr(size, "__iter__") else (int(size),))
            array = rng.uniform(-1.0, 1.0, shape).astype(self.case.get("floatx", "float32"))
            self.feeds.append(self.engine.placeholder(array, self.case.get("dynamic", True), False))
            self.values.append(array)
            self.names.append("initial_state[%d]" % position)
            states.append(self.feeds[-1])
        return states

    @staticmethod
    def _mask(layer, arguments):
        """The mask that the layer hands on, None where it has none to give."""
        try:
            return layer.compute_mask(next(iter(arguments.values())), arguments["mask"])
        except CaseTimeout:
            raise
        except Exception:
            return None

    def _attach(self, target):
        """A regularizer of Keras 0.x is told its parameter, or its layer, before it is called with the loss."""
        if not callable(target) or not (hasattr(target, "set_param") or hasattr(target, "set_layer")):
            return
        array = np.linspace(-1.0, 1.0, 12).reshape(3, 4).astype(self.case.get("floatx", "float32"))
        self.feeds.append(self.engine.placeholder(array, False, False))
        self.values.append(array)
        self.names.append("parameter")
        parameter = self.feeds[-1]
        if hasattr(target, "set_param"):
            target.set_param(parameter)
        if hasattr(target, "set_layer"):
            target.set_layer(Attached(parameter))

    def _legacy(self, layer):
        """A layer of Keras 0.x: it reads ``self.input`` and has ``params``."""
        arguments = stage("call", self._arguments, False)
        if hasattr(layer, "set_input_shape"):
            shape = tuple(self.values[0].shape) if self.values else ()
            stage("build", layer.set_input_shape, shape[1:])  # it adds the batch itself
        layer.input = list(arguments.values())[0]
        result = stage("call", layer.get_output, bool(self.case.get("phase", 0)))
        self.weights = self.trainable = [value for value in getattr(layer, "params", []) if hasattr(value, "get_value")]
        flat = []
        flatten(result, "output", flat)
        return flat

    def _is_layer(self, target):
        kinds = [self.engine.keras.layers.Layer]
        if self.engine.name == "tensorflow":
            kinds.append(self.engine.tf.keras.layers.Layer)
        return isinstance(target, tuple(kinds))

    @staticmethod
    def _is_cell(target):
        if not hasattr(target, "state_size") or hasattr(target, "cell"):
            return False
        if any(name.startswith("state") for name in inspect.signature(target).parameters):
            return False  # its own __call__ takes the states: a cell of TensorFlow's
        every = [item for item in inspect.signature(target.call).parameters.values() if item.name != "self"]
        more = [item for item in every[2:] if item.default is item.empty and item.kind == item.POSITIONAL_OR_KEYWORD]
        return len(every) > 1 and every[1].name.startswith("state") and not more

    def _arguments(self, is_layer):
        """{parameter: tensor, list or dictionary of tensors, or Python value}, in the order of the case."""
        arguments = {}
        for item in self.case.get("inputs", []):
            name, _, index = item["name"].partition(".")
            value = item["value"]
            if isinstance(value, dict) and "b" in value:
                array = decode(value)
                tensor = self.engine.placeholder(array, self.case.get("dynamic", True), is_layer)
                self.feeds.append(tensor)
                self.values.append(array)
                self.names.append(item["name"])
            else:
                tensor = plain(self.engine, self.module, value)
            if index.isdigit():
                arguments.setdefault(name, []).append(tensor)
            elif index:
                arguments.setdefault(name, {})[index] = tensor
            else:
                arguments[name] = tensor
        return arguments

    def _call_converted(self, target, arguments, is_layer):
        """Called as it is or, where Python's `if` or `len` meets a tensor, as tf.keras converts it inside a layer."""
        try:
            return self._call(target, arguments, is_layer)
        except CaseTimeout:
            raise
        except Exception as error:
            converts = self.engine.tf2 or (self.engine.name == "tensorflow" and self.engine.flavour == "tf.keras")
            python = type(error).__name__ == "OperatorNotAllowedInGraphError" or "len is not well defined for" in str(error)
            if is_layer or not converts or not python:
                raise
            return self._call(self.engine.tf.autograph.to_graph(target), arguments, is_layer)

    def _call(self, target, arguments, is_layer):
        names = list(arguments)
        if is_layer and not self._is_metric(target):
            rest = {name: arguments[name] for name in names[1:]}
            return target(arguments[names[0]], **rest) if names else target()
        if isinstance(self.unit, types.FunctionType) or isinstance(self.unit, Factory):
            # By keyword, but for what stands in front of *args.
            kinds = inspect.signature(target).parameters if inspect.isfunction(target) else {}
            named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
            if all(name in kinds and kinds[name].kind in named for name in names):
                return target(**arguments)
            if any(kind.kind == kind.VAR_KEYWORD for kind in kinds.values()):
                rest = {name: arguments[name] for name in names if name not in kinds}
                return target(*[arguments[name] for name in names if name in kinds], **rest)
        return target(*[arguments[name] for name in names])

    def _is_metric(self, target):
        metric = getattr(self.engine.keras.metrics, "Metric", ())
        return isinstance(target, metric)

    def _opened(self, result):
        """What a unit that builds models yields: the outputs of each model for inputs of their own, with all its weights."""
        if isinstance(result, (list, tuple)) and any(self._is_model(item) for item in result):
            return [self._opened(item) for item in result]
        if not self._is_model(result):
            return result
        rng = np.random.RandomState(self.case.get("seed", 0) + 43)
        for position, tensor in enumerate(result.inputs):
            if any(tensor is feed for feed in self.feeds):
                continue
            sizes = self.engine.K.int_shape(tensor)
            shape = (sizes[0] or 2,) + tuple(size or MODEL_SIZE for size in sizes[1:])
            dtype = self.engine.dtype(tensor)
            array = rng.uniform(-1.0, 1.0, shape) if dtype.startswith("float") else rng.randint(0, 2, shape)
            self.feeds.append(tensor)
            self.values.append(array.astype(dtype))
            self.names.append("model input[%d]" % position)
        self._collect(result)
        return list(result.outputs)

    def _is_model(self, value):
        kinds = [self.engine.keras.models.Model]
        if self.engine.name == "tensorflow":
            kinds.append(self.engine.tf.keras.models.Model)
        return isinstance(value, tuple(kinds)) and bool(getattr(value, "inputs", None)) and bool(getattr(value, "outputs", None))

    def _collect(self, layer):
        if self._is_layer(self.subject):
            self.layer = layer
        self.weights += [weight for weight in layer.weights if not any(weight is known for known in self.weights)]
        self.trainable += [w for w in layer.trainable_weights if not any(w is known for known in self.trainable)]
        self.updates += [update for update in getattr(layer, "updates", []) or []]
        self.losses += [loss for loss in getattr(layer, "losses", []) or []]

    def weight_names(self):
        """The last part of each weight's name, without the number that makes a name of a session its own."""
        names = [str(getattr(weight, "name", None) or "") for weight in self.weights]
        return [re.sub(r"(_\d+)?(:0)?$", "", name.split("/")[-1]) for name in names]

    def arrange(self, names):
        """Put the weights into the order of another run, by their names where these tell all of them apart on both sides: a text
        that adds them in another order has the same weights. Else the order is what is common."""
        own = self.weight_names()
        if names and own != list(names) and len(set(own)) == len(own) and set(own) == set(names):
            self.weights = [self.weights[own.index(name)] for name in names]
            self.trainable = [weight for weight in self.weights if any(weight is one for one in self.trainable)]

    def output_shape(self):
        """What ``compute_output_shape`` gives for the inputs; None where there is none or it fails."""
        if self.layer is None or not hasattr(self.layer, "compute_output_shape"):
            return None
        shapes = [
            self.engine.K.int_shape(feed)
            for feed, name in zip(self.feeds, self.names)
            if name.split(".")[0] == self.names[0].split(".")[0]
        ]
        try:
            found = self.layer.compute_output_shape(shapes[0] if "." not in self.names[0] else shapes)
        except CaseTimeout:
            raise
        except BaseException:
            return None
        if self.engine.name == "tensorflow" and isinstance(found, self.engine.tf.TensorShape):
            found = tuple(found.as_list()) if found.dims is not None else None
        return found
