"""What the watched arguments of a module are while its cases run: kinds, ranks, dtypes and static shapes."""

import builtins

import numpy as np

WATCH = "__kmigrate_seen__"
MOST_CALLS = 8
MOST_ITEMS = 40


class Watching(object):
    """While it is entered, ``__kmigrate_seen__(use, place, value)`` of the watched text notes the value and gives it back.

    ``calls`` has, by use, the arguments of each call by their place. A use inside an argument of another one, or a use that calls
    itself, is told apart by the places: a place that is there already begins the next call.
    """

    def __init__(self):
        self.calls = {}

    def __enter__(self):
        setattr(builtins, WATCH, self.seen)
        return self

    def __exit__(self, *_):
        delattr(builtins, WATCH)
        return False

    def seen(self, use, place, value):
        calls = self.calls.setdefault(str(use), [])
        if not calls or str(place) in calls[-1]:
            calls.append({})
        calls[-1][str(place)] = describe(value)
        return value

    def different(self):
        """By use its different calls, at most a few."""
        found = {}
        for use, calls in self.calls.items():
            unlike = []
            for call in calls:
                if call not in unlike:
                    unlike.append(call)
            found[use] = unlike if len(unlike) <= MOST_CALLS else None
        return found


def describe(value, depth=0):
    if value is None:
        return {"kind": "none"}
    if isinstance(value, (bool, np.bool_)):
        return {"kind": "bool"}
    if isinstance(value, (int, float, np.integer, np.floating)):
        return {"kind": "number"}
    if isinstance(value, (str, bytes)):
        return {"kind": "text"}
    if isinstance(value, np.ndarray):
        return {"kind": "array", "rank": value.ndim, "dtype": str(value.dtype), "shape": list(value.shape)}
    if isinstance(value, (list, tuple)):
        items = [describe(item, depth + 1) for item in value[:MOST_ITEMS]] if depth < 3 else []
        return {"kind": "list", "items": items}
    return tensor(value) or {"kind": "function" if callable(value) else "other"}


def tensor(value):
    """A tensor or variable of TensorFlow or Theano, else None."""
    kind = type(value).__module__.split(".")[0]
    try:
        if kind == "tensorflow" and hasattr(value, "get_shape") and hasattr(value, "dtype") and not hasattr(value, "dense_shape"):
            sizes = value.get_shape()
            shape = None if sizes.ndims is None else sizes.as_list()
            variable = "variable" if hasattr(value, "assign_add") else "tensor"
            return {"kind": variable, "rank": sizes.ndims, "dtype": value.dtype.base_dtype.name, "shape": shape}
        if kind == "theano" and hasattr(value, "ndim") and hasattr(value, "broadcastable"):
            variable = "variable" if hasattr(value, "get_value") else "tensor"
            shape = [1 if single else None for single in value.broadcastable]
            return {"kind": variable, "rank": value.ndim, "dtype": value.dtype, "shape": shape}
    except Exception:
        return {"kind": "other"}
    return None
