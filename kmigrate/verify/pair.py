"""One module before and after: what the worker is told of either side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class ModulePair:
    """One module before and after. ``package_root`` is put on ``sys.path``; ``package`` is the dotted parent package.

    ``others`` are the rewritten texts of the project's other files, by their path below ``package_root``: on another engine the
    whole project is taken as rewritten, on its own each module by itself.
    """

    path: str
    original: str
    rewritten: str
    engine: Literal["tensorflow", "theano"] = "tensorflow"
    flavour: Literal["keras", "tf.keras"] = "keras"
    package_root: str | None = None
    package: str | None = None
    others: tuple[tuple[str, str], ...] = ()

    def module(self, *, rewritten: bool, elsewhere: bool = False) -> dict[str, Any]:
        """The worker's description of one side. ``elsewhere``: on another engine, where that of the original is taken away."""
        name = PurePath(self.path).stem if self.path else "module"
        if not name.isidentifier():
            name = "module"
        source = self.rewritten if rewritten else self.original
        module: dict[str, Any] = {"name": name, "source": source, "path": self.path, "flavour": self.flavour}
        module.update(package_root=self.package_root, package=self.package)
        if elsewhere:
            module.update(flavour="keras", stand_in=self.engine, others=dict(self.others))
        return module
