"""The rulebook as it was once read and checked: TOML costs a tenth of a second, a table of JSON texts almost nothing.

Like Python's own ``.pyc`` files it says nothing about anybody's code, so it is kept in the cache directory in any case. Each
rule, and each proof, is a text of its own that is read when a use asks for it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, overload

from kmigrate.cache import cache_directory, keep, recall
from kmigrate.digests import digest
from kmigrate.rulebook.differences import FILE_NAME, Difference, read_differences
from kmigrate.rulebook.load import RuleTable
from kmigrate.rulebook.place import builtin_rules_directory
from kmigrate.rulebook.rule import Rule

Names = Sequence[tuple[str, Sequence[str]]]


class Compiled:
    """What is stored: ``names``, the code and symbols of each rule; ``rules``, made when asked for; ``proofs`` by code."""

    def __init__(self, stored: Mapping[str, Any]) -> None:
        self.names: Names = stored["names"]
        self.rules: Sequence[Rule] = _Rules([Path(source) for source in stored["sources"]], stored["tables"])
        self.proofs: Mapping[str, Any] = _Texts(stored["proofs"])
        self.differences: Callable[[], Sequence[Difference]] = cache(partial(_differences, stored["differences"]))


class _Rules(Sequence[Rule]):
    """Rules from their texts, each once: two uses of a rule have the same one."""

    def __init__(self, sources: Sequence[Path], tables: Sequence[tuple[int, int, str]]) -> None:
        self._sources = sources
        self._tables = tables
        self._made: dict[int, Rule] = {}

    def __len__(self) -> int:
        return len(self._tables)

    @overload
    def __getitem__(self, number: int) -> Rule: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[Rule]: ...
    def __getitem__(self, number: int | slice) -> Rule | Sequence[Rule]:
        if isinstance(number, slice):
            return [self[n] for n in range(*number.indices(len(self)))]
        if number not in self._made:
            source, place, text = self._tables[number]
            self._made[number] = RuleTable(self._sources[source], place, json.loads(text)).rule()
        return self._made[number]


class _Texts(Mapping[str, Any]):
    """Values from their JSON texts."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts

    def __getitem__(self, key: str) -> Any:
        return json.loads(self._texts[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)


def _differences(plain: Sequence[Sequence[Any]]) -> Sequence[Difference]:
    return [Difference(name, tuple(functions), *rest) for name, functions, *rest in plain]


def recalled(places: Sequence[Path], state: str | None) -> Compiled | None:
    """The rules of some places in this state, if they are kept."""
    content = recall(_path(places), state)
    return None if content is None else Compiled(json.loads(content))


def keep_compiled(
    places: Sequence[Path], state: str | None, tables: Sequence[RuleTable], rules: Sequence[Rule], proofs: Mapping[str, Any]
) -> None:
    """Remember rules that are checked. What JSON cannot say (a date in an example) is not kept."""
    sources = list(dict.fromkeys(table.path for table in tables))
    numbers = {source: number for number, source in enumerate(sources)}
    differences = read_differences(builtin_rules_directory() / FILE_NAME)
    try:
        document = {
            "names": [(rule.code, rule.symbols) for rule in rules],
            "sources": list(map(str, sources)),
            "tables": [(numbers[table.path], table.number, json.dumps(table.table)) for table in tables],
            "proofs": {code: json.dumps(record) for code, record in proofs.items()},
            "differences": [(d.id, d.functions, d.text, d.expression, d.values, d.unseen) for d in differences],
        }
        content = json.dumps(document, separators=(",", ":")).encode()
    except TypeError:
        return
    keep(_path(places), state, content)


def _path(places: Sequence[Path]) -> str:
    return os.path.join(cache_directory(), f"{digest(*map(str, places))}-rulebook.json")
