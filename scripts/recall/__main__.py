"""Recall and precision of ``kmigrate check`` on the public projects of projects.txt (downloaded into the cache once).

    .venv/bin/python -m pip install -e '.[measure]'
    PYTHONPATH=scripts .venv/bin/python -m recall [--only NAME] [--folder PATH] [--sample N] [--all]

Compares uses of symbols by name, and methods of tensors. Prints every difference from the listing that reviewed.tsv does not
settle (``--all``: every one), two lines for each project, and the two figures over the reviewed truth. Exit 1 where one is below
99 % or a difference is open.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from recall.compare import Described, Place, Score, differences, read_reviews, score
from recall.download import cache_folder, unpacked
from recall.listing import Listing
from recall.methods import Methods
from recall.modules import Project

HERE = Path(__file__).parent
BAR = 0.99
# Findings that are no use of an engine symbol by name: the note on a tensorflow.keras file, methods of sessions and streams.
NOT_LISTED = ("KM002",)
OBJECTS = ("tf.Session.", "theano.sandbox.rng_mrg.MRG_RandomStreams.", "theano.tensor.shared_randomstreams.RandomStreams.")
METHODS = (
    "tf.Tensor.",
    "tf.Variable.",
    "tf.TensorShape.",
    "tf.Dimension.",
    "theano.tensor.TensorVariable.",
    "theano.compile.SharedVariable.",
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="only projects whose name contains this")
    parser.add_argument("--folder", default="", help="projects that lie unpacked in this folder instead, one each subfolder")
    parser.add_argument("--sample", type=int, default=0, help="print this many random findings to judge by hand")
    parser.add_argument("--all", action="store_true", help="print the settled differences too")
    options = parser.parse_args()
    sys.setrecursionlimit(20_000)
    reviews = read_reviews(HERE / "reviewed.tsv")
    totals, findings = {"names": Score(), "methods": Score()}, []
    print(f"{'project':32}{'':9}{'listing':>9}{'kmigrate':>9}{'both':>7}")
    for project, root in projects(options):
        listed, found = listing_of(root), check(root)
        for kind, total in totals.items():
            found_differences = differences(project, listed[kind], found[kind])
            both = len(listed[kind].keys() & found[kind].keys())
            result = score(both, found_differences, reviews)
            total.add(result)
            findings += [(root, place, described) for place, described in found[kind].items()]
            print(f"{project:32}{kind:9}{len(listed[kind]):9}{len(found[kind]):9}{both:7}")
            for difference in found_differences if options.all else result.open:
                print(f"    {difference}")
    print_sample(findings, options.sample)
    for kind, total in totals.items():
        counts = f"uses {total.true}  findings {total.found}  open {len(total.open)}"
        print(f"{kind:8} recall {total.recall:.2%}  precision {total.precision:.2%}  {counts}")
    return 0 if all(min(t.recall, t.precision) >= BAR and not t.open for t in totals.values()) else 1


def projects(options: argparse.Namespace) -> Iterator[tuple[str, Path]]:
    """The projects by name, unpacked: those of a folder, or those of projects.txt."""
    if options.folder:
        found = ((path.name, path) for path in sorted(Path(options.folder).iterdir()) if path.is_dir())
    else:
        names = [line.split()[0] for line in (HERE / "projects.txt").read_text("utf-8").splitlines()]
        found = ((name, unpacked(name, cache_folder())) for name in names if options.only in name)
    yield from ((name, path) for name, path in found if options.only in name)


def listing_of(root: Path) -> dict[str, dict[Place, Described]]:
    listing = Listing(Project(root))
    return {
        "names": {(u.path, u.line, u.column, ""): (u.symbol, u.where, u.reason) for u in listing.uses()},
        "methods": {(u.path, u.line, u.column, u.symbol): (u.symbol, u.where, u.reason) for u in Methods(listing).uses()},
    }


def check(root: Path) -> dict[str, dict[Place, Described]]:
    """The findings of the real command in the project's folder, names and methods apart. Raises SystemExit where it fails."""
    command = [sys.executable, "-m", "kmigrate", "check", "--output-format", "json", "."]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if not done.stdout.startswith("{"):
        raise SystemExit(f"kmigrate check failed in {root}: {done.stderr[-500:]}")
    found: dict[str, dict[Place, Described]] = {"names": {}, "methods": {}}
    for f in json.loads(done.stdout)["findings"]:
        if f["code"] not in NOT_LISTED and not f["symbol"].startswith(OBJECTS):
            method = f["symbol"].rpartition(".")[2] if is_method(f["symbol"]) else ""
            place = (f["path"], f["line"], f["column"], method)
            found["methods" if method else "names"][place] = (f["symbol"], f["context"]["qualname"], f["context"]["reason"])
    return found


def is_method(symbol: str) -> bool:
    """Whether a finding is a method of a tensor: the listing knows names only."""
    return symbol.startswith(METHODS)


def print_sample(findings: list[tuple[Path, Place, Described]], count: int) -> None:
    for root, (path, line, column, _), (symbol, where, reason) in random.Random(0).sample(findings, min(count, len(findings))):
        text = (root / path).read_text("utf-8", "replace").splitlines()[line - 1]
        print(f"sample {root.name}/{path}:{line}:{column} {symbol} in {where} ({reason})\n    {text.strip()}")


if __name__ == "__main__":
    raise SystemExit(main())
