"""Recall and precision of ``kmigrate check`` on the public projects of projects.txt (downloaded into the cache once).

    .venv/bin/python -m pip install -e '.[measure]'
    PYTHONPATH=scripts .venv/bin/python -m recall [--only NAME] [--sample N] [--all]

Prints every difference from the listing that reviewed.tsv does not settle (``--all``: every one), a line for each project, and
the two figures over the reviewed truth. Exit 1 where one is below 99 % or a difference is open.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from pathlib import Path

from recall.compare import Described, Place, Score, differences, read_reviews, score
from recall.download import cache_folder, unpacked
from recall.listing import Listing
from recall.modules import Project

HERE = Path(__file__).parent
BAR = 0.99
# Findings that are no use of an engine symbol by name: the note on a tensorflow.keras file, and methods of tensors.
NOT_LISTED = ("KM002",)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="only projects whose name contains this")
    parser.add_argument("--sample", type=int, default=0, help="print this many random findings to judge by hand")
    parser.add_argument("--all", action="store_true", help="print the settled differences too")
    options = parser.parse_args()
    sys.setrecursionlimit(20_000)
    reviews = read_reviews(HERE / "reviewed.tsv")
    total, findings = Score(), []
    print(f"{'project':32}{'listing':>9}{'kmigrate':>9}{'both':>7}{'evidence':>9}{'methods':>9}")
    for line in (HERE / "projects.txt").read_text("utf-8").splitlines():
        project, evidence = line.split()
        if options.only not in project:
            continue
        root = unpacked(project, cache_folder())
        listed = listing_of(root)
        everything = check(root)
        found = {place: d for place, d in everything.items() if not is_method(d[0])}
        found_differences = differences(project, listed, found)
        both = len(listed.keys() & found.keys())
        result = score(both, found_differences, reviews)
        total.add(result)
        findings += [(project, place, described) for place, described in everything.items()]
        print(f"{project:32}{len(listed):9}{len(found):9}{both:7}{evidence:>9}{len(everything) - len(found):9}")
        for difference in found_differences if options.all else result.open:
            print(f"    {difference}")
    print_sample(findings, options.sample)
    counts = f"uses {total.true}  findings {total.found}  open {len(total.open)}"
    print(f"recall {total.recall:.2%}  precision {total.precision:.2%}  {counts}")
    return 0 if min(total.recall, total.precision) >= BAR and not total.open else 1


def listing_of(root: Path) -> dict[Place, Described]:
    return {(u.path, u.line, u.column): (u.symbol, u.where, u.reason) for u in Listing(Project(root)).uses()}


def check(root: Path) -> dict[Place, Described]:
    """The findings of the real command in the project's folder. Raises SystemExit where it fails."""
    command = [sys.executable, "-m", "kmigrate", "check", "--output-format", "json", "."]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if not done.stdout.startswith("{"):
        raise SystemExit(f"kmigrate check failed in {root}: {done.stderr[-500:]}")
    return {
        (f["path"], f["line"], f["column"]): (f["symbol"], f["context"]["qualname"], f["context"]["reason"])
        for f in json.loads(done.stdout)["findings"]
        if f["code"] not in NOT_LISTED
    }


def is_method(symbol: str) -> bool:
    """Whether a finding is a method of a tensor: the listing knows names only."""
    return symbol.startswith(("tf.Tensor.", "tf.Variable.", "theano.tensor.TensorVariable.", "theano.tensor.var."))


def print_sample(findings: list[tuple[str, Place, Described]], count: int) -> None:
    for project, (path, line, column), (symbol, where, reason) in random.Random(0).sample(findings, min(count, len(findings))):
        text = (cache_folder() / project.replace("==", "-") / path).read_text("utf-8", "replace").splitlines()[line - 1]
        print(f"sample {project}/{path}:{line}:{column} {symbol} in {where} ({reason})\n    {text.strip()}")


if __name__ == "__main__":
    raise SystemExit(main())
