"""``kmigrate rules``: the list, the explanation of one rule, the proof."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from kmigrate.cli.common import add_format_option
from kmigrate.config import load
from kmigrate.model import UserError
from kmigrate.report.rules import explain, portable, status
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
    add_format_option(parser)


def run(options: argparse.Namespace) -> int:
    config = load(Path.cwd(), options.config)
    book = load_rulebook(config.rules)
    rules = [_get(book, code) for code in options.codes] or list(book.rules)
    if options.prove:
        from kmigrate.verify.proof import prove, unproven

        if options.stale:
            rules = unproven(book, rules)
        return int(prove(book, rules, write=not options.check))
    if options.output_format == "json":
        from kmigrate.report.rules_json import render_rules

        print(render_rules(book, rules), end="")
    elif options.codes:
        print("\n\n".join(explain(book, rule) for rule in rules))
    else:
        for rule in rules:
            print(f"{rule.code:<7} {status(book, rule):<9} {portable(book, rule):<9} {rule.name:<28} {rule.symbols[0]}")
    return 0


def _get(book: Rulebook, code: str) -> Rule:
    rule = book.get(code)
    if rule is None:
        raise UserError(f"no rule has the code {code!r}: kmigrate rules lists them all")
    return rule


if __name__ == "__main__":
    sys.exit("use: kmigrate rules")
