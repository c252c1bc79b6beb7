"""The gate: what the bytes of a file tell before anything is parsed. Where it says no, the answer is certain.

Reading bytes costs a hundredth of parsing them (evidence: speed of reading Python), so this decides the speed of a run.
"""

from __future__ import annotations

import re

from kmigrate.tensor_methods import DISTINCTIVE, EVERYWHERE, THEANO_TENSOR

_ENGINE = re.compile(rb"tensorflow|theano")
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
# A variable's initializer; a layer has one of its own under this name, Keras a module.
_NO_INITIALIZER = re.compile(rb"\(|[ \t]+import\b")
# Packages that no project calls its own: what is used of them says nothing about layer code.
ELSEWHERE = frozenset(
    "tf tensorflow theano keras numpy scipy pandas matplotlib sklearn six cv2 PIL torch jax os sys math re json collections "
    "itertools functools logging time warnings copy typing abc datetime pickle shutil glob argparse unittest pytest "
    "contextlib dataclasses enum inspect io pathlib random string struct tempfile threading types absl".split()
)
# An import statement: at the start of a line, behind a semicolon or a colon; up to its end, over backslashes and parentheses.
_IMPORT = re.compile(
    rb"[\n\r;:][ \t\f]*(?:from(?![ \t]+(?:%(elsewhere)s)\b)|import(?![ \t]+(?:%(elsewhere)s)\b[^,\\\n\r]*[\n\r]))\b"
    rb"(?:[^\n\r(#;\\]|\\\r?.)*(?:\((?:[^)#]|#[^\n\r]*)*\))?" % {b"elsewhere": "|".join(sorted(ELSEWHERE)).encode()},
    re.DOTALL,
)
_WORD = re.compile(rb"[\w\x80-\xff]+")
# Each begins with plain text, which the search jumps to; all at once would be tried at every place.
_PYTHON_2 = [
    re.compile(p) for p in (rb"print[ \t]+[\w\"']", rb"exec[ \t]+[\w\"']", rb"except[^:(\n]*,[^:\n]*:", rb"raise[ \t]+\w+,")
]
# Between quotes or brackets it is a text or part of a pattern.
_UNEQUAL = re.compile(rb"<>(?!(?<=[\"'\[]<>)[\"'\]])")
_CODING = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*(?!utf-?8)", re.MULTILINE)


def may_use_engine(data: bytes) -> bool:
    """False only where the file cannot reach an engine by itself (through another file of the project it still may)."""
    if _reaches(data):
        return True
    if b"keras" not in data:
        return False
    if any(_tells(data, match) for match in _TELLING.finditer(data)) or _names_module(data):
        return True
    return may_be_for_theano(data) and bool(_COMMON_METHODS.search(data))


def _reaches(data: bytes) -> bool:
    """Whether an engine's name stands where code would import or reach it; most stand in comments and texts."""
    found = False
    for match in _ENGINE.finditer(data):
        found = True
        at, end = match.span()
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


def may_be_for_theano(data: bytes) -> bool:
    """Whether methods of Theano's tensors may stand in the code: it names Theano, or is written against ``K`` alone."""
    return b"theano" in data or (b"K." in data and b"backend" in data and b"tensorflow" not in data)


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
    return _LOOKED_UP.search(data) is not None or _FROM_BACKEND.search(data) is not None


def _is_taken(data: bytes, match: re.Match[bytes]) -> bool:
    """Whether something is taken of the module that a match may be, or the module gets a name."""
    taken = _TAKEN.match(data, match.end())
    if taken is None or taken["of"] is not None:
        return taken is not None
    return _GIVEN.search(data[data.rfind(b"\n", 0, match.start()) + 1 : match.start()]) is not None


def may_be_unreadable(data: bytes) -> bool:
    """Whether a file that names no engine may be no Python 3: such a file is parsed, so that its error is reported.

    Parsing every clean file would double the price of a run; what is missed are syntax errors that look like Python 3.
    """
    if b"\0" in data or _UNEQUAL.search(data) or _CODING.search(data[:400]):
        return True
    if any(_at_line_start(data, match.start()) for pattern in _PYTHON_2 for match in pattern.finditer(data)):
        return True
    if data.isascii():
        return False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False


def _at_line_start(data: bytes, at: int) -> bool:
    return not data[data.rfind(b"\n", 0, at) + 1 : at].strip()


def imported_words(data: bytes) -> str:
    """Every word of the import statements that may name modules of the project, each once, between spaces."""
    words = {word for match in _IMPORT.finditer(b"\n" + data) for word in _WORD.findall(match.group())}
    return b" ".join(sorted(words)).decode("utf-8", "replace")
