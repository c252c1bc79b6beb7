"""A rule for people: on the terminal, and as a page of docs/rules/. Both say the same, from the rule and its proof alone."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kmigrate.rulebook.book import Rulebook
from kmigrate.rulebook.rule import Alternative, Rule
from kmigrate.rulebook.words import in_words
from kmigrate.values.kinds import in_words as kind_in_words

_ENGINE_NAMES = {"tensorflow": "TensorFlow", "theano": "Theano"}
_FEW_SYMBOLS = 4
_MEANING = {
    "safe": "safe: the replacement gave the same values and gradients in every case that was run",
    "unsafe": "unsafe: right under an assumption that code does not show, or not proven",
    "manual": "no fix: a person must decide",
}


def status(book: Rulebook, rule: Rule) -> str:
    """The best of its alternatives' fixes: ``safe``, ``unsafe``, or ``manual`` where there is none."""
    found = {applicability(book, rule, index) for index in range(len(rule.alternatives))}
    return next((word for word in ("safe", "unsafe") if word in found), "manual")


def applicability(book: Rulebook, rule: Rule, index: int) -> str:
    """Of one alternative: ``safe`` where it is proven and code can show that it is right, ``unsafe`` where not, ``manual`` where
    it has no replacement for the target keras2."""
    alternative = rule.alternatives[index]
    if "keras2" not in alternative.replacement:
        return "manual"
    return "safe" if book.claim(rule, index).preserving and not alternative.needs_assumption else "unsafe"


def portable(book: Rulebook, rule: Rule) -> str:
    """``yes``, ``no`` or ``in part`` over the alternatives; empty where there is no fix."""
    claims = [book.claim(rule, i).portable for i, a in enumerate(rule.alternatives) if "keras2" in a.replacement]
    if not claims:
        return ""
    return "yes" if all(claims) else "in part" if any(claims) else "no"


# ---- one rule: sections of lines, the same for both forms


def sections(book: Rulebook, rule: Rule) -> list[tuple[str, list[str]]]:
    """(heading, paragraphs): what the rule does, under which conditions, and what execution has shown of it."""
    found = [("", [*_summary(book, rule)])]
    for index, alternative in enumerate(rule.alternatives):
        several = f" {index + 1}" if len(rule.alternatives) > 1 else ""
        found.append((f"Replacement{several}", _alternative(book, rule, index, alternative)))
    apart = [rule.portability] if rule.portability else []
    apart += [difference.text for index in range(len(rule.alternatives)) for difference in book.differences(rule, index)]
    if apart:
        found.append(("Where the engines part", [f"- {text}" for text in dict.fromkeys(apart)]))
    if rule.refusals:
        found.append(("No fix", [f"- where {in_words(r.when)}: {r.reason}" for r in rule.refusals]))
    if rule.guidance:
        found.append(("What to do instead" if not rule.alternatives else "Where there is no fix", [rule.guidance]))
    proof = _proof(book, rule)
    if proof:
        found.append(("Proof", proof))
    return found


def _summary(book: Rulebook, rule: Rule) -> list[str]:
    lines = [f"{_MEANING[status(book, rule)].capitalize()}. Portable: {portable(book, rule) or 'no fix'}."]
    if rule.why:
        lines.append(rule.why)
    lines.append("Symbols: " + ", ".join(f"`{s}`" for s in rule.symbols))
    if rule.signature is not None:
        lines.append(f"Signature: `({rule.signature})`")
    if rule.renamed:
        lines.append("Also called: " + ", ".join(f"`{old}` for `{new}`" for old, new in rule.renamed.items()))
    return lines


def _alternative(book: Rulebook, rule: Rule, index: int, alternative: Alternative) -> list[str]:
    lines = [f"`{ast.unparse(tree)}` ({target})" for target, tree in alternative.replacement.items()]
    if alternative.when is not None:
        lines.append(f"When {in_words(alternative.when)}.")
    if alternative.assume:
        lines.append(f"{'Unsafe' if alternative.needs_assumption else 'Else unsafe'}, assuming that {alternative.assume}.")
    if "keras2" not in alternative.replacement:
        return lines
    claim = book.claim(rule, index)
    lines.append(f"- Preserves values on {_ENGINE_NAMES[rule.engine]}: {_claim(claim.preserving, claim.reason)}")
    lines.append(f"- Portable: {_claim(claim.portable, claim.portability)}")
    if rule.engine == "tensorflow" and claim.tf_keras is not None:
        lines.append(f"- With the `K` of tensorflow.keras: {_claim(claim.tf_keras, claim.tf_keras_reason)}")
    if claim.kinds:
        told = [f"`{name}` {' or '.join(kind_in_words(kind) for kind in kinds)}" for name, kinds in claim.kinds.items()]
        lines.append(f"- Safe for tensors, and, of Python's values, as the examples were: {'; '.join(told)}")
    if claim.remark:
        lines.append(f"- Differs where it does not count (see docs/architecture.md): {claim.remark}")
    if claim.portable and claim.elsewhere:
        lines.append(f"- Engines part outside ordinary values: {claim.elsewhere}")
    return lines


def _claim(holds: bool | None, reason: str | None) -> str:
    word = {True: "yes", False: "no", None: "not known"}[holds]
    return f"{word}: {reason}" if reason and not holds else word


def _proof(book: Rulebook, rule: Rule) -> list[str]:
    record = book.proofs.record(rule)
    if record is None or "engines" not in record:
        return []
    lines = [
        f"- {_ENGINE_NAMES[engine]}: {numbers['cases']} cases ({', '.join(numbers['stacks'])}), largest error "
        f"{numbers['max_ulp']:.3g} ulp, {numbers['max_rel']:.2g} relative"
        for engine, numbers in sorted(record["engines"].items())
    ]
    inputs = record["inputs"]
    if inputs["ranks"]:
        ranks = ", ".join(map(str, inputs["ranks"]))
        lines.append(f"- inputs: ranks {ranks}; {', '.join(inputs['dtypes'])}; values: {', '.join(inputs['classes'])}")
    return lines


def explain(book: Rulebook, rule: Rule) -> str:
    """One rule as text for the terminal."""
    lines = [f"{rule.code} {rule.name}"]
    for heading, paragraphs in sections(book, rule):
        lines += ["", f"{heading}:"] if heading else [""]
        lines += [f"  {text}" if heading else text for text in paragraphs]
    for example in rule.examples:
        lines += ["", f"  before  {example.before}", f"  after   {example.after.get('keras2', '(no fix)')}"]
    return "\n".join(lines)


# ---- pages


def page(book: Rulebook, rule: Rule) -> str:
    """One rule as a Markdown page."""
    blocks = [f"# {rule.code} {rule.name}"]
    for heading, paragraphs in sections(book, rule):
        if heading:
            blocks.append(f"## {heading}")
        blocks += _blocks(paragraphs)
        if not heading and rule.examples:
            blocks.append(_examples(rule))
    return "\n\n".join(blocks) + "\n"


def _blocks(paragraphs: Iterable[str]) -> list[str]:
    """Paragraphs; list items that follow each other are one block."""
    found: list[str] = []
    for text in paragraphs:
        if text.startswith("- ") and found and found[-1].startswith("- "):
            found[-1] += "\n" + text
        else:
            found.append(text)
    return found


def _examples(rule: Rule) -> str:
    """The first example of each text after, and those that have no fix."""
    lines: list[str] = []
    seen: set[str | None] = set()
    for example in rule.examples:
        after = example.after.get("keras2")
        if after is None or after not in seen:
            seen.add(after)
            lines += [example.before, f"# -> {after or 'no fix'}", ""]
    return "```python\n" + "\n".join(lines).rstrip() + "\n```"


def index_page(book: Rulebook) -> str:
    """All rules by engine and topic (the rules file)."""
    blocks = [
        "# Rules",
        "Generated from `rules/` and the proofs beside them by `python scripts/rule_pages.py`. *Safe* and *portable* are what"
        " execution has shown: see the page of a rule.",
    ]
    topics: dict[tuple[str, str], list[Rule]] = {}
    for rule in book.rules:
        topics.setdefault((rule.source.parent.name, rule.source.stem), []).append(rule)
    for (folder, topic), rules in topics.items():
        rows = [
            f"| [{r.code}]({r.code}.md) | {r.name} | {_symbols(r)} | {status(book, r)} | {portable(book, r)} |" for r in rules
        ]
        blocks.append(f"## {folder}: {topic}")
        blocks.append("\n".join(["| code | name | symbols | fix | portable |", "| --- | --- | --- | --- | --- |", *rows]))
    return "\n\n".join(blocks) + "\n"


def _symbols(rule: Rule) -> str:
    shown = [s for s in rule.symbols if ".python." not in s][:_FEW_SYMBOLS] or list(rule.symbols[:1])
    more = ", ..." if len(shown) < len(rule.symbols) else ""
    return ", ".join(f"`{s}`" for s in shown) + more


def pages(book: Rulebook) -> dict[Path, str]:
    """File name -> text of the whole folder."""
    found: dict[Path, Any] = {Path("README.md"): index_page(book)}
    found.update({Path(f"{rule.code}.md"): page(book, rule) for rule in book.rules})
    return found
