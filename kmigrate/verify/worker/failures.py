"""What goes wrong with a case: its stage, its message, its time limit."""

import os
import re
import signal
import sys
from types import ModuleType

PACKAGES = {"theano": "theano", "tensorflow": "tensorflow", "tensorflow_core": "tensorflow", "keras": "keras", "numpy": "numpy"}


class CaseTimeout(BaseException):
    """Not an Exception: Theano swallows those."""


class CaseError(Exception):
    """A failure with the stage that it happened in."""

    def __init__(self, where, error):
        super(CaseError, self).__init__(str(error))
        self.where = where
        self.error = error


class Unsupported(Exception):
    """This kind of unit cannot be run by itself."""


def stage(where, function, *args, **kwargs):
    """Call, and mark what it raises with the stage."""
    try:
        return function(*args, **kwargs)
    except (CaseTimeout, CaseError, Unsupported):
        raise
    except BaseException as error:
        raise CaseError(where, error)


def missing(error):
    """(module, name or None) that an import lacked, None for an error of another kind."""
    found = re.match(r"module '([\w.]+)' has no attribute '(\w+)'$", str(error)) if isinstance(error, AttributeError) else None
    if found:
        return found.groups()
    if not isinstance(error, ImportError):
        return None
    found = re.match(r"cannot import name '(\w+)'", str(error))
    if found and error.name:
        return error.name, found.group(1)
    if isinstance(error, ModuleNotFoundError) and error.name and str(error).startswith("No module named"):
        return error.name, None
    return None


def short(error):
    text = str(error).strip() or repr(error)
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return ""
    # "in converted code:" and its like lead a long trace; what happened stands at its end.
    return (lines[-1] if lines[0].rstrip().endswith(":") else lines[0]).strip()[:400]


def user_lines(error, path):
    """The lines of the user's file on the way to the error, outermost first: how far the code came."""
    metadata = getattr(error, "ag_error_metadata", None)
    if metadata is not None:
        # Code that TensorFlow converted runs in a file of its own; this is where it came from.
        return [frame.lineno for frame in reversed(metadata.translated_stack) if frame.filename == path]
    lines, trace = [], error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == path:
            lines.append(trace.tb_lineno)
        trace = trace.tb_next
    return lines[:8]


def origin(error, path, root=None):
    """Where in the user's files the error comes from, and what that place called: ``at`` (file and line), ``function`` (the
    function of K, if one was called), ``inside`` (the package that raised: theano, tensorflow, keras, user, other)."""
    frames, trace = [], error.__traceback__
    while trace is not None:
        frames.append((trace.tb_frame.f_code.co_filename, trace.tb_frame.f_code.co_name, trace.tb_lineno))
        trace = trace.tb_next
    root = os.path.join(os.path.realpath(root), "") if root else None

    def own(name):
        return name == path or (root and os.path.realpath(name).startswith(root) and "site-packages" not in name[len(root) :])

    places = [number for number, frame in enumerate(frames) if own(frame[0])]
    if not places:
        return {}
    last = places[-1]
    answer = {"at": "%s:%d" % (os.path.basename(frames[last][0]), frames[last][2]), "inside": "user"}
    for name, function, _ in frames[last + 1 :]:
        if re.search(r"keras[/\\\\]backend[/\\\\]", name):
            answer["function"] = "K." + function
            break
    if last + 1 < len(frames):
        found = [part for part in re.split(r"[/\\\\]", frames[-1][0]) if part in PACKAGES]
        answer["inside"] = PACKAGES[found[-1]] if found else "other"
    return answer


def failure(error, seconds=0.0, path=None, root=None):
    where = "call"
    if isinstance(error, CaseError):
        where, error = error.where, error.error
    elif isinstance(error, Unsupported):
        where = "unsupported"
    elif isinstance(error, CaseTimeout):
        where = "timeout"
    answer = {"ok": False, "where": where, "type": type(error).__name__, "message": short(error), "seconds": seconds}
    if path is not None:
        answer["lines"] = user_lines(error, path)
        answer.update(origin(error, path, root))
        answer["of"] = lacks_argument(answer["message"], path)
    return answer


def lacks_argument(message, path):
    """The package whose function has not the argument that the code gives to it; None for a function of the code's own."""
    found = re.search(r"\b(\w+)\(\) got an unexpected keyword argument '", message)
    if found is None:
        return None
    name = re.sub(r"_v\d+$", "", found.group(1))  # TensorFlow's second map_fn calls itself map_fn_v2
    for module in list(sys.modules.values()):
        if getattr(module, "__file__", None) != path or found.group(1) in vars(module):
            continue
        for thing in list(vars(module).values()):
            package = (
                PACKAGES.get((getattr(thing, "__name__", None) or "").split(".")[0]) if isinstance(thing, ModuleType) else None
            )
            inner = (
                [thing] + [vars(thing).get(part) for part in ("nn", "math", "image", "linalg", "random", "signal")]
                if package
                else []
            )
            if any(callable(getattr(one, name, None)) for one in inner):
                return package
    return None


def limited(seconds, function, *args):
    """Call with a soft time limit. The parent has a hard one, for code that never comes back to Python."""
    if not hasattr(signal, "setitimer") or not seconds:
        return function(*args)

    def ring(*_):
        raise CaseTimeout("no answer within %g s" % seconds)

    old = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return function(*args)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
