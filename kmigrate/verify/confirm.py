"""``fix --verify``: which of the chosen fixes running confirms."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kmigrate.config import Config
from kmigrate.model import Finding
from kmigrate.project import Checked
from kmigrate.verify.campaign import Planned, Task, tasks_of
from kmigrate.verify.run import blame_line, plan
from kmigrate.verify.saved import Saved
from kmigrate.verify.verdicts import UnitVerdict

Run = Callable[[Sequence[Task]], Sequence[tuple[Task, UnitVerdict]]]
"""Gives every task its verdict; what it did before costs it nothing."""
Tell = Callable[[str], None]

_CONFIRMED = ("identical", "equal")
_REFUTED = ("different", "error")


def confirmed_fixes(
    files: Sequence[Checked], chosen: Sequence[Sequence[Finding]], config: Config, stack: str, saved: Saved, run: Run, tell: Tell
) -> list[list[Finding]]:
    """For each file those of its ``chosen`` fixes that stay: of the units that are identical or equal, and of a refuted unit
    what is left without the fixes responsible. Units that could not be run keep none, and no unit keeps a fix that no case
    executed: nothing was compared there.

    What a unit does may rest on the other files, so all files are run as they would be written, again and again until every
    fix that stays is confirmed among those that stay. ``tell`` gets a line for each unit that loses fixes.
    """
    wanted = [list(fixes) for fixes in chosen]
    while True:
        planned: list[Planned] = []
        for one, fixes in zip(files, wanted, strict=True):
            pair_and_units = plan(one, fixes, config.target)
            if pair_and_units is not None:
                planned.append((*pair_and_units, one, tuple(fixes)))
        verdicts: dict[int, list[UnitVerdict]] = {}
        for task, verdict in run(tasks_of(planned, config, stack, saved, shrink=False)):
            verdicts.setdefault(id(task.checked), []).append(verdict)
        left = [_left(one, fixes, verdicts.get(id(one), ()), tell) for one, fixes in zip(files, wanted, strict=True)]
        if left == wanted:
            return wanted
        wanted = left


def _left(one: Checked, wanted: Sequence[Finding], verdicts: Sequence[UnitVerdict], tell: Tell) -> list[Finding]:
    """The fixes of one file that its units' verdicts leave."""
    if one.analysis is None:
        return []
    dropped: list[Finding] = []
    stays: list[Finding] = []
    for verdict in verdicts:
        own = one.analysis.inside(verdict.qualname, wanted)
        if verdict.verdict in _CONFIRMED:
            missed = _not_executed(verdict, own)
            dropped += missed
            stays += [f for f in own if f not in missed]
            if missed:
                lines = ", ".join(f"line {f.line}: {f.symbol}" for f in missed)
                tell(
                    f"{one.report.path}: {verdict.qualname}: {verdict.verdict}: {len(missed)} of {len(own)} fixes left out"
                    f" (executed by no case: {lines})"
                )
            continue
        blamed = [f for f in wanted if verdict.blame and blame_line(f) in verdict.blame]
        gone = blamed if verdict.verdict in _REFUTED and blamed else own
        dropped += gone
        stays += [f for f in own if f not in gone]
        why = verdict.blame or verdict.reason
        tell(f"{one.report.path}: {verdict.qualname}: {verdict.verdict}: {len(gone)} of {len(own)} fixes left out ({why})")
    return [f for f in wanted if f in stays and f not in dropped]


def _not_executed(verdict: UnitVerdict, own: Sequence[Finding]) -> list[Finding]:
    """The fixes of a unit that its verdict says nothing of."""
    missed = {(edit.line, edit.column, edit.code, edit.symbol) for edit in verdict.edits if edit.executed is False}
    return [f for f in own if (f.line, f.column, f.code, f.symbol) in missed]
