"""The rulebook: rules by symbol and by code, and what the proof says of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from kmigrate.names.aliases import canonical_symbol, wider_symbol
from kmigrate.rulebook.differences import FILE_NAME, Difference, differences_of, read_differences
from kmigrate.rulebook.load import load_files
from kmigrate.rulebook.place import builtin_rules_directory
from kmigrate.rulebook.proofs import Claim, Proofs
from kmigrate.rulebook.rule import Rule


class Rulebook:
    """All rules of a run."""

    def __init__(self, rules: Iterable[Rule], proofs: Proofs) -> None:
        self.rules = tuple(rules)
        self.proofs = proofs
        self._by_symbol = {symbol: rule for rule in self.rules for symbol in rule.symbols}
        self._by_code = {rule.code: rule for rule in self.rules}
        self._by_canonical: dict[str, Rule] | None = None

    def __len__(self) -> int:
        return len(self.rules)

    def find(self, symbol: str) -> Rule | None:
        """The rule for a symbol, or None.

        A rule that lists this spelling comes first, then one that lists another spelling of the same symbol, then one for a
        symbol that means this one in some version of the engine (such a rule has to hold for every version), at last one for
        the module (``tf.data.*``).
        """
        return self._named(symbol) or self._of_module(canonical_symbol(symbol)) or self._of_module(symbol)

    def _named(self, symbol: str) -> Rule | None:
        rule = self._by_symbol.get(symbol)
        canonical: str | None = canonical_symbol(symbol)
        while rule is None and canonical is not None:
            rule = self._canonical_rules().get(canonical)
            canonical = wider_symbol(canonical)
        return rule

    def _of_module(self, symbol: str) -> Rule | None:
        parts = symbol.split(".")
        for length in range(len(parts) - 1, 0, -1):
            rule = self._by_symbol.get(".".join([*parts[:length], "*"]))
            if rule is not None:
                return rule
        return None

    def _canonical_rules(self) -> dict[str, Rule]:
        if self._by_canonical is None:
            found: dict[str, Rule] = {}
            for symbol, rule in self._by_symbol.items():
                found.setdefault(canonical_symbol(symbol), rule)
            self._by_canonical = found
        return self._by_canonical

    def get(self, code: str) -> Rule | None:
        return self._by_code.get(code)

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
