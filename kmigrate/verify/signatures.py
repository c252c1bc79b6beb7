"""Rules against the installed libraries: does each symbol exist, and does each parameter stand where the rule says?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kmigrate.rulebook.rule import Parameter, Rule

# By stack: symbol -> parameters as the library shows them, None (shows none), or "missing".
Shown = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Real:
    """One parameter of a library's function. ``variadic`` is ``*``, ``**`` or empty."""

    name: str
    variadic: str = ""

    @classmethod
    def parse(cls, text: str) -> Real:
        """From ``axis=None``, ``*args`` or ``x: Tensor``."""
        name = text.partition("=")[0].partition(":")[0].strip()
        bare = name.lstrip("*")
        return cls(bare, name[: len(name) - len(bare)])


def asked(rules: Iterable[Rule]) -> list[str]:
    """The names to look up: symbols, and of ``tf.audio.*`` the module."""
    return list(dict.fromkeys(symbol.removesuffix(".*") for rule in rules for symbol in rule.symbols))


def missing_symbols(rules: Iterable[Rule], shown: Shown) -> dict[str, str]:
    """Symbol -> code of its rule, for symbols that no stack has."""
    return {
        symbol: rule.code
        for rule in rules
        for symbol in rule.symbols
        if all(found.get(symbol.removesuffix(".*"), "missing") == "missing" for found in shown.values())
    }


def wrong_parameters(rule: Rule, shown: Shown) -> list[str]:
    """What the rule's signature says that no library says: a name that none of its functions has, or a positional
    parameter that stands elsewhere in every one of them."""
    if rule.parameters is None:
        return []
    signatures = [
        [Real.parse(text) for text in found[symbol]]
        for found in shown.values()
        for symbol in rule.symbols
        if isinstance(found.get(symbol), list)
    ]
    # A function that takes anything (Theano's operations) shows no names, and takes what it gets in order.
    named = [signature for signature in signatures if not any(p.variadic for p in signature)]
    if not named or len(named) < len(signatures):
        return []
    return _unknown(rule, named) + _misplaced(rule, named)


def _unknown(rule: Rule, signatures: Sequence[Sequence[Real]]) -> list[str]:
    known = {p.name for signature in signatures for p in signature}
    aliases: dict[str, set[str]] = {}
    for old, new in rule.renamed.items():
        aliases.setdefault(new, set()).add(old)
    wrong = [p.name for p in rule.parameters or () if not p.variadic and not known & {p.name, *aliases.get(p.name, ())}]
    return [f"no such parameter: {name}" for name in wrong]


def _misplaced(rule: Rule, signatures: Sequence[Sequence[Real]]) -> list[str]:
    positional: list[Parameter] = []
    for parameter in rule.parameters or ():
        if parameter.variadic or parameter.keyword_only:
            break
        positional.append(parameter)
    wrong = []
    for place, parameter in enumerate(positional):
        there = [signature[place].name for signature in signatures if place < len(signature)]
        if there and parameter.name not in {rule.renamed.get(name, name) for name in there}:
            wrong.append(f"parameter {place + 1} is {' or '.join(sorted(set(there)))}, not {parameter.name}")
    return wrong
