"""The rulebook: rules by symbol and by code, and what the proof says of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from kmigrate.cache import results_version
from kmigrate.names.aliases import canonical_symbol, spellings, wider_symbol
from kmigrate.rulebook.compiled import keep_compiled, recalled
from kmigrate.rulebook.differences import FILE_NAME, Difference, differences_of, read_differences
from kmigrate.rulebook.load import checked, load_tables
from kmigrate.rulebook.place import builtin_rules_directory
from kmigrate.rulebook.proofs import Claim, Proofs
from kmigrate.rulebook.rule import Rule


class Rulebook:
    """All rules of a run.

    ``rules`` may make each rule when it is asked for (``compiled.py``): of hundreds a file needs a few. So the tables of this
    class hold numbers; ``names`` are the code and the symbols of each rule, in the order of ``rules``.
    """

    def __init__(
        self, rules: Sequence[Rule], proofs: Proofs, names: Sequence[tuple[str, Sequence[str]]] | None = None,
        differences: Callable[[], Sequence[Difference]] | None = None,
    ) -> None:  # fmt: skip
        self.rules = rules
        self.proofs = proofs
        names = [(rule.code, rule.symbols) for rule in rules] if names is None else names
        self._by_symbol = {symbol: number for number, (_, symbols) in enumerate(names) for symbol in symbols}
        self._by_code = {code: number for number, (code, _) in enumerate(names)}
        self._by_canonical: dict[str, int] | None = None
        self._differences = differences or (lambda: read_differences(builtin_rules_directory() / FILE_NAME))

    def __len__(self) -> int:
        return len(self.rules)

    def _rule(self, number: int | None) -> Rule | None:
        return None if number is None else self.rules[number]

    def find(self, symbol: str) -> Rule | None:
        """The rule for a symbol, or None.

        A rule that lists this spelling comes first, then one that lists another spelling of the same symbol, then one for a
        symbol that means this one in some version of the engine (such a rule has to hold for every version), at last one for
        a module that has it (``tf.data.*``): the same for all of its spellings.
        """
        number = self._named(symbol)
        if number is None:
            modules = (self._of_module(spelling) for spelling in spellings(symbol))
            number = next((found for found in modules if found is not None), None)
        return self._rule(number)

    def _named(self, symbol: str) -> int | None:
        number = self._by_symbol.get(symbol)
        canonical: str | None = canonical_symbol(symbol)
        while number is None and canonical is not None:
            number = self._canonical_rules().get(canonical)
            canonical = wider_symbol(canonical)
        return number

    def _of_module(self, symbol: str) -> int | None:
        parts = symbol.split(".")
        for length in range(len(parts) - 1, 0, -1):
            number = self._by_symbol.get(".".join([*parts[:length], "*"]))
            if number is not None:
                return number
        return None

    def _canonical_rules(self) -> dict[str, int]:
        if self._by_canonical is None:
            found: dict[str, int] = {}
            for symbol, number in self._by_symbol.items():
                found.setdefault(canonical_symbol(symbol), number)
            self._by_canonical = found
        return self._by_canonical

    def get(self, code: str) -> Rule | None:
        return self._rule(self._by_code.get(code))

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
        return differences_of(template, self._differences()) if template is not None else []


@lru_cache(maxsize=4)
def load_rulebook(extra: Sequence[Path] = ()) -> Rulebook:
    """The built-in rules and those of ``extra`` (a tuple of files or directories), with their proofs; compiled, where they were
    before.

    Raises:
        UserError: see ``load_files``.
    """
    places = [builtin_rules_directory(), *extra]
    state = results_version(extra)
    stored = recalled(places, state)
    if stored is not None:
        return Rulebook(stored.rules, Proofs(stored.proofs), stored.names, stored.differences)
    tables = load_tables(places)
    rules = checked(tables)
    proofs = Proofs.read(dict.fromkeys(rule.source for rule in rules))
    keep_compiled(places, state, tables, rules, proofs.records)
    return Rulebook(rules, proofs)
