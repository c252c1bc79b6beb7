"""What a whole run printed: where nothing that it depends on changed, the next one prints the same.

One file of the cache for each way of asking (project, paths, options); its first line names the state that it was made in. The
text follows as it is: a run over unchanged files reads it and has nothing to compute.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from kmigrate.cache import forget_old, results_version
from kmigrate.config import Config
from kmigrate.digests import digest, digest_of
from kmigrate.files import FileAccessError, write_atomic
from kmigrate.inputs import Inputs


class Outcome(NamedTuple):
    """The exit code of a run and what it printed."""

    code: int
    text: str


class Outcomes:
    """The outcome of one way of asking in one state of the files. ``directory`` None: nothing is read or kept."""

    def __init__(self, directory: Path | None, config: Config, inputs: Inputs, shown: tuple[object, ...]) -> None:
        """``shown`` are the options of the report, as far as ``config`` does not hold them."""
        states = inputs.states() if directory is not None and not inputs.given and not inputs.errors else None
        self._path: Path | None = None
        if directory is not None and states is not None:
            asked = digest(str(Path.cwd()), config.wishes, shown, list(inputs.files))
            self._path = directory / f"{asked}-outcome.txt"
            self._state = digest(results_version(config.rules), config.wishes, shown, inputs.files, states)

    def get(self) -> Outcome | None:
        """The outcome of a run over the same files in the same state, if there was one."""
        if self._path is None:
            return None
        try:
            head, _, text = self._path.read_bytes().partition(b"\n")
            state, code, content = head.decode("ascii").split(" ")
            if state == self._state and content == digest_of(text):
                return Outcome(int(code), text.decode("utf-8", "surrogatepass"))
        except (OSError, ValueError):
            pass
        return None

    def keep(self, outcome: Outcome) -> None:
        """Remember an outcome. A cache that cannot be written is no reason to fail."""
        if self._path is None:
            return
        text = outcome.text.encode("utf-8", "surrogatepass")
        head = f"{self._state} {outcome.code} {digest_of(text)}\n"
        with suppress(OSError, FileAccessError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(self._path, head.encode() + text, durable=False)
            forget_old(self._path.parent)
