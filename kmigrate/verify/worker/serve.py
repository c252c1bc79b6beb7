"""The process: one engine, requests in, answers out."""

import json
import os
import sys
import threading
import time

from .engine import Engine
from .failures import failure
from .requests import answer_to

ENGINE = os.environ.get("KERAS_BACKEND", "tensorflow")


def main():
    threading.Thread(target=leave_with, args=(os.getppid(),), daemon=True).start()
    requests = os.fdopen(out_of_reach(0), "r", encoding="utf-8")
    answers = os.fdopen(out_of_reach(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    sys.stdin, sys.stdout = open(os.devnull), sys.stderr
    # `import worker` by user code must not find this directory.
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != os.path.dirname(os.path.abspath(__file__))]
    try:
        engine = Engine(ENGINE)
        first = {"ok": True, "ready": True, "id": 0}
    except BaseException as error:
        engine, first = None, dict(failure(error), where="start", id=0)
    answers.write(json.dumps(first) + "\n")
    answers.flush()
    if engine is None:
        return
    surroundings, process = Surroundings(), os.getpid()
    for line in requests:
        request = json.loads(line)
        surroundings.restore()
        answer = dict(answer_to(engine, request), id=request.get("id"))
        if os.getpid() != process:
            os._exit(0)  # user code forked, and this is the copy
        # A line of its own, whatever user code may have written before it.
        answers.write("\n" + json.dumps(answer) + "\n")
        answers.flush()


class Surroundings(object):
    """What user code may change of the process and the next case must find as it was."""

    def __init__(self):
        self.home, self.environment = os.getcwd(), dict(os.environ)
        self.streams = sys.stdin, sys.stdout, sys.stderr

    def restore(self):
        for folder in (self.home, os.environ.get("KERAS_HOME") or self.home):
            if not os.path.isdir(folder):
                os.makedirs(folder)
        os.chdir(self.home)
        if dict(os.environ) != self.environment:
            os.environ.clear()
            os.environ.update(self.environment)
        sys.stdin, sys.stdout, sys.stderr = self.streams


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
