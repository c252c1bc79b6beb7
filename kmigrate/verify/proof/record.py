"""From what the runs showed to what is stored: one report for each example, one record for each rule."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kmigrate.rulebook.book import Rulebook
from kmigrate.rulebook.proofs import Environments, proof_file, read_proof, write_proof
from kmigrate.rulebook.rule import Rule
from kmigrate.verify.proof.jobs import Job
from kmigrate.verify.proof.judge import Difference, Findings, describe
from kmigrate.verify.proof.run import OTHER, Lab, Outcome, shrink
from kmigrate.verify.proof.variants import GENERATOR
from kmigrate.verify.stacks import Stack, load_stacks

# What a stored sentence may cost: the whole file is read at every start of kmigrate.
_LONGEST = 400


# ---- the report of one example


def report_of(job: Job, outcomes: Mapping[str, Outcome], lab: Lab, theano_stack: str) -> dict[str, Any]:
    """Plain data, by stack. Differences are made small first."""
    own = job.rule.engine
    report: dict[str, Any] = {}
    for stack, outcome in outcomes.items():
        theano = f"{theano_stack}"
        entry: dict[str, Any] = {"ran": outcome.ran, "note": outcome.note, "engines": {}, "inputs": outcome.covered}
        for engine, findings in ((own, outcome.own), (OTHER[own], outcome.other)):
            if findings.cases:
                entry["engines"][engine] = {
                    "cases": findings.cases,
                    "max_ulp": findings.max_ulp,
                    "max_rel": findings.max_rel,
                    "stack": stack if engine == own else theano,
                }
        for key, findings in (("own", outcome.own), ("other", outcome.other), ("tf_keras", outcome.tf_keras)):
            for counts, name in ((True, key), (False, f"{key}_remark")):
                smallest = findings.worst(counts)
                if smallest is not None:
                    if key == "own":
                        smallest = shrink(job, lab, stack, smallest)
                    entry[name] = _sentence(smallest, findings, counts)
        report[stack] = entry
    return report


def _sentence(smallest: Difference, findings: Findings, counts: bool) -> str:
    same = [d for d in findings.differences if d.counts is counts]
    inputs = dict.fromkeys(d.variant.label or d.variant.floatx for d in same)
    values = dict.fromkeys(d.value_class for d in same)
    return f"{describe(smallest)} ({len(same)} of {findings.cases} cases differ; inputs: {_few(inputs)}; values: {_few(values)})"


def _few(names: Iterable[str], most: int = 5) -> str:
    found = list(names)
    return ", ".join(found[:most]) + (", ..." if len(found) > most else "")


# ---- the record of one rule


def record_of(rule: Rule, jobs: Sequence[Job], reports: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """The proof of one rule, as stored. ``reports`` by the number of the example."""
    entries = [entry for report in reports.values() for entry in report.values() if entry["ran"]]
    alternatives = {
        str(index): _claim([j for j in jobs if j.alternative == index], reports)
        for index in sorted({job.alternative for job in jobs if job.alternative is not None})
    }
    record: dict[str, Any] = {"digest": rule.digest, "alternatives": alternatives}
    if entries:
        record["engines"] = _engines(entries)
        record["inputs"] = {
            key: sorted({item for entry in entries for item in entry["inputs"][key]}) for key in ("classes", "dtypes", "ranks")
        }
    problems = [f"example {j.number + 1}: {j.problem}" for j in jobs if j.problem]
    if problems:
        record["problems"] = problems
    return record


def _engines(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Cases and largest errors by engine, with the stacks that they ran in."""
    found: dict[str, Any] = {}
    for entry in entries:
        for engine, numbers in entry["engines"].items():
            into = found.setdefault(engine, {"cases": 0, "max_ulp": 0.0, "max_rel": 0.0, "stacks": []})
            into["cases"] += numbers["cases"]
            into["max_ulp"] = max(into["max_ulp"], numbers["max_ulp"])
            into["max_rel"] = max(into["max_rel"], numbers["max_rel"])
            into["stacks"] = sorted({*into["stacks"], numbers["stack"]})
    for numbers in found.values():
        numbers["max_ulp"] = float(f"{numbers['max_ulp']:.3g}")
        numbers["max_rel"] = float(f"{numbers['max_rel']:.3g}")
    return found


def _claim(jobs: Sequence[Job], reports: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """Preserving, portable and tf_keras of one alternative; what is None or empty is left out."""
    reasons: list[str] = []
    found: dict[str, list[str]] = {key: [] for key in ("own", "other", "tf_keras", "own_remark", "other_remark")}
    for job in jobs:
        report = reports.get(job.number, {})
        label = f"`{job.example.before}`"
        if job.problem:
            reasons.append(f"{label}: {job.problem}")
        ran = {stack: entry for stack, entry in report.items() if entry["ran"]}
        if not ran:
            notes = [entry["note"] for entry in report.values() if entry["note"]]
            reasons.append(f"{label}: ran in no stack{': ' + notes[0] if notes else ''}")
        for key, texts in found.items():
            texts += [f"{label} in {stack} {entry[key]}" for stack, entry in ran.items() if key in entry]
    reasons += found["own"]
    claim: dict[str, Any] = {
        "preserving": not reasons,
        "portable": not reasons and not found["other"],
        "tf_keras": not reasons and not found["tf_keras"],
        "reason": _first(reasons),
        "portability": _first(found["other"]),
        "tf_keras_reason": _first(found["tf_keras"]),
        "remark": _first(found["own_remark"]),
        "elsewhere": _first(found["other_remark"]),
        "kinds": _kinds(jobs),
    }
    return {key: value for key, value in claim.items() if value not in (None, {})}


def _kinds(jobs: Iterable[Job]) -> dict[str, list[str]]:
    found: dict[str, set[str]] = {}
    for job in jobs:
        for name, kinds in job.kinds.items():
            found.setdefault(name, set()).update(kinds)
    return {name: sorted(kinds) for name, kinds in sorted(found.items())}


def _first(texts: Sequence[str]) -> str | None:
    return " ".join(texts[0].split())[:_LONGEST] if texts else None


# ---- files


def environment() -> dict[str, Any]:
    """What a proof rests on besides the rule: the generator of the cases and the libraries."""
    stacks = {name: [*stack.requirements, f"lock {stack.digest}"] for name, stack in proof_stacks().items()}
    return {"generator": GENERATOR, "stacks": stacks}


def environment_key(found: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:12]


def proof_stacks() -> dict[str, Stack]:
    return {name: stack for name, stack in load_stacks().items() if stack.target == "keras2"}


def is_current(book: Rulebook, rule: Rule, key: str) -> bool:
    """Whether the rule's record was made for this rule and in this environment."""
    record = book.proofs.record(rule)
    return record is not None and record.get("environment") == key


def store(book: Rulebook, rules: Iterable[Rule], records: Mapping[str, Mapping[str, Any]]) -> None:
    """Write the records into the proof files of their rules; records of rules that are gone, and environments that nothing
    was proven in, go."""
    here = environment()
    key = environment_key(here)
    by_source: dict[Any, list[Rule]] = {}
    for rule in rules:
        by_source.setdefault(rule.source, []).append(rule)
    for source, group in by_source.items():
        old, environments = read_proof(proof_file(source))
        alive = {rule.code for rule in book.rules if rule.source == source}
        new = {**old, **{rule.code: {**records[rule.code], "environment": key} for rule in group}}
        new = {code: record for code, record in new.items() if code in alive}
        known: Environments = {**environments, key: here}
        used = {record.get("environment") for record in new.values()}
        write_proof(source, new, {name: known[name] for name in known if name in used})
