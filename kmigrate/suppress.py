"""Inline comments that hide findings.

``# kmigrate: ignore`` and ``# kmigrate: ignore[TF201, KM001]`` on a finding's first or last line; and
``# kmigrate: skip-file`` before the first statement of a file (its docstring apart).
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kmigrate.model import Finding

_MARK = "kmigrate:"
_COMMENT = re.compile(r"#\s*kmigrate:\s*(?P<what>ignore|skip-file)(?![\w-])\s*(?P<codes>\[[^\]]*\]?)?")
_NEWLINE = re.compile(r"\r\n|\r")
_BEFORE_CODE = frozenset({tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.STRING, tokenize.ENCODING, tokenize.INDENT})


@dataclass(frozen=True, slots=True)
class Suppression:
    """One ``ignore`` comment. ``codes`` is None where it hides every code; an unclosed ``[`` hides none."""

    line: int
    column: int
    codes: frozenset[str] | None

    def covers(self, finding: Finding) -> bool:
        """Whether this comment stands on the finding's first or last line and names its code."""
        if self.line not in (finding.line, finding.end_line):
            return False
        return self.codes is None or finding.code.upper() in self.codes


@dataclass(frozen=True, slots=True)
class Suppressions:
    """What the comments of one file hide."""

    skip_file: bool = False
    comments: tuple[Suppression, ...] = ()

    def hides(self, finding: Finding) -> bool:
        """Whether a comment asks not to report this finding."""
        return self.skip_file or any(comment.covers(finding) for comment in self.comments)

    def unused(self, findings: Iterable[Finding]) -> tuple[Suppression, ...]:
        """The comments that hide none of ``findings`` (all of the file, the hidden ones included)."""
        listed = list(findings)
        return tuple(one for one in self.comments if not any(one.covers(finding) for finding in listed))


_NONE = Suppressions()


def suppressions(text: str) -> Suppressions:
    """The suppressions of a file's text. Never raises: text that cannot be tokenized ends the search."""
    if _MARK not in text:
        return _NONE
    skip_file = False
    found: list[Suppression] = []
    for token, before_code in _comments(text):
        for match in _COMMENT.finditer(token.string):
            if match["what"] == "ignore":
                column = token.start[1] + match.start() + 1
                found.append(Suppression(token.start[0], column, _codes(match["codes"])))
            elif before_code:
                skip_file = True
    return Suppressions(skip_file, tuple(found))


def _comments(text: str) -> Iterator[tuple[tokenize.TokenInfo, bool]]:
    """The comment tokens, each with whether it stands before the first statement (docstring apart)."""
    before_code = True
    # Old Mac line ends are line ends for Python, but not for tokenize on every version.
    readline = io.StringIO(_NEWLINE.sub("\n", text)).readline
    try:
        for token in tokenize.generate_tokens(readline):
            if token.type == tokenize.COMMENT:
                yield token, before_code
            elif token.type not in _BEFORE_CODE:
                before_code = False
    except (tokenize.TokenError, SyntaxError):
        return


def _codes(written: str | None) -> frozenset[str] | None:
    if written is None:
        return None
    if not written.endswith("]"):
        return frozenset()
    return frozenset(code.strip().upper() for code in written[1:-1].split(",") if code.strip())
