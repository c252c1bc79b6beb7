"""The public projects, unpacked in a cache folder. Nothing of them is run: archives are fetched and opened, never built."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from platformdirs import user_cache_path


def cache_folder() -> Path:
    return user_cache_path("kmigrate") / "recall"


def unpacked(requirement: str, cache: Path) -> Path:
    """The folder of one ``name==version``, downloaded and unpacked if it is not there yet. Raises SystemExit."""
    folder = cache / requirement.replace("==", "-")
    if not folder.exists():
        partial = cache / f".{folder.name}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        _open(_fetch(requirement, partial), partial / "files")
        (partial / "files").rename(folder)
        shutil.rmtree(partial)
    return folder


def _fetch(requirement: str, folder: Path) -> Path:
    """A wheel where there is one, else the source archive. Not by ``pip download``: that runs setup.py to read metadata."""
    command = [sys.executable, "-m", "unearth", "--download", str(folder), "--py", "3.11"]
    for kind in ("--only-binary", "--no-binary"):
        found = subprocess.run([*command, kind, requirement], capture_output=True, text=True, check=False)
        if not found.returncode:
            return Path(json.loads(found.stdout)["local_path"])
    raise SystemExit(f"recall: cannot download {requirement}: {found.stderr.strip()[-300:]}")


def _open(archive: Path, folder: Path) -> None:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(folder)
        return
    with tarfile.open(archive) as source:
        source.extractall(folder, filter="data")
