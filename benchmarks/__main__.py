"""How fast kmigrate is, as ratios on the same files in the same run.

    .venv/bin/python -m pip install -e '.[measure]'
    .venv/bin/python -m benchmarks [--quick] [--only keras,clean,dirty,ten,generated,mixed] [--json FILE]

Packages and peers are downloaded into the cache once. Prints what every command cost (CPU seconds of user and system with all
children, wall, peak memory of the largest process), then each bar with its measured value. Exit 1 where a bar is not met.
``--quick`` leaves out Fixit, torchfix and semgrep, which need minutes.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from dataclasses import asdict
from pathlib import Path

from benchmarks.bars import BARS
from benchmarks.figures import Figures, collect


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="without the peers that need minutes")
    parser.add_argument("--only", default="", help="only these corpora, separated by commas")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    options = parser.parse_args()
    wanted = [name for name in options.only.split(",") if name]
    figures = collect(not options.quick, wanted, lambda what: print(f"... {what}", file=sys.stderr))
    rows = [(bar, value) for bar in BARS if (value := bar.value(figures)) is not None]
    print(render(figures, rows))
    if options.json:
        document = {
            "python": platform.python_version(),
            "figures": asdict(figures),
            "bars": [{"name": b.name, "value": v, "limit": b.limit, "at_least": b.at_least, "met": b.met(v)} for b, v in rows],
        }
        options.json.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    return 0 if all(bar.met(value) for bar, value in rows) else 1


def render(figures: Figures, rows: list) -> str:
    """Three tables as text: corpora, costs, bars."""
    lines = [f"Python {platform.python_version()}, CPU seconds; only ratios within this run mean anything", ""]
    for name, counts in figures.counts.items():
        lines.append(
            f"{name}: {counts['files']:.0f} files, {counts['megabytes']:.1f} MB, {counts['candidates']:.0f} name an engine"
        )
    lines += ["", f"{'measured':36}{'CPU s':>10}{'wall s':>10}{'peak MB':>10}{'starts':>10}"]
    start = figures.costs["start"].cpu
    for name, cost in figures.costs.items():
        lines.append(f"{name:36}{cost.cpu:10.3f}{cost.wall:10.3f}{cost.memory_mb:10.0f}{cost.cpu / start:10.1f}")
    lines += [f"{name:36}{seconds:10.3f}" for name, seconds in figures.seconds.items()]
    lines += [f"growth exponent over {name}: {value:.2f}" for name, value in figures.exponents.items()]
    lines += [f"NOTE: {failure}" for failure in figures.failures]
    lines += ["", f"{'bar':50}{'measured':>10}{'limit':>12}"]
    for bar, value in rows:
        limit = f"{'>=' if bar.at_least else '<='} {bar.limit:g}"
        lines.append(f"{bar.name:50}{value:10.2f}{limit:>12}  {'met' if bar.met(value) else 'NOT MET'}")
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
