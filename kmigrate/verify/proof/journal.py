"""An interrupted proof goes on where it stopped: reports are written as they come, and forgotten when the run is complete."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from kmigrate.verify.proof.jobs import Job
from kmigrate.verify.stacks import cache_dir

_PROOF = Path(__file__).parent
_SOURCES = ("proof/*.py", "worker/*.py", "compare.py", "moments.py", "result.py")


def job_key(job: Job, environment: str) -> str:
    """Changes with the rule, the texts, the inputs, the libraries and the program that runs and judges them."""
    parts = [job.rule.code, job.rule.digest, str(job.number), job.before, job.after, repr(job.example.inputs), environment]
    return hashlib.sha256("\0".join([*parts, _program()]).encode()).hexdigest()[:24]


@lru_cache
def _program() -> str:
    digest = hashlib.sha256()
    for path in sorted(path for pattern in _SOURCES for path in _PROOF.parent.glob(pattern)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


class Journal:
    """The reports of one run, by job key. One file for each set of jobs; several threads may write."""

    def __init__(self, keys: Iterable[str]) -> None:
        name = hashlib.sha256("".join(sorted(keys)).encode()).hexdigest()[:16]
        self.path = cache_dir() / "proofs" / f"{name}.jsonl"
        self.reports = self._read()
        self._lock = threading.Lock()

    def _read(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        with contextlib.suppress(OSError):
            for line in self.path.read_text("utf-8").splitlines():
                # The last line of a run that was killed may be half a line.
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    entry = json.loads(line)
                    found[entry["key"]] = entry["report"]
        return found

    def add(self, key: str, report: Any) -> None:
        with self._lock, contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as handle:
                handle.write(json.dumps({"key": key, "report": report}) + "\n")

    def close(self) -> None:
        """The run is complete."""
        with contextlib.suppress(OSError):
            self.path.unlink()
