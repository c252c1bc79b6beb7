"""The gate: what the bytes of a file tell before anything is parsed. Where it says no, the answer is certain.

Reading bytes costs a hundredth of parsing them (evidence: speed of reading Python), so this decides the speed of a run.
"""

from __future__ import annotations

import re

from kmigrate.tensor_methods import DISTINCTIVE, EVERYWHERE, THEANO_TENSOR

_ENGINE = re.compile(rb"tensorflow|theano")
# What follows an engine's name that stands alone in a parenthesized import.
_ALONE = re.compile(rb"[ \t]*(?:as\b|,|\)|\r?$)", re.MULTILINE)
_DYNAMIC = re.compile(rb"import_module|__import__")
# The names under which the backend modules of Keras expose an engine; what they import of TensorFlow's operations apart.
EXPOSED = "tf T theano ctc tf_math_ops tf_state_ops tf_image_ops tf_ops moving_averages pool th_sparse_module ifelse".split()
_THROUGH_KERAS = re.compile(rb"\.(?:%s)\b" % "|".join(EXPOSED).encode())
_BACKEND_MODULE = re.compile(rb"(?:tensorflow|theano)_backend")
_OPERATIONS = re.compile(rb"\.[a-z_]+_ops\b")
# Methods that only an engine's tensors have: they tie a layer to it in a file that never names the engine.
_METHODS = re.compile(rb"\.(?:%s)\b" % "|".join(sorted(DISTINCTIVE)).encode())
# Methods that modules have as functions too: ``K.sum(x)`` is none, ``x.sum()`` is Theano's.
_COMMON = sorted((THEANO_TENSOR | {"assign"}) - DISTINCTIVE - EVERYWHERE - {"T", "shape", "ndim", "owner", "broadcastable"})
_COMMON_METHODS = re.compile(rb"(?<!\bK)(?<!\bnp)(?<!\bops)(?<!\bnumpy)(?<!\bbackend)\.(?:%s)\(" % "|".join(_COMMON).encode())
# A variable's; a layer has one of its own under this name.
_INITIALIZER = re.compile(rb"(?<!\bself)\.initializer\b(?!\()")
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
_CODING = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*(?!utf-?8)", re.MULTILINE)


def may_use_engine(data: bytes) -> bool:
    """False only where the file cannot reach an engine by itself (through another file of the project it still may)."""
    if _reaches(data):
        return True
    if b"keras" not in data:
        return False
    if _exposed(data) or _METHODS.search(data):
        return True
    if b".initializer" in data and _INITIALIZER.search(data):
        return True
    return may_be_for_theano(data) and bool(_COMMON_METHODS.search(data))


def _reaches(data: bytes) -> bool:
    """Whether an engine's name stands where code would import or reach it; most stand in comments and texts."""
    for match in _ENGINE.finditer(data):
        start = data.rfind(b"\n", 0, match.start()) + 1
        head = data[start : match.start()]
        if b"import" in head or b"from" in head or head.endswith(b".") or data.startswith(b"_backend", match.end()):
            return True
        if not head.strip() and _ALONE.match(data, match.end()):
            return True
        if data[max(start - 3, 0) : start].rstrip(b"\r\n").endswith(b"\\") or _DYNAMIC.search(data):
            return True
    return False


def may_be_for_theano(data: bytes) -> bool:
    """Whether methods of Theano's tensors may stand in the code: it names Theano, or is written against ``K`` alone."""
    return b"theano" in data or (b"K." in data and b"backend" in data and b"tensorflow" not in data)


def reaches_through_keras(data: bytes) -> bool:
    """Whether the text may reach an engine through a module of Keras: ``K.tf``, ``K.T``, ``K.theano``, ``K.math_ops``."""
    return _exposed(data) or b"module_utils" in data or _BACKEND_MODULE.search(data) is not None


def _exposed(data: bytes) -> bool:
    return _THROUGH_KERAS.search(data) is not None or (b"_ops" in data and _OPERATIONS.search(data) is not None)


def may_be_unreadable(data: bytes) -> bool:
    """Whether a file that names no engine may be no Python 3: such a file is parsed, so that its error is reported.

    Parsing every clean file would double the price of a run; what is missed are syntax errors that look like Python 3.
    """
    if b"\0" in data or b"<>" in data or _CODING.search(data[:400]):
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
