"""What share of real packages ``kmigrate verify`` gives a verdict for, with no configuration: a table for people.

    .venv/bin/python scripts/verdicts.py [FOLDER...] [--json FILE] [--resume] [--jobs N] [--limit SECONDS]

Each folder holds the unpacked sources of one package (default: those that ``scripts/recall`` has downloaded, small ones first).
A package counts as importable where the Python of a stack imports it as it is, and it is verified on the first stack that
does (on the first of all where none does). For each the table says how many units the safe fixes rewrite, for how many there is
a verdict on the engine that the code was written for, on the other engine, and on both. A verdict is ``identical``, ``equal``,
``different`` or ``unsupported`` (which says what the engine lacks or what is left); ``error`` and ``skipped`` are none. Then
follow how many edits no case executed, and the reasons of the units without a verdict, the most frequent first.

``--json`` is written after each package; ``--resume`` takes from it what is there. ``--limit`` ends a package in the middle: the
units that it had no time for count as units without a verdict.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kmigrate.verify.stacks import cache_dir, ensure, get_stack

VERDICTS = ("identical", "equal", "different", "unsupported")
STACKS = ("keras2-tf1", "keras2-tf2")
_NO_PACKAGES = {"tests", "test", "examples", "docs", "bin", "utils", "scripts", "build"}
_IMPORT_S = 120
_GRACE_S = 60


@dataclass(frozen=True)
class Row:
    """One package. ``imports`` is None where it does, else why it does not; ``left`` units were never looked at."""

    name: str
    stack: str
    imports: str | None
    units: list[dict[str, Any]]
    left: int = 0

    @property
    def total(self) -> int:
        return len(self.units) + self.left

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


# --- measuring one package ---


def packages(folder: Path) -> list[Path]:
    """The outermost packages below a folder of sources, without tests and the like."""
    found = [path.parent for path in sorted(folder.rglob("__init__.py"), key=lambda path: (len(path.parts), path))]
    outer = [path for path in found if not (path.parent / "__init__.py").is_file()]
    return [path for path in outer if not _NO_PACKAGES & set(path.relative_to(folder).parts)]


def importable(folder: Path, python: Path) -> str | None:
    """None where ``python`` imports every package of the folder, else the first error."""
    for package in packages(folder):
        engine = "theano" if package.name == "keras" else "tensorflow"  # Keras itself: the releases before TensorFlow was
        with tempfile.TemporaryDirectory() as home:
            environment = {"HOME": home, "PATH": os.environ.get("PATH", ""), "KERAS_BACKEND": engine, "TF_CPP_MIN_LOG_LEVEL": "3"}
            environment["THEANO_FLAGS"] = f"cxx=,optimizer=None,base_compiledir={home}/theano"
            code = f"import sys; sys.path.insert(0, {str(package.parent.resolve())!r}); import {package.name}"
            command = [str(python), "-B", "-s", "-c", code]
            try:
                done = subprocess.run(
                    command, cwd=home, env=environment, capture_output=True, text=True, timeout=_IMPORT_S, check=False
                )
            except subprocess.TimeoutExpired:
                return f"{package.name}: no end within {_IMPORT_S} s"
        if done.returncode:
            return f"{package.name}: {(done.stderr.strip().splitlines() or [f'exit code {done.returncode}'])[-1]}"
    return None


def stack_for(folder: Path, stacks: Sequence[str]) -> tuple[str, str | None]:
    """(the first stack that imports the folder's packages, None), else (the first stack, its error)."""
    first = None
    for name in stacks:
        error = importable(folder, ensure(get_stack(name)))
        if error is None:
            return name, None
        first = first or error
    return stacks[0], first


def verified(folder: Path, stack: str, options: argparse.Namespace) -> tuple[list[dict[str, Any]], int]:
    """The units of the JSON report, and how many had no time. Raises RuntimeError where there is no report."""
    command = [sys.executable, "-m", "kmigrate", "verify", "--output-format", "json", "--stack", stack, "--resume"]
    process = subprocess.Popen(
        [*command, "-j", str(options.jobs), "."], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        written, said = process.communicate(timeout=options.limit)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)  # it prints what it has
        try:
            written, said = process.communicate(timeout=_GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            written, said = process.communicate()
    if not written:
        raise RuntimeError(f"{folder}: kmigrate verify ended with {process.returncode}: {said.strip()[-300:]}")
    units = list(json.loads(written)["units"])
    planned = re.search(r"interrupted with \d+ of (\d+) units", said)
    return units, int(planned.group(1)) - len(units) if planned else 0


def measured(folders: Sequence[Path], options: argparse.Namespace) -> Iterator[list[Row]]:
    """The rows so far, after each package; those of an earlier run first."""
    known = {}
    if options.resume and options.json and options.json.is_file():
        known = {row["name"]: Row(**row) for row in json.loads(options.json.read_text(encoding="utf-8"))}
    rows: list[Row] = []
    for folder in folders:
        row = known.get(folder.name)
        if row is None or row.left:
            stack, error = stack_for(folder, options.stack)
            try:
                row = Row(folder.name, stack, error, *verified(folder, stack, options))
            except RuntimeError as failed:
                print(failed, file=sys.stderr)
                continue
        rows.append(row)
        yield rows


# --- the table ---


def share(rows: Iterable[Row], which: str) -> str:
    counts = [(row.count(which), row.total) for row in rows]
    all_units = sum(total for _, total in counts)
    return f"{100 * sum(n for n, _ in counts) / all_units:.0f} %" if all_units else "-"


def shortened(reason: str | None) -> str:
    """Reasons that differ in names, numbers and places only are one."""
    text = re.sub(r"; tensorflow\.keras read as keras.*", "", reason or "no reason")
    text = re.sub(r"none of \d+ cases runs; the one that came furthest ", "", text)
    text = re.sub(r"\[[^\]]*\]|\([\w./-]+:\d+\)", "", text)
    return re.sub(r"\d+", "N", text)[:150]


def line_of(row: Row) -> str:
    counts = "".join(f" {row.count(which):>6}" for which in ("own", "other", "both"))
    imports = f"on {row.stack}" if row.imports is None else f"no: {row.imports[:70]}"
    left = f"; no time for {row.left}" if row.left else ""
    return f"{row.name:32} {row.total:>6}{counts}  {imports}{left}"


def table(rows: Sequence[Row]) -> list[str]:
    lines = [f"{'package':32} {'units':>6} {'own':>6} {'other':>6} {'both':>6}  imports", *map(line_of, rows)]
    for title, chosen in (("all", rows), ("packages that import", [row for row in rows if row.imports is None])):
        units = sum(row.total for row in chosen)
        shares = "".join(f" {share(chosen, which):>6}" for which in ("own", "other", "both"))
        lines.append(f"{title:32} {units:>6}{shares}")
    edits = [edit for row in rows for unit in row.units for edit in unit.get("edits", ())]
    missed = sum(edit["executed"] is False for edit in edits)
    lines.append(f"of {len(edits)} edits of units that were compared {missed} were executed by no case")
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


def source_size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*.py"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--stack", action="append", help=f"may be repeated (default: {', '.join(STACKS)})")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--limit", type=float, metavar="SECONDS", help="for each package")
    parser.add_argument("--resume", action="store_true", help="keep the packages that the file of --json has")
    parser.add_argument("--json", type=Path, help="write the verdicts of every package to a file")
    options = parser.parse_args()
    options.stack = options.stack or list(STACKS)
    folders = options.folders or [path for path in sorted((cache_dir() / "recall").iterdir(), key=source_size) if path.is_dir()]
    rows: list[Row] = []
    for rows in measured(folders, options):
        print(line_of(rows[-1]), file=sys.stderr, flush=True)
        if options.json:
            options.json.write_text(json.dumps([vars(row) for row in rows], indent=1), encoding="utf-8")
    print("\n".join([*table(rows), "", *reasons(rows)]))


if __name__ == "__main__":
    main()
