"""How fast kmigrate is, as ratios on the same files in the same run.

    .venv/bin/python -m pip install -e '.[measure]'
    .venv/bin/python -m benchmarks [--quick] [--only keras,growth,clean,dirty,ten,generated,mixed] [--json FILE] [--page FILE]

Packages and peers are downloaded into the cache once. Prints each bar with its measured value, the ratios against the peers, and
what every command cost. Exit 1 where a bar is not met. ``--quick`` leaves out Fixit, torchfix and semgrep, which need minutes.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from dataclasses import asdict
from pathlib import Path

from benchmarks.bars import BARS
from benchmarks.figures import collect
from benchmarks.render import render


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="without the peers that need minutes")
    parser.add_argument("--only", default="", help="only these corpora, separated by commas")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--page", type=Path, help="write what is printed to this file")
    options = parser.parse_args()
    wanted = [name for name in options.only.split(",") if name]
    figures = collect(not options.quick, wanted, lambda what: print(f"... {what}", file=sys.stderr, flush=True))
    rows = [(bar, value) for bar in BARS if (value := bar.value(figures)) is not None]
    page = render(figures, rows)
    print(page, end="")
    if options.page:
        options.page.write_text(page, "utf-8")
    if options.json:
        bars = [{"name": b.name, "value": v, "limit": b.limit, "at_least": b.at_least, "met": b.met(v)} for b, v in rows]
        document = {"python": platform.python_version(), "figures": asdict(figures), "bars": bars}
        options.json.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    return 0 if all(bar.met(value) for bar, value in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
