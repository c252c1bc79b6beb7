"""What an effect is: a pure function of the bound arguments and the engine, registered under a name. Readers of arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kmigrate.values import domain
from kmigrate.values.domain import NONE, NUMBER, SEQUENCE, TEXT, UNKNOWN, Shape, Value, of_rank, tensor


class Undecided(Exception):
    """An argument that decides the rank is not known."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of one call by parameter. ``complete`` is False where ``*args`` or ``**kwargs`` may hold more."""

    given: dict[str, Value]
    defaults: dict[str, object]
    complete: bool = True
    variadic: tuple[Value, ...] = ()

    def __getitem__(self, name: str) -> Value:
        return self.given.get(name, UNKNOWN)

    @property
    def pending(self) -> bool:
        """Whether an argument depends on the result, and is not known yet."""
        return any(value is domain.NOTHING_YET for value in (*self.given.values(), *self.variadic))

    def has(self, name: str) -> bool:
        return name in self.given

    def constant(self, name: str) -> object:
        """The Python value of a parameter. Raises Undecided where the text does not tell."""
        if name in self.given:
            return constant_of(self.given[name])
        if not self.complete:
            raise Undecided(name)
        return self.defaults.get(name)


def constant_of(value: Value) -> object:
    """The Python value of a number, text, None or a list of them. Raises Undecided."""
    if value.constant is not domain.NO_CONSTANT and value.kind in (NUMBER, TEXT, NONE):
        return value.constant
    if value.kind == SEQUENCE and value.elements is not None:
        return [constant_of(element) for element in value.elements]
    raise Undecided


Effect = Callable[[Arguments, str], Value]
EFFECTS: dict[str, Effect] = {}


def effect(function: Effect) -> Effect:
    """Registers an effect under its name."""
    EFFECTS[function.__name__.lstrip("_")] = function
    return function


def apply(name: str, arguments: Arguments, engine: str) -> Value:
    """The result of an operation; a tensor of which nothing more is known where an argument that decides its rank is unknown."""
    try:
        return EFFECTS[name](arguments, engine)
    except Undecided:
        return tensor(engine)


# ---- arguments


def axes_of(a: Arguments, name: str = "axis") -> list[int] | None:
    axis = a.constant(name)
    if axis is None:
        return None
    found = [place for place in (axis if isinstance(axis, list) else [axis]) if type(place) is int]
    if (isinstance(axis, list) and len(axis) != len(found)) or (not found and not isinstance(axis, list)):
        raise Undecided(name)
    return found


def axis_of(a: Arguments, name: str = "axis") -> int:
    axis = a.constant(name)
    if isinstance(axis, list) and len(axis) == 1:
        axis = axis[0]
    if type(axis) is not int:
        raise Undecided(name)
    return axis


def dtype_of(a: Arguments, default: str | None, name: str = "dtype") -> str | None:
    """The dtype that an argument names; ``default`` where it is not given."""
    if not a.has(name):
        return default if a.complete else None
    value = a[name]
    if value.kind == NONE:
        return default
    return value.constant if value.kind == TEXT and isinstance(value.constant, str) else None


def shape_of(value: Value) -> Shape | None:
    """The shape that an argument describes: a list of sizes, or a tensor that holds them."""
    if value.kind == SEQUENCE and value.elements is not None:
        found: list[int | None] = []
        for element in value.elements:
            size = element.constant if element.kind == NUMBER else None
            found.append(size if type(size) is int and size >= 0 else None)
        return tuple(found)
    if value.is_tensor and value.shape is not None and len(value.shape) == 1:
        return of_rank(value.shape[0])
    return None


def tensor_dtype(value: Value) -> str | None:
    return value.dtype if value.is_tensor else None
