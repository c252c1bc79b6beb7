"""Running one job: all its variants in few requests, one for each engine of each stack."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from kmigrate.model import UserError
from kmigrate.verify.proof.classes import Array
from kmigrate.verify.proof.jobs import Job
from kmigrate.verify.proof.judge import Difference, Findings, judge, result_of, without_logarithms
from kmigrate.verify.proof.variants import Variant, optimized, variants_of
from kmigrate.verify.result import Limits, Result
from kmigrate.verify.runner import Worker
from kmigrate.verify.specs import Spec

# The original is not in this library version: the example says nothing there. Everything else is a failure.
_ABSENT = ("has no attribute", "No module named", "cannot import name")
OTHER = {"tensorflow": "theano", "theano": "tensorflow"}
_EACH_S = 20.0


@dataclass(slots=True)
class Outcome:
    """What the runs of one example showed in one stack. ``ran`` is False where the symbol does not exist there."""

    ran: bool = False
    own: Findings = field(default_factory=Findings)
    other: Findings = field(default_factory=Findings)
    tf_keras: Findings = field(default_factory=Findings)
    note: str | None = None
    # What the original took: ranks, dtypes and classes of values.
    covered: dict[str, list[Any]] = field(default_factory=lambda: {"classes": [], "dtypes": [], "ranks": []})

    def cover(self, variant: Variant, value_class: str) -> None:
        new: dict[str, list[Any]] = {
            "classes": [value_class],
            "dtypes": [variant.dtype(name) for name in variant.tensors()],
            "ranks": [len(spec.shape) for spec in variant.tensors().values()],
        }
        for key, items in new.items():
            self.covered[key] += [item for item in dict.fromkeys(items) if item not in self.covered[key]]


class Lab:
    """The workers of one thread, by stack and engine, started when first needed. A context manager that ends them."""

    def __init__(self, pythons: Mapping[str, Path]) -> None:
        self.pythons = pythons
        self.workers: dict[tuple[str, str], Worker] = {}

    def worker(self, stack: str, engine: str) -> Worker:
        return self.workers.setdefault((stack, engine), Worker(self.pythons[stack], engine, Limits()))

    def warm(self, theano_stack: str) -> None:
        """Start the workers side by side: an engine takes seconds to import."""
        wanted = [(stack, "tensorflow") for stack in self.pythons] + [(theano_stack, "theano")]
        workers = [self.worker(stack, engine) for stack, engine in wanted]
        threads = [threading.Thread(target=w.call, args=({"op": "signatures", "symbols": []},)) for w in workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def prove(self, stack: str, engine: str, request: Mapping[str, Any], count: int) -> dict[str, Any]:
        """The worker's answer. Raises UserError where the engine does not start: that says nothing of any rule."""
        answer = self.worker(stack, engine).call({"op": "prove", "each_s": _EACH_S, **request}, limit_s=60.0 + 5.0 * count)
        if answer.get("where") == "start":
            raise UserError(f"{stack}: {engine} does not start: {answer.get('message')}")
        return answer

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for worker in self.workers.values():
            worker.close()


def run_job(job: Job, lab: Lab, stacks: Sequence[str], theano_stack: str, generate: bool = True) -> dict[str, Outcome]:
    """Every variant of one example in every stack. Theano is the same version in all stacks and runs in one of them."""
    variants = variants_of(job, generate)
    attack = generate and not job.example.random
    own = job.rule.engine
    where = stacks if own == "tensorflow" else (theano_stack,)
    outcomes = {stack: Outcome() for stack in where}
    elsewhere: dict[int, list[Result]] | None = None
    for stack in where:
        before = _own_engine(job, lab, stack, variants, outcomes[stack])
        if not outcomes[stack].ran:
            continue
        if elsewhere is None:
            elsewhere = _other_engine(job, lab, theano_stack, variants, before)
            _judge_other(variants, before, elsewhere, outcomes[stack])
            if attack:
                _optimized(job, lab, theano_stack, variants[0], before.get(0, []), outcomes[stack])
    return outcomes


def _optimized(job: Job, lab: Lab, stack: str, variant: Variant, before: list[Result], outcome: Outcome) -> None:
    """The example's own inputs under Theano's default optimizer: both texts of a rule for Theano, else the replacement."""
    chosen = optimized(variant)
    if job.rule.engine == "theano":
        _judge_own(chosen, ask(lab, stack, "theano", [job.before, job.after], [chosen])[0], outcome)
    elif any(result.ok for result in before):
        sides = ask(lab, stack, "theano", [job.after], [chosen])[0]
        results = [without_logarithms(result_of(sides[0], place)) for place in range(len(chosen.classes))]
        _judge_other([chosen], {0: before}, {0: results}, outcome)


def _own_engine(job: Job, lab: Lab, stack: str, variants: list[Variant], outcome: Outcome) -> dict[int, list[Result]]:
    """Judge the replacement on the original's engine; the original's results by the number of the variant."""
    own = job.rule.engine
    texts = [job.before, job.after]
    before: dict[int, list[Result]] = {}
    places = {id(variant): place for place, variant in enumerate(variants)}
    plain = [v for v in variants if not (own == "tensorflow" and v.own)]
    with_tf_keras = [v for v in variants if own == "tensorflow" and v.own]
    tf_keras = job.after.replace("from keras import backend as K", "from tensorflow.keras import backend as K")
    for group, extra in ((with_tf_keras, [tf_keras]), (plain, list[str]())):
        if group and not (group is plain and with_tf_keras and not outcome.ran):
            answers = ask(lab, stack, own, texts + extra, group, random=job.example.random)
            for variant, sides in zip(group, answers, strict=True):
                before[places[id(variant)]] = _judge_own(variant, sides, outcome)
    return before


def _judge_own(variant: Variant, sides: list[Mapping[str, Any]], outcome: Outcome) -> list[Result]:
    originals = [result_of(sides[0], place) for place in range(len(variant.classes))]
    for place, value_class in enumerate(variant.classes):
        original = originals[place]
        if not original.ok:
            if variant.own:
                absent = any(word in original.failure for word in _ABSENT)
                outcome.note = outcome.note or f"the original {'is not there' if absent else 'does not run'}: {original.failure}"
            continue
        outcome.ran = True
        outcome.cover(variant, value_class)
        arrays = variant.arrays(value_class)
        for side, findings in zip(sides[1:], (outcome.own, outcome.tf_keras), strict=False):
            judge(variant, value_class, arrays, original, result_of(side, place, original), findings, True)
    return originals


def _other_engine(
    job: Job, lab: Lab, stack: str, variants: list[Variant], before: Mapping[int, list[Result]]
) -> dict[int, list[Result]]:
    """The replacement's results on the other engine, for the variants that the original took."""
    # Half precision is for the original's engine: Theano computes much of it in float32.
    taken = [i for i, v in enumerate(variants) if v.floatx != "float16" and not v.silent]
    chosen = [i for i in taken if i in before and any(r.ok for r in before[i])]
    answers = ask(lab, stack, OTHER[job.rule.engine], [job.after], [variants[i] for i in chosen], random=job.example.random)
    return {
        i: [result_of(sides[0], place) for place in range(len(variants[i].classes))]
        for i, sides in zip(chosen, answers, strict=True)
    }


def _judge_other(
    variants: list[Variant], before: Mapping[int, list[Result]], after: Mapping[int, list[Result]], outcome: Outcome
) -> None:
    for index, results in after.items():
        variant = variants[index]
        for place, value_class in enumerate(variant.classes):
            arrays = variant.arrays(value_class)
            judge(variant, value_class, arrays, before[index][place], results[place], outcome.other, False)


def ask(
    lab: Lab,
    stack: str,
    engine: str,
    texts: Sequence[str],
    variants: Sequence[Variant],
    arrays: Sequence[list[dict[str, Array]]] | None = None,
    random: bool = False,
) -> list[list[Mapping[str, Any]]]:
    """The worker's answers for each variant, one for each text. A crash is pinned to the variant and text that it belongs to."""
    request = {
        "function": "example",
        "random": random,
        "theano_optimizer": "fast_run" if variants and variants[0].optimized else None,
        "texts": [{"source": text} for text in texts],
        "variants": [variant.payload(arrays[i] if arrays else None) for i, variant in enumerate(variants)],
    }
    answer = lab.prove(stack, engine, request, len(variants))
    if answer.get("ok"):
        return list(answer["variants"])
    if len(variants) > 1:
        return [
            ask(lab, stack, engine, texts, [variant], [arrays[i]] if arrays else None, random)[0]
            for i, variant in enumerate(variants)
        ]
    if len(texts) > 1:
        # The original alone: where it crashes as well, the case says nothing.
        first = ask(lab, stack, engine, texts[:1], variants, arrays, random)[0]
        return [[*first, *([answer] * (len(texts) - 1))]]
    return [[answer]]


# ---- the smallest failing case


def shrink(job: Job, lab: Lab, stack: str, difference: Difference) -> Difference:
    """A smaller case that differs on the original's engine, if there is one: sizes of 1 and 2, short numbers."""
    if not difference.variant.tensors() or job.example.random:
        return difference
    candidates = [_shrunk(difference.variant, size) for size in (1, 2)]
    candidates.append(difference.variant)
    arrays = [[_short(variant.arrays(c)) for c in variant.classes] for variant in candidates]
    findings = Findings()
    answers = ask(lab, stack, job.rule.engine, [job.before, job.after], candidates, arrays)
    for variant, runs, sides in zip(candidates, arrays, answers, strict=True):
        for place, value_class in enumerate(variant.classes):
            original = result_of(sides[0], place)
            if original.ok and len(sides) > 1:
                replacement = result_of(sides[1], place, original)
                judge(variant, value_class, runs[place], original, replacement, findings, True)
    smaller = findings.worst(difference.counts)
    return smaller if smaller is not None and smaller.size < difference.size else difference


def _shrunk(variant: Variant, size: int) -> Variant:
    def small(spec: Spec) -> Spec:
        if not spec.is_tensor or 0 in spec.shape:
            return spec
        below = min(spec.below, size) if spec.below is not None else None
        return replace(spec, shape=tuple(min(s, size) for s in spec.shape), below=below)

    return replace(variant, specs={name: small(spec) for name, spec in variant.specs.items()}, dynamic=frozenset())


def _short(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Values of one decimal, as far as that does not make them something else."""
    return {name: np.round(a, 1) if a.dtype.kind == "f" and _biggest(a) >= 0.1 else a for name, a in arrays.items()}


def _biggest(array: Array) -> float:
    finite = np.abs(array[np.isfinite(array)])
    return float(finite.max(initial=0.0))
