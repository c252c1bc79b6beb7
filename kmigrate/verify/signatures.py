"""Rules against the installed libraries: does each symbol exist, and does each parameter stand where the rule says?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    wrong = []
    for place, parameter in enumerate(_positional(rule)):
        there = [signature[place].name for signature in signatures if place < len(signature)]
        if there and parameter.name not in {rule.renamed.get(name, name) for name in there}:
            wrong.append(f"parameter {place + 1} is {' or '.join(sorted(set(there)))}, not {parameter.name}")
    return wrong


# ---- every spelling that a rule is reached by


def misread(rule: Rule, shown: Shown) -> list[str]:
    """Where a spelling that ``rule`` is found by would be read wrongly: another parameter stands at a place that the rule takes
    by position, or a parameter has another default.

    ``shown``: by stack or version, the parameters of the spellings. Parameters that are renamed count as what they are renamed
    to; a default of None says "as documented" and is not compared.
    """
    found: dict[str, list[str]] = {}
    for where, signatures in shown.items():
        for spelling, texts in signatures.items():
            for text in _misread_one(rule, [t for t in texts if isinstance(t, str)]) if isinstance(texts, list) else ():
                found.setdefault(text, []).append(f"{spelling} in {where}")
    return [f"{text}: {places[0]}{f' and {len(places) - 1} more' if places[1:] else ''}" for text, places in found.items()]


def _misread_one(rule: Rule, texts: Sequence[str]) -> Iterator[str]:
    for place, (parameter, text) in enumerate(zip(_positional(rule), texts, strict=False)):
        real = Real.parse(text)
        if real.variadic:
            break
        if rule.renamed.get(real.name, real.name) != parameter.name:
            yield f"parameter {place + 1} is {real.name}, not {parameter.name}"
    defaults = {p.name: p.default for p in rule.parameters or () if p.default is not None}
    for text in texts:
        name = Real.parse(text).name
        name = rule.renamed.get(name, name)
        real_default, default = _plain(text.partition("=")[2]), _plain(defaults.get(name, ""))
        if real_default and default and "None" not in (real_default, default) and real_default != default:
            yield f"the default of {name} is {real_default}, not {default}"


def _plain(default: str) -> str:
    """A default as text that can be compared: ``tf.float32`` and ``'float32'`` are one."""
    return default.strip().removeprefix("tf.").replace(" ", "").replace('"', "'").strip("'").replace("(", "[").replace(")", "]")


def _positional(rule: Rule) -> list[Parameter]:
    found: list[Parameter] = []
    for parameter in rule.parameters or ():
        if parameter.variadic or parameter.keyword_only:
            break
        found.append(parameter)
    return found
