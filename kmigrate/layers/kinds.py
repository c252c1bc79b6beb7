"""Which Keras classes, keywords and signatures make layer code, and of which kind: data and the questions that it answers."""

from __future__ import annotations

import ast
import re
from functools import cache

from kmigrate.layers.nouns import DefinitionFacts
from kmigrate.names import Definition, engine_of

# The Keras base classes that people derive from, by the kind of unit that they make.
_KIND_OF_BASE = {
    **dict.fromkeys(["Model", "Sequential", "Network", "Container", "Functional", "Graph"], "model"),
    "Loss": "loss",
    "LossFunctionWrapper": "loss",
    "Metric": "metric",
    "Regularizer": "regularizer",
    "Constraint": "constraint",
    "Initializer": "initializer",
    "Optimizer": "optimizer",
    "OptimizerV2": "optimizer",
}
_KIND_OF_MODULE = {
    "losses": "loss",
    "objectives": "loss",
    "metrics": "metric",
    "regularizers": "regularizer",
    "constraints": "constraint",
    "initializers": "initializer",
    "initializations": "initializer",
    "optimizers": "optimizer",
    "models": "model",
    "training": "model",
}
# Parts of Keras where a class that is none of the above is a layer.
_LAYER_MODULES = {"layers", "legacy", "engine", "base_layer", "topology", "core", "recurrent"}
_NO_LAYERS = {
    "callbacks",
    "utils",
    "preprocessing",
    "datasets",
    "applications",
    "backend",
    "estimator",
    "testing",
    "scikit_learn",
}
# Layer names that a project imports from modules that cannot be read; the name alone has to tell.
_LAYER_NAMES = frozenset(
    "Layer MaskedLayer Wrapper RNN Recurrent Dense Conv1D Conv2D Conv3D Conv2DTranspose Convolution1D Convolution2D "
    "Convolution3D _Conv DepthwiseConv2D SeparableConv2D LSTM GRU SimpleRNN LSTMCell GRUCell SimpleRNNCell AbstractRNNCell "
    "Embedding BatchNormalization Merge _Merge Dropout Activation Flatten Reshape Lambda TimeDistributed Bidirectional "
    "ZeroPadding2D UpSampling2D _Pooling1D _Pooling2D GlobalPooling2D InputLayer".split()
)
# Frameworks whose classes have the names of Keras's, and names that tell only together with their module.
_OTHER_FRAMEWORKS = frozenset(
    "torch torchvision pytorch_lightning lasagne blocks chainer mxnet gluon paddle jax flax haiku sonnet tflearn tensorlayer "
    "mindspore gym gymnasium dm_env".split()
)
_OF_OTHERS_TOO = frozenset({"Wrapper"})
_KERAS_NAMES = ("keras", "tf_keras")
# Add-ons to Keras whose classes derive from Keras's, in modules called as Keras's are.
_ADD_ONS = frozenset(
    "tensorflow_addons tensorflow_probability tensorflow_recommenders tensorflow_ranking tensorflow_similarity".split()
)
# TensorFlow 2 has these modules of Keras under names of its own (TensorFlow 1 has functions there).
_KERAS_OF_TF = re.compile(r"tf\.(?:compat\.v2\.)?(losses|metrics|optimizers|initializers)\.[A-Z]\w*")
_LOSS_ARGUMENTS = {("y_true", "y_pred"), ("yTrue", "yPred")}
_FUNCTION_KEYWORDS = {
    "activation": "activation",
    "loss": "loss",
    "losses": "loss",
    "metrics": "metric",
    "weighted_metrics": "metric",
    "custom_objects": "custom object",
}
_FUNCTION_SUFFIXES = {
    "_activation": "activation",
    "_regularizer": "regularizer",
    "_constraint": "constraint",
    "_initializer": "initializer",
}
# One of these stands in every file that has such a keyword, or a loss by its signature.
FUNCTION_WORDS = (*_FUNCTION_KEYWORDS, *_FUNCTION_SUFFIXES)
LOSS_WORDS = tuple(sorted({name for names in _LOSS_ARGUMENTS for name in names}))
# Keras calls that take a function by position: the place of the argument and what the function then is.
BY_POSITION = {"Lambda": (0, "lambda"), "LambdaMerge": (1, "lambda"), "Activation": (0, "activation")}
# Keywords that name a function in these calls only.
BY_KEYWORD = {
    ("Lambda", "function"): "lambda",
    ("LambdaMerge", "function"): "lambda",
    ("Merge", "mode"): "lambda",
    ("merge", "mode"): "lambda",
}
SCOPES = ("CustomObjectScope", "custom_object_scope")
SPECIAL = {*BY_POSITION, *(name for name, _ in BY_KEYWORD), *SCOPES, "compile", "add_loss"}
CUSTOM = "custom object"
REGISTER = "register_keras_serializable"


@cache
def function_kind(keyword: str) -> str | None:
    """What a function is that a Keras call takes under this keyword; None where the keyword takes no function."""
    for suffix, kind in _FUNCTION_SUFFIXES.items():
        if keyword.endswith(suffix):
            return kind
    return _FUNCTION_KEYWORDS.get(keyword)


def has_loss_signature(definition: Definition) -> bool:
    """Whether a function, or a method after ``self``, begins with ``(y_true, y_pred)`` (the other way round: has no more); one of
    the two may be unused, ``(_, y_pred)``."""
    node = definition.node
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    names = [a.arg for a in [*node.args.posonlyargs, *node.args.args]]
    if names[:1] in (["self"], ["cls"]):
        names = names[1:]
    if len(names) == 2 and (names[0][:1] == "_") != (names[1][:1] == "_"):
        names = [name if name[:1] != "_" else named for name, named in zip(names, ("y_true", "y_pred"), strict=True)]
    return tuple(names[:2]) in _LOSS_ARGUMENTS or names == ["y_pred", "y_true"]


def kind_of_base(symbol: str) -> str | None:
    """The kind of unit that deriving from ``symbol`` makes, None where it is no Keras class."""
    module, _, name = symbol.rpartition(".")
    parts = module.split(".")
    if symbol.startswith("keras."):
        if _NO_LAYERS.intersection(parts) and "layers" not in parts:
            return None
        if name in _KIND_OF_BASE:
            return _KIND_OF_BASE[name]
        for part in parts:
            if part in _KIND_OF_MODULE:
                return _KIND_OF_MODULE[part]
        is_class = name[:1].isupper() or name.startswith("_")
        return "layer" if name in _LAYER_NAMES or (is_class and _LAYER_MODULES.intersection(parts)) else None
    if engine_of(symbol) is not None:
        inside = _KERAS_OF_TF.fullmatch(symbol)
        return None if inside is None else _KIND_OF_MODULE[inside[1]]
    return None if parts[0] in _OTHER_FRAMEWORKS else _kind_by_name(symbol, parts, name)


def _kind_by_name(symbol: str, parts: list[str], name: str) -> str | None:
    """The kind that the name tells of a base that cannot be read."""
    for place in range(len(parts) - 1, 0, -1):
        if parts[place] in _KERAS_NAMES:  # the Keras that another package exposes: `other.compat.keras.Model`
            return kind_of_base(".".join(["keras", *parts[place + 1 :], name]))
    if parts[0] in _ADD_ONS and name[:1].isupper():
        kind = next((_KIND_OF_MODULE[part] for part in parts if part in _KIND_OF_MODULE), None)
        return "layer" if "layers" in parts else kind
    placed = "keras" in parts[0] or "layers" in parts or symbol.startswith(".")
    if (name in _LAYER_NAMES and (placed or name not in _OF_OTHERS_TOO)) or (
        "keras" in parts[0] and "layers" in parts and name[:1].isupper()
    ):
        return "layer"
    return _KIND_OF_BASE.get(name) if symbol.startswith(".") else None


def kind_by_place(module: str, definition: DefinitionFacts) -> str | None:
    """The kind of unit that a class of Keras itself is by the module that it stands in; the tests beside its layers are none."""
    if any(base.rpartition(".")[2] == "TestCase" for base in definition.bases):
        return None
    return kind_of_base(f"{module}.{definition.name}")


_KIND_OF_FUNCTIONS = {**_KIND_OF_MODULE, "activations": "activation"}


def kind_of_function(module: str) -> str | None:
    """What the functions of a module of Keras itself are to a model: ``keras.activations`` holds activations."""
    kind = _KIND_OF_FUNCTIONS.get(module.rpartition(".")[2])
    return kind if kind not in ("model", "optimizer") else None


def article(kind: str) -> str:
    """``a layer``, ``an activation``."""
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
