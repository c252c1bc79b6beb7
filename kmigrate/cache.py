"""What earlier runs found, by content: in the user's cache directory, never in the project.

A file of the cache belongs to one project (its working directory) and one version of kmigrate, Python and rulebook: a line for
the version, then one for each entry, its key and its value as JSON, a tab between. Facts and reports are stored under digests of
everything that they were made from, so a stale one is never found, only never asked for. Files are replaced as a whole: two
runs at a time, or a killed one, cost the cache some entries and nothing else.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cache

from kmigrate import __version__
from kmigrate.digests import digest, digest_of
from kmigrate.files import FileAccessError, content, write_atomic
from kmigrate.light import TYPE_CHECKING
from kmigrate.rulebook.place import builtin_rules

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from kmigrate.model import Context, FileReport, Finding, Fix
    from kmigrate.survey import Surveyed

_FOLDER = "check"
_KEEP_S = 30 * 24 * 3600.0
# A file that was changed this shortly before it was read may be changed again without its time telling.
_RACY_NS = 2_000_000_000

Stat = tuple[int, int, int, int]


def cache_directory() -> str:
    """Where results of ``check`` are kept: below ``KMIGRATE_CACHE_DIR`` or the user's cache directory."""
    return os.path.join(os.environ.get("KMIGRATE_CACHE_DIR") or _users_cache(), _FOLDER)


def _users_cache() -> str:
    if sys.platform == "linux" and not {"XDG_CACHE_HOME", "ANDROID_DATA"} & os.environ.keys():
        return os.path.expanduser("~/.cache/kmigrate")  # without an import that takes longer than to look at unchanged files
    from platformdirs import user_cache_dir

    return user_cache_dir("kmigrate")


def own_version() -> str:
    """The version of everything that makes a result: kmigrate's files, as they are installed, and Python's."""
    return digest(__version__, sys.version_info[:3], tree_state([os.path.dirname(__file__)], (".py",)))


def results_version(rules: Iterable[str | Path]) -> str | None:
    """The version of everything that makes a finding: kmigrate, Python, the built-in rules and ``rules``, with their proofs.

    None where a rule is too young for its time to be trusted.
    """
    state = tree_state([builtin_rules(), *rules], (".toml", ".json"))
    young = time.time_ns() - max((times[1] for times in state), default=0) < _RACY_NS
    return None if young else digest(own_version(), state)


def recall(path: str, state: str | None) -> bytes | None:
    """What ``keep`` put into a file of the cache in the same state. Whatever is damaged counts as none."""
    if state is None:
        return None
    try:
        head, _, kept = content(path).partition(b"\n")
    except OSError:
        return None
    return kept if head == _head(state, kept) else None


def keep(path: str, state: str | None, what: bytes) -> None:
    """Replace a file of the cache. One that cannot be written is no reason to fail."""
    if state is None:
        return
    with suppress(OSError, FileAccessError):
        _write(path, _head(state, what) + b"\n" + what)
        forget_old(os.path.dirname(path))


def _head(state: str, kept: bytes) -> bytes:
    return f"{state} {digest_of(kept)}".encode()


def _write(path: str, data: bytes) -> None:
    from pathlib import Path

    os.makedirs(os.path.dirname(path), exist_ok=True)
    write_atomic(Path(path), data, durable=False)


def tree_state(folders: Iterable[str | Path], suffixes: tuple[str, ...]) -> list[tuple[str, int, int, int, int]]:
    """Name, times, size and inode of the files below some folders (or of files): what changes when one of them does."""
    found = []
    waiting = [os.fspath(folder) for folder in folders]
    while waiting:
        here = waiting.pop()
        with suppress(OSError):
            if os.path.isfile(here):
                found.append(_state_of(here, os.stat(here)))
                continue
            with os.scandir(here) as entries:
                for entry in entries:
                    if entry.is_dir() and entry.name != "__pycache__":
                        waiting.append(entry.path)
                    elif entry.name.endswith(suffixes):
                        found.append(_state_of(entry.path, entry.stat()))
    return sorted(found)


def _state_of(path: str, state: os.stat_result) -> tuple[str, int, int, int, int]:
    return path, state.st_mtime_ns, state.st_ctime_ns, state.st_size, state.st_ino


def stat_of(path: str | Path) -> Stat | None:
    """Times, size and inode of a file; None where it is too young for its time to be trusted, or gone.

    The time of its last change of any kind (of its mode, say) counts as well: nobody can set that one back.
    """
    try:
        state = os.stat(path)
    except (OSError, ValueError):
        return None
    if time.time_ns() - state.st_mtime_ns < _RACY_NS:
        return None
    return state.st_mtime_ns, state.st_ctime_ns, state.st_size, state.st_ino


class Cache:
    """The cache of one project. ``directory`` None: nothing is read or ``kept``."""

    def __init__(self, directory: str | None, project: str, version: str) -> None:
        self._version = version
        self.kept = directory is not None
        self._paths = (
            {part: os.path.join(directory, f"{digest(project)}-{part}.txt") for part in ("stats", "facts", "reports")}
            if directory is not None
            else {}
        )
        # Whole lines by key: what is not asked for is not read, and objects take six times the memory of their text.
        self._parts: dict[str, dict[bytes, bytes]] = {}
        self._changed: set[str] = set()

    def _part(self, part: str) -> dict[bytes, bytes]:
        if part not in self._parts:
            self._parts[part] = {}
            if part in self._paths:
                with suppress(OSError):
                    self._parts[part] = _entries(content(self._paths[part]), self._version.encode())
        return self._parts[part]

    def _get(self, part: str, key: str) -> Any:
        line = self._part(part).get(_json(key))
        if line is None:
            return None
        import json

        try:
            return json.loads(line.partition(b"\t")[2])
        except ValueError:
            return None

    def _put(self, part: str, key: str, value: Any) -> None:
        if self._paths:
            written = _json(key)
            self._part(part)[written] = b"%s\t%s" % (written, _json(value))
            self._changed.add(part)

    # ---- digests of files that did not change

    def digest(self, path: str, state: Stat | None) -> str | None:
        """The digest of a file's content if the file looks as it did when that was computed."""
        known = self._get("stats", path) if state is not None else None
        if not isinstance(known, list) or len(known) != 5 or tuple(known[:4]) != state:
            return None
        return str(known[4])

    def keep_digest(self, path: str, state: Stat | None, content: str) -> None:
        if state is not None and self.digest(path, state) != content:
            self._put("stats", path, [*state, content])

    # ---- facts and reports

    def surveyed(self, content: str, forced: bool) -> Surveyed | None:
        found = self._get("facts", content)
        if found is None:
            return None
        try:
            surveyed = _surveyed(content, found)
        except (TypeError, ValueError, IndexError):
            return None
        complete = surveyed.wanted or surveyed.facts is not None or surveyed.error is not None
        return surveyed if complete or not forced else None

    def keep_surveyed(self, surveyed: Surveyed) -> None:
        self._put("facts", surveyed.digest, _plain_surveyed(surveyed))

    def report(self, key: str) -> FileReport | None:
        return _report(self._get("reports", key))

    def keep_report(self, key: str, report: FileReport) -> None:
        self._put("reports", key, _plain_report(report))

    def save(self, files: Mapping[str, Iterable[str]]) -> None:
        """Write what changed. ``files`` names the entries, by part, that this run used: others are forgotten."""
        if not self._changed:
            return
        for part in sorted(self._changed):
            entries = self._parts.pop(part)
            keys = entries.keys() & {_json(key) for key in files[part]} if part in files else entries.keys()
            lines = [self._version.encode(), *(entries[key] for key in sorted(keys))]
            with suppress(OSError, FileAccessError):  # a cache that cannot be written is no reason to fail
                _write(self._paths[part], b"\n".join(lines))
        forget_old(os.path.dirname(next(iter(self._paths.values()))))
        self._changed.clear()


def forget_old(folder: str) -> None:
    """Remove what no run has written for a month: caches of projects that are gone."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if time.time() - entry.stat().st_mtime > _KEEP_S:
                os.unlink(entry.path)


# ---- the text of a part


def _entries(data: bytes, version: bytes) -> dict[bytes, bytes]:
    """The lines of a part by key; none where another version has written it."""
    head = version + b"\n"
    if not data.startswith(head):
        return {}
    found: dict[bytes, bytes] = {}
    start = len(head)
    while start:
        end = data.find(b"\n", start)
        line = data[start : end if end >= 0 else None]
        found[line.partition(b"\t")[0]] = line
        start = end + 1
    return found


def _json(value: Any) -> bytes:
    return _encoder()(value).encode()


@cache
def _encoder() -> Callable[[Any], str]:
    import json

    return json.JSONEncoder(separators=(",", ":")).encode


# ---- plain data


def _plain_surveyed(surveyed: Surveyed) -> list[Any]:
    facts = surveyed.facts
    plain = None
    if facts is not None:
        plain = [
            [[d.qualname, d.kind, d.parent, d.bases] for d in facts.definitions],
            facts.exports,
            facts.stars,
            [[h.target, h.kind, h.how, h.receivers] for h in facts.handed],
            [[e.line, e.column, e.user, e.kind, e.how, e.receivers] for e in facts.engines],
            [[u.user, u.target, u.how] for u in facts.uses],
            facts.losses,
            facts.imported,
            facts.users,
            facts.flavour,
            facts.undecided,
        ]
    return [surveyed.wanted, plain, surveyed.error, surveyed.hints, surveyed.words]


def _surveyed(content: str, item: list[Any]) -> Surveyed:
    # Not at the top: a run over unchanged files needs none of this.
    from kmigrate.layers.nouns import DefinitionFacts, FileFacts, Handed, HandedEngine, Use
    from kmigrate.survey import Surveyed

    wanted, plain, error, hints, words = item
    one = sys.intern  # a name stands in many files; each reading of it would take memory of its own
    facts = None
    if plain is not None:
        definitions, exports, stars, handed, engines, uses, losses, imported, users, flavour, undecided = plain
        facts = FileFacts(
            tuple(DefinitionFacts(one(n), one(kind), parent, tuple(map(one, bases))) for n, kind, parent, bases in definitions),
            {one(name): tuple(map(one, targets)) for name, targets in exports.items()} if exports is not None else None,
            tuple(stars),
            tuple(Handed(target, kind, how, tuple(receivers)) for target, kind, how, receivers in handed),
            tuple(HandedEngine(line, at, user, kind, how, tuple(to)) for line, at, user, kind, how, to in engines),
            tuple(Use(user, one(target), one(how)) for user, target, how in uses),
            tuple(losses),
            tuple(map(one, imported)),
            tuple(users),
            flavour,
            undecided,
        )
    return Surveyed(content, wanted, facts, tuple(error) if error else None, hints, words)


def _plain_report(report: FileReport) -> list[Any]:
    return [
        report.path,
        [[*_fields(f), _plain_context(f.context), _plain_fix(f.fix)] for f in report.findings],
        [[e.path, e.line, e.column, e.message] for e in report.errors],
    ]


def _fields(f: Finding) -> list[Any]:
    return [f.code, f.name, f.symbol, f.message, f.path, f.line, f.column, f.end_line, f.end_column, f.start, f.end]


def _plain_context(context: Context) -> list[str]:
    return [context.kind, context.qualname, context.reason, context.unit]


def _plain_fix(fix: Fix | None) -> list[Any] | None:
    if fix is None:
        return None
    pieces = [p if isinstance(p, str) else [p.start, p.end, p.operand] for p in fix.edit.pieces]
    edit = [fix.edit.start, fix.edit.end, pieces]
    return [fix.applicability, fix.replacement, edit, fix.assumption, fix.portable, fix.portability]


def _report(item: Any) -> FileReport | None:
    from kmigrate.filereport import FileError, FileReport

    try:
        path, findings, errors = item
        return FileReport(path, tuple(_finding(f) for f in findings), tuple(FileError(*e) for e in errors))
    except (TypeError, ValueError):
        return None


def _finding(item: list[Any]) -> Finding:
    from kmigrate.model import Context, Finding

    *fields, start, end, context, fix = item
    values = [*fields, Context(*context), _fix(fix), start, end]
    return Finding(*values)


def _fix(item: list[Any] | None) -> Fix | None:
    if item is None:
        return None
    from kmigrate.model import Edit, Fix, Slice

    applicability, replacement, (start, end, pieces), assumption, portable, portability = item
    edit = Edit(start, end, tuple(p if isinstance(p, str) else Slice(*p) for p in pieces))
    return Fix(applicability, replacement, edit, assumption, portable, portability)
