"""The user's module: imported from its own tree with the text under test, and forgotten afterwards."""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import linecache
import os
import sys
import types

from .absent import Absent, AbsentFinder, AbsentModule, not_in_version
from .failures import CaseError, CaseTimeout, missing, short, stage
from .standin import StandIn

# Folders above that of the module, or of its package, in which the rest of its project may lie.
ABOVE = 3
MOST_CODES = 200


class importing(object):
    """``Loaded`` with import errors marked as such. What the stack lacks is looked for in the folders above, else stubbed, name
    by name as imports fail, so that optional imports still take the branch that they would take."""

    known = {}

    def __init__(self, engine, spec):
        self.engine, self.spec = engine, spec
        self.lacks, self.roots = self.known.setdefault(spec.get("path"), ([], []))

    def __enter__(self):
        # A class that is registered by name may be registered once only, and it is imported for every case.
        self.registered = [(table, dict(table)) for table in self.engine.registered()]
        while True:
            self.stand_in = StandIn(self.spec["stand_in"]) if self.spec.get("stand_in") else None
            if self.stand_in:
                self.stand_in.__enter__()
            self.loaded = Loaded(self.spec, self.lacks, self.roots)
            Absent.importing = True
            try:
                with self.engine.scope():
                    return stage("import", self.loaded.__enter__)
            except BaseException as error:
                self.__exit__()
                if not self._learn(error):
                    raise
            finally:
                Absent.importing = False

    def _learn(self, error):
        cause = error.error if isinstance(error, CaseError) else error
        lack = missing(cause)
        own = self.spec.get("package") or self.spec.get("name") or ""
        if lack is None or lack in self.lacks or len(self.lacks) > 20 or own == lack[0] or own.startswith(lack[0] + "."):
            return False
        root = self._root_with(lack[0].split(".")[0]) if lack[1] is None else None
        (self.lacks if root is None else self.roots).append(lack if root is None else root)
        return True

    def _root_with(self, name):
        """The folder above that has a module of that name, None where none has or it is known already."""
        root = self.spec.get("package_root")
        for _ in range(ABOVE if root else 0):
            root = os.path.dirname(os.path.realpath(root))
            inside = os.path.join(root, name)
            if root not in self.roots and (_has_modules(inside) or os.path.isfile(inside + ".py")):
                return root
        return None

    def __exit__(self, *_):
        for table, before in self.registered:
            table.clear()
            table.update(before)
        self.loaded.__exit__()
        if self.stand_in:
            self.stand_in.__exit__()
        return False


def _has_modules(folder):
    """Whether a folder may be a package, also one without an ``__init__.py``."""
    entries = os.listdir(folder) if os.path.isdir(folder) else []
    return any(entry.endswith(".py") or os.path.isfile(os.path.join(folder, entry, "__init__.py")) for entry in entries)


class Loaded(object):
    """The user's module, imported afresh; leaving the context forgets it and everything of its tree."""

    def __init__(self, spec, lacks=(), roots=()):
        self.spec = spec
        self.roots = list(roots)
        self.path = list(sys.path)
        self.before = set(sys.modules)
        self.finder = None
        self.stubs = AbsentFinder([name for name, attribute in lacks if attribute is None])
        self.attributes = [(name, attribute) for name, attribute in lacks if attribute is not None]
        self.lent = []
        self.failed = {}

    def __enter__(self):
        spec = self.spec
        root = spec.get("package_root")
        if root:
            sys.path.insert(0, root)
        sys.path.extend(self.roots)
        stem = spec.get("name") or "module"
        if spec.get("package"):
            package = self._mount(root, spec["package"])
            name = package if os.path.basename(spec.get("path") or "") == "__init__.py" else package + "." + stem
        else:
            name = stem if stem not in sys.modules and stem not in ("keras", "tensorflow", "theano") else "_km_" + stem
        self.finder = Override(name, spec["source"], spec.get("path") or "<module>", root, spec.get("others") or {})
        sys.meta_path.insert(0, self.finder)
        sys.meta_path.append(self.stubs)
        for owner, attribute in self.attributes:
            owner = importlib.import_module(owner)
            setattr(owner, attribute, Absent(owner.__name__ + "." + attribute, not_in_version))
            self.lent.append((owner, attribute))
        importlib.invalidate_caches()
        if spec.get("package"):
            self._import_parents(name)
        try:
            return importlib.import_module(name)
        except (ImportError, AttributeError) as error:
            parent = (missing(error) or [getattr(error, "name", None)])[0]
            cause = self.failed.get(parent)
            if cause is None:
                raise
            if missing(cause):
                raise cause  # what it lacks can be stubbed
            # Of a package that is only a folder here nothing can be imported: why it is one is what a person needs.
            why = "%s: %s" % (type(cause).__name__, short(cause))
            raise ImportError("%s: %s itself cannot be imported: %s" % (short(error).split(" (")[0], parent, why))

    def _mount(self, root, package):
        """A package called like an engine's own gets another top name, so that it does not hide the real one."""
        top = package.split(".")[0]
        if top not in ("keras", "tensorflow", "theano"):
            return package
        mounted = "_km_pkg_" + top
        self._bare(mounted, os.path.join(root or ".", top))
        return ".".join([mounted] + package.split(".")[1:])

    def _import_parents(self, name):
        # An __init__ that cannot be imported (a missing dependency, a newer Keras) need not stop its modules.
        parts = name.split(".")[:-1]
        for count in range(1, len(parts) + 1):
            parent = ".".join(parts[:count])
            if parent in sys.modules:
                continue
            try:
                importlib.import_module(parent)
            except CaseTimeout:
                raise
            except BaseException as error:
                self.failed[parent] = error
                self._bare(parent, os.path.join(self.spec.get("package_root") or ".", *parts[:count]))

    @staticmethod
    def _bare(name, folder):
        module = types.ModuleType(name)
        module.__path__ = [folder]
        sys.modules[name] = module
        top, _, last = name.rpartition(".")
        if top:
            setattr(sys.modules[top], last, module)

    def __exit__(self, *_):
        for finder in (self.finder, self.stubs):
            if finder in sys.meta_path:
                sys.meta_path.remove(finder)
        for owner, attribute in self.lent:
            if hasattr(owner, attribute):
                delattr(owner, attribute)
        Shown.forget()
        sys.path[:] = self.path
        roots = [os.path.join(os.path.realpath(root), "") for root in [self.spec.get("package_root")] + self.roots if root]
        for name in set(sys.modules) - self.before:
            # A package without an __init__.py has no file.
            where = getattr(sys.modules[name], "__file__", None) or next(iter(getattr(sys.modules[name], "__path__", ())), "")
            own = name.startswith("_km_") or (self.finder and name == self.finder.name)
            # The case may have removed the working directory: a place that is no path from the root cannot be made one then.
            where = os.path.join(os.path.realpath(where), "") if os.path.isabs(where) else where
            in_tree = any(where.startswith(root) and "site-packages" not in where[len(root) :] for root in roots)
            bare = not where and self.spec.get("package") and (self.spec["package"] + ".").startswith(name + ".")
            if own or in_tree or bare or isinstance(sys.modules[name], AbsentModule):
                del sys.modules[name]
        return False


class Shown(object):
    """What ``inspect`` and ``linecache`` give for the source of a file. TensorFlow converts the functions of tf.keras layers from
    their source, and has the file read again for it: it must get the text under test, or the file's old text is what runs."""

    texts = {}
    read = staticmethod(linecache.updatecache)

    @classmethod
    def update(cls, filename, module_globals=None):
        if filename not in cls.texts:
            return cls.read(filename, module_globals)
        lines = cls.texts[filename].splitlines(True)
        # Without a time the entry counts as one that no file has changed under.
        linecache.cache[filename] = (len(cls.texts[filename]), None, lines, filename)
        return lines

    @classmethod
    def forget(cls):
        for filename in cls.texts:
            linecache.cache.pop(filename, None)
        cls.texts.clear()


linecache.updatecache = Shown.update


class Compiled(importlib.machinery.SourceFileLoader):
    """A module of the user's tree, compiled once for all runs that read the same text: no run writes bytecode."""

    codes = {}

    @classmethod
    def code(cls, source, path):
        if (source, path) not in cls.codes:
            if len(cls.codes) >= MOST_CODES:
                cls.codes.clear()
            cls.codes[source, path] = compile(source, path, "exec", dont_inherit=True)
        return cls.codes[source, path]

    def source_to_code(self, data, path, *_, **__):
        return self.code(data, path)


class Override(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives the text under test for one module name, and for the files of ``others`` (paths below the root) their texts;
    everything else comes from the user's tree."""

    def __init__(self, name, source, path, root=None, others=()):
        self.name, self.source, self.path, self.root = name, source, path, root and os.path.join(os.path.realpath(root), "")
        self.others = {os.path.realpath(os.path.join(root or ".", place)): others[place] for place in others}

    def find_spec(self, fullname, path=None, target=None):
        if fullname != self.name:
            spec = importlib.machinery.PathFinder.find_spec(fullname, path) if self.root else None
            where = os.path.realpath(spec.origin) if spec is not None and spec.origin else ""
            if where in self.others:
                spec.loader = self
            elif where.startswith(self.root or os.sep) and type(spec.loader) is importlib.machinery.SourceFileLoader:
                spec.loader = Compiled(fullname, spec.loader.path)
            else:
                return None
            return spec
        is_package = os.path.basename(self.path) == "__init__.py"
        spec = importlib.util.spec_from_loader(fullname, self, origin=self.path, is_package=is_package)
        if is_package:
            spec.submodule_search_locations = [os.path.dirname(os.path.abspath(self.path))]
        return spec

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        source, path = self.source, self.path
        if module.__name__ == self.name:
            module.__file__ = path
        else:
            path = module.__spec__.origin
            source = self.others[os.path.realpath(path)]
        Shown.texts[path] = source
        linecache.updatecache(path)
        exec(Compiled.code(source, path), module.__dict__)
