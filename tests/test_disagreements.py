"""Every measured disagreement of the engines is covered: a claim to be portable fell because of it, or no claim speaks of it."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from kmigrate.rulebook.book import Rulebook, load_rulebook
from kmigrate.rulebook.differences import FILE_NAME, functions_of, read_differences
from kmigrate.rulebook.place import builtin_rules_directory
from kmigrate.rulebook.rule import Rule
from kmigrate.toml import tomllib
from kmigrate.verify.proof.classes import FAR, FINITE, NOT_FINITE

CASES: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "data" / "disagreements.toml").read_text("utf-8"))["case"]
DIFFERENCES = {d.id: d for d in read_differences(builtin_rules_directory() / FILE_NAME)}
OUTSIDE = {"not finite", "far", "integers", "kinks", "dtype", "out of range", "fails", "unproven", "assumed", "unused"}
PARTED = [case for case in CASES if "difference" in case]


@pytest.fixture(scope="module")
def book() -> Rulebook:
    return load_rulebook()


def functions(case: dict[str, Any]) -> set[str]:
    found: set[str] = set(functions_of(ast.parse(case["expression"], mode="eval").body))
    return found


def writers(book: Rulebook, wanted: set[str]) -> list[tuple[Rule, int]]:
    """The alternatives whose replacement uses one of some functions of K."""
    return [
        (rule, index)
        for rule in book.rules
        for index, alternative in enumerate(rule.alternatives)
        if "keras2" in alternative.replacement and functions_of(alternative.replacement["keras2"]) & wanted
    ]


def test_all_measured_cases_are_here() -> None:
    assert len(CASES) == 117
    assert len({case["topic"] for case in CASES}) == len(CASES)
    assert len(PARTED) == 103
    assert all(("claims" in case) != ("outside" in case) for case in PARTED)
    assert {case["outside"] for case in PARTED if "outside" in case} == OUTSIDE


def test_what_claims_do_not_speak_of_is_what_the_proof_leaves_out() -> None:
    assert set(FINITE).isdisjoint({*FAR, *NOT_FINITE})


@pytest.mark.parametrize("case", PARTED, ids=[case["topic"] for case in PARTED])
def test_a_disagreement_is_said_with_the_rules_that_meet_it(case: dict[str, Any], book: Rulebook) -> None:
    difference = DIFFERENCES[case["difference"]]
    assert set(difference.functions) & (functions(case) | {"[None]"})
    met = writers(book, set(difference.functions))
    assert met or case["outside"] == "unused"


@pytest.mark.parametrize("case", [c for c in PARTED if "claims" in c], ids=[c["topic"] for c in PARTED if "claims" in c])
def test_the_claims_that_it_concerns_have_fallen(case: dict[str, Any], book: Rulebook) -> None:
    for code in case["claims"]:
        concerned = [(r, i) for r, i in writers(book, set(DIFFERENCES[case["difference"]].functions)) if r.code == code]
        assert any(not book.claim(rule, index).portable for rule, index in concerned), code
        # What still is portable is so under a condition, which excludes the case.
        assert all(rule.alternatives[index].when for rule, index in concerned if book.claim(rule, index).portable), code


@pytest.mark.parametrize("case", [c for c in PARTED if c.get("outside") == "assumed"], ids=lambda case: case["topic"])
def test_what_is_assumed_away_is_never_safe(case: dict[str, Any], book: Rulebook) -> None:
    """Only under a condition, which excludes the case, do these functions stand in a fix without an assumption."""
    for rule, index in writers(book, set(DIFFERENCES[case["difference"]].functions)):
        alternative = rule.alternatives[index]
        assert alternative.assume or alternative.when, rule.code
