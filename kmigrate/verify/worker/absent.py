"""Stand-ins for what is not there: they can be imported and named, and no result ever rests on them."""

import importlib.abc
import importlib.util
import inspect
import types


class Absent(object):
    """Something that is not there. While modules are imported it may be named, called, calculated with, decorated with and
    derived from; any later use, of what was made from it too, raises what ``refuse(name)`` gives."""

    importing = False

    def __init__(self, name, refuse):
        self.__name, self.__refuse = name, refuse

    def _absent_use(self):
        if not Absent.importing:
            raise self.__refuse(self.__name)

    def __call__(self, *args, **kwargs):
        self._absent_use()
        if len(args) == 1 and not kwargs and (inspect.isclass(args[0]) or inspect.isfunction(args[0])):
            return args[0]
        return Absent(self.__name, self.__refuse)

    def __getattr__(self, name):
        # Not a use yet: it is the whole name that the error tells.
        if name.startswith("_") or "_Absent__name" not in self.__dict__:
            raise AttributeError(name)
        return Absent(self.__name + "." + name, self.__refuse)

    def __mro_entries__(self, bases):
        def make(cls, *args, **kwargs):
            self._absent_use()
            return object.__new__(cls)

        return (type("Absent", (object,), {"__new__": make, "__init__": lambda *args, **kwargs: None}),)

    def __eq__(self, other):
        self._absent_use()
        return self is other

    def __ne__(self, other):
        return not self == other

    __hash__ = object.__hash__

    def __str__(self):
        self._absent_use()
        return self.__name

    def __repr__(self):
        return "<%s>" % self.__name

    def __iter__(self):
        self._absent_use()
        return iter(())

    def __exit__(self, *_):
        return False

    def _absent_yes(self, *_):
        self._absent_use()
        return True

    def _absent_none(self, *_):
        # A number cannot be made up: a constant that rests on it would be wrong, and not seen to be.
        raise self.__refuse(self.__name)

    def _absent_again(self, *_):
        self._absent_use()
        return Absent(self.__name, self.__refuse)


for _names, _method in (
    ("lt le gt ge bool instancecheck subclasscheck contains", Absent._absent_yes),
    ("int float index len complex", Absent._absent_none),
    ("enter getitem neg pos abs invert", Absent._absent_again),
    ("add sub mul truediv floordiv mod pow matmul and or xor lshift rshift", Absent._absent_again),
    ("radd rsub rmul rtruediv rfloordiv rmod rpow rmatmul rand ror rxor", Absent._absent_again),
):
    for _name in _names.split():
        setattr(Absent, "__%s__" % _name, _method)


def not_installed(name):
    return ImportError("%s is not installed in the stack" % name.split(".")[0])


def not_in_version(name):
    """For an attribute of an installed package."""
    return ImportError("the stack's %s has no %s" % (name.split(".")[0], name))


class AbsentModule(types.ModuleType):
    """A module whose every attribute is absent. ``shown`` is its name in messages."""

    def __init__(self, name, shown, refuse):
        super(AbsentModule, self).__init__(name)
        self.__path__ = []
        self._absent = shown, refuse

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        shown, refuse = self._absent
        return Absent(shown + "." + name, refuse)


class AbsentFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Modules that the user's code needs to be imported and the stack does not have; asked last."""

    def __init__(self, names):
        self.names = names

    def find_spec(self, fullname, path=None, target=None):
        if not any(fullname == name or fullname.startswith(name + ".") for name in self.names):
            return None
        return importlib.util.spec_from_loader(fullname, self, is_package=True)

    def create_module(self, spec):
        return AbsentModule(spec.name, spec.name, not_installed)

    def exec_module(self, module):
        pass
