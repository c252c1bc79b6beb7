"""Symbols: dotted names with the roots ``tf``, ``theano`` and ``keras``; other imports keep their own dotted name, relative ones
with their leading dots (``.core.Layer``)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from functools import lru_cache

from kmigrate.words import ELSEWHERE

ENGINE_OF_ROOT = {"tf": "tensorflow", "theano": "theano"}

# Keras lives inside TensorFlow too; there it is Keras, not a direct engine use.
_KERAS_IN_TF = re.compile(
    r"(?:tf(?:\.compat\.v[12])*\.keras|tf\.python\.keras(?:\.api(?:\._v[12])?\.keras)?|tf\.contrib\.keras(?:\.python\.keras)?|tf_keras)(?=\.|$)"
)
_BACKEND = "keras.backend."
# The engine modules that the backend modules of Keras happen to expose.
ENGINE_IN_KERAS = {
    "tf": "tf",
    "ctc": "tf.python.ops.ctc_ops",
    "tf_math_ops": "tf.python.ops.math_ops",
    "tf_state_ops": "tf.python.ops.state_ops",
    "tf_image_ops": "tf.python.ops.image_ops",
    "tf_ops": "tf.python.framework.ops",
    "moving_averages": "tf.python.training.moving_averages",
    "T": "theano.tensor",
    "theano": "theano",
    "pool": "theano.tensor.signal.pool",
    "th_sparse_module": "theano.sparse",
    "ifelse": "theano.ifelse.ifelse",
}
_EXPOSED = re.compile(
    rf"keras\.backend\.(?:(?:tensorflow|theano)_backend\.)?(?:({'|'.join(ENGINE_IN_KERAS)})|([a-z_]+_ops))(?=\.|$)"
)
# Keras 3 imports TensorFlow on first use, through a module of its own.
_LAZY = re.compile(r"keras\.(?:src\.)?utils\.module_utils\.tensorflow(?=\.|$)")
# What ``from tensorflow.python import math_ops, ops`` brings: modules of its packages, and for ``ops`` that of the framework
# (tensorflow/python/__init__.py in 1.15 and 2.2).
_REEXPORTED = re.compile(
    r"tf\.python\.(?:(?P<framework>constant_op|dtypes)|(?P<ops>framework_ops"
    r"|ops(?=\.(?:convert_to_tensor|control_dependencies|name_scope|init_scope|colocate_with|get_default_graph|Tensor)(?:\.|$)))"
    r"|(?P<operations>(?:[a-z]+_)+ops|nn))(?=\.|$)"
)
# ``tf.compat.v1.compat.v2``, ``tf.compat.v1.python``: what the last part names alone.
_NESTED_COMPAT = re.compile(r"tf\.(?:compat\.v[12]\.)+(?=compat\.v[12]\b|python\b)")
# TensorFlow under its inner names, which editors complete: ``tensorflow_core.python``, ``tensorflow._api.v2.v2``.
_INSIDE = re.compile(r"tensorflow(?:_core)?(?:\._api\.v[12](?:\.v[12])?)?(?=\.|$)")


@lru_cache(maxsize=8192)
def canonical(dotted: str) -> str:
    """The symbol that a dotted import path means: ``tensorflow.nn.relu`` is ``tf.nn.relu``."""
    if dotted.startswith("tensorflow"):
        dotted = _INSIDE.sub("tf", dotted, count=1)
    if dotted.startswith("tf"):
        dotted = _NESTED_COMPAT.sub("tf.", dotted)
        inside = _KERAS_IN_TF.match(dotted)
        if inside is None:
            return _REEXPORTED.sub(_its_own_place, dotted, count=1) if dotted.startswith("tf.python.") else dotted
        dotted = "keras" + dotted[inside.end() :]
    lazy = _LAZY.match(dotted)
    if lazy is not None:
        return canonical("tf" + dotted[lazy.end() :])
    exposed = _EXPOSED.match(dotted)
    if exposed is None:
        return dotted
    named, operations = exposed.groups()
    return (ENGINE_IN_KERAS[named] if named else f"tf.python.ops.{operations}") + dotted[exposed.end() :]


def canonical_beside_keras(dotted: str) -> str:
    """``canonical`` in a file that imports Keras itself: there the backend inside TensorFlow, ``tf.keras.backend``, is another
    one, with a state of its own. ``tf.keras`` leads to it."""
    symbol = canonical(dotted)
    leads = symbol == "keras" or f"{symbol}.".startswith(_BACKEND)
    return f"tf.{symbol}" if leads and (dotted.startswith("tf.") or in_tensorflow(dotted)) else symbol


def in_tensorflow(dotted: str) -> bool:
    """Whether an import path leads into TensorFlow, the Keras inside it included."""
    return _INSIDE.match(dotted) is not None


def without_fallbacks(symbols: Iterable[str]) -> tuple[str, ...]:
    """What may mean either Keras, by what is installed, means Keras itself."""
    found = tuple(dict.fromkeys(symbols))
    return tuple(s for s in found if not s.startswith("tf.keras") or s.removeprefix("tf.") not in found)


def _its_own_place(found: re.Match[str]) -> str:
    if found["ops"]:
        return "tf.python.framework.ops"
    return f"tf.python.ops.{found['operations']}" if found["operations"] else f"tf.python.framework.{found['framework']}"


def foreign(symbol: str) -> bool:
    """Whether a symbol may lie in the project: it is no engine's, not Keras's, nor of a package that everybody has."""
    return symbol.partition(".")[0] not in ELSEWHERE


# What these paths lead to may be an engine.
_EXPOSING = re.compile(r"keras(?:\.backend(?:\.(?:tensorflow|theano)_backend)?|(?:\.src)?(?:\.utils(?:\.module_utils)?)?)")


def may_expose(symbol: str) -> bool:
    """Whether an engine may be reached through attributes of a symbol of Keras: ``keras.backend`` has ``tf``."""
    return _EXPOSING.fullmatch(symbol) is not None


def engine_of(symbol: str) -> str | None:
    """``tensorflow`` or ``theano`` for a symbol of that engine, else None."""
    return ENGINE_OF_ROOT.get(symbol.partition(".")[0])


# Parts of Keras that say nothing of the layers of a file that imports the Keras inside TensorFlow too.
_ASIDE = frozenset("backend saving utils config callbacks datasets preprocessing version __version__".split())


def imports_keras(imports: Iterable[ast.Import | ast.ImportFrom], surely: Iterable[ast.Import | ast.ImportFrom]) -> bool:
    """Whether a file is written for Keras itself, not for the one inside TensorFlow: it imports more than what stands aside.

    Imports that stand in no branch (``surely``) decide where they name a Keras; what stands in one may never be imported.
    """
    certain = list(surely)
    named = any(canonical(module).partition(".")[0] == "keras" for node in certain for module in paths_of(node))
    return _keras_itself(certain if named else imports)


def _keras_itself(imports: Iterable[ast.Import | ast.ImportFrom]) -> bool:
    modules = [module for node in imports for module in paths_of(node)]
    own = [module.removeprefix("keras.src.") for module in modules if module.partition(".")[0] == "keras"]
    inside = any(canonical(module).partition(".")[0] == "keras" for module in modules if in_tensorflow(module))
    return any(not inside or not _ASIDE.intersection(module.split(".")) for module in own)


def paths_of(node: ast.Import | ast.ImportFrom) -> list[str]:
    """The dotted paths of what an import brings, as it spells them; none for a relative one."""
    if isinstance(node, ast.Import):
        return [item.name for item in node.names]
    return [] if node.level else [f"{node.module}.{item.name}" for item in node.names]
