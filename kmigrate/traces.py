"""The traces that the use of an engine leaves in the bytes of a file which names an engine, or Keras (see ``gate.py``)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kmigrate.tensor_methods import DISTINCTIVE, EVERYWHERE, THEANO_TENSOR

# What follows an engine's name that stands alone in a parenthesized import.
_ALONE = re.compile(rb"[ \t]*(?:as\b|,|\)|\r?$)", re.MULTILINE)
# An import is a statement: it stands where a line, or what follows a colon or semicolon, begins. Most are in texts and comments.
_STATEMENT = re.compile(rb"(?:^(?:\xef\xbb\xbf)?|[:;\r])\s*(?:from|import)\b")
# ``module_utils.tensorflow``, not ``www.tensorflow.org`` nor ``testing.tensorflow_uses_gpu``.
_ATTRIBUTE = re.compile(rb"(?!\w|\.org\b)")
# The names under which the backend modules of Keras expose an engine; what they import of TensorFlow's operations apart.
EXPOSED = "tf T theano ctc tf_math_ops tf_state_ops tf_image_ops tf_ops moving_averages pool th_sparse_module ifelse".split()
_MODULES = {name.encode() for name in EXPOSED} - {b"tf", b"theano"}
_ALL_MODULES = b"|".join(sorted(_MODULES)) + b"|[a-z_]+_ops"
# A module is there to take something of it, or to get another name: ``x.T`` within an expression is numpy's.
_TAKEN = re.compile(rb"[ \t]*(?:(?P<of>\.|\\)|(?:#.*)?\r?$)", re.MULTILINE)
_GIVEN = re.compile(rb"=[ \t]*[\w.]+\Z")
_OPERATIONS = re.compile(rb"\.[a-z_]+_ops\b")
_LOOKED_UP = re.compile(rb"attr\(\s*[\w.]+\.(?:%s)\b" % _ALL_MODULES)
_FROM_BACKEND = re.compile(rb"backend[ \t]+import[ \t]*(?:\*|(?:\([^)]*?|[^\n]*?)\b(?:tf|theano|%s)\b)" % _ALL_MODULES)
_BACKEND_MODULE = re.compile(rb"(?:tensorflow|theano)_backend")
# These, and the methods that only an engine's tensors have: they tie a layer to it in a file that never names the engine.
_METHODS = {name.encode() for name in DISTINCTIVE}
_TELLING = re.compile(rb"\.(%s)\b" % b"|".join(sorted(_METHODS | _MODULES | {b"tf", b"theano", b"initializer"})))
# Methods that modules have as functions too: ``K.sum(x)`` is none, ``x.sum()`` is Theano's.
_COMMON = sorted((THEANO_TENSOR | {"assign"}) - DISTINCTIVE - EVERYWHERE - {"T", "shape", "ndim", "owner", "broadcastable"})
_COMMON_METHODS = re.compile(rb"(?<!\bK)(?<!\bnp)(?<!\bops)(?<!\bnumpy)(?<!\bbackend)\.(?:%s)\(" % "|".join(_COMMON).encode())
_OF_K = re.compile(rb"K\.")  # a search for a pattern jumps to its first letter, which is a rare one
# A dimension of TensorFlow's: ``x.shape[1].value``, ``(x.shape[1] * 2).value``.
_DIMENSION = re.compile(rb"[\])]\.value\b(?!\()")
# A variable's initializer; a layer has one of its own under this name, Keras a module.
_NO_INITIALIZER = re.compile(rb"\(|[ \t]+import\b")


def may_lead_to_engine(data: bytes) -> bool:
    """False only where the code reaches no engine, neither by its name nor through Keras."""
    if _reaches(data):
        return True
    if b"keras" not in data:
        return False
    if any(_tells(data, match) for match in _TELLING.finditer(data)) or _names_module(data):
        return True
    if b".value" in data and b".shape" in data and _DIMENSION.search(data):
        return True
    return may_be_for_theano(data) and bool(_COMMON_METHODS.search(data))


def _reaches(data: bytes) -> bool:
    """Whether an engine's name stands where code would import or reach it; most stand in comments and texts."""
    found = False
    for at, end in _engines(data):
        found = True
        start = data.rfind(b"\n", 0, at) + 1
        head = data[start:at]
        if (b"import" in head or b"from" in head) and _STATEMENT.search(head):
            return True
        if data.startswith(b"_backend", end) or (head.endswith(b".") and _ATTRIBUTE.match(data, end)):
            return True
        if not head.strip() and _ALONE.match(data, end):
            return True
        if data[max(start - 3, 0) : start].rstrip(b"\r\n").endswith(b"\\"):
            return True
    return found and (b"import_module" in data or b"__import__" in data)


def _engines(data: bytes) -> Iterator[tuple[int, int]]:
    """Where the names of engines stand. Plain searches are many times faster than a pattern of two words."""
    for name in (b"tensorflow", b"theano"):
        at = data.find(name)
        while at >= 0:
            yield at, at + len(name)
            at = data.find(name, at + len(name))


def may_be_for_theano(data: bytes) -> bool:
    """Whether methods of Theano's tensors may stand in the code: it names Theano, or is written against ``K`` alone."""
    return b"theano" in data or (_OF_K.search(data) is not None and b"backend" in data and b"tensorflow" not in data)


def reaches_through_keras(data: bytes) -> bool:
    """Whether the text may reach an engine through a module of Keras: ``K.tf``, ``K.T``, ``K.theano``, ``K.math_ops``."""
    return _exposed(data) or b"module_utils" in data or _BACKEND_MODULE.search(data) is not None


def _exposed(data: bytes) -> bool:
    found = (match for match in _TELLING.finditer(data) if match[1] not in _METHODS and match[1] != b"initializer")
    return any(_tells(data, match) for match in found) or _names_module(data)


def _tells(data: bytes, match: re.Match[bytes]) -> bool:
    """Whether an attribute may be an engine, a module of one, or something that only what belongs to one has."""
    name, of_self = match[1], data.endswith(b"self", 0, match.start())
    if name in _MODULES:
        return _is_taken(data, match)
    if name == b"initializer":
        return not of_self and _NO_INITIALIZER.match(data, match.end()) is None
    return not (of_self and name in _METHODS)


def _names_module(data: bytes) -> bool:
    """Whether the text takes a module of operations, or names an engine's module in an import or a lookup."""
    if b"_ops" in data and any(_is_taken(data, match) for match in _OPERATIONS.finditer(data)):
        return True
    return (b"attr(" in data and _LOOKED_UP.search(data) is not None) or _FROM_BACKEND.search(data) is not None


def _is_taken(data: bytes, match: re.Match[bytes]) -> bool:
    """Whether something is taken of the module that a match may be, or the module gets a name."""
    taken = _TAKEN.match(data, match.end())
    if taken is None or taken["of"] is not None:
        return taken is not None
    return _GIVEN.search(data[data.rfind(b"\n", 0, match.start()) + 1 : match.start()]) is not None
