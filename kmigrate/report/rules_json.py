"""Rules for programs: ``kmigrate rules --output-format json``, schema 1."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable
from typing import Any

from kmigrate import __version__
from kmigrate.report.rules import applicability, portable, status
from kmigrate.rulebook.book import Rulebook
from kmigrate.rulebook.rule import Rule


def render_rules(book: Rulebook, rules: Iterable[Rule]) -> str:
    """One JSON object: ``fix`` and ``portable`` are what execution has shown, as on the rule's page."""
    document = {"schema": 1, "version": __version__, "rules": [_rule(book, rule) for rule in rules]}
    return json.dumps(document, indent=2) + "\n"


def _rule(book: Rulebook, rule: Rule) -> dict[str, Any]:
    return {
        "code": rule.code,
        "name": rule.name,
        "symbols": list(rule.symbols),
        "signature": rule.signature,
        "fix": status(book, rule),
        "portable": portable(book, rule) or None,
        "why": rule.why,
        "guidance": rule.guidance,
        "alternatives": [_alternative(book, rule, index) for index in range(len(rule.alternatives))],
        "refusals": [{"when": ast.unparse(refusal.when), "reason": refusal.reason} for refusal in rule.refusals],
        "engines": (book.proofs.record(rule) or {}).get("engines"),
    }


def _alternative(book: Rulebook, rule: Rule, index: int) -> dict[str, Any]:
    alternative, claim = rule.alternatives[index], book.claim(rule, index)
    return {
        "replacement": {target: ast.unparse(tree) for target, tree in alternative.replacement.items()},
        "when": alternative.when_text,
        "assume": alternative.assume,
        "fix": applicability(book, rule, index),
        "preserving": claim.preserving,
        "reason": claim.reason,
        "portable": claim.portable,
        "portability": claim.portability,
    }
