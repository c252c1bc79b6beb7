"""``kmigrate rules``: the list, the explanation of one rule, the proof."""

from __future__ import annotations

import argparse
import ast
import sys
from pathlib import Path

from kmigrate.config import load
from kmigrate.model import UserError
from kmigrate.rulebook.book import Rulebook, load_rulebook
from kmigrate.rulebook.rule import Rule


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("codes", nargs="*", metavar="CODE", help="rules to explain (or to prove); none: all")
    parser.add_argument("--config", type=Path, metavar="FILE", help="this configuration instead of the nearest")
    parser.add_argument(
        "--prove",
        action="store_true",
        help="run the examples on real engines and store the result beside the rules",
    )
    parser.add_argument("--stale", action="store_true", help="with --prove: only the rules that have no current proof")
    parser.add_argument(
        "--check",
        action="store_true",
        help="with --prove: change nothing; exit 1 if the stored proof would change",
    )


def run(options: argparse.Namespace) -> int:
    config = load(Path.cwd(), options.config)
    book = load_rulebook(config.rules)
    rules = [_get(book, code) for code in options.codes] or list(book.rules)
    if options.prove:
        from kmigrate.verify.proof import prove

        if options.stale:
            rules = [rule for rule in rules if rule.examples and book.proofs.record(rule) is None]

        return int(prove(book, rules, write=not options.check))
    if options.codes:
        print("\n\n".join(explain(book, rule) for rule in rules))
    else:
        for rule in rules:
            print(f"{rule.code:<7} {status(book, rule):<9} {rule.name:<28} {rule.symbols[0]}")
    return 0


def _get(book: Rulebook, code: str) -> Rule:
    rule = book.get(code)
    if rule is None:
        raise UserError(f"no rule has the code {code!r}: kmigrate rules lists them all")
    return rule


def status(book: Rulebook, rule: Rule) -> str:
    """``safe`` where a proven alternative needs no assumption, ``unsafe`` where there is another fix, else ``manual``."""
    if not rule.alternatives:
        return "manual"
    proven = any(
        book.claim(rule, index).preserving and (a.assume is None or a.when is not None)
        for index, a in enumerate(rule.alternatives)
    )
    return "safe" if proven else "unsafe"


def explain(book: Rulebook, rule: Rule) -> str:
    """What one rule does, under which conditions, and what execution has shown of it."""
    lines = [f"{rule.code} {rule.name}", "", "symbols: " + ", ".join(rule.symbols)]
    if rule.why:
        lines += ["", rule.why]
    if rule.signature is not None:
        lines.append(f"signature: ({rule.signature})")
    for index, alternative in enumerate(rule.alternatives):
        lines += ["", f"replacement {index + 1}:"]
        lines += [f"  {target}: {ast.unparse(tree)}" for target, tree in alternative.replacement.items()]
        if alternative.when_text:
            lines.append(f"  when: {alternative.when_text}")
        if alternative.assume:
            lines.append(f"  otherwise unsafe, assuming that {alternative.assume}")
        claim = book.claim(rule, index)
        lines.append(f"  preserving: {_claim(claim.preserving, claim.reason)}")
        lines.append(f"  portable: {_claim(claim.portable, claim.portability)}")
    words = [rule.portability] if rule.portability else []
    words += [difference.text for index in range(len(rule.alternatives)) for difference in book.differences(rule, index)]
    lines += ["", "where the engines part:", *(f"  - {word}" for word in dict.fromkeys(words))] if words else []
    lines += [f"no fix: {refusal.reason} ({ast.unparse(refusal.when)})" for refusal in rule.refusals]
    if rule.guidance:
        lines += ["", f"guidance: {rule.guidance}"]
    for example in rule.examples:
        lines += ["", f"  before  {example.before}", f"  after   {example.after.get('keras2', '(no fix)')}"]
    record = book.proofs.record(rule)
    if record is not None:
        lines += [
            "",
            f"proof: {record['cases']} runs, largest error {record['max_abs']:.3g} absolute, on {', '.join(record['stacks'])}",
        ]
    return "\n".join(lines)


def _claim(holds: bool | None, reason: str | None) -> str:
    word = {True: "yes, by execution", False: "no", None: "not known"}[holds]
    return f"{word} ({reason})" if reason and not holds else word


if __name__ == "__main__":
    sys.exit("use: kmigrate rules")
