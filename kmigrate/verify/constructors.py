"""Constructor arguments to try: those of existing calls first, then guesses from types, defaults and names."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from kmigrate.verify.anatomy import Parameter
from kmigrate.verify.argument_values import unique, values_of
from kmigrate.verify.literals import UNKNOWN
from kmigrate.verify.usages import Usage

Kwargs = dict[str, Any]
_MOST_USAGES = 16
_CONFIG = re.compile(r"^_?(config|cfg|conf|hparams?|params|options|opts|settings|.*_config|.*_cfg)$")


class Classes(Protocol):
    """What the project's files say of classes (``projectfiles.ProjectFiles``)."""

    def classes(self, pattern: str) -> list[tuple[str, str]]: ...

    def classes_with(self, attribute: str) -> list[tuple[str, str]]: ...


def values_for(parameter: Parameter, project: Classes | None = None) -> tuple[Any, ...]:
    """Values to try for one parameter, never empty: a configuration object of the project, then ``values_of``."""
    found: list[Any] = []
    if project is not None and (_CONFIG.match(parameter.name) or _names_a_config(parameter.annotation)):
        found += [made(*item) for item in project.classes(_config_pattern(parameter))[:4]]
    return unique([*found, *values_of(parameter)])


def made(module: str, name: str) -> str:
    """A project's class, constructed without arguments by the worker."""
    return f"expr(importlib.import_module({module!r}).{name}())" if module else f"expr({name}())"


def _names_a_config(annotation: str | None) -> bool:
    return annotation is not None and bool(re.search(r"(Config|Params|Options|Settings)\b", annotation))


def _config_pattern(parameter: Parameter) -> str:
    written = re.search(r"(\w*(?:Config|Params|Options|Settings))\b", parameter.annotation or "")
    return written.group(1) if written else r"\w*(Config|Configuration|Params|HParams|Options|Settings)"


def constructors(
    parameters: Sequence[Parameter], usages: Sequence[Usage], project: Classes | None = None
) -> list[tuple[Kwargs, str]]:
    """Keyword arguments to try, each with where it comes from, the likeliest first."""
    named = [item for item in parameters if item.name not in ("self", "cls")]
    found = [
        (kwargs, f"the call in {usage.where}" if usage.where else "a call")
        for usage in usages[: 4 * _MOST_USAGES]
        for kwargs in _of_usage(usage, named, project)
    ][: 2 * _MOST_USAGES]
    # A call with all arguments known says more than one with holes.
    guesses = [(kwargs, "guessed from names and types" if kwargs else "") for kwargs in _guessed(named, project)]
    seen: dict[str, tuple[Kwargs, str]] = {}
    for kwargs, origin in [*found, *guesses]:
        seen.setdefault(_key(kwargs), (kwargs, origin))
    return list(seen.values())


def _of_usage(usage: Usage, parameters: Sequence[Parameter], project: Classes | None) -> Iterator[Kwargs]:
    names = [item.name for item in parameters]
    if len(usage.positional) > len(names) and names:
        return
    given = {**dict(zip(names, usage.positional, strict=False)), **usage.keywords}
    known = {name: value for name, value in given.items() if value is not UNKNOWN and name in names and not _echoes(name, value)}
    # An argument that is given for `config=None` matters, whatever it is.
    wanted = {name for name, value in given.items() if value is UNKNOWN}
    holes = [
        item
        for item in parameters
        if item.name not in known and (item.default is None or (item.default == "None" and item.name in wanted))
    ]
    if not known and holes:
        return
    first = {item.name: values_for(item, project) for item in holes}
    for pick in range(min(3, max((len(values) for values in first.values()), default=1))):
        yield {**known, **{name: values[min(pick, len(values) - 1)] for name, values in first.items()}}


def _echoes(name: str, value: Any) -> bool:
    """``units=units`` in prose or a docstring's signature says nothing."""
    return isinstance(value, str) and value == f"expr({name})"


def _guessed(parameters: Sequence[Parameter], project: Classes | None) -> Iterator[Kwargs]:
    """First guesses for all required ones, then one other guess at a time, then every second one together."""
    lists = {item.name: values_for(item, project) for item in parameters if item.default is None}
    first: Kwargs = {name: values[0] for name, values in lists.items()}
    yield first
    for item in parameters:
        # `config=None` is as good as required
        if item.default == "None" and _CONFIG.match(item.name) and project is not None:
            for value in values_for(item, project)[:2]:
                if isinstance(value, str) and value.startswith("expr("):
                    yield {**first, item.name: value}
    others = [{**first, name: value} for name, values in lists.items() for value in values[1:]]
    yield from itertools.islice(others, 14)
    if len(lists) > 1:
        for position in (1, 2):
            yield {name: values[min(position, len(values) - 1)] for name, values in lists.items()}


def _key(value: Any) -> str:
    return f"{type(value).__name__}:{value!r}"
