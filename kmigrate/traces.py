"""The traces that the use of an engine leaves in the bytes of a file which names an engine, or Keras (see ``gate.py``)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from kmigrate.search import holds, places
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
_OPERATIONS = re.compile(rb"\.[a-z_]+\Z")  # what stands before ``_ops``
_LOOKED_UP = re.compile(rb"attr\(\s*[\w.]+\.(?:%s)\b" % _ALL_MODULES)
_FROM_BACKEND = re.compile(rb"backend[ \t]+import[ \t]*(?:\*|(?:\([^)]*?|[^\n]*?)\b(?:tf|theano|%s)\b)" % _ALL_MODULES)
# These, and the methods that only an engine's tensors have: they tie a layer to it in a file that never names the engine.
_METHODS = {name.encode() for name in DISTINCTIVE}
_TELLING = sorted(_METHODS | _MODULES | {b"tf", b"theano", b"initializer"})
_EXPOSING = sorted(_MODULES | {b"tf", b"theano"})
# Methods that modules have as functions too: ``K.sum(x)`` is none, ``x.sum()`` is Theano's.
_COMMON = sorted((THEANO_TENSOR | {"assign"}) - DISTINCTIVE - EVERYWHERE - {"T", "shape", "ndim", "owner", "broadcastable"})
_COMMON_METHODS = re.compile(rb"(?<!\bK)(?<!\bnp)(?<!\bops)(?<!\bnumpy)(?<!\bbackend)\.(?:%s)\(" % "|".join(_COMMON).encode())
_TRANSPOSED = re.compile(rb"(?<!\bK)\.T\b(?!\()")
# A dimension of TensorFlow's: ``x.shape[1].value``, ``(x.shape[1] * 2).value``.
_DIMENSIONS = (b"].value", b").value")
_LONGEST_NAME = 100
# An engine that a call imports (``names/lazy.py``), and words of what is called.
_BY_CALL = re.compile(
    rb"^[ \t]*(?:\w+[ \t]*,[ \t]*)*(?:_?tf[12]?|tensorflow|theano)\b[\w \t,]*=[ \t]*[\w.]*(?:import|tensorflow|theano|[Ll]azy)",
    re.MULTILINE,
)
_IMPORTING = (b"import_t", b"azy")
# A variable's initializer; a layer has one of its own under this name, Keras a module.
_NO_INITIALIZER = re.compile(rb"\(|[ \t]+import\b")


def may_lead_to_engine(data: bytes) -> bool:
    """False only where the code reaches no engine, neither by its name nor through Keras."""
    if _reaches(data):
        return True
    if not holds(data, b"keras"):
        return False
    if any(_tells(data, name, start) for name, start in _attributes(data, _TELLING)) or _names_module(data):
        return True
    if any(_BY_CALL.match(data, data.rfind(b"\n", 0, at) + 1) for word in _IMPORTING for at in places(data, word)):
        return True
    if holds(data, b".shape") and any(_is_dimension(data, at + len(end)) for end in _DIMENSIONS for at in places(data, end)):
        return True
    return may_be_for_theano(data) and bool(_COMMON_METHODS.search(data) or _TRANSPOSED.search(data))


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
        if b"=" in head and _BY_CALL.match(data, start):
            return True
    return found and (holds(data, b"import_module") or holds(data, b"__import__"))


def _engines(data: bytes) -> Iterator[tuple[int, int]]:
    """Where the names of engines stand."""
    for name in (b"tensorflow", b"theano"):
        for at in places(data, name):
            yield at, at + len(name)


def may_be_for_theano(data: bytes) -> bool:
    """Whether methods of Theano's tensors may stand in the code: it names Theano, or is written against ``K`` alone."""
    return holds(data, b"theano") or (holds(data, b"K.") and holds(data, b"backend") and not holds(data, b"tensorflow"))


def reaches_through_keras(data: bytes) -> bool:
    """Whether the text may reach an engine through a module of Keras: ``K.tf``, ``K.T``, ``K.theano``, ``K.math_ops``."""
    if any(_tells(data, name, start) for name, start in _attributes(data, _EXPOSING)) or _names_module(data):
        return True
    return any(holds(data, name) for name in (b"module_utils", b"tensorflow_backend", b"theano_backend"))


def _attributes(data: bytes, names: Sequence[bytes]) -> Iterator[tuple[bytes, int]]:
    """Where one of some names stands behind a dot, with the place of the dot."""
    for name in names:
        for start in places(data, b"." + name):
            if _ends_word(data, start + 1 + len(name)):
                yield name, start


def _ends_word(data: bytes, at: int) -> bool:
    following = data[at : at + 1]
    return not (following.isalnum() or following == b"_")


def _is_dimension(data: bytes, end: int) -> bool:
    return _ends_word(data, end) and not data.startswith(b"(", end)


def _tells(data: bytes, name: bytes, start: int) -> bool:
    """Whether an attribute, with a dot at ``start``, may be an engine, a module of one, or something that only what belongs to
    one has."""
    of_self, end = data.endswith(b"self", 0, start), start + 1 + len(name)
    if name in _MODULES:
        return _is_taken(data, start, end)
    if name == b"initializer":
        return not of_self and _NO_INITIALIZER.match(data, end) is None
    return not (of_self and name in _METHODS)


def _names_module(data: bytes) -> bool:
    """Whether the text takes a module of operations, or names an engine's module in an import or a lookup."""
    if any(_is_operations(data, at) for at in places(data, b"_ops")):
        return True
    if any(_LOOKED_UP.match(data, at) for at in places(data, b"attr(")):
        return True
    return any(_FROM_BACKEND.match(data, at) for at in places(data, b"backend"))


def _is_operations(data: bytes, at: int) -> bool:
    """Whether something is taken of the module ``.math_ops`` that may end with the ``_ops`` at a place."""
    end = at + len(b"_ops")
    before = _OPERATIONS.search(data, max(at - _LONGEST_NAME, 0), at)
    return before is not None and _ends_word(data, end) and _is_taken(data, before.start(), end)


def _is_taken(data: bytes, start: int, end: int) -> bool:
    """Whether something is taken of the module that an attribute may be, or the module gets a name."""
    taken = _TAKEN.match(data, end)
    if taken is None or taken["of"] is not None:
        return taken is not None
    return _GIVEN.search(data[data.rfind(b"\n", 0, start) + 1 : start]) is not None
