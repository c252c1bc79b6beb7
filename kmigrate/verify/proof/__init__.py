"""The rulebook's proof: every alternative runs before and after, on generated inputs, on every engine of every stack.

The text after is made by the same code that rewrites users' files, from a module that holds the example: what is proven
is what is shipped. A claim is stored with the digest of the rule that it was made for (see ``rulebook.proofs``).
"""

from __future__ import annotations

import ast
import os
import queue
import re
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kmigrate.rulebook.book import Rulebook
from kmigrate.rulebook.rule import Rule
from kmigrate.verify.proof.jobs import Job, job_of
from kmigrate.verify.proof.journal import Journal, job_key
from kmigrate.verify.proof.record import environment, environment_key, is_current, proof_stacks, record_of, report_of, store
from kmigrate.verify.proof.run import Lab, run_job
from kmigrate.verify.stacks import DEFAULT_STACKS, ensure

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["job_of", "prove", "prove_rules", "unproven"]

_THEANO_STACK = DEFAULT_STACKS["keras2"]
# A lab is three processes: few jobs are done before more labs have started.
_JOBS_FOR_A_LAB = 4


def unproven(book: Rulebook, rules: Iterable[Rule]) -> list[Rule]:
    """Those that have examples and no current proof: the rule, the generator or a library changed."""
    key = environment_key(environment())
    return [rule for rule in rules if rule.examples and not is_current(book, rule, key)]


def prove(book: Rulebook, rules: Iterable[Rule], write: bool = True) -> int:
    """Run the proof of ``rules`` and store it beside them. Returns 0, or 1 where a rule fails its own examples or, with
    ``write=False``, where the stored proof says otherwise."""
    from rich.console import Console

    chosen = list(rules)
    records = prove_rules(book, chosen, Console(stderr=True))
    failed = any("problems" in records[rule.code] for rule in chosen)
    for rule in chosen:
        for text in _complaints(rule, records[rule.code]):
            print(text)
    if write:
        store(book, chosen, records)
    else:
        failed = _drifted(book, chosen, records) or failed
    _summary(chosen, records)
    return 1 if failed else 0


def _complaints(rule: Rule, record: Mapping[str, Any]) -> list[str]:
    """What a rule's author should know: examples that are not what they say, replacements that differ or that nothing proves."""
    found = [f"{rule.source}: rule {rule.code}: {problem}" for problem in record.get("problems", ())]
    for index, alternative in enumerate(rule.alternatives):
        claim = record["alternatives"].get(str(index))
        text = ast.unparse(alternative.replacement["keras2"]) if "keras2" in alternative.replacement else None
        if text is not None and claim is None and not record.get("problems"):
            found.append(
                f"{rule.code} {rule.name}: no example proves `{text}`, so the fix is unsafe: add a [[rule.example]] for it"
            )
        elif claim is not None and not claim["preserving"] and not record.get("problems"):
            found.append(
                f"{rule.code} {rule.name}: `{text}` does not preserve values, so the fix is unsafe:\n{_lines(claim['reason'])}"
            )
    return found


def _lines(reason: str) -> str:
    """A reason on several lines: the example, its input, what each side gives, how often."""
    text = re.sub(r"( in [\w-]+) with ", r"\1\n  with ", reason, count=1)
    text = text.replace(": the original gives ", ":\n  the original gives    ", 1).replace(
        ", the replacement ", "\n  the replacement gives ", 1
    )
    return "  " + re.sub(r" \((\d+ of \d+ cases differ)(.*)\)$", r"\n  \1\2", text)


def _summary(rules: Sequence[Rule], records: Mapping[str, Mapping[str, Any]]) -> None:
    fixable = [r["alternatives"].values() for r in records.values() if r["alternatives"]]
    proven = sum(all(c["preserving"] for c in claims) for claims in fixable)
    portable = sum(all(c["portable"] for c in claims) for claims in fixable)
    cases = sum(e["cases"] for r in records.values() for e in r.get("engines", {}).values())
    print(f"{len(rules)} rules, {len(fixable)} with a fix: {proven} preserving, {portable} portable as well; {cases} cases run")


def prove_rules(book: Rulebook, rules: Sequence[Rule], console: Console) -> dict[str, dict[str, Any]]:
    """The records of ``rules`` by code."""
    jobs = {rule.code: [job_of(book, rule, number) for number in range(len(rule.examples))] for rule in rules}
    runnable = [job for group in jobs.values() for job in group if job.alternative is not None]
    key = environment_key(environment())
    keys = {id(job): job_key(job, key) for job in runnable}
    journal = Journal(keys.values())
    reports: dict[str, dict[int, Any]] = {rule.code: {} for rule in rules}
    todo = []
    for job in runnable:
        if keys[id(job)] in journal.reports:
            reports[job.rule.code][job.number] = journal.reports[keys[id(job)]]
        else:
            todo.append(job)

    def done(job: Job, report: Any) -> None:
        journal.add(keys[id(job)], report)
        reports[job.rule.code][job.number] = report

    if todo:
        _run(todo, _generating(runnable), done, console, len(runnable))
    journal.close()
    return {rule.code: record_of(rule, jobs[rule.code], reports[rule.code]) for rule in rules}


def _generating(jobs: Iterable[Job]) -> set[int]:
    """The jobs that generated inputs are run for: one for each text of a replacement and kind of inputs; spellings of one call
    (keywords, ``name=``) add nothing to it."""
    seen: set[Any] = set()
    chosen = set()
    for job in jobs:
        body = job.after.partition("def example")[2]
        kinds = tuple(re.sub(r"^(large|positive|unit)", "float", spec.partition("[")[0]) for spec in job.example.inputs.values())
        key = (job.rule.code, job.alternative, body, kinds)
        if key not in seen:
            seen.add(key)
            chosen.add(id(job))
    return chosen


def _run(jobs: Sequence[Job], generating: set[int], done: Callable[[Job, Any], None], console: Console, total: int) -> None:
    """Run jobs side by side: each thread has its own workers and takes the next job when it is free."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    stacks = proof_stacks()
    pythons = {name: ensure(stack, console) for name, stack in stacks.items()}
    waiting: queue.SimpleQueue[Job] = queue.SimpleQueue()
    for job in jobs:
        waiting.put(job)
    errors: list[BaseException] = []
    columns = (TextColumn("proving"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("proving", total=total, completed=total - len(jobs))

        def work() -> None:
            try:
                with Lab(pythons) as lab:
                    lab.warm(_THEANO_STACK)
                    while not errors:
                        job = waiting.get_nowait()
                        outcomes = run_job(job, lab, list(stacks), _THEANO_STACK, id(job) in generating)
                        done(job, report_of(job, outcomes, lab, _THEANO_STACK))
                        progress.advance(task)
            except queue.Empty:
                pass
            except BaseException as error:
                errors.append(error)

        count = max(1, min(os.cpu_count() or 1, len(jobs) // _JOBS_FOR_A_LAB))
        threads = [threading.Thread(target=work) for _ in range(count)]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        except KeyboardInterrupt as error:
            errors.append(error)
            raise
    if errors:
        raise errors[0]


def _drifted(book: Rulebook, rules: Sequence[Rule], records: Mapping[str, Mapping[str, Any]]) -> bool:
    drifted = False
    for rule in rules:
        stored = (book.proofs.record(rule) or {}).get("alternatives", {})
        for index, claim in records[rule.code]["alternatives"].items():
            old = stored.get(index, {})
            for key in ("preserving", "portable", "tf_keras"):
                if old.get(key) != claim[key]:
                    drifted = True
                    why = claim.get({"preserving": "reason", "portable": "portability"}.get(key, "tf_keras_reason"))
                    print(f"{rule.code}: the stored proof says {key} = {old.get(key)}, the run says {claim[key]}: {why}")
    return drifted
