"""Writes docs/rules/: one page for each rule, and the index.

python scripts/rule_pages.py           write them
python scripts/rule_pages.py --check   change nothing; exit 1 and name the pages that are not what the rules say
"""

from __future__ import annotations

import sys
from pathlib import Path

from kmigrate.report.rules import pages
from kmigrate.rulebook.book import load_rulebook

FOLDER = Path(__file__).parent.parent / "docs" / "rules"


def stale(folder: Path = FOLDER) -> dict[Path, str | None]:
    """Pages that are missing or differ, with their new text; None for one that belongs to no rule."""
    wanted = {folder / name: text for name, text in pages(load_rulebook()).items()}
    found: dict[Path, str | None] = {
        path: text for path, text in wanted.items() if not path.is_file() or path.read_text("utf-8") != text
    }
    found.update({path: None for path in folder.glob("*.md") if path not in wanted})
    return found


def main() -> int:
    changes = stale()
    for path, text in changes.items():
        print(path.name)
        if "--check" in sys.argv:
            continue
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    return 1 if changes and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
