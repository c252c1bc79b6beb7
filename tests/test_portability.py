"""What is said of the engines' differences is true when run, names what K has, and reaches the rules that use it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kmigrate.rulebook.book import load_rulebook
from kmigrate.rulebook.differences import FILE_NAME, Difference, functions_of, read_differences
from kmigrate.rulebook.place import builtin_rules_directory
from kmigrate.toml import tomllib

DATA = Path(__file__).parent / "data"
DIFFERENCES = read_differences(builtin_rules_directory() / FILE_NAME)
# What no rule writes, because of the difference.
NEVER_WRITTEN = {"==", "[None]"}


def written() -> set[str]:
    book = load_rulebook()
    found: set[str] = set()
    for rule in book.rules:
        for alternative in rule.alternatives:
            if "keras2" in alternative.replacement:
                found |= functions_of(alternative.replacement["keras2"])
    return found


def test_ids_are_unique_and_functions_exist() -> None:
    assert len(DIFFERENCES) > 100
    assert len({d.id for d in DIFFERENCES}) == len(DIFFERENCES)
    functions = set(json.loads((DATA / "k_functions.json").read_text("utf-8")))
    unknown = {f for d in DIFFERENCES for f in d.functions if f.isidentifier()} - functions
    assert unknown == set()


def test_every_difference_reaches_a_rule_or_a_function_that_no_rule_writes() -> None:
    groups = tomllib.loads((DATA / "k_exceptions.toml").read_text("utf-8")).values()
    excepted = {name for group in groups for name in group["functions"]} | NEVER_WRITTEN
    functions = json.loads((DATA / "k_functions.json").read_text("utf-8"))
    excepted |= {name for name, engines in functions.items() if len(engines) == 1}
    used = written()
    assert [d.id for d in DIFFERENCES if not set(d.functions) & (used | excepted)] == []
    assert NEVER_WRITTEN & used == set()


def test_a_finding_that_is_not_portable_names_the_difference() -> None:
    book = load_rulebook()
    rule = book.get("TF421") or pytest.fail("TF421 is gone")
    claim = book.claim(rule, 0)
    assert claim.portable is False
    assert "turns the kernel of a convolution round" in str(claim.portability)
    assert "measured" in str(claim.portability)


def _inputs(difference: Difference) -> tuple[str, dict[str, str]]:
    """Statements that give each value as a tensor which the function's own input reaches, so that gradients exist."""
    lines, specs = [], {}
    for name, value in difference.values.items():
        array = np.asarray(value)
        specs[name] = f"unit[{','.join(map(str, array.shape))}]"
        kind = "int32" if array.dtype.kind == "i" else "float32"
        flat = ", ".join(
            f"float('{v}')" if isinstance(v, float) and not math.isfinite(v) else repr(v) for v in array.ravel().tolist()
        )
        constant = f"K.constant(np.array([{flat}]).reshape({array.shape}), dtype='{kind}')"
        zero = f"K.cast({name} * 0., 'int32')" if kind == "int32" else f"{name} * 0."
        lines.append(f"    {name} = {zero} + {constant}\n")
    return "".join(lines), specs


def _differs(engines: Any, difference: Difference) -> bool:
    from snippet import run_snippet

    from kmigrate.verify.compare import compare

    lines, specs = _inputs(difference)
    arguments = ", ".join(specs)
    text = f"import numpy as np\nfrom keras import backend as K\n\n\ndef f({arguments}):\n{lines}    return {difference.expression}\n"
    results = [run_snippet(engines, engine, text, "f", specs, gradient=False) for engine in ("tensorflow", "theano")]
    if not all(result.ok for result in results):
        return any(result.ok for result in results)
    return compare(*results, same_engine=False).verdict not in ("identical", "equal")


@pytest.fixture(scope="module")
def stacks() -> Iterator[list[Any]]:
    from kmigrate.verify.runner import Engines, Limits
    from kmigrate.verify.stacks import ensure, load_stacks

    chosen = [stack for stack in load_stacks().values() if stack.target == "keras2"]
    first, second = (Engines(ensure(stack), tuple(stack.engines), Limits(case_s=20.0)) for stack in chosen)
    with first as one, second as two:
        yield [one, two]


@pytest.mark.engines
@pytest.mark.parametrize("difference", [d for d in DIFFERENCES if d.unseen is None], ids=lambda d: d.id)
def test_the_engines_differ_as_is_said(difference: Difference, stacks: list[Any]) -> None:
    assert any(_differs(engines, difference) for engines in stacks)
