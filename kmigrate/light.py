"""What ``typing`` offers at run time, without its import: that takes longer than looking at a thousand unchanged files.

What runs before there is something to analyse uses this; all else imports ``typing`` itself.
"""

from __future__ import annotations

from collections import namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NamedTuple
else:

    class _FromBody(type):
        """Makes a named tuple of the body of a class: its annotations are the fields, in order."""

        def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> type:
            fields = list(body["__annotations__"])
            defaults = [body[field] for field in fields if field in body]
            made = namedtuple(name, fields, defaults=defaults, module=body["__module__"])
            for key in body.keys() - set(fields):
                setattr(made, key, body[key])
            return made

    NamedTuple = type.__new__(_FromBody, "NamedTuple", (), {})

__all__ = ["TYPE_CHECKING", "NamedTuple"]
