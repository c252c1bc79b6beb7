"""Configuration: where it is found, what it means, and errors that name file, key and value."""

from __future__ import annotations

from pathlib import Path

import pytest

from kmigrate.config import CaseConfig, Config, load
from kmigrate.model import UserError


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


FULL = """
src = ["src", "more"]
target = "keras3"
scope = "module"
rules = ["our_rules"]
select = ["TF", "KM001"]
ignore = "tf201"
exclude = ["old/"]
portable-only = true
stack = "keras2-tf2"
[verify]
time-limit = 5
memory-limit = 1024
seeds = [7]
[[verify.cases.Attention]]
args = {units = 3}
inputs = ["float[2,3]", "int[4]<10"]
[[verify.cases."Attention.call"]]
inputs = "float[]"
"""


def test_every_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "our_rules").mkdir()
    config = load(Path(), write(tmp_path / "kmigrate.toml", FULL))
    assert (config.src, config.target, config.scope) == (("src", "more"), "keras3", "module")
    assert config.rules == (tmp_path / "our_rules",)
    assert (config.select, config.ignore, config.exclude) == (("TF", "KM001"), ("TF201",), ("old/",))
    assert (config.portable_only, config.stack) == (True, "keras2-tf2")
    assert (config.verify.time_limit, config.verify.memory_limit, config.verify.seeds) == (5.0, 1024, (7,))
    assert config.verify.cases == {
        "Attention": (CaseConfig({"units": 3}, ("float[2,3]", "int[4]<10")),),
        "Attention.call": (CaseConfig({}, ("float[]",)),),
    }
    assert config.file == tmp_path / "kmigrate.toml"


def test_no_configuration_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load(tmp_path) == Config()


def test_the_search_ends_at_the_root_of_the_repository(tmp_path: Path) -> None:
    write(tmp_path / "kmigrate.toml", 'stack = "outer"')
    (tmp_path / "repo/.git").mkdir(parents=True)
    (tmp_path / "repo/src").mkdir()
    assert load(tmp_path / "repo/src").stack is None
    write(tmp_path / "repo/kmigrate.toml", 'stack = "own"')
    assert load(tmp_path / "repo/src").stack == "own"


def test_the_nearest_one_wins(tmp_path: Path) -> None:
    write(tmp_path / "kmigrate.toml", 'stack = "outer"')
    write(tmp_path / "a/pyproject.toml", '[tool.kmigrate]\nstack = "project"')
    write(tmp_path / "a/b/pyproject.toml", "[tool.other]")
    (tmp_path / "a/b/c").mkdir()
    assert load(tmp_path / "a/b/c").stack == "project"
    write(tmp_path / "a/kmigrate.toml", 'stack = "own"')
    assert load(tmp_path / "a/b/c").stack == "own"
    assert load(tmp_path).stack == "outer"


def test_src_is_relative_to_the_file_not_to_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "kmigrate.toml", 'src = ["src"]')
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path / "docs")
    assert [Path(item) for item in load(Path()).src] == [Path("../src")]


def test_a_broken_pyproject_of_someone_else_is_not_ours(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", "[tool.other\n")
    (tmp_path / ".git").mkdir()
    assert load(tmp_path).file is None


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("portable_only = true", ["portable_only", "did you mean portable-only?", "true"]),
        ('targte = "keras3"', ["targte", "did you mean target?", '"keras3"']),
        ("zzz = 1", ["zzz", "known keys: cases, exclude,"]),
        ('target = "keras4"', ["target", '"keras2" or "keras3"', '"keras4"', "did you mean keras"]),
        ("target = 3", ["target", "not 3"]),
        ("target = []", ["target", "not []"]),
        ("scope = {}", ["scope", "a table"]),
        ("src = 3", ["src", "list of strings", "not 3"]),
        ("src = ['a', 3]", ["src", "list of strings"]),
        ("portable-only = 1", ["portable-only", "true or false", "not 1"]),
        ('stack = ""', ["stack", "expected a string"]),
        ("rules = ['nope']", ["rules", "nope", "does not exist"]),
        ("select = ['TF-1']", ["select", '"TF-1"']),
        ("verify = 3", ["verify", "expected a table", "not 3"]),
        ("[verify]\ntime-limit = 0", ["verify.time-limit", "above 0", "not 0"]),
        ("[verify]\ntime-limit = true", ["verify.time-limit", "not true"]),
        ("[verify]\ntime-limit = nan", ["verify.time-limit", "not nan"]),
        ("[verify]\nmemory-limit = 0.5", ["verify.memory-limit", "0.5"]),
        ("[verify]\ntime_limit = 3", ["verify.time_limit", "did you mean time-limit?"]),
        ("[verify]\nseeds = [-1]", ["verify.seeds", "[-1]"]),
        ("[verify]\nseeds = []", ["verify.seeds", "[]"]),
        ("[verify.cases]\nA = 3", ['verify.cases."A"[0]', "not 3"]),
        ("[[verify.cases.A]]\ninput = []", ['verify.cases."A"[0].input', "did you mean inputs?"]),
        ("[[verify.cases.A]]\ninputs = ['float(2)']", ["inputs", '"float(2)"', "float[2,3]"]),
        ("[[verify.cases.A]]\nargs = [1]", ['"A"[0].args', "expected a table"]),
        ("[[verify.cases.A.call]]\ninputs = []", ['verify.cases."A"', "quotes"]),
        ("src = [", ["not valid TOML"]),
    ],
)
def test_errors_name_file_key_and_value(tmp_path: Path, text: str, parts: list[str]) -> None:
    path = write(tmp_path / "kmigrate.toml", text)
    with pytest.raises(UserError) as caught:
        load(tmp_path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_in_pyproject_the_key_has_its_full_name(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", "[tool.kmigrate.verify]\nseeds = 1")
    with pytest.raises(UserError, match=r"tool\.kmigrate\.verify\.seeds: "):
        load(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("kmigrate.toml", b"\xff", "not UTF-8"),
        ("pyproject.toml", b"[tool]\nkmigrate = 3", "expected a table, not 3"),
        ("pyproject.toml", b"[tool.other]", r"no \[tool.kmigrate\] table"),
        ("pyproject.toml", b"# kmigrate\n[tool", "not valid TOML"),
    ],
)
def test_broken_explicit_files(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UserError, match=words):
        load(tmp_path, path)


def test_an_explicit_file_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nope\.toml: cannot read the configuration: No such file"):
        load(tmp_path, tmp_path / "nope.toml")


@pytest.mark.parametrize(
    ("select", "ignore", "wanted"),
    [
        ((), (), True),
        (("TF",), (), True),
        (("TH",), (), False),
        ((), ("TF2",), False),
        (("TF201",), ("TF",), True),
        (("TF",), ("TF201",), False),
        (("TF201",), ("TF201",), False),
    ],
)
def test_selects(select: tuple[str, ...], ignore: tuple[str, ...], wanted: bool) -> None:
    assert Config(select=select, ignore=ignore).selects("TF201") is wanted
