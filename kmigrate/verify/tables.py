"""A case as a table of plain values, as it stands in configurations, saved cases and JSON; and a table as a case.

What equals the default of ``Case`` is left out. Values that TOML and JSON do not have stand as texts: ``literal((2, 2))`` for
Python literals (tuples, None), ``expr(...)`` for what the worker evaluates.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from kmigrate.model import UserError
from kmigrate.verify import specs
from kmigrate.verify.anatomy import UnitShape
from kmigrate.verify.cases import Case, named_inputs

Table = dict[str, Any]

_FLAGS = ("dynamic", "gradient", "initial_state", "round_trip")
_CHOICES: Mapping[str, tuple[Any, ...]] = {
    "floatx": ("float32", "float64", "float16"),
    "data_format": ("channels_last", "channels_first"),
    "phase": (0, 1),
    **dict.fromkeys(_FLAGS, (False, True)),
}
_PLAIN = ("floatx", "phase", "data_format", "seed", "epsilon", *_FLAGS)
KEYS = ("args", "inputs", *_PLAIN)
_DEFAULTS = {field.name: field.default for field in fields(Case)}
_MOST_INTEGER = 2**63


def to_table(case: Case) -> Table:
    """The table of a case; ``from_table`` gives an equal case back."""
    table: Table = {}
    if case.kwargs:
        table["args"] = {name: _written(value) for name, value in case.kwargs.items()}
    if case.inputs:
        table["inputs"] = dict(case.inputs)
    for key in _PLAIN:
        value = getattr(case, key)
        if value != _DEFAULTS[key]:
            table[key] = value
    return table


def from_table(where: str, table: Mapping[str, Any], shape: UnitShape | None = None) -> Case:
    """The case that a table describes. ``args`` are for the constructor (or the outer function); ``inputs`` is a table by
    parameter name, or a list of specs in the order of the parameters, several for one that takes a list.

    Raises UserError that names ``where`` and the key.
    """
    if unknown := sorted(set(table) - set(KEYS)):
        raise UserError(f"{where}: unknown key {unknown[0]!r} (known: {', '.join(sorted(KEYS))})")
    args = table.get("args", {})
    given = table.get("inputs", {})
    if not isinstance(args, Mapping):
        raise UserError(f"{where}: args: expected a table, not {args!r}")
    if not isinstance(given, (Mapping, list, tuple)):
        raise UserError(f"{where}: inputs: expected a table or a list, not {given!r}")
    for key in _PLAIN:
        if key in table:
            _examine(where, key, table[key])
    inputs = named_inputs(given, shape)
    for name, spec in inputs:
        try:
            specs.parse(spec)
        except specs.SpecError as error:
            raise UserError(f"{where}: inputs: {name}: {error}") from None
    kwargs = {str(name): _read(f"{where}: args: {name}", value) for name, value in args.items()}
    return Case(kwargs, inputs, **{key: table[key] for key in _PLAIN if key in table})


def _examine(where: str, key: str, value: Any) -> None:
    choices = _CHOICES.get(key)
    if choices is not None:
        if not any(value is choice or (type(value) is type(choice) and value == choice) for choice in choices):
            shown = ", ".join("true" if c is True else "false" if c is False else str(c) for c in choices)
            raise UserError(f"{where}: {key}: expected one of {shown}, not {value!r}")
    elif key == "seed" and (type(value) is not int or not 0 <= value < 2**32):
        raise UserError(f"{where}: seed: expected a whole number from 0 to 4294967295, not {value!r}")
    elif key == "epsilon" and (type(value) not in (int, float) or not 0 < value < math.inf):
        raise UserError(f"{where}: epsilon: expected a number above 0, not {value!r}")


def _written(value: Any) -> Any:
    """The value itself where TOML has it, else a text that stands for it."""
    if isinstance(value, str):
        # `expr(...)` means the same in a case and in its table; a text that looks like a literal must stay a text.
        return f"literal({value!r})" if value.startswith("literal(") else value
    if _has_toml(value):
        return value
    try:
        if ast.literal_eval(repr(value)) == value:
            return f"literal({value!r})"
    except (ValueError, SyntaxError):
        pass
    return f"expr({_source(value)})"


def _has_toml(value: Any) -> bool:
    if isinstance(value, list):
        return all(_has_toml(item) for item in value)
    if isinstance(value, dict):
        return all(isinstance(name, str) and _has_toml(item) for name, item in value.items())
    if isinstance(value, str):
        return not value.startswith("literal(")
    return type(value) in (bool, float) or (type(value) is int and abs(value) < _MOST_INTEGER)


def _source(value: Any) -> str:
    """Python code for a value that is no literal because there is an infinity, a NaN or an expression in it."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"float({str(value)!r})"
    if isinstance(value, str) and value.startswith("expr("):
        return value[5:-1]
    if isinstance(value, (tuple, list)):
        inner = ", ".join(_source(item) for item in value)
        return f"[{inner}]" if isinstance(value, list) else f"({inner}{',' if len(value) == 1 else ''})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name!r}: {_source(item)}" for name, item in value.items()) + "}"
    return repr(value)


def _read(where: str, value: Any) -> Any:
    if isinstance(value, str) and value.startswith("literal("):
        try:
            return specs.parse(value).value
        except specs.SpecError as error:
            raise UserError(f"{where}: {error}") from None
    if isinstance(value, list):
        return [_read(where, item) for item in value]
    if isinstance(value, Mapping):
        return {str(name): _read(where, item) for name, item in value.items()}
    if isinstance(value, (str, bool, int, float)):
        return value
    raise UserError(f"{where}: {value!r} is no value that a case takes")  # TOML's dates and times


def from_config(where: str, table: Mapping[str, Any], shape: UnitShape | None, seeds: Sequence[int]) -> list[Case]:
    """The cases of one configured table: both dtypes and phases and every seed, but for what the table fixes.

    Raises UserError as ``from_table`` does.
    """
    base = from_table(where, table, shape)
    wide = [base] if "floatx" in table else [replace(base, floatx="float64"), base]
    both = wide if "phase" in table else [replace(case, phase=phase) for phase in (0, 1) for case in wide]
    both[0] = replace(both[0], round_trip=True)
    more = () if "seed" in table else tuple(seed for seed in seeds if seed != base.seed)
    return both + [replace(wide[0], seed=seed) for seed in more]
