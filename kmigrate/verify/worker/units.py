"""Which object of the module a unit is, and the Python values of a case."""

import ast
import importlib
import inspect
import types

import numpy as np

from .failures import CaseError, Unsupported
from .values import decode


def find_unit(module, spec, source):
    """The object that a qualname means, or a Factory for a function inside a function."""
    qualname = spec["qualname"]
    if spec.get("lambda_index") is not None:
        return lambda_at(module, source, spec["lambda_index"])
    parts = [part for part in qualname.split(".") if part != "<locals>"]
    thing = module
    for position, part in enumerate(parts):
        if isinstance(thing, types.FunctionType) and position:
            if position != len(parts) - 1:
                raise Unsupported("a function nested more than once")
            return Factory(thing, part)
        if not hasattr(thing, part):
            raise CaseError("import", AttributeError("the module has no %s" % qualname))
        if inspect.isclass(thing) and not isinstance(inspect.getattr_static(thing, part), (staticmethod, type)):
            raise Unsupported("a method runs with its class only")
        thing = getattr(thing, part)
    return thing


def lambda_at(module, source, index):
    found = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Lambda)]
    found.sort(key=lambda node: (node.lineno, node.col_offset))
    if index >= len(found):
        raise CaseError("import", LookupError("no lambda number %d" % index))
    code = compile(ast.Expression(found[index]), "<lambda>", "eval")
    return eval(code, module.__dict__)


class Factory(object):
    """A function that returns the function under test: the case's ``kwargs`` are for the outer one."""

    def __init__(self, outer, inner):
        self.outer, self.inner = outer, inner

    def make(self, kwargs):
        made = self.outer(**kwargs)
        for item in made if isinstance(made, (list, tuple)) else [made]:
            if callable(item) and getattr(item, "__name__", self.inner) == self.inner:
                return item
        raise Unsupported("the outer function does not return %s" % self.inner)


def plain(engine, module, value):
    """A keyword value: JSON, an array, or an expression over Keras and the module."""
    if isinstance(value, dict) and "expr" in value:
        return eval(value["expr"], namespace(engine, module))
    if isinstance(value, dict) and "tuple" in value:
        return tuple(plain(engine, module, item) for item in value["tuple"])
    if isinstance(value, list):
        return [plain(engine, module, item) for item in value]
    if isinstance(value, dict) and "b" not in value:
        return {key: plain(engine, module, item) for key, item in value.items()}
    return decode(value)


def namespace(engine, module):
    """What an expression of a case may name: everything of the module, and Keras by its usual names."""
    names = dict(vars(engine.keras.layers))
    names.update(vars(module))
    for name in ("layers", "initializers", "regularizers", "constraints", "activations", "models"):
        names[name] = getattr(engine.keras, name)
    names.update(K=engine.K, keras=engine.keras, np=np, importlib=importlib)
    if engine.name == "tensorflow":
        names.setdefault("tf", engine.tf)
    return names
