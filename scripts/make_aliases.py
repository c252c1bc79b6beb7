"""Makes kmigrate/names/aliases.txt: which spellings of engine symbols mean one thing, seen in the real libraries.

    python scripts/make_aliases.py           write the table from the stacks keras2-tf1 and keras2-tf2 (installed on first use)
    python scripts/make_aliases.py --check   fail if the table is not what these stacks give

In each stack a spelling names one object. Over both stacks it names a set of objects: ``tf.argmax`` is one function in
TensorFlow 1 and another in TensorFlow 2. Two spellings become one symbol where they name the same set of objects; or where one
names some of the other's objects, all of which take the same positional parameters (``tf.compat.v1.reduce_sum`` and
``tf.reduce_sum``) and are not listed in ``DIFFERENT``. Where the parameters differ (``tf.compat.v1.argmax`` and ``tf.argmax``)
they stay two symbols, and the narrower one's line names the wider one.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kmigrate.names.aliases import TABLE, VERSIONS
from kmigrate.verify.stacks import ensure, get_stack

STACKS = ("keras2-tf1", "keras2-tf2")
PROBE = Path(__file__).parent / "engine_symbols.py"
# Functions of TensorFlow 1 and 2 with the same parameters that do different things: never one symbol.
DIFFERENT = {
    "tf.where": "1 picks rows by a condition of rank 1, 2 broadcasts it",
    "tf.nn.ctc_beam_search_decoder": "1 merges repeated classes by default, 2 never does",
}
# Spellings that nobody writes for themselves: they are listed beside a public one, or not at all.
_INTERNAL = re.compile(
    r"tf\.(python|contrib|raw_ops)\."
    r"|theano\.(compile(?!\.SharedVariable)|printing|gradient|scan_module|sparse\.basic)\."
    r"|theano\.tensor\.(?!(nnet|signal\.\w+|slinalg|nlinalg|extra_ops|fft|shared_randomstreams)\.)\w+\.\w"
    r"|theano\.tensor\.nnet\.\w+\.\w"
)
HEADER = """\
# Made by scripts/make_aliases.py from TensorFlow 1.15 and 2.2 and Theano 1.0: do not edit.
# One symbol a line, its canonical spelling first, then the others. tf.*x stands for tf.x, tf.compat.v1.x and tf.compat.v2.x.
# <y: everything that this symbol may mean, y may mean too (in another version of the engine y means something else).
"""

Objects = dict[str, dict[str, Any]]
Listing = tuple[dict[str, str], Objects]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with the committed table instead of writing it")
    text = render(*classes([listing(stack) for stack in STACKS]))
    if not parser.parse_args().check:
        TABLE.write_text(text, "utf-8")
        print(f"{TABLE}: {len(text.splitlines())} lines")
        return 0
    if TABLE.read_text("utf-8") != text:
        print(f"{TABLE}: not what the stacks give; run python scripts/make_aliases.py", file=sys.stderr)
        return 1
    return 0


def listing(stack_name: str) -> Listing:
    """The spellings of one stack with the keys of their objects, and the objects."""
    output = subprocess.run(
        [ensure(get_stack(stack_name)), "-I", PROBE], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ).stdout
    found = json.loads(output)
    return found["symbols"], found["objects"]


def classes(stacks: list[Listing]) -> tuple[dict[str, list[str]], dict[str, str]]:
    """canonical spelling -> the spellings that mean the same, itself included; canonical spelling -> the wider symbol's."""
    means: dict[str, set[str]] = defaultdict(set)
    objects: Objects = {}
    renamed = _renamed(*stacks)
    for symbols, found in stacks:
        objects.update(found)
        for spelling, key in symbols.items():
            means[spelling].add(renamed.get(key, key))
    same: dict[frozenset[str], list[str]] = defaultdict(list)
    for spelling, keys in means.items():
        same[frozenset(keys)].append(spelling)
    chosen: dict[str, list[str]] = defaultdict(list)
    wider: dict[str, str] = {}
    for keys, spellings in same.items():
        name, more = _wider(keys, means, objects)
        merged = _alike(more, objects) and name not in DIFFERENT
        canonical = _canonical(more if merged else keys, same, objects)
        chosen[canonical] += spellings
        if more != keys and not merged:
            wider[canonical] = _canonical(more, same, objects)
    return {c: spellings for c, spellings in chosen.items() if not all(_INTERNAL.match(s) for s in spellings)}, wider


def _renamed(old: Listing, new: Listing) -> dict[str, str]:
    """Objects of the newer stack that are objects of the older one, defined elsewhere: ``tf.compat.v1.x`` stays what it was."""
    found = {}
    for spelling, key in old[0].items():
        now = new[0].get(spelling, key)
        plain = f"tf.{spelling.removeprefix('tf.compat.v1.')}"
        if spelling.startswith("tf.compat.v1.") and now != key and now not in (old[0].get(plain), new[0].get(plain)):
            before, after = old[1].get(key, {}), new[1].get(now, {})
            if before.get("kind") == after.get("kind") != "module" and before.get("parameters") == after.get("parameters"):
                found[now] = key
    return found


def _canonical(keys: frozenset[str], same: dict[frozenset[str], list[str]], objects: Objects) -> str:
    return min(same[keys], key=lambda s: _preference(s, keys, objects))


def _wider(keys: frozenset[str], means: dict[str, set[str]], objects: Objects) -> tuple[str, frozenset[str]]:
    """The documented name of these objects, and what else that name means in another version; ``keys`` alone where nothing."""
    for name in dict.fromkeys(n for key in sorted(keys) for n in objects.get(key, {}).get("names", ())):
        more = frozenset(means.get(f"tf.{name}", ()))
        if keys < more:
            return f"tf.{name}", more
    return "", keys


def _alike(keys: Iterable[str], objects: Objects) -> bool:
    """Whether functions take the same positional parameters, of which some may have further ones."""
    signatures = [objects.get(key, {}).get("parameters") for key in keys]
    if any(s is None for s in signatures):
        return False
    longest = max(signatures, key=len)
    return all(s == longest[: len(s)] for s in signatures)


def _preference(spelling: str, keys: frozenset[str], objects: Objects) -> tuple[bool, bool, int, int, int, str]:
    """The documented name first: public, without compat, TensorFlow's own first choice, short."""
    documented = [n for key in sorted(keys) for n in objects.get(key, {}).get("names", ())]
    plain = re.sub(r"^tf\.(compat\.v[12]\.)?", "", spelling)
    place = documented.index(plain) if plain in documented else len(documented)
    return bool(_INTERNAL.match(spelling)), ".compat." in spelling, place, spelling.count("."), len(spelling), spelling


def render(chosen: dict[str, list[str]], wider: dict[str, str]) -> str:
    lines = []
    for canonical, spellings in sorted(chosen.items()):
        rest = _folded(spellings)
        star = f"tf.*{canonical[3:]}"
        first = star if star in rest else canonical
        more = [f"<{wider[canonical]}"] if canonical in wider else []
        lines.append(" ".join([first, *more, *sorted(rest - {first})]))
    return HEADER + "\n".join(lines) + "\n"


def _folded(spellings: Iterable[str]) -> set[str]:
    found = set(spellings)
    for spelling in sorted(found):
        versions = {f"tf.{version}{spelling[3:]}" for version in VERSIONS}
        if versions <= found:
            found = found - versions | {f"tf.*{spelling[3:]}"}
    return found


if __name__ == "__main__":
    sys.exit(main())
