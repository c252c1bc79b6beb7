"""What a whole run printed: where nothing that it depends on changed, the next one prints the same.

One file of the cache for each way of asking (project, paths, options); its first line names the state that it was made in. The
text follows as it is: a run over unchanged files reads it and has nothing to compute.
"""

from __future__ import annotations

import os

from kmigrate.cache import keep, recall, results_version
from kmigrate.config import Config
from kmigrate.digests import digest
from kmigrate.inputs import Inputs
from kmigrate.light import NamedTuple


class Outcome(NamedTuple):
    """The exit code of a run and what it printed."""

    code: int
    text: str


class Outcomes:
    """The outcome of one way of asking in one state of the files. ``directory`` None: nothing is read or kept."""

    def __init__(self, directory: str | None, config: Config, inputs: Inputs, shown: tuple[object, ...]) -> None:
        """``shown`` are the options of the report, as far as ``config`` does not hold them."""
        states = inputs.states() if directory is not None and not inputs.given and not inputs.errors else None
        self._path: str | None = None
        if directory is not None and states is not None:
            asked = digest(os.getcwd(), config.wishes, shown, list(inputs.files))
            self._path = os.path.join(directory, f"{asked}-outcome.txt")
            version = results_version(config.rules)
            self._state = None if version is None else digest(version, config.wishes, shown, inputs.files, states)

    def get(self) -> Outcome | None:
        """The outcome of a run over the same files in the same state, if there was one."""
        if self._path is None:
            return None
        code, _, text = (recall(self._path, self._state) or b"").partition(b"\n")
        return Outcome(int(code), text.decode("utf-8", "surrogatepass")) if code else None

    def keep(self, outcome: Outcome) -> None:
        """Remember an outcome."""
        if self._path is not None:
            keep(self._path, self._state, f"{outcome.code}\n{outcome.text}".encode("utf-8", "surrogatepass"))
