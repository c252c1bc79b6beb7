"""Suppressions: which comments hide which findings."""

from __future__ import annotations

import pytest

from kmigrate.model import Context, Finding
from kmigrate.suppress import suppressions


def finding(code: str = "TF201", line: int = 1, end_line: int | None = None) -> Finding:
    context = Context("layer", "A.call", "method of a layer")
    return Finding(code, "name", "tf.f", "message", "m.py", line, 1, end_line or line, 9, context, None)


@pytest.mark.parametrize(
    ("comment", "codes"),
    [
        ("# kmigrate: ignore", {"TF201", "KM001"}),
        ("#kmigrate:ignore", {"TF201", "KM001"}),
        ("# kmigrate: ignore[TF201]", {"TF201"}),
        ("# kmigrate: ignore[KM001, tf201]", {"TF201", "KM001"}),
        ("# kmigrate: ignore [TF201] because of the loop", {"TF201"}),
        ("# noqa: E501  # kmigrate: ignore[TF201]", {"TF201"}),
        ("# kmigrate: ignore[TF20]", set()),
        ("# kmigrate: ignore[]", set()),
        ("# kmigrate: ignore[TF201", set()),
        ("# kmigrate: ignored", set()),
        ("# kmigrate: ignore-next", set()),
        ("# please, kmigrate: ignore", set()),
    ],
)
def test_codes(comment: str, codes: set[str]) -> None:
    found = suppressions(f"x = tf.f(y)  {comment}\n")
    assert {code for code in ("TF201", "KM001") if found.hides(finding(code))} == codes


def test_first_and_last_line_of_a_finding() -> None:
    text = "x = tf.f(  # kmigrate: ignore[A1]\n    y,  # kmigrate: ignore[A2]\n    z)  # kmigrate: ignore[A3]\n"
    found = suppressions(text)
    assert [found.hides(finding(code, 1, 3)) for code in ("A1", "A2", "A3")] == [True, False, True]
    assert not found.hides(finding("A1", 4))


def test_not_inside_strings() -> None:
    text = "x = '# kmigrate: ignore'\n'''\n# kmigrate: skip-file\n# kmigrate: ignore\n'''\n"
    found = suppressions(text)
    assert not found.skip_file
    assert found.comments == ()


@pytest.mark.parametrize(
    ("text", "skips"),
    [
        ("# kmigrate: skip-file\nimport x\n", True),
        ("# a licence\n" * 30 + "'''doc'''\n\n# kmigrate: skip-file\nimport x\n", True),
        ("\ufeff# kmigrate: skip-file\n", True),
        ("import x\n# kmigrate: skip-file\n", False),
        ("import x  # kmigrate: skip-file\n", False),
        ("# kmigrate: skip-files\n", False),
    ],
)
def test_skip_file(text: str, skips: bool) -> None:
    found = suppressions(text.removeprefix("\ufeff"))
    assert found.skip_file is skips
    assert found.hides(finding()) is skips


def test_lines_are_counted_as_in_source() -> None:
    found = suppressions("a = 1\r\nb = '''\r\x0c\u2028'''\rc = tf.f()  # kmigrate: ignore\n")
    assert [one.line for one in found.comments] == [4]


def test_unused_comments_are_listed() -> None:
    found = suppressions("a = 1  # kmigrate: ignore[TF201]\nb = 2  # kmigrate: ignore\n")
    assert [one.line for one in found.unused([finding("TF201", 1)])] == [2]
    assert found.unused([finding("TF201", 1), finding("KM001", 2)]) == ()
    assert [one.column for one in found.comments] == [8, 8]


def test_what_cannot_be_tokenized_is_survived() -> None:
    found = suppressions("x = 1  # kmigrate: ignore\ny = (\n")
    assert len(found.comments) == 1
