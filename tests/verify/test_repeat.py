"""A difference that most runs of its case do not show is chance; one that comes again is not."""

from __future__ import annotations

import pytest

from kmigrate.verify.compare import Verdict
from kmigrate.verify.repeat import settled

FIRST = Verdict("different", 0.5, where="output", reason="output: 3 of 4 values differ")


@pytest.mark.parametrize(
    ("others", "verdict", "reason"),
    [
        (["different", "different"], "different", FIRST.reason),
        (["different", "error"], "different", FIRST.reason),
        (["identical", "different"], "different", f"{FIRST.reason}, in 2 of 3 runs of the same case"),
        (["equal", "identical"], "equal", f"not the same every time: {FIRST.reason}, in 1 of 3 runs of the same case"),
    ],
)
def test_most_runs_decide(others: list[str], verdict: str, reason: str) -> None:
    runs = [Verdict(name) for name in others]
    found = settled(FIRST, lambda: runs.pop(0))
    assert (found.verdict, found.reason) == (verdict, reason)
    assert runs == []
