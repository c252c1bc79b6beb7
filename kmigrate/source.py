"""One decoded Python file: its text, its tree, and the way from ``ast`` positions to character offsets.

The text keeps every character of the file, newlines included, so that ``Source.encode`` gives the same bytes
back. Lines are counted as Python's tokenizer counts them: ``\\n``, ``\\r\\n`` and a lone ``\\r`` end a line,
nothing else does (``str.splitlines`` would also break at form feeds and U+2028).
"""

from __future__ import annotations

import ast
import re
import sys
import threading
import tokenize
import warnings
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

TOO_DEEP_TO_PARSE = "the code is nested too deeply for Python's parser"
_BOM = b"\xef\xbb\xbf"
_NEWLINE = re.compile(r"\r\n|\r|\n")
_NEWLINE_BYTES = re.compile(rb"\r\n|\r|\n")

# Python 3.10 builds the tree of a chain such as ``x.a().a()...`` without counting its depth, and dies where the stack ends.
_CRASHES = sys.version_info < (3, 11)
_NEVER_TOO_DEEP = 20_000
_BYTES_A_LEVEL = 400
_LARGEST_STACK = 1 << 30

# What Python 3 says about code that was right in Python 2.
_PYTHON2_MESSAGE = re.compile(
    r"Missing parentheses in call to '(print|exec)'"
    r"|multiple exception types must be parenthesized"
    r"|leading zeros in decimal integer literals"
    r"|parameters cannot be parenthesized"
)
# Lines of Python 2 for which Python 3 has nothing but "invalid syntax".
_PYTHON2_LINE = re.compile(
    r"^\s*print\s+[^\s=(.,:\[]"
    r"|^\s*exec\s+[^\s=(.,:\[]"
    r"|^\s*except\s[^:(]*,\s*\w+\s*:"
    r"|^\s*raise\s+[\w.]+\s*,"
    r"|^\s*def\s+\w+\([^)]*\("
    r"|\blambda\s*\("
    r"|<>"
    r"|`"
    r"|\b(0[xX][0-9a-fA-F]+|[0-9]+)[lL]\b"
    r"|\b[uU][rR]['\"]"
)


class SourceError(Exception):
    """A file that is no readable Python 3: the place, where it is known, and one clear line."""

    def __init__(self, line: int | None, column: int | None, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.column = column
        self.message = message


class Located(Protocol):
    """An ``ast`` node with a position (every expression and statement has one)."""

    lineno: int
    col_offset: int
    end_lineno: int | None
    end_col_offset: int | None


@dataclass(frozen=True)
class Source:
    """One parsed file. Offsets are character offsets into ``text``."""

    path: str
    text: str
    encoding: str
    bom: bool
    tree: ast.Module

    @classmethod
    def parse(cls, path: str, data: bytes) -> Source:
        """Decode and parse ``data``. Raises SourceError for anything that Python 3 could not read."""
        bom = data.startswith(_BOM)
        body = data[len(_BOM) :] if bom else data
        _refuse_nul(body)
        encoding = _declared_encoding(body, bom)
        text = _decode(body, encoding)
        return cls(path=path, text=text, encoding=encoding, bom=bom, tree=_parse(text))

    def encode(self, new_text: str) -> bytes:
        """The bytes of ``new_text`` in this file's encoding. Raises SourceError for what that lacks."""
        try:
            body = new_text.encode(self.encoding)
        except UnicodeEncodeError as error:
            line = len(_NEWLINE.findall(new_text, 0, error.start)) + 1
            message = f"{error.object[error.start]!r} cannot be written in the file's encoding, {self.encoding}"
            raise SourceError(line, None, message) from error
        return _BOM + body if self.bom else body

    @cached_property
    def _starts(self) -> list[int]:
        """The offset of the first character of each line."""
        return [0, *(match.end() for match in _NEWLINE.finditer(self.text))]

    @cached_property
    def _ascii(self) -> bool:
        return self.text.isascii()

    @cached_property
    def newline(self) -> str:
        """The line ending to use for new lines: the first one of the file, ``\\n`` in a file of one line."""
        return first_newline(self.text)

    def offset(self, lineno: int, utf8_col: int) -> int:
        """The character offset of an ``ast`` position: line from 1, column in UTF-8 bytes from 0."""
        start = self._starts[lineno - 1]
        if self._ascii:
            return start + utf8_col
        # A character has at least one byte, so the prefix cannot reach beyond utf8_col characters.
        head = self.text[start : start + utf8_col]
        if head.isascii():
            return start + utf8_col
        return start + len(head.encode("utf-8", "surrogatepass")[:utf8_col].decode("utf-8", "ignore"))

    def span(self, node: Located) -> tuple[int, int]:
        """The offsets ``[start, end)`` of a node.

        Not to be trusted inside an f-string before Python 3.12: Python itself misplaces such nodes.
        """
        start = self.offset(node.lineno, node.col_offset)
        if node.end_lineno is None or node.end_col_offset is None:
            return start, start
        return start, self.offset(node.end_lineno, node.end_col_offset)

    def segment(self, node: Located) -> str:
        """The text of a node, as written."""
        start, end = self.span(node)
        return self.text[start:end]

    def position(self, offset: int) -> tuple[int, int]:
        """The line and column of an offset, both from 1, the column in characters."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def line_start(self, line: int) -> int:
        """The offset of a line's first character (lines from 1); past the last, the end of the text."""
        return self._starts[line - 1] if line <= len(self._starts) else len(self.text)

    def line_text(self, line: int) -> str:
        """A line (from 1) with its line ending."""
        return self.text[self.line_start(line) : self.line_start(line + 1)]


def first_newline(text: str) -> str:
    """The first line ending of a text, ``\\n`` in a text of one line."""
    match = _NEWLINE.search(text)
    return match.group() if match else "\n"


def _refuse_nul(body: bytes) -> None:
    at = body.find(b"\0")
    if at >= 0:
        line, column = _byte_position(body, at)
        if body.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise SourceError(1, 1, "this looks like UTF-16; Python source has to be UTF-8 or declare its encoding")
        raise SourceError(line, column, "the file holds a NUL byte, so it is no Python source")


def _declared_encoding(body: bytes, bom: bool) -> str:
    """The encoding that the first two lines declare, UTF-8 without one."""
    head = _NEWLINE_BYTES.split(body, 2)[:2]
    lines = iter([line + b"\n" for line in head])
    try:
        encoding, _ = tokenize.detect_encoding(lambda: next(lines))
    except SyntaxError as error:
        raise _encoding_error(body, str(error)) from error
    if bom and encoding != "utf-8":
        raise SourceError(1, 1, f"the file starts with a UTF-8 byte order mark but declares the encoding {encoding}")
    return encoding


def _encoding_error(body: bytes, message: str) -> SourceError:
    if "unknown encoding" in message:
        name = message.partition("unknown encoding")[2].strip(" :") or "?"
        first = _NEWLINE_BYTES.split(body, 1)[0]
        line = 1 if name.encode() in first else 2
        return SourceError(line, 1, f"unknown encoding in the file's declaration: {name}")
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        return _undecodable(body, error, "utf-8")
    return SourceError(1, 1, f"wrong encoding declaration: {message}")


def _decode(body: bytes, encoding: str) -> str:
    try:
        text = body.decode(encoding)
        kept = encoding == "utf-8" or text.encode(encoding) == body
    except UnicodeDecodeError as error:
        raise _undecodable(body, error, encoding) from error
    except UnicodeEncodeError:
        kept = False
    except LookupError as error:
        raise SourceError(1, 1, f"the declared encoding {encoding} is not a text encoding") from error
    except Exception as error:  # codecs such as idna and punycode raise what they like
        raise SourceError(1, 1, f"cannot decode the file as {encoding}: {error}") from error
    if not kept:
        raise SourceError(1, 1, f"decoding the file as {encoding} and encoding it again does not give the same bytes")
    return text


def _undecodable(body: bytes, error: UnicodeDecodeError, encoding: str) -> SourceError:
    line, column = _byte_position(body, error.start)
    wrong = body[error.start : error.start + 1].hex()
    hint = "; the file declares no other encoding" if encoding == "utf-8" else ""
    return SourceError(line, column, f"byte 0x{wrong} is not valid {encoding}{hint}")


def _byte_position(body: bytes, at: int) -> tuple[int, int]:
    """Line and column of a byte in a file that cannot be decoded (a replaced byte counts as a character)."""
    start = 0
    line = 1
    for match in _NEWLINE_BYTES.finditer(body, 0, at):
        start, line = match.end(), line + 1
    return line, len(body[start:at].decode("utf-8", "replace")) + 1


def _parse(text: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            # What the user's code is warned of (invalid escapes, ``is`` with a literal) is not our message.
            warnings.simplefilter("ignore")
            return _on_a_deep_stack(text) if _CRASHES and len(text) > _NEVER_TOO_DEEP else ast.parse(text)
    except SyntaxError as error:
        raise _syntax_error(text, error) from error
    except (RecursionError, MemoryError) as error:
        raise SourceError(None, None, TOO_DEEP_TO_PARSE) from error
    except ValueError as error:  # lone surrogates, numbers beyond the digit limit
        raise SourceError(None, None, f"Python cannot parse the file: {error}") from error


def _on_a_deep_stack(text: str) -> ast.Module:
    """``ast.parse`` where no nesting can overflow the stack. Raises what that raises, MemoryError where there is no room."""
    outcome: list[ast.Module | BaseException] = []

    def parse() -> None:
        try:
            outcome.append(ast.parse(text))
        except BaseException as error:
            outcome.append(error)

    before = threading.stack_size(min(_BYTES_A_LEVEL * len(text), _LARGEST_STACK))
    try:
        thread = threading.Thread(target=parse)
        thread.start()
    except RuntimeError as error:  # the system grants no such stack
        raise MemoryError from error
    finally:
        threading.stack_size(before)
    thread.join()
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


def _syntax_error(text: str, error: SyntaxError) -> SourceError:
    lines = _NEWLINE.split(text)
    line = min(max(error.lineno or 1, 1), len(lines))
    message = " ".join((error.msg or "invalid syntax").split())
    if _PYTHON2_MESSAGE.search(message) or _PYTHON2_LINE.search(lines[line - 1]):
        return SourceError(line, max(error.offset or 1, 1), f"Python 2 syntax ({message})")
    return SourceError(line, max(error.offset or 1, 1), f"syntax error: {message}")
