"""The verdicts of a run, kept as they come, so that a run that was interrupted goes on from there (``--resume``).

One file for each run: JSON lines of a key and a verdict. The keys are of contents, so that a verdict is used only where nothing
changed that it depends on. A line that was cut off, or that another version wrote, is passed over.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from kmigrate.verify.verdicts import UnitVerdict, unit_from_json

_KEPT_S = 30 * 24 * 3600


class State:
    """``found`` are the verdicts by key. A context manager; without ``resume`` it begins anew.

    A state that cannot be written is no reason to stop: then the run can only not be resumed.
    """

    def __init__(self, path: Path | None, resume: bool = False) -> None:
        self.path = path
        self.found: dict[str, UnitVerdict] = _read(path) if path is not None and resume else {}
        self._file: IO[str] | None = None
        self._resume = resume

    def __enter__(self) -> State:
        if self.path is not None:
            with suppress(OSError):
                self.path.parent.mkdir(parents=True, exist_ok=True)
                _forget_old(self.path.parent)
                self._file = self.path.open("a" if self._resume else "w", encoding="utf-8")
                self._file.write("\n")  # after a line that was cut off
        return self

    def keep(self, key: str, verdict: UnitVerdict) -> None:
        self.found[key] = verdict
        if self._file is not None:
            with suppress(OSError):
                self._file.write(json.dumps({"key": key, "unit": verdict.as_json()}) + "\n")
                self._file.flush()

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            with suppress(OSError):
                self._file.close()


def _forget_old(folder: Path) -> None:
    for path in folder.glob("*.jsonl"):
        if path.stat().st_mtime < time.time() - _KEPT_S:
            path.unlink()


def _read(path: Path) -> dict[str, UnitVerdict]:
    found = {}
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    for line in lines:
        with suppress(ValueError, TypeError, KeyError, AttributeError, RecursionError):
            item = json.loads(line)
            found[str(item["key"])] = unit_from_json(item["unit"])
    return found
