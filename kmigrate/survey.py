"""One file at a time, as pure functions of its bytes: what worker processes run and what the cache remembers.

Two steps. ``survey`` reads what a file says about layer code, without the rulebook; the project's index then joins the
facts of all files. ``examine`` makes the findings of a file from its bytes and what the index says about it.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator

from kmigrate.config import Wishes, selects
from kmigrate.digests import digest_of
from kmigrate.errors import internal
from kmigrate.filereport import FileReport, failed
from kmigrate.gate import may_be_unreadable, may_use_engine
from kmigrate.light import TYPE_CHECKING, NamedTuple

# What parses and analyses is imported where a file is let through: a run over clean code never pays for it.
if TYPE_CHECKING:
    from kmigrate.layers.nouns import FileFacts, Surroundings
    from kmigrate.lint import Analysis
    from kmigrate.model import Finding

Problem = tuple[int | None, int | None, str]  # line, column, message
TOO_DEEP = "nested too deeply to be analysed"


class Surveyed(NamedTuple):
    """One file before the project is known. ``digest`` is empty where nobody asked for it and the gate kept the file out.

    ``wanted``: the file may have findings of its own accord. ``facts`` is None where it was not parsed (the gate kept it
    out) or cannot be; ``words`` are those of its imports where they were asked for. ``hints``: in layer code it may have
    findings even without the name of an engine.
    """

    digest: str
    wanted: bool = False
    facts: FileFacts | None = None
    error: Problem | None = None
    hints: bool = False
    words: str | None = None


def survey(data: bytes, forced: bool = False, kept: bool = True, wanted: bool | None = None) -> Surveyed:
    """What a file says of itself. ``forced``: the project needs its facts even if it reaches no engine; ``kept``: what is found
    will be remembered by the file's digest; ``wanted``: what the gate said, where it was asked already."""
    if wanted is None:
        wanted = may_use_engine(data)
    digest = digest_of(data) if kept or wanted or forced else ""
    if not wanted and not forced:
        return Surveyed(digest, error=_problem_in(data) if may_be_unreadable(data) else None)
    from dataclasses import replace

    from kmigrate.flavour import is_undecided, own_flavour
    from kmigrate.layers.facts import file_facts
    from kmigrate.names import Names
    from kmigrate.names.aliases import is_known
    from kmigrate.source import Source
    from kmigrate.workbench import WORKBENCH, Parsed

    try:
        source = Source.parse("", data)
        names = Names(source.tree, is_known)
        keras = own_flavour(source.text, names), is_undecided(source.text, names)
        facts = replace(file_facts(names, data), flavour=keras[0], undecided=keras[1])
    except Exception as error:
        return Surveyed(digest, wanted, error=problem_of(error))
    hints = _tied_backend(facts)
    if hints or facts.engines or _may_hold_findings(facts):
        WORKBENCH.put(digest, Parsed(source, names.walk))
    return Surveyed(digest, wanted, facts, hints=hints)


def _problem_in(data: bytes) -> Problem | None:
    """Why bytes are no Python that can be read."""
    from kmigrate.source import Source

    try:
        Source.parse("", data)
    except Exception as error:
        return problem_of(error)
    return None


def _tied_backend(facts: FileFacts) -> bool:
    """Whether the file has the backend of tensorflow.keras under a name: a finding of its own where the file has layers."""
    exports = facts.exports or {}
    return facts.flavour == "tf.keras" and any("keras.backend" in targets for targets in exports.values())


def _may_hold_findings(facts: FileFacts) -> bool:
    """Whether the file will probably be examined: an engine's use stands in what looks like a root of layer code (no test)."""
    roots = set(facts.losses)
    for number, definition in enumerate(facts.definitions):
        if definition.kind == "class" and any(not base.endswith("TestCase") for base in definition.bases):
            roots.add(number)
    roots.update(int(handed.target[1:]) for handed in facts.handed if handed.target.startswith("#"))
    return any(_inside(facts, user, roots) for user in facts.users)


def needs_examining(surveyed: Surveyed, surroundings: Surroundings, whole_module: bool) -> bool:
    """Whether the file can have findings, given what the project says about it."""
    from kmigrate.names import engine_of

    facts = surveyed.facts
    if facts is None:
        return False
    reaches = bool(facts.users) or any(engine_of(symbol) for symbol in surroundings.imported.values())
    if whole_module:
        return reaches or surveyed.hints
    if surroundings.handed:
        return True
    if not surroundings.roots:
        return False
    if surveyed.hints or any(engine_of(symbol) for symbol in surroundings.imported.values()):
        return True
    return any(_inside(facts, user, surroundings.roots) for user in facts.users)


def _inside(facts: FileFacts, number: int, roots: Container[int]) -> bool:
    while number >= 0:
        if number in roots:
            return True
        number = facts.definitions[number].parent
    return False


def examine(name: str, data: bytes, digest: str, surroundings: Surroundings | None, wishes: Wishes) -> FileReport:
    """The report of one file, shown as ``name``. ``digest`` is that of the bytes which ``surroundings`` was made for."""
    try:
        return analysed(name, data, digest, surroundings, wishes)[0]
    except Exception as error:
        return failed(name, problem_of(error))


def problem_of(error: Exception) -> Problem:
    """What to say of a file that cannot be analysed. A defect of ours costs this file alone, not the run."""
    from kmigrate.files import FileAccessError
    from kmigrate.source import SourceError

    if isinstance(error, SourceError):
        return error.line, error.column, error.message
    if isinstance(error, FileAccessError):
        return None, None, error.message
    if isinstance(error, RecursionError):
        return None, None, TOO_DEEP
    return None, None, internal(error)


def is_lasting(problem: Problem) -> bool:
    """Whether the content alone made a problem, so that it may be remembered: what could not be read may be readable now."""
    from kmigrate.source import TOO_DEEP_TO_PARSE

    return problem[0] is not None or problem[2] in (TOO_DEEP, TOO_DEEP_TO_PARSE)


def analysed(
    name: str, data: bytes, digest: str, surroundings: Surroundings | None, wishes: Wishes
) -> tuple[FileReport, Analysis]:
    """The report and what it is made from. Raises what ``problem_of`` puts into words."""
    from dataclasses import replace
    from pathlib import Path

    from kmigrate.lint import analyse
    from kmigrate.rulebook.book import load_rulebook
    from kmigrate.source import Source
    from kmigrate.workbench import WORKBENCH

    found = digest_of(data)
    if found != digest:
        surroundings = None  # the file changed under our hands: what the index knows is of another text
    parsed = WORKBENCH.take(found)
    source = replace(parsed.source, path=name) if parsed else Source.parse(name, data)
    book = load_rulebook(tuple(Path(rules) for rules in wishes.rules))
    analysis = analyse(source, book, wishes.target, wishes.whole_module, surroundings, parsed.walk if parsed else None)
    analysis = replace(analysis, findings=tuple(_wanted(source.text, analysis.findings, wishes)))
    return FileReport(name, analysis.findings), analysis


def _wanted(text: str, findings: Iterable[Finding], wishes: Wishes) -> Iterator[Finding]:
    from kmigrate.suppress import suppressions

    hidden = suppressions(text)
    for finding in findings:
        if selects(finding.code, wishes.select, wishes.ignore) and not hidden.hides(finding):
            yield _portable_only(finding) if wishes.portable_only else finding


def _portable_only(finding: Finding) -> Finding:
    if finding.fix is None or finding.fix.portable:
        return finding
    from dataclasses import replace

    why = finding.fix.portability or "no proof says that it is portable"
    return replace(finding, fix=None, message=f"{finding.message} (not applied: portable-only; {why})")
