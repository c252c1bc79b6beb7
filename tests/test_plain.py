"""Command lines that are read without argparse: they mean what they mean to argparse."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from kmigrate.cli import check
from kmigrate.cli.main import build_parser
from kmigrate.cli.plain import PlainParser

WORDS = [
    "", "-", "--", ".", "src", "--output-format", "json", "text", "xml", "--layers", "--lay", "-j", "2", "0", "-1", "--jobs", "-j2",
    "--jobs=3", "--select", "TF,KM", "--ignore", "--no-cache", "--config", "a.toml", "--stdin-filename", "x y.py", "-h", "--nope",
    "--target", "keras3", "--scope", "module", "--executor", "dask://host:1", "-x y",
]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=7))
def test_a_plain_command_line_means_what_it_means_to_argparse(words: list[str]) -> None:
    parser = PlainParser()
    check.add_arguments(parser)
    plain = parser.read(words)
    if plain is None:
        return
    with contextlib.redirect_stderr(io.StringIO()):
        options = vars(build_parser("check").parse_args(["check", *words]))
    assert {**vars(plain), "command": "check"} == {**options, "paths": options["paths"] or []}


def test_a_usual_command_line_is_plain() -> None:
    parser = PlainParser()
    check.add_arguments(parser)
    plain = parser.read(["src", "--output-format", "json", "--select", "TF", "-j", "2", "tests", "--no-cache", "--select", "KM"])
    assert plain is not None
    assert (plain.paths, plain.output_format, plain.jobs) == (["src", "tests"], "json", 2)
    assert (plain.select, plain.no_cache, plain.layers, plain.target) == (["TF", "KM"], True, False, None)


HEAVY = {
    "argparse",
    "kmigrate.executors",
    "ast",
    "dataclasses",
    "enum",
    "inspect",
    "json",
    "libcst",
    "numpy",
    "pathlib",
    "re",
    "shutil",
    "typing",
}


def loaded_by(*arguments: str, cwd: Path) -> set[str]:
    """Which modules that take long to load a run loads, beyond those that Python itself starts with."""
    code = (
        "import sys; before = {*sys.modules}; from kmigrate.cli.main import main; code = main(sys.argv[1:]); "
        "print(*sys.modules.keys() - before, file=sys.stderr); sys.exit(code)"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent.parent), sysconfig.get_path("platlib")]),
    }
    command = [sys.executable, "-S", "-c", code, *arguments]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=True)
    return set(done.stderr.split()) & HEAVY


def test_a_run_with_nothing_to_analyse_loads_little(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    os.utime(tmp_path / "a.py", (0, 0))
    assert loaded_by("--version", cwd=tmp_path) == set()
    assert loaded_by("check", "--no-cache", cwd=tmp_path) == {"re", "enum"}
    loaded_by("check", cwd=tmp_path)  # leaves what the next prints
    assert loaded_by("check", cwd=tmp_path) == set()


def test_clean_code_starts_no_processes(tmp_path: Path) -> None:
    for number in range(8):
        (tmp_path / f"a{number}.py").write_text("x = 1  # nothing of an engine\n" * 10_000)
    assert loaded_by("check", "--no-cache", "--jobs", "2", cwd=tmp_path) == {"re", "enum"}
