"""A package in the place of an engine that the rewritten code should need no more.

Where the rewritten code is tried on another engine, the engine that it was written for is taken away: what is left of it can be
imported, and fails with its name where it is used. Of TensorFlow one thing stays: ``tensorflow.keras`` is read as the Keras
of the stack, in all the places where TensorFlow has had it.
"""

import glob
import importlib
import importlib.abc
import importlib.util
import os
import sys
import types

from .absent import Absent, AbsentModule
from .failures import Unsupported

KERAS = (
    "tensorflow.keras",
    "tensorflow.python.keras",
    "tensorflow.contrib.keras",
    "tensorflow.compat.v1.keras",
    "tensorflow.compat.v2.keras",
)
SHORT = {"tensorflow": "tf"}


def left(symbol):
    return Unsupported("%s is left: no fix was applied to it" % symbol)


def only_there(name):
    return Unsupported("only tensorflow.keras has %s" % name)


def name_in_keras(name):
    """``keras.layers`` for ``tensorflow.keras.layers``, None for what is none of Keras."""
    for prefix in KERAS:
        if name == prefix or name.startswith(prefix + "."):
            return "keras" + name[len(prefix) :]
    return None


def spec_of(name):
    """The spec of a module of Keras, None where there is none."""
    try:
        return importlib.util.find_spec(name)
    except (ImportError, AttributeError, ValueError):
        return None


class Mirror(types.ModuleType):
    """A module of ``tensorflow.keras`` that shows what the module of Keras itself has."""

    def __init__(self, name, real):
        super(Mirror, self).__init__(name)
        self.__path__ = []
        self._real = real
        self.__all__ = [public for public in dir(real) if not public.startswith("_")]

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(self._real, name, None)
        deeper = self._real.__name__ + "." + name
        if isinstance(found, types.ModuleType) and found.__name__.startswith("keras."):
            return Mirror(self.__name__ + "." + name, found)
        if found is None and not hasattr(self._real, name):
            if spec_of(deeper) is not None:
                return importlib.import_module(self.__name__ + "." + name)
            return Absent("tf." + deeper, only_there)
        return found


class TheanoConfig(AbsentModule):
    """``theano.config``: modules choose their constants by its ``floatX`` while they are imported, and it is K's here."""

    def __getattr__(self, name):
        if name == "floatX" and Absent.importing:
            return importlib.import_module("keras").backend.floatx()
        return super(TheanoConfig, self).__getattr__(name)


class EngineModule(AbsentModule):
    """A module of the engine: nothing is left in it but the way to Keras."""

    def __init__(self, name):
        top, dot, rest = name.partition(".")
        super(EngineModule, self).__init__(name, SHORT.get(top, top) + dot + rest, left)
        if not dot:
            self.__version__ = self.VERSION = installed_version(top)
            self.version = types.ModuleType(name + ".version")
            self.version.VERSION = self.__version__
            if top == "theano":
                self.config = TheanoConfig(name + ".config", "theano.config", left)

    def __getattr__(self, name):
        inside = self.__name__ + "." + name
        if any((prefix + ".").startswith(inside + ".") for prefix in KERAS):
            return importlib.import_module(inside)
        return super(EngineModule, self).__getattr__(name)


class StandIn(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """The stand-in for one engine while it is entered: real modules of that name are out of sight."""

    def __init__(self, engine):
        self.engine = engine
        self.hidden = {}

    def __enter__(self):
        self.hidden = {name: sys.modules.pop(name) for name in list(sys.modules) if self._mine(name)}
        self.before = set(sys.modules)
        sys.meta_path.insert(0, self)
        return self

    def __exit__(self, *_):
        sys.meta_path.remove(self)
        for name in set(sys.modules) - self.before:
            # Modules of other packages that took something of it must not keep it for the next case.
            if self._mine(name) or any(
                isinstance(item, (Absent, AbsentModule, Mirror)) for item in getattr(sys.modules[name], "__dict__", {}).values()
            ):
                del sys.modules[name]
        sys.modules.update(self.hidden)
        return False

    def _mine(self, name):
        return name == self.engine or name.startswith(self.engine + ".")

    def find_spec(self, fullname, path=None, target=None):
        return importlib.util.spec_from_loader(fullname, self, is_package=True) if self._mine(fullname) else None

    def create_module(self, spec):
        inside = name_in_keras(spec.name)
        if inside is not None and spec_of(inside) is not None:
            return Mirror(spec.name, importlib.import_module(inside))
        if inside is not None:
            return AbsentModule(spec.name, "tf." + inside, only_there)
        return EngineModule(spec.name)

    def exec_module(self, module):
        pass


def installed_version(engine):
    """From the stack's own records: code that asks for it takes the branch that it takes on that engine."""
    for folder in sys.path:
        for found in glob.glob(os.path.join(folder, "*.dist-info")):
            name, _, version = os.path.basename(found)[: -len(".dist-info")].partition("-")
            if name.lower() in (engine, engine + "_cpu"):
                return version
    return "0"
