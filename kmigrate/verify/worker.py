"""The worker: runs cases of layer code under one engine. Plain Python 3.6 and numpy; imports nothing from kmigrate.

Started as ``<stack python> worker.py`` with the environment that ``runner.py`` makes. It speaks JSON lines over private
duplicates of standard input and output; whatever user code prints goes to standard error. Requests:

``{"op": "run", "module": {...}, "unit": {...}, "case": {...}}``   -> one result
``{"op": "probe", "module": {...}, "unit": {...}, "cases": [...]}`` -> the first case that runs, forward only
``{"op": "prove", ...}``                                           -> see worker_proof.py
``{"op": "signatures", "symbols": [...]}``                         -> parameter names of engine functions
``{"op": "doctor"}``                                               -> versions, and a small computation
"""

import ast
import base64
import importlib
import importlib.abc
import importlib.util
import inspect
import json
import os
import random
import re
import signal
import sys
import threading
import time
import types

import numpy as np

ENGINE = os.environ.get("KERAS_BACKEND", "tensorflow")
MOMENT_RUNS = 64
MOST_BYTES = 1 << 26


class CaseTimeout(BaseException):
    """Not an Exception: Theano swallows those."""


class CaseError(Exception):
    """A failure with the stage that it happened in."""

    def __init__(self, where, error):
        super(CaseError, self).__init__(str(error))
        self.where = where
        self.error = error


class Unsupported(Exception):
    """This kind of unit cannot be run by itself."""


# --- engine -------------------------------------------------------------------------------------------------


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
        """The dtype and data format that Keras takes where none is given."""
        for backend in self._backends():
            backend.set_floatx(case.get("floatx", "float32"))
            backend.set_image_data_format(case.get("data_format", "channels_last"))
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


# --- arrays over JSON ---------------------------------------------------------------------------------------


def encode(value):
    if value is None:
        return None
    if isinstance(value, (np.ndarray, np.generic, bool, int, float)):
        array = np.ascontiguousarray(value).reshape(np.shape(value))
        if array.dtype != object and array.dtype.kind in "biufc":
            if array.nbytes > MOST_BYTES:
                raise MemoryError("a result of %d bytes is more than a case may yield" % array.nbytes)
            return {"d": str(array.dtype), "s": list(array.shape), "b": base64.b64encode(array.tobytes()).decode("ascii")}
    return {"repr": re.sub(r"0x[0-9a-fA-F]+", "0x", repr(value))[:500]}


def decode(item):
    if isinstance(item, dict) and "b" in item:
        return np.frombuffer(base64.b64decode(item["b"]), dtype=item["d"]).reshape(item["s"]).copy()
    return item


# --- user modules -------------------------------------------------------------------------------------------


class Override(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives the text under test for one module name; everything else comes from the user's tree."""

    def __init__(self, name, source, path):
        self.name, self.source, self.path = name, source, path

    def find_spec(self, fullname, path=None, target=None):
        if fullname != self.name:
            return None
        is_package = os.path.basename(self.path) == "__init__.py"
        spec = importlib.util.spec_from_loader(fullname, self, origin=self.path, is_package=is_package)
        if is_package:
            spec.submodule_search_locations = [os.path.dirname(os.path.abspath(self.path))]
        return spec

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        module.__file__ = self.path
        exec(compile(self.source, self.path, "exec", dont_inherit=True), module.__dict__)


class Loaded(object):
    """The user's module, imported afresh; leaving the context forgets it and everything of its tree."""

    def __init__(self, spec, lacks=()):
        self.spec = spec
        self.path = list(sys.path)
        self.before = set(sys.modules)
        self.finder = None
        self.stubs = StubFinder([name for name, attribute in lacks if attribute is None])
        self.attributes = [(name, attribute) for name, attribute in lacks if attribute is not None]
        self.lent = []

    def __enter__(self):
        spec = self.spec
        root = spec.get("package_root")
        if root:
            sys.path.insert(0, root)
        stem = spec.get("name") or "module"
        if spec.get("package"):
            package = self._mount(root, spec["package"])
            name = package if os.path.basename(spec.get("path") or "") == "__init__.py" else package + "." + stem
        else:
            name = stem if stem not in sys.modules and stem not in ("keras", "tensorflow", "theano") else "_km_" + stem
        self.finder = Override(name, spec["source"], spec.get("path") or "<module>")
        sys.meta_path.insert(0, self.finder)
        sys.meta_path.append(self.stubs)
        for owner, attribute in self.attributes:
            owner = importlib.import_module(owner)
            setattr(owner, attribute, Stub(owner.__name__ + "." + attribute))
            self.lent.append((owner, attribute))
        importlib.invalidate_caches()
        if spec.get("package"):
            self._import_parents(name)
        return importlib.import_module(name)

    def _mount(self, root, package):
        """A package called like an engine's own gets another top name, so that it does not hide the real one."""
        top = package.split(".")[0]
        if top not in ("keras", "tensorflow", "theano"):
            return package
        mounted = "_km_pkg_" + top
        self._bare(mounted, os.path.join(root or ".", top))
        return ".".join([mounted] + package.split(".")[1:])

    def _import_parents(self, name):
        # An __init__ that cannot be imported (a missing dependency, a newer Keras) need not stop its modules.
        parts = name.split(".")[:-1]
        for count in range(1, len(parts) + 1):
            parent = ".".join(parts[:count])
            if parent in sys.modules:
                continue
            try:
                importlib.import_module(parent)
            except CaseTimeout:
                raise
            except BaseException:
                self._bare(parent, os.path.join(self.spec.get("package_root") or ".", *parts[:count]))

    @staticmethod
    def _bare(name, folder):
        module = types.ModuleType(name)
        module.__path__ = [folder]
        sys.modules[name] = module
        top, _, last = name.rpartition(".")
        if top:
            setattr(sys.modules[top], last, module)

    def __exit__(self, *_):
        for finder in (self.finder, self.stubs):
            if finder in sys.meta_path:
                sys.meta_path.remove(finder)
        for owner, attribute in self.lent:
            if hasattr(owner, attribute):
                delattr(owner, attribute)
        sys.path[:] = self.path
        root = self.spec.get("package_root")
        root = os.path.join(os.path.realpath(root), "") if root else None
        for name in set(sys.modules) - self.before:
            where = getattr(sys.modules[name], "__file__", None) or ""
            own = name.startswith("_km_") or (self.finder and name == self.finder.name)
            in_tree = root and os.path.realpath(where).startswith(root)
            in_tree = in_tree and "site-packages" not in os.path.realpath(where)[len(root) :]
            bare = not where and self.spec.get("package") and (self.spec["package"] + ".").startswith(name + ".")
            if own or in_tree or bare or isinstance(sys.modules[name], StubModule):
                del sys.modules[name]
        return False


class Stub(object):
    """Stands for what the stack does not have. It may be named and decorated with while modules are imported; any later
    use raises, so that no result ever rests on it."""

    importing = False

    def __init__(self, name):
        self.__name = name

    def __use(self):
        if not Stub.importing:
            raise ImportError("%s is not installed in the stack" % self.__name)

    def __call__(self, *args, **kwargs):
        self.__use()
        if len(args) == 1 and not kwargs and (inspect.isclass(args[0]) or inspect.isfunction(args[0])):
            return args[0]
        return Stub(self.__name)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        self.__use()
        return Stub(self.__name)

    def __mro_entries__(self, bases):
        return ()

    def __order(self, other):
        self.__use()
        return True

    __lt__ = __le__ = __gt__ = __ge__ = __order


class StubModule(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Stub(self.__name__.split(".")[0])


class StubFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Modules that the user's code needs to be imported and the stack does not have; asked last."""

    def __init__(self, names):
        self.names = names

    def find_spec(self, fullname, path=None, target=None):
        if not any(fullname == name or fullname.startswith(name + ".") for name in self.names):
            return None
        return importlib.util.spec_from_loader(fullname, self, is_package=True)

    def create_module(self, spec):
        module = StubModule(spec.name)
        module.__path__ = []
        return module

    def exec_module(self, module):
        pass


def missing(error):
    """(module, name or None) of an ImportError, None if it says neither."""
    found = re.match(r"cannot import name '(\w+)'", str(error))
    if found and error.name:
        return error.name, found.group(1)
    if isinstance(error, ModuleNotFoundError) and error.name and str(error).startswith("No module named"):
        return error.name, None
    return None


def stage(where, function, *args, **kwargs):
    """Call, and mark what it raises with the stage."""
    try:
        return function(*args, **kwargs)
    except (CaseTimeout, CaseError, Unsupported):
        raise
    except BaseException as error:
        raise CaseError(where, error)


# --- units --------------------------------------------------------------------------------------------------


def find_unit(module, spec, source):
    """The object that a qualname means, or a Factory for a function inside a function."""
    qualname = spec["qualname"]
    if spec.get("lambda_index") is not None:
        return lambda_at(module, source, spec["lambda_index"])
    parts = [part for part in qualname.split(".") if part != "<locals>"]
    thing = module
    for position, part in enumerate(parts):
        if isinstance(thing, types.FunctionType) and position:
            if position != len(parts) - 1:
                raise Unsupported("a function nested more than once")
            return Factory(thing, part)
        if not hasattr(thing, part):
            raise CaseError("import", AttributeError("the module has no %s" % qualname))
        if inspect.isclass(thing) and not isinstance(inspect.getattr_static(thing, part), (staticmethod, type)):
            raise Unsupported("a method runs with its class only")
        thing = getattr(thing, part)
    return thing


def lambda_at(module, source, index):
    found = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Lambda)]
    found.sort(key=lambda node: (node.lineno, node.col_offset))
    if index >= len(found):
        raise CaseError("import", LookupError("no lambda number %d" % index))
    code = compile(ast.Expression(found[index]), "<lambda>", "eval")
    return eval(code, module.__dict__)


class Factory(object):
    """A function that returns the function under test: the case's ``kwargs`` are for the outer one."""

    def __init__(self, outer, inner):
        self.outer, self.inner = outer, inner

    def make(self, kwargs):
        made = self.outer(**kwargs)
        for item in made if isinstance(made, (list, tuple)) else [made]:
            if callable(item) and getattr(item, "__name__", self.inner) == self.inner:
                return item
        raise Unsupported("the outer function does not return %s" % self.inner)


def plain(engine, module, value):
    """A keyword value: JSON, an array, or an expression over Keras and the module."""
    if isinstance(value, dict) and "expr" in value:
        return eval(value["expr"], namespace(engine, module))
    if isinstance(value, dict) and "tuple" in value:
        return tuple(plain(engine, module, item) for item in value["tuple"])
    if isinstance(value, list):
        return [plain(engine, module, item) for item in value]
    if isinstance(value, dict) and "b" not in value:
        return {key: plain(engine, module, item) for key, item in value.items()}
    return decode(value)


def namespace(engine, module):
    """What an expression of a case may name: everything of the module, and Keras by its usual names."""
    names = dict(vars(engine.keras.layers))
    names.update(vars(module))
    for name in ("layers", "initializers", "regularizers", "constraints", "activations", "models"):
        names[name] = getattr(engine.keras, name)
    names.update(K=engine.K, keras=engine.keras, np=np, importlib=importlib)
    if engine.name == "tensorflow":
        names.setdefault("tf", engine.tf)
    return names


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


def flatten(value, name, into):
    if isinstance(value, (list, tuple)):
        for position, item in enumerate(value):
            flatten(item, "%s[%d]" % (name, position), into)
        if not value:
            into.append((name, value))
    elif isinstance(value, dict):
        for key in sorted(value, key=str):
            flatten(value[key], "%s[%r]" % (name, key), into)
    else:
        into.append((name, value))


# --- evaluation ---------------------------------------------------------------------------------------------


class Evaluation(object):
    """The built unit as a function of its inputs, with the state put back before every evaluation."""

    def __init__(self, engine, running, flat):
        self.engine, self.running = engine, running
        self.flat = flat
        self.tensors = [engine.identity(value) for _, value in flat if engine.is_tensor(value)]
        self.phase, phase_values = engine.phase_inputs(running.case.get("phase", 0))
        self.values = running.values + phase_values
        self.state, self.saved = [], []

    def compile(self):
        K, running = self.engine.K, self.running
        inputs = running.feeds + self.phase
        if not self.tensors and not running.updates:
            self.function = None
            return
        self.function = (
            K.function(inputs, self.tensors, updates=running.updates) if running.updates else K.function(inputs, self.tensors)
        )

    def set_state(self):
        """Weights are those of the case or, where it has none, the initial ones moved off their zeros and ones."""
        K, weights = self.engine.K, self.running.weights
        given = self.running.case.get("weights")
        if given is None:
            rng = np.random.RandomState(self.running.case.get("seed", 0) + 17)
            values = [moved(value, rng) for value in K.batch_get_value(weights)]
        else:
            values = [decode(item) for item in given]
            found = [tuple(value.shape) for value in K.batch_get_value(weights)]
            if found != [tuple(value.shape) for value in values]:
                wanted = [tuple(value.shape) for value in values]
                raise CaseError("weights", ValueError("weights have the shapes %s, not %s" % (found, wanted)))
        if weights:
            K.batch_set_value(list(zip(weights, values)))
        others = [update[0] for update in self.running.updates if isinstance(update, tuple)]
        seen, self.state = set(), []
        for variable in weights + others + self.engine.variables():
            if id(variable) not in seen:
                seen.add(id(variable))
                self.state.append(variable)
        self.saved = K.batch_get_value(self.state)
        return values

    def restore(self):
        if self.state and self.running.updates:
            self.engine.K.batch_set_value(list(zip(self.state, self.saved)))

    def once(self):
        """The values of every output, tensors and others, in order."""
        computed = iter([np.asarray(value) for value in self.function(self.values)] if self.function else [])
        return [next(computed) if self.engine.is_tensor(value) else value for _, value in self.flat]


def moved(value, rng):
    value = np.asarray(value)
    if value.dtype.kind != "f":
        return value
    return (value + rng.uniform(0.01, 0.1, size=value.shape)).astype(value.dtype)


def forward(engine, module, unit, case):
    """Build and evaluate once: (running, evaluation, weights, values)."""
    with engine.scope():
        engine_case = Running(engine, module, unit, case)
        flat = engine_case.build()
        evaluation = stage("evaluate", Evaluation, engine, engine_case, flat)
        stage("evaluate", evaluation.compile)
    weights = stage("evaluate", evaluation.set_state)
    values = stage("evaluate", evaluation.once)
    return engine_case, evaluation, weights, values


def run_case(engine, module, unit, case):
    running, evaluation, weights, values = forward(engine, module, unit, case)
    K = engine.K
    answer = {
        "ok": True,
        "names": [name for name, _ in evaluation.flat],
        "outputs": [encode(value) for value in values],
        "weights": [encode(value) for value in weights],
        "after": [encode(value) for value in K.batch_get_value(running.weights)] if running.weights else [],
        "output_shape": stage("call", running.output_shape) if running.feeds else None,
    }
    evaluation.restore()
    again = stage("evaluate", evaluation.once)
    answer["random"] = not all(same(left, right) for left, right in zip(values, again))
    if answer["random"]:
        answer["moments"] = stage("evaluate", moments, evaluation, values)
        answer["no_gradient"] = "random"
    elif case.get("gradient", True):
        evaluation.restore()
        try:
            answer.update(gradients(engine, running, evaluation, values))
        except (CaseTimeout, MemoryError):
            raise
        except BaseException as error:
            answer["no_gradient"] = "%s: %s" % (type(error).__name__, short(error))
    else:
        answer["no_gradient"] = "not asked for"
    return answer


def same(left, right):
    if isinstance(left, np.ndarray) and isinstance(right, np.ndarray):
        return left.shape == right.shape and left.tobytes() == right.tobytes()
    return True


def moments(evaluation, values):
    """Mean and variance, element by element; None for outputs that are no numbers."""
    samples = []
    for _ in range(MOMENT_RUNS):
        evaluation.restore()
        samples.append(evaluation.once())
    answer = []
    for column in zip(*samples):
        if not isinstance(column[0], np.ndarray) or len({item.shape for item in column}) != 1:
            answer.append(None)
            continue
        stack = np.stack([np.asarray(item, dtype="float64") for item in column])
        answer.append({"mean": encode(stack.mean(axis=0)), "variance": encode(stack.var(axis=0)), "count": MOMENT_RUNS})
    return answer


def gradients(engine, running, evaluation, values):
    """Of a fixed weighted sum of all float outputs, with respect to float inputs and trainable weights."""
    K = engine.K
    rng = np.random.RandomState(4711)
    terms = []
    with engine.scope():
        tensors = iter(evaluation.tensors)
        for (_, value), computed in zip(evaluation.flat, values):
            if not engine.is_tensor(value):
                continue
            tensor = next(tensors)
            weights = rng.uniform(-1.0, 1.0, size=np.shape(computed)) if np.size(computed) else None
            if engine.dtype(tensor).startswith("float") and weights is not None:
                terms.append(K.sum(tensor * K.constant(weights, dtype=engine.dtype(tensor))))
        trainable = running.trainable
        sources, names = [], []
        for name, source in list(zip(running.names, running.feeds)) + [("weight[%d]" % i, w) for i, w in enumerate(trainable)]:
            if engine.dtype(source).startswith("float"):
                sources.append(source)
                names.append(name)
        if not terms or not sources:
            return {"no_gradient": "nothing to differentiate"}
        loss = terms[0]
        for term in terms[1:]:
            loss = loss + K.cast(term, engine.dtype(loss))
        found = engine.gradients(loss, sources)
        there = [grad for grad in found if grad is not None]
        function = K.function(running.feeds + evaluation.phase, there) if there else None
    computed = iter(function(evaluation.values) if function else [])
    answer = [None if grad is None else encode(np.asarray(next(computed))) for grad in found]
    return {"gradients": answer, "gradient_names": names}


# --- requests -----------------------------------------------------------------------------------------------


def short(error):
    text = str(error).strip() or repr(error)
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return ""
    # "in converted code:" and its like lead a long trace; what happened stands at its end.
    return (lines[-1] if lines[0].rstrip().endswith(":") else lines[0]).strip()[:400]


def user_lines(error, path):
    """The lines of the user's file on the way to the error, outermost first: how far the code came."""
    metadata = getattr(error, "ag_error_metadata", None)
    if metadata is not None:
        # Code that TensorFlow converted runs in a file of its own; this is where it came from.
        return [frame.lineno for frame in reversed(metadata.translated_stack) if frame.filename == path]
    lines, trace = [], error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == path:
            lines.append(trace.tb_lineno)
        trace = trace.tb_next
    return lines[:8]


def failure(error, seconds=0.0, path=None):
    where = "call"
    if isinstance(error, CaseError):
        where, error = error.where, error.error
    elif isinstance(error, Unsupported):
        where = "unsupported"
    elif isinstance(error, CaseTimeout):
        where = "timeout"
    answer = {"ok": False, "where": where, "type": type(error).__name__, "message": short(error), "seconds": seconds}
    if path is not None:
        answer["lines"] = user_lines(error, path)
    return answer


def limited(seconds, function, *args):
    """Call with a soft time limit. The parent has a hard one, for code that never comes back to Python."""
    if not hasattr(signal, "setitimer") or not seconds:
        return function(*args)

    def ring(*_):
        raise CaseTimeout("no answer within %g s" % seconds)

    old = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return function(*args)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


def run(engine, request):
    engine.select(request["module"].get("flavour") or "keras")
    engine.start(request["case"])
    with importing(engine, request["module"]) as module:
        unit = find_unit(module, request["unit"], request["module"]["source"])
        return run_case(engine, module, unit, request["case"])


def probe(engine, request):
    """Try the cases in order, forward only. ``errors`` has one entry for each case tried before the one that ran."""
    engine.select(request["module"].get("flavour") or "keras")
    engine.start(request["cases"][0])
    errors, fallback = [], None
    with importing(engine, request["module"]) as module:
        unit = find_unit(module, request["unit"], request["module"]["source"])
        for index, case in enumerate(request["cases"]):
            try:
                values = limited(request.get("each_s", 10), forward, engine, module, unit, case)[3]
            except Unsupported:
                raise
            except BaseException as error:
                errors.append(failure(error, path=request["module"].get("path")))
                continue
            arrays = [value for value in values if isinstance(value, np.ndarray)]
            if all(np.isfinite(value).any() for value in arrays if value.dtype.kind == "f" and value.size):
                return {"ok": True, "index": index, "errors": errors, "tensors": len(arrays)}
            # All NaN is a run, but one that can hardly tell two programs apart: another one may do better.
            fallback = index if fallback is None else fallback
    return {"ok": fallback is not None, "index": fallback, "errors": errors, "where": "probe", "message": ""}


class importing(object):
    """``Loaded`` with import errors marked as such. What the stack lacks is stubbed, name by name as imports fail, so
    that optional imports still take the branch that they would take."""

    known = {}

    def __init__(self, engine, spec):
        self.engine, self.spec = engine, spec
        self.lacks = self.known.setdefault(spec.get("path"), [])

    def __enter__(self):
        # A class that is registered by name may be registered once only, and it is imported for every case.
        self.registered = [(table, dict(table)) for table in self.engine.registered()]
        while True:
            self.loaded = Loaded(self.spec, self.lacks)
            Stub.importing = True
            try:
                with self.engine.scope():
                    return stage("import", self.loaded.__enter__)
            except BaseException as error:
                self.__exit__()
                if not self._learn(error):
                    raise
            finally:
                Stub.importing = False

    def _learn(self, error):
        cause = error.error if isinstance(error, CaseError) else error
        lack = missing(cause) if isinstance(cause, ImportError) else None
        own = self.spec.get("package") or self.spec.get("name") or ""
        if lack is None or lack in self.lacks or len(self.lacks) > 20 or own == lack[0] or own.startswith(lack[0] + "."):
            return False
        self.lacks.append(lack)
        return True

    def __exit__(self, *_):
        for table, before in self.registered:
            table.clear()
            table.update(before)
        return self.loaded.__exit__()


def signatures(engine, request):
    """{symbol: parameter names, or null if it has none to show, or "missing"}"""
    answer = {}
    for symbol in request["symbols"]:
        answer[symbol] = signature_of(symbol)
    return {"ok": True, "signatures": answer}


def signature_of(symbol):
    parts = symbol.split(".")
    parts[:1] = {"tf": ["tensorflow"], "K": ["keras", "backend"]}.get(parts[0], parts[:1])
    # Attributes first, then modules: `theano.tensor.sort` is a module that a function of its name hides.
    for count in range(1, len(parts) + 1):
        try:
            thing = importlib.import_module(".".join(parts[:count]))
            for part in parts[count:]:
                thing = getattr(thing, part)
        except (ImportError, AttributeError):
            continue
        try:
            return [str(parameter) for parameter in inspect.signature(thing).parameters.values()]
        except (TypeError, ValueError):
            return None
    return "missing"


def doctor(engine, request):
    versions = {"python": sys.version.split()[0], "numpy": np.__version__, "keras": engine.keras.__version__}
    versions[engine.name] = importlib.import_module(engine.name).__version__
    engine.start({})
    K = engine.K
    with engine.scope():
        x = K.placeholder(shape=(2, 3))
        function = K.function([x], [K.sum(K.square(x), axis=-1)])
    value = np.asarray(function([np.arange(6, dtype="float32").reshape(2, 3)])[0])
    ok = value.tolist() == [5.0, 50.0]
    isolation = json.loads(os.environ.get("KMIGRATE_ISOLATION") or "{}")
    return {
        "ok": ok,
        "versions": versions,
        "isolation": isolation,
        "where": "evaluate",
        "message": "sum of squares is %s" % value.tolist(),
    }


def prove(engine, request):
    """The rulebook's proof: in a file of its own beside this one."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "worker_proof.py")
    spec = importlib.util.spec_from_file_location("_km_worker_proof", path)
    module = sys.modules.get(spec.name)
    if module is None:
        module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module.prove(sys.modules[__name__], engine, request)


OPS = {"run": run, "probe": probe, "prove": prove, "signatures": signatures, "doctor": doctor}


def answer_to(engine, request):
    started = time.time()
    try:
        answer = limited(request.get("soft_s", 0), OPS[request["op"]], engine, request)
        answer["seconds"] = time.time() - started
        return answer
    except BaseException as error:
        return failure(error, time.time() - started)


class Surroundings(object):
    """What user code may change of the process and the next case must find as it was."""

    def __init__(self):
        self.home, self.environment = os.getcwd(), dict(os.environ)
        self.streams = sys.stdin, sys.stdout, sys.stderr

    def restore(self):
        for folder in (self.home, os.environ.get("KERAS_HOME") or self.home):
            if not os.path.isdir(folder):
                os.makedirs(folder)
        os.chdir(self.home)
        if dict(os.environ) != self.environment:
            os.environ.clear()
            os.environ.update(self.environment)
        sys.stdin, sys.stdout, sys.stderr = self.streams


def out_of_reach(descriptor):
    """A private duplicate with a number that code which closes or inherits the low ones does not meet."""
    try:
        import fcntl
        import resource

        most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, min(most, 1 << 16) - 16)
    except (ImportError, AttributeError, ValueError, OSError):
        return os.dup(descriptor)


def leave_with(parent):
    """A worker whose parent was killed must not stay behind, whatever the user's code is at."""
    while os.getppid() == parent:
        time.sleep(2.0)
    os._exit(1)


def main():
    threading.Thread(target=leave_with, args=(os.getppid(),), daemon=True).start()
    requests = os.fdopen(out_of_reach(0), "r", encoding="utf-8")
    answers = os.fdopen(out_of_reach(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    sys.stdin, sys.stdout = open(os.devnull), sys.stderr
    # `import worker` by user code must not find this directory.
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != os.path.dirname(os.path.abspath(__file__))]
    try:
        engine = Engine(ENGINE)
        first = {"ok": True, "ready": True, "id": 0}
    except BaseException as error:
        engine, first = None, dict(failure(error), where="start", id=0)
    answers.write(json.dumps(first) + "\n")
    answers.flush()
    if engine is None:
        return
    surroundings, process = Surroundings(), os.getpid()
    for line in requests:
        request = json.loads(line)
        surroundings.restore()
        answer = dict(answer_to(engine, request), id=request.get("id"))
        if os.getpid() != process:
            os._exit(0)  # user code forked, and this is the copy
        # A line of its own, whatever user code may have written before it.
        answers.write("\n" + json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
