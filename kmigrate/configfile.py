"""Reading a configuration file: every error is one ``UserError`` line that names the file, the key and the value."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from kmigrate.config import PROJECT_FILE, CaseConfig, Config, VerifyConfig
from kmigrate.errors import UserError
from kmigrate.toml import tomllib

if TYPE_CHECKING:
    from kmigrate.config import Scope
    from kmigrate.model import Target

_CODE = re.compile(r"[A-Za-z]+[0-9]*")
# The shape of an input spec only; which kinds exist is the business of verify.
_INPUT = re.compile(r"[a-z][a-z0-9_]*\[\s*(\d+\s*(,\s*\d+\s*)*,?\s*)?\](<\d+)?|(literal|expr)\(.*\)", re.DOTALL)


def read_explicit(path: Path) -> Config:
    """The configuration of a file that was named. Raises UserError where it has none."""
    found = read(path)
    if found is None:
        raise UserError(f"{path}: there is no [tool.kmigrate] table in this file")
    return found


def read(path: Path) -> Config | None:
    """The configuration in a file; None for a pyproject.toml without one. Raises UserError."""
    table = _table(path, _read(path))
    return None if table is None else _config(path, table)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot read the configuration: {error.strerror or error}") from error


def _table(path: Path, data: bytes) -> Mapping[str, Any] | None:
    """The kmigrate table of a configuration file; None for a pyproject.toml without one."""
    project = path.name == PROJECT_FILE
    if project and b"kmigrate" not in data:
        return None
    try:
        document: dict[str, Any] = tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text (byte {error.start})") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UserError(f"{path}: not valid TOML: {error}") from error
    if not project:
        return document
    tool = document.get("tool")
    table = tool.get("kmigrate") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise UserError(f"{path}: tool.kmigrate: expected a table, not {_show(table)}")
    return table


def _show(value: object) -> str:
    """A value as TOML would write it, shortened."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        text = '"' + value + '"'
    else:
        text = "a table" if isinstance(value, dict) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


class _Reader:
    """Typed access to one table; every complaint names the file, the full key and the value."""

    def __init__(self, path: Path, table: Mapping[str, Any], prefix: str, known: Iterable[str]) -> None:
        self.path = path
        self.table = table
        self.prefix = prefix
        self._refuse_unknown(tuple(known))

    def _refuse_unknown(self, known: tuple[str, ...]) -> None:
        for key, value in self.table.items():
            if key in known:
                continue
            import difflib

            near = difflib.get_close_matches(key.replace("_", "-").lower(), known, n=1)
            hint = f"did you mean {near[0]}?" if near else "known keys: " + ", ".join(sorted(known))
            raise self.error(key, f"unknown key (value {_show(value)}); {hint}")

    def error(self, key: str, message: str) -> UserError:
        return UserError(f"{self.path}: {self.prefix}{key}: {message}")

    def expected(self, key: str, what: str) -> UserError:
        return self.error(key, f"expected {what}, not {_show(self.table[key])}")

    def strings(self, key: str, *, single: bool = False) -> tuple[str, ...]:
        value = self.table.get(key, [])
        if single and isinstance(value, str):
            value = [value]
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise self.expected(key, "a list of strings")
        return tuple(value)

    def flag(self, key: str, default: bool) -> bool:
        value = self.table.get(key, default)
        if not isinstance(value, bool):
            raise self.expected(key, "true or false")
        return value

    def choice(self, key: str, choices: tuple[str, ...]) -> str:
        value = self.table.get(key, choices[0])
        if value in choices:
            return cast(str, value)
        import difflib

        near = difflib.get_close_matches(value, choices, n=1) if isinstance(value, str) else []
        hint = f"; did you mean {near[0]}?" if near else ""
        names = " or ".join(f'"{choice}"' for choice in choices)
        raise self.error(key, f"expected {names}, not {_show(value)}{hint}")

    def positive(self, key: str, default: float) -> float:
        value = self.table.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
            raise self.expected(key, "a number above 0")
        return value

    def count(self, key: str, default: int) -> int:
        value = self.table.get(key, default)
        if type(value) is not int or value < 1:
            raise self.expected(key, "a whole number above 0")
        return value

    def text(self, key: str) -> str | None:
        value = self.table.get(key)
        if value is not None and (not isinstance(value, str) or not value):
            raise self.expected(key, "a string")
        return value

    def subtable(self, key: str) -> Mapping[str, Any]:
        value = self.table.get(key, {})
        if not isinstance(value, dict):
            raise self.expected(key, "a table")
        return value


_KEYS = (
    "src", "target", "scope", "rules", "select", "ignore", "exclude", "portable-only", "stack", "cases", "verify",
)  # fmt: skip


def _config(path: Path, table: Mapping[str, Any]) -> Config:
    root = Path(os.path.abspath(path)).parent  # noqa: PTH100 - resolve() would leave the project through a symlink
    reader = _Reader(path, table, "tool.kmigrate." if path.name == PROJECT_FILE else "", _KEYS)
    return Config(
        src=_sources(reader, root),
        target=cast("Target", reader.choice("target", ("keras2", "keras3"))),
        scope=cast("Scope", reader.choice("scope", ("layers", "module"))),
        rules=_rules(reader, root),
        select=_codes(reader, "select"),
        ignore=_codes(reader, "ignore"),
        exclude=reader.strings("exclude", single=True),
        portable_only=reader.flag("portable-only", False),
        stack=reader.text("stack"),
        cases=_cases_file(reader, root),
        verify=_verify(path, reader.subtable("verify"), reader.prefix + "verify."),
        root=str(root),
        file=path,
    )


def _sources(reader: _Reader, root: Path) -> tuple[str, ...]:
    written = reader.strings("src", single=True)
    if root == Path.cwd():
        return written
    # The command may run in a folder below the configuration; what the user wrote is relative to the file.
    return tuple(_relative(root / item) for item in written)


def _relative(path: Path) -> str:
    try:
        return os.path.relpath(path)
    except ValueError:  # another drive
        return str(path)


def _rules(reader: _Reader, root: Path) -> tuple[Path, ...]:
    paths = tuple(root / item for item in reader.strings("rules", single=True))
    for path in paths:
        if not path.exists():
            raise reader.error("rules", f"{path} does not exist")
    return paths


def _cases_file(reader: _Reader, root: Path) -> Path | None:
    written = reader.text("cases")
    if written is not None and not (root / written).is_file():
        raise reader.error("cases", f"there is no file {root / written} (kmigrate verify --save-cases makes one)")
    return None if written is None else root / written


def _codes(reader: _Reader, key: str) -> tuple[str, ...]:
    written = reader.strings(key, single=True)
    for code in written:
        if not _CODE.fullmatch(code):
            raise reader.error(key, f'{_show(code)} is neither a rule code such as "TF201" nor a prefix such as "TF"')
    return tuple(code.upper() for code in written)


def _verify(path: Path, table: Mapping[str, Any], prefix: str) -> VerifyConfig:
    reader = _Reader(path, table, prefix, ("time-limit", "memory-limit", "seeds", "cases"))
    default = VerifyConfig()
    return VerifyConfig(
        time_limit=float(reader.positive("time-limit", default.time_limit)),
        memory_limit=reader.count("memory-limit", default.memory_limit),
        seeds=_seeds(reader, default.seeds),
        cases={name: _cases(path, prefix, name, value) for name, value in reader.subtable("cases").items()},
    )


def _seeds(reader: _Reader, default: tuple[int, ...]) -> tuple[int, ...]:
    if "seeds" not in reader.table:
        return default
    value = reader.table["seeds"]
    right = isinstance(value, list) and value
    if not right or not all(type(seed) is int and 0 <= seed < 2**32 for seed in value):
        raise reader.expected("seeds", "a list of whole numbers from 0 to 4294967295")
    return tuple(value)


def _cases(path: Path, prefix: str, name: str, value: object) -> tuple[CaseConfig, ...]:
    key = f'{prefix}cases."{name}"'
    if isinstance(value, dict) and not value.keys() <= {"args", "inputs"}:
        raise UserError(f"{path}: {key}: expected a list of tables; a name with dots has to stand in quotes")
    tables = value if isinstance(value, list) else [value]
    return tuple(_case(path, f"{key}[{number}].", table) for number, table in enumerate(tables))


def _case(path: Path, prefix: str, table: object) -> CaseConfig:
    if not isinstance(table, dict):
        raise UserError(f"{path}: {prefix[:-1]}: expected a table with args and inputs, not {_show(table)}")
    reader = _Reader(path, table, prefix, ("args", "inputs"))
    inputs = reader.strings("inputs", single=True)
    for spec in inputs:
        if not _INPUT.fullmatch(spec):
            raise reader.error("inputs", f'{_show(spec)} is no input spec such as "float[2,3]" or "int[4]<10"')
    return CaseConfig(args=dict(reader.subtable("args")), inputs=inputs)
