"""``kmigrate clean``: forget what earlier runs found. The stacks stay."""

from __future__ import annotations

import argparse
from pathlib import Path

from kmigrate.cache import cache_directory
from kmigrate.model import UserError
from kmigrate.report.common import plural


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="say what would be removed and remove nothing")


def run(options: argparse.Namespace) -> int:
    """Remove the results kept by ``check``. Raises UserError where one cannot be removed."""
    folder = Path(cache_directory())
    files = sorted(file for file in folder.iterdir() if file.is_file()) if folder.is_dir() else []
    size = sum(file.stat().st_size for file in files)
    if not options.dry_run:
        _remove(files)
    done = "would remove" if options.dry_run else "removed"
    print(f"{done} {plural(len(files), 'file')}, {size / 1e6:.1f} MB, from {folder}")
    return 0


def _remove(files: list[Path]) -> None:
    for file in files:
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            raise UserError(f"{file}: cannot remove it: {error.strerror or error}") from error
