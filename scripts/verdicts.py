"""What share of real packages ``kmigrate verify`` gives a verdict for, with no configuration: a table for people.

    .venv/bin/python scripts/verdicts.py [FOLDER...] [--json FILE] [--jobs N]

Each folder holds the unpacked sources of one package (default: those that ``scripts/recall`` has downloaded). For each the
table says how many units the safe fixes rewrite, for how many there is a verdict on the engine that the code was written for, on
the other engine, and on both. A verdict is ``identical``, ``equal``, ``different`` or ``unsupported`` (which says what
the engine lacks or what is left); ``error`` and ``skipped`` are none. Then follow the reasons of the units without one, the
most frequent first. A package counts as importable where the stack's own Python imports it.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kmigrate.verify.runner import Engines, Limits
from kmigrate.verify.stacks import cache_dir, ensure, get_stack

VERDICTS = ("identical", "equal", "different", "unsupported")


@dataclass(frozen=True)
class Row:
    """One package. ``imports`` is None where it does, else why it does not."""

    name: str
    units: list[dict[str, Any]]
    imports: str | None

    def count(self, which: str) -> int:
        return sum(has_verdict(unit, which) for unit in self.units)


def has_verdict(unit: dict[str, Any], which: str) -> bool:
    """On the ``own`` engine (the unit's verdict), on the ``other`` ones, or on ``both``."""
    own = unit["verdict"] in VERDICTS
    others = [result for name, result in unit["engines"].items() if name != own_engine(unit)]
    other = bool(others) and all(result["verdict"] in VERDICTS for result in others)
    return {"own": own, "other": other, "both": own and other}[which]


def own_engine(unit: dict[str, Any]) -> str:
    """The engine that the unit was written for is the first one of its object."""
    return str(next(iter(unit["engines"])))


def verified(folder: Path, options: argparse.Namespace) -> list[dict[str, Any]]:
    """The units of the JSON report. Raises RuntimeError where there is none."""
    command = [Path(sys.executable).with_name("kmigrate"), "verify", "--output-format", "json", "--stack", options.stack]
    command += ["-j", str(options.jobs)]
    command += ["--resume"] * options.resume
    done = subprocess.run([*map(str, command), "."], cwd=folder, stdout=subprocess.PIPE, text=True, check=False)
    if not done.stdout:
        raise RuntimeError(f"{folder}: kmigrate verify ended with {done.returncode}")
    return list(json.loads(done.stdout)["units"])


def importable(folder: Path, engines: Engines, engine: str) -> str | None:
    """None where the packages of the folder can be imported under the stack, else the error."""
    for package in sorted(path.parent for path in folder.glob("*/__init__.py")):
        if package.name in ("tests", "test", "examples", "docs"):
            continue
        source = f"import {package.name}\ndef nothing(x): return x\n"
        if package.name in ("keras", "tensorflow", "theano"):
            continue  # mounted under another name, module by module
        module = {"name": "_importable", "source": source, "path": "importable.py", "package_root": str(folder)}
        case = {"inputs": [{"name": "x", "value": 1}], "gradient": False}
        answer = engines.call(engine, {"op": "run", "module": module, "unit": {"qualname": "nothing"}, "case": case})
        if not answer.get("ok"):
            return f"{answer.get('type')}: {answer.get('message')}"
    return None


def share(rows: Iterable[Row], which: str) -> str:
    counts = [(row.count(which), len(row.units)) for row in rows]
    all_units = sum(total for _, total in counts)
    return f"{100 * sum(n for n, _ in counts) / all_units:.0f} %" if all_units else "-"


def shortened(reason: str | None) -> str:
    """Reasons that differ in names, numbers and places only are one."""
    text = re.sub(r"; tensorflow\.keras read as keras.*", "", reason or "no reason")
    text = re.sub(r"none of \d+ cases runs; the one that came furthest ", "", text)
    text = re.sub(r"\[[^\]]*\]|\([\w./-]+:\d+\)", "", text)
    return re.sub(r"\d+", "N", text)[:150]


def table(rows: Sequence[Row]) -> list[str]:
    lines = [f"{'package':32} {'units':>6} {'own':>6} {'other':>6} {'both':>6}  imports"]
    for row in rows:
        counts = "".join(f" {row.count(which):>6}" for which in ("own", "other", "both"))
        lines.append(f"{row.name:32} {len(row.units):>6}{counts}  {'yes' if row.imports is None else 'no: ' + row.imports[:60]}")
    for title, chosen in (("all", rows), ("packages that import", [row for row in rows if row.imports is None])):
        units = sum(len(row.units) for row in chosen)
        shares = "".join(f" {share(chosen, which):>6}" for which in ("own", "other", "both"))
        lines.append(f"{title:32} {units:>6}{shares}")
    return lines


def reasons(rows: Sequence[Row]) -> list[str]:
    """Why units have no verdict, with one example of each."""
    own: Counter[str] = Counter()
    example: dict[str, str] = {}
    for row in rows:
        for unit in row.units:
            results = {"own": (unit["verdict"], unit["reason"])}
            results.update({n: (e["verdict"], e["reason"]) for n, e in unit["engines"].items() if n != own_engine(unit)})
            for engine, (verdict, reason) in results.items():
                if verdict not in VERDICTS:
                    text = f"{engine}: {verdict}: {shortened(reason)}"
                    own[text] += 1
                    example.setdefault(text, f"{row.name}: {unit['path']}: {unit['qualname']}")
    return [f"{count:5} {text}\n      {example[text]}" for text, count in own.most_common()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--stack", default="keras2-tf1")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--resume", action="store_true", help="take verdicts of an earlier run that nothing changed for")
    parser.add_argument("--json", type=Path, help="write the verdicts of every package to a file")
    options = parser.parse_args()
    folders = options.folders or sorted(path for path in (cache_dir() / "recall").iterdir() if path.is_dir())
    stack = get_stack(options.stack)
    rows = []
    with Engines(ensure(stack), ("tensorflow",), Limits(case_s=120.0)) as engines:
        for folder in folders:
            imports = importable(folder.resolve(), engines, "tensorflow")
            rows.append(Row(folder.name, verified(folder, options), imports))
            print(table(rows)[len(rows)], file=sys.stderr, flush=True)
            if options.json:
                options.json.write_text(json.dumps([vars(row) for row in rows], indent=1), encoding="utf-8")
    print("\n".join([*table(rows), "", *reasons(rows)]))


if __name__ == "__main__":
    main()
