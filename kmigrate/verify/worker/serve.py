"""The process: one engine, requests in, answers out."""

import os
import sys
import threading
import time
from json import dumps, loads
from os import getpid

from .engine import Engine
from .failures import failure
from .requests import answer_to
from .surroundings import Surroundings

ENGINE = os.environ.get("KERAS_BACKEND", "tensorflow")


def main():
    threading.Thread(target=leave_with, args=(os.getppid(),), daemon=True).start()
    requests = os.fdopen(out_of_reach(0), "r", encoding="utf-8")
    answers = os.fdopen(out_of_reach(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)  # what code says with its last words is on standard error
    # by number: what code closes is opened again
    sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)
    standard = {0: out_of_reach(nothing), 1: out_of_reach(nothing), 2: out_of_reach(2)}
    # `import worker` by user code must not find this directory.
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != os.path.dirname(os.path.abspath(__file__))]
    try:
        engine = Engine(ENGINE)
        first = {"ok": True, "ready": True, "id": 0}
    except BaseException as error:
        engine, first = None, dict(failure(error), where="start", id=0)
    answers.write(dumps(first) + "\n")
    answers.flush()
    if engine is None:
        return
    surroundings, process = Surroundings(ENGINE, standard), getpid()
    for line in requests:
        surroundings.restore()
        request = loads(line)
        answer = dict(answer_to(engine, request), id=request.get("id"))
        if getpid() != process:
            os._exit(0)  # user code forked, and this is the copy
        # A line of its own, whatever user code may have written before it.
        answers.write("\n" + dumps(answer) + "\n")
        answers.flush()


def out_of_reach(descriptor):
    """A private duplicate with a number that code which closes or inherits the low ones does not meet."""
    try:
        import fcntl
        import resource

        most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, min(most, 1 << 16) - 16)
    except (ImportError, AttributeError, ValueError, OSError):
        return os.dup(descriptor)


def leave_with(parent):
    """A worker whose parent was killed must not stay behind, whatever the user's code is at."""
    while os.getppid() == parent:
        time.sleep(2.0)
    os._exit(1)
