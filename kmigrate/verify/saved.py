"""Saved cases: a TOML file that is committed, edited and run again (``verify --cases``, ``--save-cases``).

One ``[[unit]]`` for each unit, one line for each of its cases. Paths are relative to the file's folder, so that the file says the
same from wherever the command runs. Writing adds units and never touches what is there: a person's edits and comments stay.
"""

from __future__ import annotations

import difflib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kmigrate.files import FileAccessError, display_path, write_atomic
from kmigrate.model import UserError
from kmigrate.toml import tomllib
from kmigrate.verify.cases import Case
from kmigrate.verify.tables import Table, from_table
from kmigrate.verify.verdicts import UnitVerdict

_HEADER = """\
Cases of `kmigrate verify`: run by `kmigrate verify --cases THIS_FILE`, made by `--save-cases THIS_FILE`.
Change, add or delete cases as you like: they run as they stand here, and saving again adds units that are not here yet.

  args     arguments of the constructor (of the outer function, where a function returns the unit)
  inputs   by parameter: "float[2,6,4]", "int[2,6]<10", "bool[2,6]", "literal(2)", "expr(np.eye(3))"; x.0, x.1 make a list
           also positive, unit (0 to 1), probability, onehot, large, edges (0, 0.5, 1), ones,
           range (0, 1, 2 ...), complex; mask = "bool[2,6]" is a mask
  phase = 1              training (default: 0, test)
  floatx = "float64"     also "float16" (default: "float32")
  seed = 1               other numbers in the inputs (default: 0)
  data_format, epsilon   what K.image_data_format() and K.epsilon() give
  dynamic = false        placeholders whose batch size is known
  gradient = false       no gradients
  initial_state = true   recurrent: begins in states that are not zero
  round_trip = true      also through get_config and from_config

What TOML cannot write stands as text: "literal((2, 2))", "literal(None)", "expr(layers.Dense(3))".
A unit that is one of several of the same name in a file (lambdas) has its number."""

Key = tuple[str, str, int]
"""Path (absolute), qualified name, and which of the units of that name in its file (from 1)."""


@dataclass(frozen=True, slots=True)
class SavedUnit:
    """The cases of one unit; ``label`` names file and unit for messages."""

    label: str
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class Saved:
    """What a file of cases says."""

    path: Path | None = None
    units: Mapping[Key, SavedUnit] = field(default_factory=dict)

    def unknown(self, seen: Mapping[str, Sequence[Key]]) -> Iterator[str]:
        """A line for each saved unit that no run can use: its file does not exist, or is among the ``seen`` ones (absolute, with
        the keys of the units that the run found there) and has no unit of that name."""
        for key, unit in self.units.items():
            path, qualname, _ = key
            if not Path(path).is_file():
                yield f"{unit.label}: there is no file {display_path(Path(path))}"
            elif path in seen and key not in seen[path]:
                near = difflib.get_close_matches(qualname, [other for _, other, _ in seen[path]], n=1)
                hint = f" (did you mean {near[0]}?)" if near and near[0] != qualname else ""
                yield f"{unit.label}: this run verifies no such unit{hint}"


def keys(path: Path, every: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Key]:
    """The key of each unit of a file by its qualified name and line, given those of all of them."""
    place, count = str(path.resolve()), Counter[str]()
    found: dict[tuple[str, int], Key] = {}
    for name, line in sorted(set(every), key=lambda item: (item[1], item[0])):
        count[name] += 1
        found[name, line] = (place, name, count[name])
    return found


def load(path: Path | None) -> Saved:
    """The cases of a file, none for None. Raises UserError that names file, unit, case and cause."""
    if path is None:
        return Saved()
    try:
        return _parsed(path, path.read_text("utf-8"))
    except OSError as error:
        raise UserError(f"{display_path(path)}: cannot read the cases: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{display_path(path)}: not UTF-8 text (byte {error.start})") from None


def _parsed(path: Path, text: str) -> Saved:
    shown = display_path(path)
    try:
        document: dict[str, Any] = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UserError(f"{shown}: not valid TOML: {error}") from None
    if unknown := sorted(set(document) - {"unit"}):
        raise UserError(f"{shown}: unknown key {unknown[0]!r}; a file of cases has [[unit]] tables only")
    tables = document.get("unit", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise UserError(f"{shown}: unit: expected [[unit]] tables")
    units: dict[Key, SavedUnit] = {}
    for position, table in enumerate(tables, 1):
        key, unit = _unit(path, position, table)
        if key in units:
            raise UserError(f"{unit.label}: the file has two tables of this unit")
        units[key] = unit
    return Saved(path, units)


def _unit(path: Path, position: int, table: Table) -> tuple[Key, SavedUnit]:
    where = f"{display_path(path)}: unit {position}"
    kinds: tuple[tuple[str, type], ...] = (("path", str), ("qualname", str), ("cases", list), ("number", int), ("origin", str))
    if unknown := sorted(set(table) - {name for name, _ in kinds}):
        raise UserError(f"{where}: unknown key {unknown[0]!r} (known: {', '.join(name for name, _ in kinds)})")
    for name, kind in kinds:
        if name not in table and name in ("path", "qualname", "cases"):
            raise UserError(f"{where}: {name} is missing")
        if name in table and type(table[name]) is not kind:
            raise UserError(f"{where}: {name}: expected a {kind.__name__}, not {table[name]!r}")
    number = int(table.get("number", 1))
    label = f"{display_path(path)}: {table['path']}: {table['qualname']}{'' if number == 1 else f' (number {number})'}"
    cases = []
    for position_of_case, case in enumerate(table["cases"], 1):
        if not isinstance(case, dict):
            raise UserError(f"{label}: case {position_of_case}: expected a table, not {case!r}")
        cases.append(from_table(f"{label}: case {position_of_case}", case))
    if not cases:
        raise UserError(f"{label}: there is no case (delete the unit's table, and verify searches for some)")
    place = (path.parent / table["path"]).resolve()
    return (str(place), table["qualname"], number), SavedUnit(label, tuple(cases))


def save(path: Path, units: Sequence[tuple[Key, UnitVerdict]]) -> tuple[int, int]:
    """Add the cases of units that the file has not yet; (units added, units that it had). Raises UserError."""
    known, text = load(path if path.exists() else None), ""
    if path.exists():
        text = path.read_text("utf-8")
    useful = [(key, unit) for key, unit in units if unit.tables]
    fresh = [(key, unit) for key, unit in useful if key not in known.units]
    if fresh or not text:
        try:
            write_atomic(path, _written(path, text, fresh).encode("utf-8"))
        except FileAccessError as problem:
            raise UserError(f"{path}: {problem.file_error.message}") from None
    return len(fresh), len(useful) - len(fresh)


def _written(path: Path, text: str, fresh: Sequence[tuple[Key, UnitVerdict]]) -> str:
    """The text of the file with more units at its end."""
    import tomlkit

    document = tomlkit.document()
    tables = tomlkit.aot()
    for (place, qualname, number), unit in fresh:
        table = tomlkit.table()
        table["path"] = Path(os.path.relpath(place, path.resolve().parent)).as_posix()
        table["qualname"] = qualname
        if number > 1:
            table["number"] = number
        if unit.origin:
            table["origin"] = unit.origin
        cases = tomlkit.array()
        for case in unit.tables:
            cases.append(_inline(case))
        table["cases"] = cases.multiline(True)
        tables.append(table)
    if fresh:
        document["unit"] = tables
    added = tomlkit.dumps(document)
    if not text:
        return "".join(f"# {line}".rstrip() + "\n" for line in _HEADER.splitlines()) + "\n" + added
    # The file's own text stays byte for byte: tables of an array may stand anywhere after it.
    return text.rstrip("\n") + "\n\n" + added


def _inline(table: Mapping[str, Any]) -> Any:
    import tomlkit

    inline = tomlkit.inline_table()
    for name, value in table.items():
        inline[name] = _inline(value) if isinstance(value, Mapping) else value
    return inline
