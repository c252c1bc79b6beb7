"""One case of one unit: constructed, and called with tensors."""

import inspect
import types

from .failures import CaseTimeout, Unsupported, stage
from .units import Factory, plain
from .values import decode, flatten


class Running(object):
    """One case: its tensors, its object and what it yields."""

    def __init__(self, engine, module, unit, case):
        self.engine, self.module, self.unit, self.case = engine, module, unit, case
        self.feeds, self.values, self.names = [], [], []
        self.layer = None
        self.updates, self.losses, self.weights, self.trainable = [], [], [], []

    def build(self):
        """Construct and call; returns the flat list of (name, value)."""
        case = self.case
        kwargs = {
            key: stage("construct", plain, self.engine, self.module, value) for key, value in case.get("kwargs", {}).items()
        }
        target = self.unit
        if isinstance(target, Factory):
            target = stage("construct", target.make, kwargs)
        elif inspect.isclass(target):
            target = stage("construct", target, **kwargs)
        if hasattr(target, "get_output") and not hasattr(target, "call"):
            return self._legacy(target)
        if not callable(target) and not hasattr(target, "call"):
            raise Unsupported("a %s is not called by Keras with tensors" % type(target).__name__)
        is_layer = self._is_layer(target)
        if is_layer and self._is_cell(target):
            target = stage("construct", self.engine.keras.layers.RNN, target, return_sequences=True)
        arguments = stage("call", self._arguments, is_layer)
        result = stage("call", self._call_converted, target, arguments, is_layer)
        if is_layer:
            self._collect(target)
        flat = []
        flatten(result, "output", flat)
        for position, loss in enumerate(self.losses):
            flatten(loss, "loss[%d]" % position, flat)
        return flat

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
        names = [name for name in inspect.signature(target.call).parameters if name != "self"]
        return len(names) > 1 and names[1].startswith("state")

    def _arguments(self, is_layer):
        """{parameter: tensor, list of tensors or Python value}, in the order of the case."""
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
            if index:
                arguments.setdefault(name, []).append(tensor)
            else:
                arguments[name] = tensor
        return arguments

    def _call_converted(self, target, arguments, is_layer):
        """Called as it is or, where Python's `if` meets a tensor, as TensorFlow 2 converts it inside a layer."""
        try:
            return self._call(target, arguments, is_layer)
        except CaseTimeout:
            raise
        except Exception as error:
            if not self.engine.tf2 or is_layer or type(error).__name__ != "OperatorNotAllowedInGraphError":
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
            if all(name in kinds and kinds[name].kind == kinds[name].POSITIONAL_OR_KEYWORD for name in names):
                return target(**arguments)
        return target(*[arguments[name] for name in names])

    def _is_metric(self, target):
        metric = getattr(self.engine.keras.metrics, "Metric", ())
        return isinstance(target, metric)

    def _collect(self, layer):
        self.layer = layer
        self.weights = list(layer.weights)
        self.trainable = list(layer.trainable_weights)
        self.updates = [update for update in getattr(layer, "updates", []) or []]
        self.losses = [loss for loss in getattr(layer, "losses", []) or []]

    def output_shape(self):
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
        return str(found)
