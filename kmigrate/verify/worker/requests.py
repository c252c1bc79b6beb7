"""The requests of the protocol."""

import importlib
import inspect
import json
import os
import sys
from time import time

import numpy as np

from .evaluation import forward, run_case
from .executing import Executing
from .failures import Unsupported, failure, limited
from .modules import importing
from .observing import Watching
from .proof import prove
from .units import find_unit


def answer_to(engine, request):
    started = time()
    try:
        answer = limited(request.get("soft_s", 0), OPS[request["op"]], engine, request)
        answer["seconds"] = time() - started
        return answer
    except BaseException as error:
        module = request.get("module") or {}
        return failure(error, time() - started, module.get("path"), module.get("package_root"))


def run(engine, request):
    engine.select(request["module"].get("flavour") or "keras")
    engine.start(request["case"])
    with importing(engine, request["module"]) as module:
        unit = find_unit(module, request["unit"], request["module"]["source"])
        return run_case(engine, module, unit, request["case"])


def probe(engine, request):
    """Try the cases in order, forward only, and none after ``budget_s`` seconds. ``errors`` has one entry for each case tried
    before the one that ran."""
    ends = time() + request.get("budget_s", float("inf"))
    engine.select(request["module"].get("flavour") or "keras")
    engine.start(request["cases"][0])
    errors, fallback = [], None
    with importing(engine, request["module"]) as module:
        unit = find_unit(module, request["unit"], request["module"]["source"])
        for index, case in enumerate(request["cases"]):
            if time() > ends:
                break
            try:
                values = limited(request.get("each_s", 10), forward, engine, module, unit, case)[3]
            except Unsupported:
                raise
            except BaseException as error:
                errors.append(failure(error, path=request["module"].get("path")))
                continue
            arrays = [value for value in values if isinstance(value, np.ndarray)]
            if all(np.isfinite(value).any() for value in arrays if value.dtype.kind == "f" and value.size):
                return {"ok": True, "index": index, "errors": errors, "tensors": len(arrays)}
            # All NaN is a run, but one that can hardly tell two programs apart: another one may do better.
            fallback = index if fallback is None else fallback
    return {"ok": fallback is not None, "index": fallback, "errors": errors, "where": "probe", "message": ""}


def observe(engine, request):
    """Run the watched text with each case, forward only. ``seen`` has for each case the different calls of each use (null: more
    than it tells), null for a case that does not run."""
    seen = []
    engine.select(request["module"].get("flavour") or "keras")
    for case in request["cases"]:
        try:
            engine.start(case)
            with Watching() as watching, importing(engine, request["module"]) as module:
                unit = find_unit(module, request["unit"], request["module"]["source"])
                limited(request.get("each_s", 10), forward, engine, module, unit, case)
            seen.append(watching.different())
        except BaseException:
            seen.append(None)
    return {"ok": True, "seen": seen}


def executed(engine, request):
    """Run the marked text with a case, all that ``run`` does. ``ran`` are the numbers of the uses that were evaluated."""
    engine.select(request["module"].get("flavour") or "keras")
    engine.start(request["case"])
    with Executing() as executing, importing(engine, request["module"]) as module:
        unit = find_unit(module, request["unit"], request["module"]["source"])
        run_case(engine, module, unit, request["case"])
    return {"ok": True, "ran": sorted(executing.ran)}


def signatures(engine, request):
    """{symbol: parameter names, or null if it has none to show, or "missing"}"""
    answer = {}
    for symbol in request["symbols"]:
        answer[symbol] = signature_of(symbol)
    return {"ok": True, "signatures": answer}


def signature_of(symbol):
    parts = symbol.split(".")
    parts[:1] = {"tf": ["tensorflow"], "K": ["keras", "backend"]}.get(parts[0], parts[:1])
    # Attributes first, then modules: `theano.tensor.sort` is a module that a function of its name hides.
    for count in range(1, len(parts) + 1):
        try:
            thing = importlib.import_module(".".join(parts[:count]))
            for part in parts[count:]:
                thing = getattr(thing, part)
        except (ImportError, AttributeError):
            continue
        try:
            return [str(parameter) for parameter in inspect.signature(thing).parameters.values()]
        except (TypeError, ValueError):
            return None
    return "missing"


def doctor(engine, request):
    versions = {"python": sys.version.split()[0], "numpy": np.__version__, "keras": engine.keras.__version__}
    versions[engine.name] = importlib.import_module(engine.name).__version__
    engine.start({})
    K = engine.K
    with engine.scope():
        x = K.placeholder(shape=(2, 3))
        function = K.function([x], [K.sum(K.square(x), axis=-1)])
    value = np.asarray(function([np.arange(6, dtype="float32").reshape(2, 3)])[0])
    ok = value.tolist() == [5.0, 50.0]
    isolation = json.loads(os.environ.get("KMIGRATE_ISOLATION") or "{}")
    return {
        "ok": ok,
        "versions": versions,
        "isolation": isolation,
        "where": "evaluate",
        "message": "sum of squares is %s" % value.tolist(),
    }


OPS = {
    "run": run,
    "probe": probe,
    "observe": observe,
    "executed": executed,
    "prove": prove,
    "signatures": signatures,
    "doctor": doctor,
}
