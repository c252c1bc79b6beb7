"""Starts the worker of this folder, under a name that no user code has."""

import importlib
import importlib.util
import os
import sys

NAME = "_kmigrate_worker"


def load(folder):
    """The package of this folder. The folder itself must not be found: user code has modules of these names, too."""
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != folder]
    spec = importlib.util.spec_from_file_location(NAME, os.path.join(folder, "__init__.py"), submodule_search_locations=[folder])
    package = sys.modules[NAME] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(package)
    return importlib.import_module(NAME + ".serve")


if __name__ == "__main__":
    load(os.path.dirname(os.path.abspath(__file__))).main()
