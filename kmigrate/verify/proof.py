"""The rulebook's proof: every example runs before and after, on every engine of the target, in every stack.

The text after is made by the same code that rewrites users' files, from a module that holds the example: what is proven
is what is shipped. A claim is stored with the digest of the rule that it was made for (see ``rulebook.proofs``).
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kmigrate.fix.apply import FixError, apply_fixes
from kmigrate.lint import analyse
from kmigrate.project import fixes_to_apply
from kmigrate.rulebook.book import Rulebook
from kmigrate.rulebook.proofs import proof_file, read_records, write_records
from kmigrate.rulebook.rule import Example, Rule
from kmigrate.source import Source
from kmigrate.verify.runner import Engines, Limits, Result
from kmigrate.verify.session import compare_results, run_snippet
from kmigrate.verify.stacks import ensure, load_stacks

if TYPE_CHECKING:
    from rich.console import Console

_HEADER = {
    "tensorflow": "import tensorflow as tf\nfrom keras import backend as K\n\n\n",
    "theano": "import theano\nimport theano.tensor as T\nfrom theano import tensor\nfrom keras import backend as K\n\n\n",
}
# (floatx, seed): float64 proves the algebra on two sets of values, float32 shows what users will see.
_PASSES = (("float64", 0), ("float64", 1), ("float32", 0))
_OTHER = {"tensorflow": "theano", "theano": "tensorflow"}
# The original is not in this library version: the example says nothing there. Everything else is a failure.
_ABSENT = ("has no attribute", "No module named", "cannot import name")


@dataclass(frozen=True, slots=True)
class Job:
    """One example as two modules. ``alternative`` is None for an example that must be refused; ``problem``: it was not."""

    rule: Rule
    number: int
    example: Example
    alternative: int | None
    before: str = ""
    after: str = ""
    problem: str | None = None


@dataclass(slots=True)
class Outcome:
    """What the runs of one example showed in one stack. ``ran`` is False where the symbol does not exist there."""

    ran: bool = False
    cases: int = 0
    max_abs: float = 0.0
    max_rel: float = 0.0
    preserving: str | None = None  # the first failure, None while there is none
    portable: str | None = None
    tf_keras: str | None = None  # with the K of tensorflow.keras, on TensorFlow
    notes: list[str] = field(default_factory=list)


def job_of(book: Rulebook, rule: Rule, number: int) -> Job:
    """Rewrite one example with the real linter and fixer, and compare the text with what the example expects."""
    example = rule.examples[number]
    source = _module(rule, example)
    analysis = analyse(source, book, "keras2", whole_module=True)
    line = source.text.count("\n", 0, source.text.rindex("    result = ")) + 1
    uses = [f for f in analysis.findings if f.code == rule.code and f.line >= line]
    # What cannot stand in an expression (an annotation) stands in the setup: then the expected text is that of the use.
    inside = not uses
    uses = uses or [f for f in analysis.findings if f.code == rule.code]
    if not uses:
        return Job(rule, number, example, None, problem="the example does not use the rule's symbol")
    expected = example.after.get("keras2")
    if expected is None:
        fix = uses[0].fix
        wrong = fix is not None and fix.assumption is None
        return Job(
            rule,
            number,
            example,
            None,
            problem=f"must be refused, but is rewritten to {fix.replacement}" if wrong and fix else None,
        )
    if uses[0].fix is None:
        return Job(rule, number, example, None, problem=f"not rewritten: {uses[0].message}")
    try:
        text = apply_fixes(analysis, fixes_to_apply(analysis.findings, unsafe=True))
    except FixError as error:
        return Job(rule, number, example, None, problem=str(error))
    alternative = analysis.alternatives[uses[0].start]
    problem = None
    found = uses[0].fix.replacement if inside else _expression(text)
    if found != ast.unparse(ast.parse(expected, mode="eval").body):
        problem = f"rewritten to {found}, the example expects {expected}"
    return Job(rule, number, example, alternative, source.text, text, problem)


def _module(rule: Rule, example: Example) -> Source:
    setup = "".join(f"    {line}\n" for line in example.setup.splitlines())
    result = f"    result = ({example.before})\n"
    ending = f"    return {example.evaluate or 'result'}\n"
    text = f"{_HEADER[rule.engine]}def example({', '.join(example.inputs)}):\n{setup}{result}{ending}"
    return Source.parse(f"example of {rule.code}", text.encode())


def _expression(text: str) -> str:
    function = next(n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef))
    for statement in function.body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "result":
            found = ast.unparse(statement.value)
    return found


def run_job(job: Job, engines: Engines) -> Outcome:
    """Run one example in one stack: before and after on its own engine, after on the other one."""
    outcome = Outcome()
    example, own = job.example, job.rule.engine
    for floatx, seed in _PASSES:
        before = _run(engines, own, job.before, example, seed, floatx)
        if not before.ok:
            message = f"{before.type}: {before.message}"
            if any(word in message for word in _ABSENT):
                return outcome
            outcome.notes.append(f"the original does not run: {message}")
            continue
        outcome.ran = True
        outcome.cases += 1
        after = _run(engines, own, job.after, example, seed, floatx)
        verdict = compare_results(before, after)
        outcome.max_abs = max(outcome.max_abs, verdict.max_abs or 0.0)
        outcome.max_rel = max(outcome.max_rel, verdict.max_rel or 0.0)
        if verdict.verdict not in ("identical", "equal") and outcome.preserving is None:
            outcome.preserving = f"{floatx}, seed {seed}: {verdict.verdict}: {verdict.reason or _failure(after)}"
        if own == "tensorflow" and (floatx, seed) == _PASSES[0]:
            outcome.tf_keras = _with_tf_keras(job, engines, before)
        if outcome.portable is None and seed == 0:
            other = _run(engines, _OTHER[own], job.after, example, seed, floatx)
            elsewhere = compare_results(before, other, same_engine=False)
            if elsewhere.verdict not in ("identical", "equal"):
                outcome.portable = f"{_OTHER[own]}: {elsewhere.verdict}: {elsewhere.reason or _failure(other)}"
    return outcome


def _with_tf_keras(job: Job, engines: Engines, before: Result) -> str | None:
    """The failure, if any, of the replacement with the ``K`` of tensorflow.keras, which lacks some functions of Keras's own."""
    text = job.after.replace("from keras import backend as K", "from tensorflow.keras import backend as K")
    floatx, seed = _PASSES[0]
    result = run_snippet(
        engines,
        "tensorflow",
        text,
        "example",
        job.example.inputs,
        seed=seed,
        floatx=floatx,
        gradient=job.example.gradient,
        flavour="tf.keras",
    )
    verdict = compare_results(before, result)
    return None if verdict.verdict in ("identical", "equal") else f"{verdict.verdict}: {verdict.reason or _failure(result)}"


def _run(engines: Engines, engine: str, text: str, example: Example, seed: int, floatx: str) -> Result:
    return run_snippet(engines, engine, text, "example", example.inputs, seed=seed, floatx=floatx, gradient=example.gradient)


def _failure(result: Result) -> str:
    return f"{result.where}: {result.type}: {result.message}"


# ---- the record


def record_of(rule: Rule, jobs: Sequence[Job], outcomes: dict[tuple[str, int], dict[str, Outcome]]) -> dict[str, Any]:
    """The proof of one rule, as stored."""
    alternatives: dict[str, dict[str, Any]] = {}
    every = [o for job in jobs for o in outcomes.get((rule.code, job.number), {}).values() if o.ran]
    for index in sorted({job.alternative for job in jobs if job.alternative is not None}):
        alternatives[str(index)] = _claim([j for j in jobs if j.alternative == index], outcomes)
    return {
        "digest": rule.digest,
        "cases": sum(o.cases for o in every),
        "max_abs": max((o.max_abs for o in every), default=0.0),
        "max_rel": max((o.max_rel for o in every), default=0.0),
        "stacks": sorted({s for job in jobs for s, o in outcomes.get((rule.code, job.number), {}).items() if o.ran}),
        "problems": [f"example {j.number + 1}: {j.problem}" for j in jobs if j.problem],
        "alternatives": alternatives,
    }


def _claim(jobs: Sequence[Job], outcomes: dict[tuple[str, int], dict[str, Outcome]]) -> dict[str, Any]:
    reasons: list[str] = []
    portability: list[str] = []
    tf_keras: list[str] = []
    for job in jobs:
        found = outcomes.get((job.rule.code, job.number), {})
        label = f"`{job.example.before}`"
        if job.problem:
            reasons.append(f"{label}: {job.problem}")
        ran = {stack: o for stack, o in found.items() if o.ran}
        if not ran:
            notes = [n for o in found.values() for n in o.notes]
            reasons.append(f"{label}: ran in no stack{': ' + notes[0] if notes else ''}")
        reasons += [f"{label} in {stack}: {o.preserving}" for stack, o in ran.items() if o.preserving]
        tf_keras += [f"{label} in {stack}: {o.tf_keras}" for stack, o in ran.items() if o.tf_keras]
        portability += [f"{label} in {stack}: {o.portable}" for stack, o in ran.items() if o.portable]
    return {
        "preserving": not reasons,
        "portable": not reasons and not portability,
        "reason": _short(reasons),
        "portability": _short(portability),
        "tf_keras": not reasons and not tf_keras,
        "tf_keras_reason": _short(tf_keras),
    }


def _short(texts: Sequence[str]) -> str | None:
    return " ".join(texts[0].split())[:300] if texts else None


# ---- the run


def prove(book: Rulebook, rules: Iterable[Rule], write: bool = True) -> int:
    """Run the proof of ``rules`` and store it beside them. Returns 0, or 1 where a rule fails its own examples or, with
    ``write=False``, where the stored proof says otherwise."""
    from rich.console import Console

    console = Console(stderr=True)
    chosen = list(rules)
    records, versions = prove_rules(book, chosen, console)
    failed = False
    for rule in chosen:
        record = records[rule.code]
        for problem in record["problems"]:
            failed = True
            print(f"{rule.source}: rule {rule.code}: {problem}")
        for index, claim in record["alternatives"].items():
            if not claim["preserving"]:
                print(f"{rule.code} replacement {int(index) + 1}: not preserving, so unsafe: {claim['reason']}")
    if write:
        _store(book, chosen, records, versions)
    else:
        failed = _drifted(book, chosen, records) or failed
    proven = sum(all(c["preserving"] for c in r["alternatives"].values()) for r in records.values() if r["alternatives"])
    portable = sum(all(c["portable"] for c in r["alternatives"].values()) for r in records.values() if r["alternatives"])
    fixable = sum(bool(r["alternatives"]) for r in records.values())
    cases = sum(r["cases"] for r in records.values())
    print(f"{len(chosen)} rules, {fixable} with a fix: {proven} preserving, {portable} portable as well; {cases} cases run")
    return 1 if failed else 0


def prove_rules(
    book: Rulebook, rules: Sequence[Rule], console: Console
) -> tuple[dict[str, dict[str, Any]], dict[str, list[str]]]:
    """The records of ``rules`` by code, and the library versions of each stack."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    jobs = {rule.code: [job_of(book, rule, number) for number in range(len(rule.examples))] for rule in rules}
    runnable = [job for group in jobs.values() for job in group if job.alternative is not None]
    stacks = {name: stack for name, stack in load_stacks().items() if stack.target == "keras2"}
    pythons = {name: ensure(stack, console) for name, stack in stacks.items()}
    outcomes: dict[tuple[str, int], dict[str, Outcome]] = {}
    columns = (TextColumn("proving"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not sys.stderr.isatty()) as progress:
        shares = {name: _share(runnable, index, len(stacks)) for index, name in enumerate(stacks)}
        task = progress.add_task("proving", total=sum(map(len, shares.values())))

        def work(name: str) -> list[tuple[Job, Outcome]]:
            found = []
            with Engines(pythons[name], tuple(stacks[name].engines), Limits()) as engines:
                for job in shares[name]:
                    found.append((job, run_job(job, engines)))
                    progress.advance(task)
            return found

        with ThreadPoolExecutor(len(stacks)) as pool:
            for name, results in zip(stacks, pool.map(work, stacks), strict=True):
                for job, outcome in results:
                    outcomes.setdefault((job.rule.code, job.number), {})[name] = outcome
    versions = {name: list(stack.requirements) for name, stack in stacks.items()}
    return {rule.code: record_of(rule, jobs[rule.code], outcomes) for rule in rules}, versions


def _share(jobs: Sequence[Job], index: int, count: int) -> list[Job]:
    """What one stack runs: all of TensorFlow's examples (the versions differ), its part of Theano's (the version is the same)."""
    return [job for place, job in enumerate(jobs) if job.rule.engine != "theano" or place % count == index]


def _store(book: Rulebook, rules: Sequence[Rule], records: dict[str, dict[str, Any]], versions: dict[str, list[str]]) -> None:
    for source in dict.fromkeys(rule.source for rule in rules):
        alive = {rule.code for rule in book.rules if rule.source == source}
        new = {**read_records(proof_file(source)), **{rule.code: records[rule.code] for rule in rules if rule.source == source}}
        write_records(source, {code: record for code, record in new.items() if code in alive}, versions)


def _drifted(book: Rulebook, rules: Sequence[Rule], records: dict[str, dict[str, Any]]) -> bool:
    drifted = False
    for rule in rules:
        stored = (book.proofs.record(rule) or {}).get("alternatives", {})
        for index, claim in records[rule.code]["alternatives"].items():
            old = stored.get(index, {})
            for key in ("preserving", "portable", "tf_keras"):
                if old.get(key) != claim[key]:
                    drifted = True
                    print(f"{rule.code}: the stored proof says {key} = {old.get(key)}, the run says {claim[key]}")
    return drifted
