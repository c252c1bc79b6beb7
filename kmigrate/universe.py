"""All files of a project: surveyed, joined into the index, those included that only connect the others.

What is asked for are the findings of some files; what decides about them may stand in others: a base class, a re-exported
engine, a layer that calls a helper. So the survey takes in the packages (or the folders of scripts) that the files lie in.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Generic, TypeVar

from kmigrate.cache import Cache, stat_of
from kmigrate.collector import uncollected
from kmigrate.connections import Connections
from kmigrate.files import FileAccessError, display_path, read
from kmigrate.layers.facts import FileFacts
from kmigrate.layers.index import Index, Surroundings
from kmigrate.layers.modules import Modules
from kmigrate.survey import Surveyed, is_lasting, survey
from kmigrate.takers import Takers

T = TypeVar("T")
R = TypeVar("R")
# Below this many bytes of source, other processes cost more than they save.
_WORTH_PROCESSES = 1_500_000
_CHUNK_BYTES = 400_000
_CHUNK_FILES = 200

Problem = str
Answer = tuple[str, "Surveyed | Problem"]


class Universe:
    """The survey of a project. ``given`` holds the bytes of files that are not on the disk as they are (standard input)."""

    def __init__(self, cache: Cache, given: Mapping[str, bytes] | None = None) -> None:
        self.cache = cache
        self.surveyed: dict[str, Surveyed] = {}
        self.problems: dict[str, Problem] = {}
        self.index = Index(Modules([]), self._load, display_path)
        self.given = dict(given or {})

    def read(self, path: str) -> bytes:
        """Raises FileAccessError."""
        return self.given[path] if path in self.given else read(Path(path))

    def take(self, paths: Collection[str], jobs: int, where: str = "local") -> None:
        """Survey files, by ``key_of``, and join them."""
        self._survey(paths, jobs, where)
        self.index = Index(Modules(paths), self._load, display_path)
        for path, surveyed in sorted(self.surveyed.items()):
            if surveyed.wanted and surveyed.facts is not None:
                self.index.add(path, surveyed.facts)
        self.index.settle()
        self._connect()

    def surroundings(self, path: str) -> Surroundings | None:
        return self.index.surroundings(path) if path in self.index.files else None

    def taken(self, path: str) -> Callable[[str], bool]:
        """Tells of a name whether another file takes it from the module ``path``."""
        return partial(self._takers.takes, path)

    @cached_property
    def _takers(self) -> Takers:
        return Takers(self.surveyed, self._bytes)

    def _bytes(self, path: str) -> bytes | None:
        try:
            return self.read(path)
        except FileAccessError:
            return None

    # ---- the survey

    def _survey(self, paths: Collection[str], jobs: int, where: str) -> None:
        todo: list[tuple[str, int]] = []
        for path in paths:
            known = None if path in self.given else self._remembered(path)
            if known is not None:
                self.surveyed[path] = known
            elif path in self.given:
                self._keep(path, survey(self.given[path]))
            else:
                todo.append((path, size_of(path)))
        size = sum(size for _, size in todo)
        for answers in spread(survey_files, chunks(todo), jobs, size, _lost, where):
            for path, answer in answers:
                self._keep(path, answer)

    def _remembered(self, path: str, forced: bool = False) -> Surveyed | None:
        content = self.cache.digest(path, stat_of(path))
        return None if content is None else self.cache.surveyed(content, forced)

    def _keep(self, path: str, answer: Surveyed | Problem) -> None:
        if isinstance(answer, str):
            self.problems[path] = answer
            return
        self.surveyed[path] = answer
        if path not in self.given:
            self.cache.keep_digest(path, stat_of(path), answer.digest)
            if answer.error is None or is_lasting(answer.error):
                self.cache.keep_surveyed(answer)

    def _load(self, path: str) -> FileFacts | None:
        """The facts of a file that the index needs, whatever the gate said about it."""
        known = self.surveyed.get(path)
        if known is None or (known.facts is None and known.error is None):
            try:
                answer = self._remembered(path, forced=True) or survey(self.read(path), forced=True)
            except FileAccessError:
                return None
            self._keep(path, answer)
        return self.surveyed[path].facts

    # ---- files that connect others

    def _connect(self) -> None:
        """Take in files that reach no engine themselves but import, and may use, what does and is not yet layer code."""
        words = {path: s.words for path, s in self.surveyed.items() if s.words and path not in self.index.files}
        connections = Connections(self.index)
        asked: set[str] = set()
        while words:
            wanted = connections.words() - asked
            asked |= wanted
            new = [path for path, text in words.items() if not wanted.isdisjoint(text.split())]
            if not new:
                return
            for path in sorted(new):
                del words[path]
                self.index.facts(path)
            self.index.settle()


def size_of(path: str) -> int:
    try:
        return os.stat(path).st_size
    except (OSError, ValueError):
        return 0


# ---- work in chunks, here or in other processes


def survey_files(paths: Sequence[tuple[str, int]]) -> list[Answer]:
    """The surveys of some files; a message where one cannot be read. Runs in worker processes."""
    answers: list[Answer] = []
    for path, _ in paths:
        try:
            answers.append((path, survey(read(Path(path)))))
        except FileAccessError as error:
            answers.append((path, error.message))
    return answers


def _lost(item: tuple[str, int], why: str) -> list[Answer]:
    return [(item[0], why)]


def chunks(items: Sequence[tuple[T, int]]) -> list[list[tuple[T, int]]]:
    """Items with a size in bytes, in order, grouped so that a group is worth a message to another process."""
    found: list[list[tuple[T, int]]] = []
    total = _CHUNK_BYTES
    for item in items:
        if total >= _CHUNK_BYTES or len(found[-1]) >= _CHUNK_FILES:
            found.append([])
            total = 0
        found[-1].append(item)
        total += item[1]
    return found


@dataclass(frozen=True, slots=True)
class Uncollected(Generic[T, R]):
    """A function without the cyclic garbage collector. Can be pickled."""

    function: Callable[[Sequence[T]], R]

    def __call__(self, part: Sequence[T]) -> R:
        with uncollected():
            return self.function(part)


def spread(
    function: Callable[[Sequence[T]], R],
    parts: Sequence[Sequence[T]],
    jobs: int,
    size: int,
    lost: Callable[[T, str], R],
    where: str = "local",
) -> Iterator[R]:
    """``function`` of every part, in no particular order; on ``jobs`` processes (0: one each processor) where ``size``, the
    bytes of source, is worth it. ``where`` is an executor (``executors.open_executor``); one that is not local is always used.

    Where a process died, its files are tried one by one, and ``lost`` answers for the one that did it.
    """
    function = Uncollected(function)
    if (where == "local" and (jobs == 1 or size < _WORTH_PROCESSES or len(parts) < 2)) or not parts:
        yield from map(function, parts)
        return
    from kmigrate.executors import Lost, default_jobs, open_executor

    with open_executor(where, min(jobs or default_jobs(), len(parts))) as executor:
        for number, result in executor.map(function, parts):
            if not isinstance(result, Lost):
                yield result
                continue
            single = [[item] for item in parts[number]]
            for place, again in executor.map(function, single):
                yield lost(single[place][0], again.reason) if isinstance(again, Lost) else again
