"""Lists the symbols of the engines in one stack, with the identity of what they name. Runs inside a stack (Python 3.6 or later):

    STACK/bin/python scripts/engine_symbols.py > symbols.json

Prints ``{"symbols": {spelling: key}, "objects": {key: {"kind", "parameters", "names"}}}``. Two spellings have one key where they
name one object; the key of a function or class is where it is defined, so that keys can be compared between stacks.
``parameters`` are the names of the positional parameters (null where unknown), ``names`` the public names that TensorFlow itself
records.
"""

import inspect
import json
import os
import sys
import types
import warnings

# Parts of TensorFlow that are Keras, belong to other packages, or hold no operations that layers use.
SKIPPED = (
    "keras",
    "estimator",
    "debug",
    "tools",
    "tpu",
    "distribute",
    "profiler",
    "autograph.pyct",
    "autograph.impl",
    "autograph.converters",
    "autograph.core",
    "autograph.utils",
    "grappler",
    "compiler",
    "pywrap_tensorflow",
    "framework.test_util",
    "data.experimental",
    "data.util",
    "data.ops",
    "feature_column",
    "saved_model",
    "training.experimental",
    "training.tracking",
    "training.saving",
    "training.training_ops",
    "framework.framework_lib",
)
GENERATED = tuple("tensorflow.python.ops.gen_%s_ops" % group for group in ("array", "math", "nn", "image", "linalg", "random"))
# Theano modules that people import operations from.
THEANO = (
    "theano",
    "theano.compile",
    "theano.gradient",
    "theano.ifelse",
    "theano.printing",
    "theano.scan_module",
    "theano.scan_module.scan",
    "theano.scan_module.scan_views",
    "theano.sandbox.rng_mrg",
    "theano.sandbox.cuda",
    "theano.sparse",
    "theano.sparse.basic",
)


def main():
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("THEANO_FLAGS", "cxx=,device=cpu")
    warnings.filterwarnings("ignore")
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print must not end up in the listing
    found = Listing()
    tensorflow_symbols(found)
    theano_symbols(found)
    json.dump({"symbols": found.symbols, "objects": found.objects}, out, sort_keys=True, indent=0)
    out.close()


class Listing:
    def __init__(self):
        self.symbols = {}
        self.objects = {}
        self.keys = {}  # id -> key
        self.kept = []  # so that no id is used twice

    def add(self, spelling, value):
        key = self.keys.get(id(value))
        if key is None:
            key = self.new_key(value)
            self.keys[id(value)] = key
            self.kept.append(value)
        self.symbols[spelling] = key

    def new_key(self, value):
        kind, key = describe(value)
        number = 1
        plain = key
        while key in self.objects:
            number += 1
            key = "%s#%d" % (plain, number)
        self.objects[key] = {"kind": kind, "parameters": parameters(value), "names": public_names(value)}
        return key


def describe(value):
    if isinstance(value, types.ModuleType):
        return "module", "module:" + value.__name__.replace("tensorflow_core", "tensorflow")
    if inspect.isclass(value):
        return "class", home(value) + "." + value.__name__
    if callable(value) and hasattr(value, "__name__"):
        return "function", home(value) + "." + value.__name__
    name = getattr(value, "name", None)
    return "object", "%s:%s" % (type(value).__name__, name if isinstance(name, str) else "")


def home(value):
    return str(getattr(value, "__module__", None)).replace("tensorflow_core", "tensorflow")


def parameters(value):
    if inspect.isclass(value) or not callable(value):
        return None
    try:
        found = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):
        return None
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if any(p.kind == inspect.Parameter.VAR_POSITIONAL for p in found):
        return None
    return [p.name for p in found if p.kind in positional]


def public_names(value):
    """The names that TensorFlow exports a function or class under, its own choice first."""
    if inspect.isclass(value):
        holder = vars(value)
    else:
        from tensorflow.python.util import tf_decorator

        holder = vars(tf_decorator.unwrap(value)[1]) if inspect.isfunction(value) else {}
    names = []
    for attribute in ("_tf_api_names", "_tf_api_names_v1"):
        names += [n for n in holder.get(attribute) or () if n not in names]
    return names


# ---- TensorFlow


def tensorflow_symbols(found):
    import tensorflow as tf

    public_api(found, "tf", tf, set())
    known = set(found.keys)
    getattr(getattr(tf, "contrib", None), "rnn", None)  # TensorFlow 1 loads its contrib package when it is used
    for name in sorted(sys.modules):
        root, _, rest = name.partition(".")
        if root not in ("tensorflow", "tensorflow_core") or not rest.startswith(("python.", "contrib.")):
            continue
        if rest.startswith("contrib.") and rest.count(".") > 1:
            continue  # a part of contrib that the part above exports
        if any("." + part + "." in "." + rest + "." for part in SKIPPED) or ("gen_" in rest and name not in GENERATED):
            continue
        for attribute, value in sorted(vars(sys.modules[name]).items()):
            if not attribute.startswith("_") and not isinstance(value, types.ModuleType) and id(value) in known:
                found.add("tf.%s.%s" % (rest, attribute), value)


def public_api(found, spelling, module, seen):
    if spelling.count(".compat.v") > 1:
        return
    for attribute in sorted(dir(module)):
        here = spelling + "." + attribute
        if attribute.startswith("_") or attribute in (
            "contrib",
            "keras",
            "estimator",
            "python",
            "core",
            "compiler",
            "tools",
            "raw_ops",
        ):
            continue
        value = getattr(module, attribute, None)
        if isinstance(value, types.ModuleType):
            if "_api" in value.__name__:
                found.add(here, value)
                public_api(found, here, value, seen)
        elif home(value).startswith("tensorflow") or type(value).__module__.startswith(("tensorflow", "numpy")):
            found.add(here, value)
        elif isinstance(value, (int, float, str, type(None))):
            found.symbols[here] = "constant:%s:%r" % (here.replace(".compat.v1", "").replace(".compat.v2", ""), value)


# ---- Theano


def theano_symbols(found):
    import theano
    import theano.ifelse
    import theano.sandbox.rng_mrg
    import theano.sparse
    import theano.tensor
    import theano.tensor.fft
    import theano.tensor.nlinalg
    import theano.tensor.nnet.bn
    import theano.tensor.shared_randomstreams
    import theano.tensor.signal.conv
    import theano.tensor.signal.pool
    import theano.tensor.slinalg  # noqa: F401

    for name in sorted(sys.modules):
        module = sys.modules[name]
        if module is None or not (name in THEANO or name.startswith("theano.tensor")) or ".tests" in name or "opt" in name:
            continue
        for attribute, value in sorted(vars(module).items()):
            if not attribute.startswith("_") and theano_value(value):
                found.add(name + "." + attribute, value)


def theano_value(value):
    if type(value).__module__.startswith("theano.gof.opt") or getattr(value, "__name__", "").startswith("local_"):
        return False
    if isinstance(value, types.ModuleType):
        return value.__name__.startswith("theano.") and ".tests" not in value.__name__
    if inspect.isclass(value) or inspect.isfunction(value):
        return home(value).startswith("theano")
    return type(value).__module__.startswith("theano")


if __name__ == "__main__":
    main()
