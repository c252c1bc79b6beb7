"""What user code may change of the process, and the next case must find as it was."""

import builtins
import gc
import importlib
import os
import signal
import sys
import warnings

import numpy as np

# Functions and classes of these are put back. Engines are not among them: they replace their own parts as they load them.
PATCHED = (
    "builtins json json.decoder json.encoder numpy numpy.linalg numpy.random os os.path sys math time random threading signal "
    "inspect linecache importlib struct base64 keras.backend keras.backend.common"
).split()
MOST_SAID = 1 << 20


class Surroundings(object):
    """Taken when the worker is ready; ``restore`` is called before every request. ``standard`` are duplicates of the standard
    descriptors, by number."""

    def __init__(self, engine=None, standard=()):
        self.standard = dict(standard)
        self.home, self.environment = os.getcwd(), dict(os.environ)
        self.streams = sys.stdin, sys.stdout, sys.stderr
        self.hooks = sys.excepthook, sys.displayhook
        self.filters = list(warnings.filters)
        self.recursion, self.errors = sys.getrecursionlimit(), np.geterr()
        self.umask = os.umask(0o22)
        os.umask(self.umask)
        self.signals = {number: signal.getsignal(number) for number in range(1, signal.NSIG) if _settable(number)}
        names = PATCHED + (["keras.backend.%s_backend" % engine] if engine else [])
        self.modules = [(module, _callables(module)) for module in map(importlib.import_module, names)]
        self.builtins = set(vars(builtins))

    def restore(self):
        for module, known in self.modules:
            now = vars(module)
            for name in known:
                if now.get(name) is not known[name]:
                    setattr(module, name, known[name])
        for name in set(vars(builtins)) - self.builtins:
            delattr(builtins, name)
        self._interpreter()
        self._process()

    def _interpreter(self):
        sys.stdin, sys.stdout, sys.stderr = self.streams
        sys.excepthook, sys.displayhook = self.hooks
        sys.settrace(None)
        sys.setprofile(None)
        sys.setrecursionlimit(self.recursion)
        if warnings.filters != self.filters:
            warnings.filters[:] = self.filters
            warnings._filters_mutated()
        np.seterr(**self.errors)
        gc.enable()
        for number, handler in self.signals.items():
            if signal.getsignal(number) is not handler:
                signal.signal(number, handler)
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _process(self):
        for number in self.standard:
            os.dup2(self.standard[number], number)
        for folder in (self.home, os.environ.get("KERAS_HOME") or self.home, self.environment.get("KERAS_HOME") or self.home):
            if not os.path.isdir(folder):
                os.makedirs(folder)
        os.chdir(self.home)
        os.umask(self.umask)
        if dict(os.environ) != self.environment:
            os.environ.clear()
            os.environ.update(self.environment)
        _shorten(2)


def _callables(module):
    """The functions and classes of a module: what is patched to change behaviour."""
    return {name: value for name, value in vars(module).items() if callable(value) and not name.startswith("__")}


def _settable(number):
    """Whether Python set the signal's handler, and may set it again."""
    try:
        return signal.getsignal(number) is not None and number not in (
            getattr(signal, "SIGKILL", 0),
            getattr(signal, "SIGSTOP", 0),
        )
    except ValueError:  # not a signal of this system
        return False


def _shorten(descriptor):
    """A file that everything said is appended to must not grow to the limit of files."""
    try:
        if os.fstat(descriptor).st_size > MOST_SAID:
            os.ftruncate(descriptor, 0)
    except OSError:  # closed, or no file
        pass
