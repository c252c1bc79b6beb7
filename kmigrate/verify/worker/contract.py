"""What Keras relies on besides values: the shapes that a layer declares, and the way through its configuration."""

import json
import re

import numpy as np

from .failures import CaseTimeout, short


def declared_shapes(found):
    """Every shape that ``compute_output_shape`` gives, as tuples of sizes (None: not known); None where it gives none."""
    if hasattr(found, "as_list") and hasattr(found, "dims"):  # a TensorShape
        return None if found.dims is None else [tuple(found.as_list())]
    if not isinstance(found, (list, tuple)):
        return None
    sizes = [getattr(size, "value", size) for size in found]
    if all(size is None or isinstance(size, (int, np.integer)) for size in sizes):
        return [tuple(sizes)]
    inner = [declared_shapes(item) for item in found]
    return None if any(item is None for item in inner) else [shape for item in inner for shape in item]


def shape_error(declared, values):
    """How the declared shapes contradict those of the outputs, None where they do not or nothing is declared."""
    if declared is None or not all(isinstance(value, np.ndarray) for value in values):
        return None
    if len(declared) != len(values):
        return "it gives %d shapes for %d outputs" % (len(declared), len(values))
    for shape, value in zip(declared, values):
        fits = len(shape) == value.ndim and all(size in (None, true) for size, true in zip(shape, value.shape))
        if not fits:
            return "it says %s, the output has %s" % (shape, value.shape)
    return None


def as_text(config):
    """A configuration as text that two runs can be compared by."""
    try:
        text = json.dumps(config, sort_keys=True, default=repr)
    except (TypeError, ValueError):
        text = repr(config)
    return re.sub(r"0x[0-9a-fA-F]+", "0x", text)


def configured(subject):
    """(the configuration as text, a function that makes a copy from it); (None, None) for what has none."""
    if not hasattr(subject, "get_config") or not hasattr(type(subject), "from_config"):
        return None, None
    try:
        config = subject.get_config()
    except CaseTimeout:
        raise
    except BaseException as error:
        return "%s: %s" % (type(error).__name__, short(error)), None
    return as_text(config), lambda: type(subject).from_config(config)


def same_values(values, others):
    """Why a copy does not yield the values of its original, None where it does."""
    if len(values) != len(others):
        return "the copy yields %d results, not %d" % (len(others), len(values))
    for one, other in zip(values, others):
        if not (isinstance(one, np.ndarray) and isinstance(other, np.ndarray)):
            continue
        if one.shape != other.shape:
            return "the copy yields the shape %s, not %s" % (other.shape, one.shape)
        if not np.allclose(one, other, rtol=1e-5, atol=1e-6, equal_nan=one.dtype.kind in "fc"):
            return "the copy yields other values"
    return None
