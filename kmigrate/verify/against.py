"""The working tree against an earlier version: every unit of layer code of a file whose text changed."""

from __future__ import annotations

import ast

from kmigrate.layers import LayerCode
from kmigrate.lint import flavour_of
from kmigrate.model import Unit, UserError
from kmigrate.names import Names, engine_of
from kmigrate.project import Checked
from kmigrate.source import Source, SourceError
from kmigrate.verify.run import package_of
from kmigrate.verify.session import ModulePair


def plan_against(one: Checked, before: bytes | None) -> tuple[ModulePair, list[Unit]] | None:
    """The two versions of a file, and the units that both have; None where the file is new or the same. Raises UserError."""
    after = one.path.read_bytes()
    if before is None or before == after:
        return None
    old, new = _parse(one, before), _parse(one, after)
    old_names, new_names = Names(old.tree), Names(new.tree)
    old_units = {d.qualname for d in LayerCode(old_names).roots}
    layer_code = LayerCode(new_names)
    remaining: dict[str, set[str]] = {}
    for reference in new_names.engine_references():
        root = layer_code.root_of(reference.definition)
        if root is not None:
            remaining.setdefault(root.qualname, set()).update(reference.meaning.symbols)
    units = [
        Unit(root.qualname, context.kind, root.node.lineno, _by_engine(remaining.get(root.qualname, set())))
        for root, context in layer_code.roots.items()
        if root.qualname in old_units and root.parent is None
    ]
    folder, package = package_of(one.path)
    engine = "theano" if _is_theano(old_names) else "tensorflow"
    pair = ModulePair(
        path=one.report.path,
        original=old.text,
        rewritten=new.text,
        engine=engine,  # type: ignore[arg-type]  # one of the two literals
        flavour=flavour_of(old, old_names),  # type: ignore[arg-type]  # likewise
        package_root=folder,
        package=package,
    )
    return pair, units


def _parse(one: Checked, data: bytes) -> Source:
    try:
        return Source.parse(one.report.path, data)
    except SourceError as error:
        raise UserError(f"{one.report.path}:{error.line or 1}: {error.message}") from error


def _by_engine(symbols: set[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, set[str]] = {}
    for symbol in symbols:
        engine = engine_of(symbol)
        if engine is not None:
            found.setdefault(engine, set()).add(symbol)
    return {engine: tuple(sorted(names)) for engine, names in found.items()}


def _is_theano(names: Names) -> bool:
    roots = [engine_of(s) for r in names.engine_references() for s in r.meaning.symbols]
    return roots.count("theano") > roots.count("tensorflow") or (not roots and _imports_theano(names))


def _imports_theano(names: Names) -> bool:
    return any("theano" in ast.unparse(node) for node in names.imports)
