"""``rules/*.toml`` to rules. Every error names the file, the rule and the key."""

from __future__ import annotations

import ast
import builtins
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kmigrate.digests import sha256
from kmigrate.model import Target, UserError
from kmigrate.rulebook.conditions import CALCULATIONS, FUNCTIONS
from kmigrate.rulebook.rule import Alternative, Example, Parameter, Refusal, Rule

TARGETS: tuple[Target, ...] = ("keras2", "keras3")
BACKEND_NAME: dict[Target, str] = {"keras2": "K", "keras3": "ops"}
# Names besides the backend's that a replacement may use: the fix imports them from there.
IMPORTABLE = {"Any": "typing", "initializers": "keras"}
# What an edit of must invalidate the proof: prose does not count.
_PROSE = {"why", "guidance", "portability", "name", "symbols"}
_RULE_KEYS = {
    "code": str,
    "name": str,
    "symbols": list,
    "why": str,
    "signature": str,
    "renamed": dict,
    "drop": list,
    "explicit": list,
    "keras2": str,
    "keras3": str,
    "when": str,
    "assume": str,
    "guidance": str,
    "portability": str,
    "applied": str,
    "alternative": list,
    "refuse": list,
    "example": list,
}
_ALTERNATIVE_KEYS = {"when": str, "assume": str, "keras2": str, "keras3": str}
_REFUSE_KEYS = {"when": str, "reason": str, "unknown": str}
_EXAMPLE_KEYS = {
    "before": str,
    "keras2": str,
    "keras3": str,
    "inputs": dict,
    "setup": str,
    "random": bool,
    "gradient": bool,
    "evaluate": str,
    "ranks": bool,
}


@dataclass(frozen=True, slots=True)
class RuleTable:
    """A [[rule]] as it is written: its file, its number there from 1, and its keys."""

    path: Path
    number: int
    table: Mapping[str, Any]

    def rule(self) -> Rule:
        """Raises UserError where it is not well formed."""
        return _Reader(self.path, self.table, self.number).rule()


def load_files(paths: Iterable[Path]) -> list[Rule]:
    """The rules of every TOML file in ``paths`` (files, or directories searched at any depth), in order of file name.

    Raises:
        UserError: a file is missing, is no TOML, or holds a rule that is not well formed; two rules share a code or a symbol.
    """
    return checked(load_tables(paths))


def checked(tables: Iterable[RuleTable]) -> list[Rule]:
    """The rules of tables. Raises UserError, see ``load_files``."""
    rules = [table.rule() for table in tables]
    _check_unique(rules)
    return rules


def load_tables(paths: Iterable[Path]) -> list[RuleTable]:
    """The rules of files as they are written. Raises UserError where a file is missing or is no TOML file of rules."""
    tables: list[RuleTable] = []
    for path in paths:
        if not path.exists():
            raise UserError(f"{path}: no such rules file or directory")
        for file in sorted(path.rglob("*.toml")) if path.is_dir() else [path]:
            tables += _load_file(file)
    return tables


def _load_file(path: Path) -> list[RuleTable]:
    from kmigrate.toml import tomllib

    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path}: not valid TOML: {error}") from error
    if set(data) == {"difference"}:  # read by rulebook.differences
        return []
    unknown = set(data) - {"rule"}
    if unknown:
        raise UserError(f"{path}: unknown key {sorted(unknown)[0]!r}: a rules file holds [[rule]] tables only")
    tables = data.get("rule", [])
    if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
        raise UserError(f"{path}: 'rule' must be an array of tables: write [[rule]]")
    return [RuleTable(path, number, table) for number, table in enumerate(tables, 1)]


def _check_unique(rules: Sequence[Rule]) -> None:
    codes: dict[str, Rule] = {}
    symbols: dict[str, Rule] = {}
    for rule in rules:
        other = codes.setdefault(rule.code, rule)
        if other is not rule:
            raise UserError(f"{rule.source}: rule {rule.code}: code: also used in {other.source}")
        for symbol in rule.symbols:
            other = symbols.setdefault(symbol, rule)
            if other is not rule:
                raise UserError(
                    f"{rule.source}: rule {rule.code}: symbols: {symbol!r} also belongs to {other.code} in {other.source}"
                )


class _Reader:
    """Reads one [[rule]] table; ``fail`` is the one place that words an error."""

    def __init__(self, path: Path, table: Mapping[str, Any], number: int) -> None:
        self.path = path
        self.table = table
        self.label = str(table.get("code", f"number {number}"))

    def fail(self, key: str, message: str) -> UserError:
        return UserError(f"{self.path}: rule {self.label}: {key}: {message}")

    def check_keys(self, table: Mapping[str, Any], keys: Mapping[str, type], where: str = "") -> None:
        for key, value in table.items():
            if key not in keys:
                import difflib

                near = difflib.get_close_matches(key, keys, 1)
                hint = f"; did you mean {near[0]!r}?" if near else f" (known: {', '.join(keys)})"
                raise self.fail(where + key, "unknown key" + hint)
            if not isinstance(value, keys[key]):
                raise self.fail(where + key, f"must be a {keys[key].__name__}, not {type(value).__name__} ({value!r})")

    def rule(self) -> Rule:
        table = self.table
        self.check_keys(table, _RULE_KEYS)
        for key in ("code", "name", "symbols"):
            if not table.get(key):
                raise self.fail(key, "missing")
        if not all(isinstance(s, str) and s.partition(".")[0] in ("tf", "theano") for s in table["symbols"]):
            raise self.fail("symbols", "every symbol is a string that begins with 'tf.' or 'theano.'")
        parameters = self.parameters()
        names = {p.name for p in parameters or ()}
        self.check_names("drop", set(table.get("drop", ())) - names)
        self.check_names("renamed", set(table.get("renamed", {}).values()) - names)
        self.check_names("explicit", set(table.get("explicit", ())) - names)
        if "applied" in table:
            self.check_names("applied", {table["applied"]} - {p.name for p in parameters or () if p.variadic == "*"})
        alternatives = self.alternatives(parameters)
        if not alternatives and not table.get("guidance"):
            raise self.fail("guidance", "a rule without a replacement needs guidance for a person")
        semantic = {k: v for k, v in table.items() if k not in _PROSE}
        digest = sha256(json.dumps(semantic, sort_keys=True, default=str).encode()).hexdigest()[:16]
        return Rule(
            code=table["code"],
            name=table["name"],
            symbols=tuple(table["symbols"]),
            source=self.path,
            digest=digest,
            parameters=parameters,
            signature=table.get("signature"),
            renamed=dict(table.get("renamed", {})),
            drop=frozenset(table.get("drop", ["name"])),
            explicit=frozenset(table.get("explicit", ())),
            alternatives=alternatives,
            refusals=tuple(self.refusals(names)),
            examples=tuple(self.examples()),
            guidance=table.get("guidance"),
            why=table.get("why"),
            portability=table.get("portability"),
            applied=table.get("applied"),
        )

    def check_names(self, key: str, wrong: set[str]) -> None:
        if wrong:
            raise self.fail(key, f"{sorted(wrong)[0]!r} is not a parameter of the signature")

    def parameters(self) -> tuple[Parameter, ...] | None:
        signature = self.table.get("signature")
        if signature is None:
            return None
        try:
            tree = ast.parse(f"def f({signature}): pass").body[0]
        except SyntaxError as error:
            raise self.fail("signature", f"not a parameter list: {signature!r}") from error
        assert isinstance(tree, ast.FunctionDef)
        arguments = tree.args
        plain = [*arguments.posonlyargs, *arguments.args]
        missing = len(plain) - len(arguments.defaults)
        defaults: list[ast.expr | None] = [None] * missing + list(arguments.defaults)
        found = [Parameter(a.arg, ast.unparse(d) if d else None) for a, d in zip(plain, defaults, strict=True)]
        if arguments.vararg:
            found.append(Parameter(arguments.vararg.arg, variadic="*"))
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            text = ast.unparse(default) if default else None
            found.append(Parameter(argument.arg, text, keyword_only=True))
        if arguments.kwarg:
            found.append(Parameter(arguments.kwarg.arg, variadic="**"))
        return tuple(found)

    def alternatives(self, parameters: Sequence[Parameter] | None) -> tuple[Alternative, ...]:
        table = self.table
        single = {key: table[key] for key in _ALTERNATIVE_KEYS if key in table}
        several = table.get("alternative", [])
        if single and several:
            raise self.fail("alternative", "give either keras2/keras3/when/assume or [[rule.alternative]], not both")
        return tuple(self.alternative(t, parameters) for t in ([single] if single else several))

    def alternative(self, table: Mapping[str, Any], parameters: Sequence[Parameter] | None) -> Alternative:
        self.check_keys(table, _ALTERNATIVE_KEYS, "alternative.")
        names = {p.name for p in parameters or ()}
        replacement: dict[Target, ast.expr] = {}
        for target in TARGETS:
            if target in table:
                replacement[target] = self.template(target, table[target], names)
        if not replacement:
            raise self.fail("keras2", "missing replacement")
        when = self.condition("when", table["when"], names) if "when" in table else None
        return Alternative(when, table.get("when"), table.get("assume"), replacement)

    def template(self, target: Target, text: str, names: set[str]) -> ast.expr:
        try:
            tree = ast.parse(text, mode="eval").body
        except SyntaxError as error:
            raise self.fail(target, f"not a Python expression: {text!r}") from error
        nodes = list(ast.walk(tree))
        local = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        local |= {a.arg for n in nodes if isinstance(n, ast.Lambda) for a in n.args.args}
        computed = {n for part in nodes if isinstance(part, ast.Set) for n in ast.walk(part)}
        subscripts = {n.slice for n in nodes if isinstance(n, ast.Subscript)}
        places = {n.func for n in subscripts if isinstance(n, ast.Call)}
        for node in nodes:
            self.check_computed(target, node)
            if isinstance(node, ast.Name) and node.id == "at" and node in places:
                continue
            if isinstance(node, ast.Name) and node.id not in names | local | {BACKEND_NAME[target], "fold", "base", *IMPORTABLE}:
                known = node.id in CALCULATIONS or node.id in FUNCTIONS if node in computed else hasattr(builtins, node.id)
                if not known:
                    raise self.fail(target, f"{node.id!r} is neither a parameter nor {BACKEND_NAME[target]}")
        return tree

    def check_computed(self, target: Target, node: ast.AST) -> None:
        """The parts of a template that are computed at rewrite time have a shape of their own."""
        if isinstance(node, ast.Set) and len(node.elts) != 1:
            raise self.fail(target, "{...} holds one expression")
        if isinstance(node, ast.ListComp) and any(isinstance(g.iter, (ast.Set, ast.List)) for g in node.generators):
            one = node.generators[0]
            if len(node.generators) > 1 or one.ifs or not isinstance(one.target, ast.Name):
                raise self.fail(target, "a list that is written out has one 'for' with one name and no 'if'")
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Call) and ast.unparse(node.slice.func) == "at":
            if len(node.slice.args) != 2 or not isinstance(node.slice.args[0], ast.Set):
                raise self.fail(target, "x[at({axis}, item)] takes a computed axis and an index or slice(a, b)")
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "fold":
            function = node.args[0] if node.args else None
            if len(node.args) not in (2, 3) or not isinstance(function, ast.Lambda) or len(function.args.args) != 2:
                raise self.fail(target, "fold takes a lambda of two arguments, the items and perhaps a start")

    def condition(self, key: str, text: str, names: set[str]) -> ast.expr:
        try:
            tree = ast.parse(text, mode="eval").body
        except SyntaxError as error:
            raise self.fail(key, f"not a Python expression: {text!r}") from error
        called = {n.func for n in ast.walk(tree) if isinstance(n, ast.Call)}
        names = names | {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Name):
                allowed = FUNCTIONS | CALCULATIONS.keys() if node in called else names
                if node.id not in allowed:
                    raise self.fail(key, f"unknown name {node.id!r} in {text!r}")
        return tree

    def refusals(self, names: set[str]) -> list[Refusal]:
        found = []
        for table in self.table.get("refuse", []):
            self.check_keys(table, _REFUSE_KEYS, "refuse.")
            if "when" not in table or "reason" not in table:
                raise self.fail("refuse", "needs 'when' and 'reason'")
            if table.get("unknown", "refuse") not in ("refuse", "ignore"):
                raise self.fail("refuse.unknown", "must be 'refuse' or 'ignore'")
            when = self.condition("refuse.when", table["when"], names)
            found.append(Refusal(when, table["reason"], table.get("unknown") != "ignore"))
        return found

    def examples(self) -> list[Example]:
        found = []
        for table in self.table.get("example", []):
            self.check_keys(table, _EXAMPLE_KEYS, "example.")
            if "before" not in table:
                raise self.fail("example.before", "missing")
            after: dict[Target, str] = {t: table[t] for t in TARGETS if t in table}
            found.append(
                Example(
                    table["before"],
                    after,
                    dict(table.get("inputs", {})),
                    table.get("setup", ""),
                    table.get("random", False),
                    table.get("gradient", True),
                    table.get("evaluate"),
                    table.get("ranks", True),
                )
            )
        return found
