"""Stand-ins for what the stack does not have: they can be imported, and never be used."""

import importlib.abc
import importlib.util
import inspect
import types


class Stub(object):
    """Stands for what the stack does not have. It may be named and decorated with while modules are imported; any later
    use raises, so that no result ever rests on it."""

    importing = False

    def __init__(self, name):
        self.__name = name

    def __use(self):
        if not Stub.importing:
            raise ImportError("%s is not installed in the stack" % self.__name)

    def __call__(self, *args, **kwargs):
        self.__use()
        if len(args) == 1 and not kwargs and (inspect.isclass(args[0]) or inspect.isfunction(args[0])):
            return args[0]
        return Stub(self.__name)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        self.__use()
        return Stub(self.__name)

    def __mro_entries__(self, bases):
        return ()

    def __order(self, other):
        self.__use()
        return True

    __lt__ = __le__ = __gt__ = __ge__ = __order


class StubModule(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Stub(self.__name__.split(".")[0])


class StubFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Modules that the user's code needs to be imported and the stack does not have; asked last."""

    def __init__(self, names):
        self.names = names

    def find_spec(self, fullname, path=None, target=None):
        if not any(fullname == name or fullname.startswith(name + ".") for name in self.names):
            return None
        return importlib.util.spec_from_loader(fullname, self, is_package=True)

    def create_module(self, spec):
        module = StubModule(spec.name)
        module.__path__ = []
        return module

    def exec_module(self, module):
        pass
