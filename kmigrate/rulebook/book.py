"""The rulebook: rules by symbol and by code, and what the proof says of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from kmigrate.rulebook.differences import FILE_NAME, Difference, differences_of, read_differences
from kmigrate.rulebook.load import load_files
from kmigrate.rulebook.place import builtin_rules_directory
from kmigrate.rulebook.proofs import Claim, Proofs
from kmigrate.rulebook.rule import Rule

# ``tf.compat.v1.X`` means what ``tf.X`` means unless a rule says otherwise: looked up in this order.
_COMPAT = ("tf.compat.v1.", "tf.compat.v2.")


def _spellings(symbol: str) -> list[str]:
    return [symbol, *("tf." + symbol[len(prefix) :] for prefix in _COMPAT if symbol.startswith(prefix))]


class Rulebook:
    """All rules of a run."""

    def __init__(self, rules: Iterable[Rule], proofs: Proofs) -> None:
        self.rules = tuple(rules)
        self.proofs = proofs
        self._by_symbol = {symbol: rule for rule in self.rules for symbol in rule.symbols}
        self._by_code = {rule.code: rule for rule in self.rules}

    def __len__(self) -> int:
        return len(self.rules)

    def find(self, symbol: str) -> Rule | None:
        """The rule for a canonical symbol, or None: one that names it, else one for its module (``tf.data.*``)."""
        named = self._named(symbol)
        if named is not None:
            return named
        for spelling in reversed(_spellings(symbol)):
            parts = spelling.split(".")
            for length in range(len(parts) - 1, 0, -1):
                rule = self._by_symbol.get(".".join([*parts[:length], "*"]))
                if rule is not None:
                    return rule
        return None

    def get(self, code: str) -> Rule | None:
        return self._by_code.get(code)

    def _named(self, symbol: str) -> Rule | None:
        return next((self._by_symbol[s] for s in _spellings(symbol) if s in self._by_symbol), None)

    def knows(self, symbol: str) -> bool:
        """Whether a rule names the symbol itself."""
        return self._named(symbol) is not None

    def claim(self, rule: Rule, alternative: int) -> Claim:
        """What execution has shown of one alternative of a rule, with words on where the engines part: the rule's own, or those
        on the first function of K in the replacement that the engines disagree about."""
        claim = self.proofs.claim(rule, alternative)
        if claim.portable is not False:
            return claim
        words = [rule.portability] if rule.portability else [d.text for d in self.differences(rule, alternative)[:1]]
        if not words:
            return claim
        measured = [f"measured: {claim.portability}"] if claim.portability else []
        return replace(claim, portability="; ".join([*words, *measured]))

    def differences(self, rule: Rule, alternative: int) -> list[Difference]:
        """What is known of the K functions and operators of one replacement, over both engines."""
        template = rule.alternatives[alternative].replacement.get("keras2")
        known = read_differences(builtin_rules_directory() / FILE_NAME)
        return differences_of(template, known) if template is not None else []


@lru_cache(maxsize=4)
def load_rulebook(extra: Sequence[Path] = ()) -> Rulebook:
    """The built-in rules and those of ``extra`` (a tuple of files or directories), with their proofs.

    Raises:
        UserError: see ``load_files``.
    """
    places = [builtin_rules_directory(), *extra]
    rules = load_files(places)
    return Rulebook(rules, Proofs.read(dict.fromkeys(rule.source for rule in rules)))
