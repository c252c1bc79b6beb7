from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from kmigrate.verify.blame import guilty

GROUPS = st.lists(st.frozensets(st.integers(0, 11), min_size=1, max_size=3), max_size=4)


@given(st.lists(GROUPS, min_size=1, max_size=3))
def test_what_is_blamed_differs_by_itself_and_the_rest_does_not(cases: list[list[frozenset[int]]]) -> None:
    """A case is the sets of edits that are wrong in it: each makes it differ, whatever stands beside it."""

    def differs(part: Sequence[int], case: list[frozenset[int]]) -> bool:
        return any(wrong <= set(part) for wrong in case)

    found = guilty(range(12), cases, differs)
    for group in found:
        less = [[item for item in group if item != gone] for gone in group]
        assert any(differs(group, case) and not any(differs(part, case) for part in less) for case in cases)
    left = [item for item in range(12) if not any(item in group for group in found)]
    assert not any(differs(left, case) for case in cases)


def test_few_questions_find_one_of_many() -> None:
    asked: list[int] = []

    def differs(part: Sequence[int], case: int) -> bool:
        asked.append(len(part))
        return case in part

    assert guilty(range(1000), [700], differs) == [[700]]
    assert len(asked) <= 2 * 10 + 4
