"""The public functions of keras.backend and the engines that have them, by introspection of an installed stack.

    python scripts/k_functions.py            print the list as it is in the stack
    python scripts/k_functions.py --write    and store it in tests/data/k_functions.json

A function that only raises NotImplementedError on an engine does not count as being there.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path

from kmigrate.verify.stacks import ensure, load_stacks

STORED = Path(__file__).parent.parent / "tests" / "data" / "k_functions.json"
STACK = "keras2-tf1"
# Runs inside the stack: plain Python, one engine each time.
_PROBE = """
import inspect, json
from keras import backend as K

def stub(function):
    body = inspect.getsource(inspect.unwrap(function)).split('):', 1)[-1]
    return 'raise NotImplementedError' in body and 'return' not in body and 'yield' not in body

public = {name: value for name, value in vars(K).items() if not name.startswith('_') and callable(value)}
own = {n for n, v in public.items() if inspect.isfunction(v) and v.__module__.startswith('keras.backend')}
there = [n for n in public if n not in own or not stub(public[n])]
print('@@' + json.dumps([sorted(own), there]))
"""


def functions(python: Path, engine: str) -> tuple[set[str], set[str]]:
    """What Keras defines in ``K`` under one engine, and what can be called there (``K.name_scope`` is TensorFlow's own class)."""
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "KERAS_BACKEND": engine, "KERAS_HOME": home, "TF_CPP_MIN_LOG_LEVEL": "3"}
        environment["THEANO_FLAGS"] = f"cxx=,optimizer=None,base_compiledir={home}"
        result = subprocess.run([str(python), "-c", _PROBE], env=environment, capture_output=True, text=True, check=True)
    own, there = json.loads(result.stdout.rpartition("@@")[2])
    return set(own), set(there)


def listing() -> dict[str, list[str]]:
    """Function -> engines that have it, over both engines of the stack."""
    from rich.console import Console

    python = ensure(load_stacks()[STACK], Console(stderr=True))
    engines = {engine: functions(python, engine) for engine in ("tensorflow", "theano")}
    names = sorted(set().union(*(own for own, _ in engines.values())))
    return {name: [engine for engine, (_, there) in engines.items() if name in there] for name in names}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="store the list for the tests")
    options = parser.parse_args()
    text = "{\n" + ",\n".join(f" {json.dumps(name)}: {json.dumps(engines)}" for name, engines in listing().items()) + "\n}\n"
    if options.write:
        STORED.write_text(text, "utf-8")
    print(text, end="")


if __name__ == "__main__":
    main()
