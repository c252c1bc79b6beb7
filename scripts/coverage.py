"""How much of real layer code the rulebook covers, by uses.

    python scripts/coverage.py FOLDER...              check each folder (one project each) and print the figures
    python scripts/coverage.py FOLDER... --write TSV  also write the list of symbols with their counts
    python scripts/coverage.py TSV                    print the figures of such a list: known now, fixes as counted then

A use is *known* where a rule has its symbol; its fix is *safe* or *unsafe*; without a fix it is *guidance*.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kmigrate.rulebook.book import load_rulebook

COLUMNS = ("symbol", "uses", "projects", "safe", "unsafe")
# Findings about a file rather than a symbol of an engine.
_NO_SYMBOL = {"KM002"}


@dataclass(slots=True)
class Row:
    """The uses of one symbol over all projects."""

    uses: int = 0
    safe: int = 0
    unsafe: int = 0
    projects: set[str] = field(default_factory=set)
    project_count: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


def findings(folder: Path) -> list[dict[str, Any]]:
    """What ``kmigrate check`` says of one project, without its configuration."""
    command = [sys.executable, "-m", "kmigrate", "check", "--output-format", "json", "."]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    try:
        found: list[dict[str, Any]] = json.loads(result.stdout)["findings"]
    except ValueError:
        raise SystemExit(f"{folder}: kmigrate check failed: {result.stderr.strip()[-300:]}") from None
    return [finding for finding in found if finding["code"] not in _NO_SYMBOL]


def count(folders: Iterable[Path]) -> dict[str, Row]:
    """Rows by symbol."""
    rows: dict[str, Row] = {}
    for folder in folders:
        for finding in findings(folder):
            row = rows.setdefault(finding["symbol"], Row())
            row.uses += 1
            row.projects.add(folder.name)
            row.project_count = len(row.projects)
            fix = finding["fix"]
            if fix is None:
                row.reasons[finding["message"].partition("; no fix: ")[2][:110] or "unknown symbol"] += 1
            elif fix["applicability"] == "safe":
                row.safe += 1
            else:
                row.unsafe += 1
                row.reasons["unsafe: " + str(fix["assumption"])[:110]] += 1
    return rows


def read(path: Path) -> dict[str, Row]:
    """Rows by symbol from a list that ``write`` made."""
    rows = {}
    with path.open(encoding="utf-8") as file:
        for line in csv.DictReader(file, delimiter="\t"):
            symbol, uses, projects, safe, unsafe = (line[column] for column in COLUMNS)
            rows[symbol] = Row(int(uses), int(safe), int(unsafe), project_count=int(projects))
    return rows


def write(path: Path, rows: dict[str, Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(COLUMNS)
        for symbol, row in sorted(rows.items(), key=lambda item: (-item[1].uses, item[0])):
            writer.writerow([symbol, row.uses, row.project_count, row.safe, row.unsafe])


def report(rows: dict[str, Row], limit: int) -> None:
    """The figures for each engine, then what has no safe fix, in order of uses."""
    book = load_rulebook()
    for engine in ("tf", "theano"):
        chosen = {s: r for s, r in rows.items() if s == engine or s.startswith(engine + ".")}
        uses = sum(r.uses for r in chosen.values())
        if not uses:
            continue
        known = sum(r.uses for s, r in chosen.items() if book.find(s))
        safe, unsafe = sum(r.safe for r in chosen.values()), sum(r.unsafe for r in chosen.values())
        parts = {"known": known, "safe": safe, "unsafe": unsafe, "safe or unsafe": safe + unsafe}
        print(f"{engine}: {uses} uses of {len(chosen)} symbols; " + ", ".join(f"{k} {v / uses:.1%}" for k, v in parts.items()))
        unknown = sorted((s for s in chosen if not book.find(s)), key=lambda s: -chosen[s].uses)
        if unknown:
            print("  unknown: " + ", ".join(f"{s} ({chosen[s].uses})" for s in unknown))
    left = sorted(rows.items(), key=lambda item: item[1].safe - item[1].uses)
    for symbol, row in left[:limit]:
        if row.safe < row.uses:
            print(f"{row.uses - row.safe:5} of {row.uses:4} {symbol}")
            for reason, times in row.reasons.most_common(3):
                print(f"            {times:4} {reason}")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("paths", nargs="+", type=Path, help="project folders, or one list of symbols")
    parser.add_argument("--write", type=Path, metavar="TSV", help="write the list of symbols here")
    parser.add_argument("--limit", type=int, default=30, help="how many symbols without a safe fix to show")
    options = parser.parse_args()
    lists = [path for path in options.paths if path.is_file()]
    rows = read(lists[0]) if lists else count(options.paths)
    if options.write:
        write(options.write, rows)
    try:
        report(rows, options.limit)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader (head, less) has seen enough; Python would complain again at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
