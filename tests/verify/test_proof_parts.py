"""The parts of the proof that need no engine: what is generated, what counts, what is stored."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kmigrate.rulebook.book import Rulebook
from kmigrate.rulebook.load import load_files
from kmigrate.rulebook.proofs import Proofs, proof_file, read_proof
from kmigrate.rulebook.words import in_words
from kmigrate.verify.proof.classes import classes_of, draw
from kmigrate.verify.proof.jobs import Job, job_of
from kmigrate.verify.proof.journal import Journal
from kmigrate.verify.proof.judge import Findings, describe, judge, without_logarithms
from kmigrate.verify.proof.record import environment, environment_key, is_current, store
from kmigrate.verify.proof.variants import Variant, optimized, variants_of
from kmigrate.verify.result import Other, Result
from kmigrate.verify.specs import parse

RULE = """
[[rule]]
code = "XX1"
name = "n"
symbols = ["tf.our_op"]
signature = "a, b, name=None"
{more}
{alternative}
keras2 = "K.dot(a, b)"
[[rule.example]]
before = "tf.our_op(x, w)"
keras2 = "K.dot(x, w)"
inputs = {{ x = "float[2,3]", w = "float[3,4]" }}
"""


def job(tmp_path: Path, alternative: str = "", more: str = "") -> Job:
    path = tmp_path / "mine.toml"
    path.write_text(RULE.format(alternative=alternative, more=more))
    (rule,) = load_files([path])
    return job_of(Rulebook([rule], Proofs({})), rule, 0)


def ranks(variants: list[Variant]) -> set[tuple[int, ...]]:
    return {tuple(len(spec.shape) for spec in v.tensors().values()) for v in variants}


def test_an_alternative_without_a_condition_is_attacked_at_every_rank_size_and_dtype(tmp_path: Path) -> None:
    variants = variants_of(job(tmp_path))
    assert {rank for pair in ranks(variants) for rank in pair} == {0, 1, 2, 3, 4, 5}
    assert {v.dtype("x") for v in variants} == {"float16", "float32", "float64", "int32", "bool"}
    sizes = [size for v in variants for spec in v.tensors().values() for size in spec.shape]
    assert 0 in sizes and 1 in sizes
    assert any(v.floatx == "float32" and v.dtype("x") == "float64" for v in variants)
    classes = {c for v in variants for c in v.classes}
    assert {"zeros", "negatives", "ties", "large", "huge", "tiny", "smallest", "limits", "infinities", "NaN"} <= classes


def test_a_condition_bounds_what_is_attacked(tmp_path: Path) -> None:
    when = '[[rule.alternative]]\nwhen = "rank(a) == 2 and rank(b) == 2"\nassume = "both have rank 2"'
    assert ranks(variants_of(job(tmp_path, when))) == {(2, 2)}
    floats = variants_of(job(tmp_path, '[[rule.alternative]]\nwhen = "floating(a)"\nassume = "a holds floats"'))
    assert {v.dtype("x") for v in floats} == {"float16", "float32", "float64"}


def test_an_assumption_claims_the_example_alone(tmp_path: Path) -> None:
    variants = variants_of(job(tmp_path, '[[rule.alternative]]\nassume = "the moon is full"'))
    assert [(v.label, v.floatx) for v in variants] == [("", "float64"), ("", "float32")]


def test_what_the_rule_refuses_is_marked(tmp_path: Path) -> None:
    more = '[[rule.refuse]]\nwhen = "integer(a)"\nreason = "integers"\nunknown = "ignore"\n'
    path = tmp_path / "mine.toml"
    path.write_text(RULE.format(alternative="", more="") + more)
    (rule,) = load_files([path])
    variants = variants_of(job_of(Rulebook([rule], Proofs({})), rule, 0))
    assert {v.dtype("x") for v in variants if v.refused} == {"int32"}


@pytest.mark.parametrize(
    "text", ["float[2,3]", "int[2,3]", "bool[2]", "positive[4]", "int[3]<5", "onehot[2,3]", "float[]", "float[0,2]"]
)
def test_values_are_of_their_class_and_the_same_every_time(text: str) -> None:
    spec = parse(text)
    for value_class in classes_of([spec]):
        dtype = {"int": "int32", "bool": "bool"}.get(spec.kind, "float32")
        one, two = draw(spec, dtype, value_class, 0), draw(spec, dtype, value_class, 0)
        assert one.tobytes() == two.tobytes() and one.shape == spec.shape and one.dtype == dtype
        if not one.size:
            continue
        if value_class == "NaN":
            assert np.isnan(one).any()
        if value_class == "infinities":
            assert np.isinf(one).any()
        if value_class == "negatives":
            assert (one < 0).all()
        if value_class == "zeros":
            assert not one.any()
        if spec.below:
            assert (one >= 0).all() and (one < spec.below).all()


def result(values: Any, gradient: Any = None) -> Result:
    arrays = (np.asarray(values, dtype="float64"),)
    if gradient is None:
        return Result(True, outputs=arrays, names=("output",), no_gradient="not asked for")
    return Result(True, outputs=arrays, names=("output",), gradients=(np.asarray(gradient, "float64"),), gradient_names=("x",))


NAN, INF = float("nan"), float("inf")
FAILED = Result(False, "call", "ValueError", "no")


@pytest.mark.parametrize(
    ("value_class", "label", "original", "replacement", "same_engine", "counts"),
    [
        ("ordinary", "", result([1.0]), result([1.0]), True, None),
        ("ordinary", "", result([NAN, 1.0]), result([NAN, 1.0]), True, None),
        ("ordinary", "", result([1.0]), result([1.1]), True, True),
        ("negatives", "", result([NAN]), result([0.0]), True, True),
        ("negatives", "", result([NAN]), result([INF]), True, True),
        ("NaN", "", result([0.0]), result([NAN]), True, True),
        ("infinities", "", result([INF, 1.0]), result([NAN, 1.0]), True, False),
        ("infinities", "", result([INF, 1.0]), result([NAN, 2.0]), True, True),
        ("ties", "", result([1.0], [1.0]), result([1.0], [0.5]), True, True),
        ("ties", "", result([1.0], [1.0]), result([1.0], [0.5]), False, False),
        ("ordinary", "", result([1.0], [1.0]), result([1.0], [0.5]), False, True),
        ("NaN", "", result([1.0], [1.0]), result([1.0], [0.5]), True, False),
        ("tiny", "", result([1e-12]), result([1.001e-12]), True, True),
        ("large", "", result([1.0]), result([2.0]), True, True),
        ("large", "", result([1.0]), result([2.0]), False, False),
        ("ordinary", "", result([1.0]), FAILED, True, True),
        ("ordinary", "rank 3", result([1.0]), FAILED, True, True),
        ("ordinary", "rank 0", result([1.0]), FAILED, True, False),
        ("ordinary", "x broadcast", result([1.0]), FAILED, True, False),
        ("ordinary", "rank 3", result([1.0]), FAILED, False, False),
    ],
)
def test_which_differences_count(
    value_class: str, label: str, original: Result, replacement: Result, same_engine: bool, counts: bool | None
) -> None:
    findings = Findings()
    variant = Variant(label, {"x": parse("float[2]")}, "float64", (value_class,))
    judge(variant, value_class, {"x": np.ones(2)}, original, replacement, findings, same_engine)
    assert findings.cases == 1
    assert [d.counts for d in findings.differences] == ([] if counts is None else [counts])


NO_KERNEL = Result(False, "evaluate", "InvalidArgumentError", "No OpKernel was registered to support Op 'Erfc'")


def halves(*values: float) -> Result:
    return Result(True, outputs=(np.asarray(values, "float16"),), names=("output",), no_gradient="not asked for")


@pytest.mark.parametrize(
    ("value_class", "original", "replacement", "counts"),
    [
        ("ordinary", halves(1.0), halves(1.01), None),
        ("ordinary", halves(1.0), halves(1.1), True),
        ("ordinary", halves(1.0), FAILED, True),
        ("ordinary", halves(1.0), NO_KERNEL, False),
        ("large", halves(60000.0), halves(INF), True),
        ("large", halves(INF, 1.0), halves(NAN, 1.0), False),
        ("large", halves(INF, 1.0), halves(NAN, 2.0), True),
        ("ordinary", halves(1.0), result([1.0]), True),
    ],
)
def test_half_precision(value_class: str, original: Result, replacement: Result, counts: bool | None) -> None:
    findings = Findings()
    variant = Variant("float16", {"x": parse("float[2]")}, "float16", (value_class,))
    judge(variant, value_class, {"x": np.ones(2)}, original, replacement, findings, True)
    assert [d.counts for d in findings.differences] == ([] if counts is None else [counts])


def test_numbers_and_tensors_without_a_rank_are_tried_on_the_originals_engine(tmp_path: Path) -> None:
    silent = [v for v in variants_of(job(tmp_path)) if v.silent]
    assert {v.label for v in silent} == {"x a number", "w a number", "unknown rank"}
    (unranked,) = [v for v in silent if v.unranked]
    assert unranked.facts() == {"x": (None, "float64"), "w": (None, "float64")}
    assert [feed["dynamic"] for feed in unranked.payload()["feeds"]] == ["rank", "rank"]
    # An alternative that asks for a rank, or for a tensor, does not claim to hold for them.
    (tmp_path / "asking").mkdir()
    asking = variants_of(job(tmp_path / "asking", '[[rule.alternative]]\nwhen = "tensor(a) and rank(b) == 2"'))
    assert asking and not any(v.silent for v in asking)


@pytest.mark.parametrize(
    ("replacement", "counts"),
    [(result([2.0]), True), (FAILED, False), (Result(True, outputs=(np.float32([2.0]),), names=("output",)), False)],
)
def test_of_a_silent_variant_only_another_value_counts(replacement: Result, counts: bool) -> None:
    findings, variant = Findings(), Variant("x a number", {}, "float64", ("ordinary",), silent=True)
    judge(variant, "ordinary", {}, result([1.0]), replacement, findings, True)
    assert [d.counts for d in findings.differences] == [counts]


def test_that_neither_yields_a_value_is_no_difference_and_no_case() -> None:
    findings, variant = Findings(), Variant("", {}, "float64", ("ordinary",))
    none, words = (Result(True, outputs=(Other(text),), names=("output",), no_gradient="not asked for") for text in ("None", "a"))
    judge(variant, "ordinary", {}, none, none, findings, True)
    assert (findings.cases, findings.differences) == (0, [])
    judge(variant, "ordinary", {}, none, words, findings, True)
    judge(variant, "ordinary", {}, words, none, findings, True)
    assert (findings.cases, len(findings.differences)) == (2, 2)


def beside(value: float, logarithm: float) -> Result:
    arrays = (np.asarray([value]), np.asarray([logarithm]))
    return Result(True, outputs=arrays, names=("output", "log of output"), no_gradient="not asked for")


@pytest.mark.parametrize(
    ("original", "replacement", "counts"),
    [
        (beside(0.0, -900.0), beside(0.0, -INF), True),
        (beside(0.0, -INF), beside(0.0, -900.0), False),
        (beside(1.0, -INF), beside(2.0, -900.0), True),
        (beside(0.0, -900.0), beside(0.0, -900.0), None),
    ],
)
def test_a_result_must_keep_its_logarithm_under_the_optimizer(original: Result, replacement: Result, counts: bool | None) -> None:
    findings = Findings()
    variant = optimized(Variant("", {"x": parse("float[2]")}, "float64", ("large",)))
    assert variant.optimized and not variant.own
    judge(variant, "large", {"x": np.ones(2)}, original, replacement, findings, True)
    assert [d.counts for d in findings.differences] == ([] if counts is None else [counts])
    assert without_logarithms(original).names == ("output",)


def test_an_original_that_does_not_run_says_nothing() -> None:
    findings = Findings()
    judge(Variant("", {}, "float64", ("ordinary",)), "ordinary", {}, FAILED, result([1.0]), findings, True)
    assert findings.cases == 0 and not findings.differences


def test_the_smallest_case_is_shown_with_both_values() -> None:
    findings = Findings()
    variant = Variant("", {"x": parse("float[2]")}, "float64", ("ordinary",))
    judge(variant, "ordinary", {"x": np.ones(9)}, result([3.0]), result([4.0]), findings, True)
    judge(variant, "negatives", {"x": np.array([-1.0])}, result([NAN]), result([0.0]), findings, True)
    smallest = findings.worst(True)
    assert smallest is not None
    assert describe(smallest) == "with x = float64 [-1]: the original gives float64 [nan], the replacement float64 [0]"


def test_records_are_current_in_their_own_environment_alone(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(RULE.format(alternative="", more=""))
    (rule,) = load_files([path])
    record = {"digest": rule.digest, "alternatives": {"0": {"preserving": True, "portable": True, "tf_keras": True}}}
    store(Rulebook([rule], Proofs({})), [rule], {"XX1": record})
    records, environments = read_proof(proof_file(path))
    key = environment_key(environment())
    assert list(environments) == [key] and records["XX1"]["environment"] == key
    book = Rulebook([rule], Proofs(records))
    assert is_current(book, rule, key) and not is_current(book, rule, "another")
    # A rule that is gone leaves the file with the next proof of its neighbours.
    path.write_text(RULE.format(alternative="", more="").replace("XX1", "XX2"))
    (other,) = load_files([path])
    store(Rulebook([other], Proofs({})), [other], {"XX2": {**record, "digest": other.digest}})
    assert list(read_proof(proof_file(path))[0]) == ["XX2"]


def test_a_run_that_was_interrupted_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KMIGRATE_CACHE_DIR", str(tmp_path))
    journal = Journal(["a", "b"])
    journal.add("a", {"ran": True})
    with journal.path.open("a") as handle:
        handle.write('{"key": "b", "rep')
    again = Journal(["b", "a"])
    assert again.reports == {"a": {"ran": True}}
    again.close()
    assert Journal(["a", "b"]).reports == {}


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("rank(a) == 2 and not given(name)", "`a` has rank 2 and `name` is not given"),
        ("not (literal(x) or sequence(x))", "`x` is not a literal and `x` is not a list or a tuple"),
        ("value(axis) in (0, -1)", "`axis` is one of `0` or `-1`"),
        ("rank(x) >= 2", "the rank of `x` is at least `2`"),
        ("number(axis) == False", "`axis` is not a number"),
        (
            "floating(x) and (integer(y) or rank(y) == 0)",
            "`x` is a tensor of floats and (`y` is a tensor of integers or `y` has rank 0)",
        ),
        ("callee_argument()", "the use is an argument of another tensor function"),
        ("value(min) > value(max)", "`min` is greater than `max`"),
    ],
)
def test_conditions_in_words(condition: str, words: str) -> None:
    assert in_words(ast.parse(condition, mode="eval").body) == words
