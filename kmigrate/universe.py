"""All files of a project: surveyed, joined into the index, those included that only connect the others.

What is asked for are the findings of some files; what decides about them may stand in others: a base class, a re-exported
engine, a layer that calls a helper. So the survey takes in the packages (or the folders of scripts) that the files lie in.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property, partial

from kmigrate.cache import Cache, Stat, stat_of
from kmigrate.digests import digest_of
from kmigrate.files import FileAccessError, display_path, read
from kmigrate.gate import may_be_unreadable, may_use_engine
from kmigrate.light import TYPE_CHECKING
from kmigrate.survey import Surveyed, is_lasting, survey
from kmigrate.workbench import WORKBENCH
from kmigrate.workers import Workers, chunks

# What joins files is imported where there is something to join: a run over clean code never pays for it.
if TYPE_CHECKING:
    from kmigrate.hiding import Hiding
    from kmigrate.layers.index import Index
    from kmigrate.layers.nouns import FileFacts, Surroundings
    from kmigrate.takers import Takers

Problem = str
Item = tuple[str, int]  # a path and the size of its file in bytes
_CHEAPER = 20  # how much less it costs to look for the words of imports than to parse
Answer = tuple[str, "Surveyed | Problem"]


class Universe:
    """The survey of a project. ``given`` holds the bytes of files that are not on the disk as they are (standard input)."""

    def __init__(self, cache: Cache, given: Mapping[str, bytes] | None = None) -> None:
        self.cache = cache
        self.surveyed: dict[str, Surveyed] = {}
        self.problems: dict[str, Problem] = {}
        self.index: Index | None = None  # None: no file reaches an engine
        self.given = dict(given or {})
        # As they were before the file was read: what is read later than that may only be newer.
        self._states: dict[str, Stat | None] = {}
        self._ahead: dict[str, Surveyed | Problem] = {}  # surveyed before the index asks

    def read(self, path: str) -> bytes:
        """Raises FileAccessError."""
        return self.given[path] if path in self.given else read(path)

    def take(self, paths: Collection[str], workers: Workers) -> None:
        """Survey files, by ``key_of``, and join them."""
        self._survey(paths, workers)
        wanted = sorted(path for path, surveyed in self.surveyed.items() if surveyed.wanted)
        if not wanted:
            return
        from kmigrate.layers.index import Index
        from kmigrate.layers.modules import Modules

        self.index = Index(Modules(paths), self._load, display_path)
        for path in wanted:
            facts = self.surveyed[path].facts
            if facts is not None:
                self.index.add(path, facts)
        self._look_ahead(self.index, wanted, workers)
        self.index.settle()
        self._connect(self.index, workers)

    def surroundings(self, path: str, whole_module: bool) -> Surroundings | None:
        """What the project says about a file; None where it can have no findings. ``whole_module``: not only in layer code."""
        if self.index is None or path not in self.index.files or (self.index.is_quiet(path) and not whole_module):
            return None
        return self.index.surroundings(path)

    def hiding(self, path: str) -> tuple[tuple[str, str], ...]:
        """The names that a fix must not bring into a file (``Surroundings``)."""
        return self._hiding.of(path)

    @cached_property
    def _hiding(self) -> Hiding:
        from kmigrate.fix.backend import new_names
        from kmigrate.hiding import Hiding

        assert self.index is not None
        stars = {path: s.facts.stars for path, s in self.surveyed.items() if s.facts is not None and s.facts.stars}
        words = {path: s.words for path, s in self.surveyed.items() if s.facts is None and s.words}
        return Hiding(self.index.modules, stars, words, self._bytes, new_names())

    def taken(self, path: str) -> Callable[[str], bool]:
        """Tells of a name whether another file takes it from the module ``path``."""
        return partial(self._takers.takes, path)

    @cached_property
    def _takers(self) -> Takers:
        from kmigrate.takers import Takers

        return Takers(self.surveyed, self._bytes)

    def _bytes(self, path: str) -> bytes | None:
        try:
            return self.read(path)
        except FileAccessError:
            return None

    # ---- the survey

    def _survey(
        self, paths: Collection[str], workers: Workers, forced: bool = False, then: Callable[[str], None] | None = None
    ) -> None:
        """Survey files. ``forced``: whatever the gate says about them (see ``survey``). ``then`` is called with each that other
        processes have done, while they do the next."""
        todo: list[str] = []
        for path in paths:
            known = None if path in self.given else self._remembered(path, forced)
            if known is not None:
                self.surveyed[path] = known
            elif path in self.given:
                self._keep(path, survey(self.given[path], forced))
            else:
                todo.append(path)
        if forced:
            self._spread([(path, size_of(path)) for path in todo], workers, forced=True, then=then)
        else:
            wanted, suspects = self._let_through(todo, workers)
            self._spread(wanted, workers, wanted=True)
            self._spread(suspects, workers, wanted=False)

    def _let_through(self, paths: Collection[str], workers: Workers) -> tuple[list[Item], list[Item]]:
        """The files that may use an engine and those that may be unreadable. The gate tells in less time than it takes to hand
        files to other processes, and of clean code it lets nothing through."""
        wanted: list[Item] = []
        suspects: list[Item] = []
        total = through = 0
        for path in paths:
            try:
                data = read(path)
            except FileAccessError as error:
                self._keep(path, error.message)
                continue
            size = len(data)
            total += size
            if may_use_engine(data):
                wanted.append((path, size))
                through += size
                workers.expect(through, get_ready)
            elif may_be_unreadable(data):
                suspects.append((path, size))
            else:
                self._keep(path, Surveyed(digest_of(data) if self.cache.kept else ""))
        WORKBENCH.clear_for(total)
        return wanted, suspects

    def _spread(
        self,
        items: Sequence[Item],
        workers: Workers,
        forced: bool = False,
        wanted: bool | None = None,
        then: Callable[[str], None] | None = None,
    ) -> None:
        task = partial(survey_files, forced=forced, kept=self.cache.kept, wanted=wanted)
        for answers in workers.spread(task, chunks(items), sum(size for _, size in items), _lost):
            for path, answer in answers:
                self._keep(path, answer)
                if then is not None:
                    then(path)

    def _remembered(self, path: str, forced: bool = False) -> Surveyed | None:
        if not self.cache.kept:
            return None
        if path not in self._states:
            self._states[path] = stat_of(path)
        content = self.cache.digest(path, self._states[path])
        return None if content is None else self.cache.surveyed(content, forced)

    def _keep(self, path: str, answer: Surveyed | Problem) -> None:
        if isinstance(answer, str):
            self.problems[path] = answer
            return
        self.surveyed[path] = answer
        if path not in self.given and self.cache.kept:
            self.cache.keep_digest(path, self._states.get(path), answer.digest)
            if answer.error is None or is_lasting(answer.error):
                self.cache.keep_surveyed(answer)

    def _load(self, path: str) -> FileFacts | None:
        """The facts of a file that the index needs, whatever the gate said about it."""
        known = self.surveyed.get(path)
        if known is None or (known.facts is None and known.error is None):
            answer = self._ahead.pop(path, None)
            try:
                if answer is None or isinstance(answer, str):
                    answer = self._remembered(path, forced=True) or survey(self.read(path), forced=True)
            except FileAccessError:
                return None
            self._keep(path, answer)
        return self.surveyed[path].facts

    def _look_ahead(self, index: Index, paths: Iterable[str], workers: Workers) -> None:
        """Where other processes work, survey the modules that the bases of classes stand in: the index will load nearly all of
        them, but here and one at a time. What it does not ask for is not kept."""
        if not workers.started:
            return
        from kmigrate.names import foreign

        modules: dict[str, None] = {}
        for path in paths:
            for definition in index.files[path].definitions if path in index.files else ():
                for base in definition.bases:
                    found = index.modules.find(path, base) if foreign(base) else None
                    if found is not None and found[1]:
                        modules[found[0]] = None
        todo = [path for path in modules if self._is_unknown(path)]
        sized = [(path, size_of(path)) for path in todo]
        task = partial(survey_files, forced=True, kept=self.cache.kept)
        for answers in workers.spread(task, chunks(sized), sum(size for _, size in sized), _lost):
            self._ahead.update(answers)

    def _is_unknown(self, path: str) -> bool:
        """Whether the facts of a file would have to be read from it."""
        if path in self.given or path in self._ahead:
            return False
        known = self.surveyed.get(path)
        if known is not None and (known.facts is not None or known.error is not None):
            return False
        return self._remembered(path, forced=True) is None

    # ---- files that connect others

    def _connect(self, index: Index, workers: Workers) -> None:
        """Take in files that reach no engine themselves but import, and may use, what does and is not yet layer code."""
        from kmigrate.connections import Connections
        from kmigrate.reach import Reach

        connections = Connections(index)
        words = connections.words()
        reach = Reach(self._words(self.surveyed.keys() - index.files.keys(), workers))
        # Who waits imports nothing that was asked about before: only what leads to an engine since then is asked about.
        while reach and (new := sorted(reach.importing(words))):
            known = (self.surveyed[path] for path in new)
            asked = [path for path, s in zip(new, known, strict=True) if s.facts is None and s.error is None]
            self._survey(asked, workers, forced=True, then=connections.expect)
            for path in new:
                index.facts(path)
            self._look_ahead(index, new, workers)
            index.settle()
            words = connections.words()

    def _words(self, paths: Collection[str], workers: Workers) -> dict[str, str]:
        """Those of the imports of files that the gate kept out; none of the others."""
        found: dict[str, str] = {}
        todo: list[Item] = []
        for path in sorted(paths):
            known = self.surveyed[path]
            if known.words is not None or known.wanted:
                found[path] = known.words or ""
            elif path in self.given:
                found[path] = words_of(self.given[path])
                self.surveyed[path] = known._replace(words=found[path])
            else:
                todo.append((path, size_of(path) // _CHEAPER))
        find = partial(words_of_files, digests=self.cache.kept)
        for answers in workers.spread(find, chunks(todo), sum(size for _, size in todo), _no_words):
            for path, words, content in answers:
                found[path] = words
                known = self.surveyed[path] = self.surveyed[path]._replace(words=words)
                if content == known.digest:
                    self._keep(path, known)
        return found


def size_of(path: str) -> int:
    try:
        return os.stat(path).st_size
    except (OSError, ValueError):
        return 0


# ---- what workers do


def get_ready() -> None:
    """Load what a survey takes."""
    import kmigrate.flavour
    import kmigrate.layers.facts
    import kmigrate.source
    import kmigrate.workbench  # noqa: F401 - to be there, as all four


def survey_files(paths: Sequence[Item], forced: bool = False, kept: bool = True, wanted: bool | None = None) -> list[Answer]:
    """The surveys of some files; a message where one cannot be read. Runs in worker processes."""
    answers: list[Answer] = []
    for path, _ in paths:
        try:
            answers.append((path, survey(read(path), forced, kept, wanted)))
        except FileAccessError as error:
            answers.append((path, error.message))
    return answers


def _lost(item: Item, why: str) -> list[Answer]:
    return [(item[0], why)]


def words_of_files(paths: Sequence[Item], digests: bool) -> list[tuple[str, str, str | None]]:
    """The words of the imports of some files, each with the digest of its bytes where ``digests`` are wanted. Runs in workers."""
    found = []
    for path, _ in paths:
        try:
            data = read(path)
        except FileAccessError:
            data = b""
        found.append((path, words_of(data), digest_of(data) if digests else None))
    return found


def words_of(data: bytes) -> str:
    """The words of the imports of a file, and the attributes by which it may reach an engine of a module."""
    from kmigrate.words import engines_taken, imported_words

    words = imported_words(data)
    return f"{words} {engines_taken(data)}" if words else words


def _no_words(item: Item, why: str) -> list[tuple[str, str, str | None]]:
    return [(item[0], "", None)]
