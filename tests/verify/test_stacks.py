from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from rich.console import Console

from kmigrate.model import UserError
from kmigrate.verify import stacks


def test_every_stack_has_a_complete_hashed_lock() -> None:
    for stack in stacks.load_stacks().values():
        lines = stack.lock.read_text(encoding="utf-8").splitlines()
        pins = [line for line in lines if line and not line.startswith((" ", "#"))]
        assert pins
        assert all("==" in line for line in pins)
        assert "http" not in stack.lock.read_text(encoding="utf-8")
        assert sum("--hash=sha256:" in line for line in lines) >= len(pins)
        for wanted in stack.requirements:
            name = wanted.split("=")[0].split("<")[0]
            assert any(pin.startswith(name + "==") for pin in pins), wanted


def test_the_cache_directory_can_be_moved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KMIGRATE_CACHE_DIR", str(tmp_path))
    stack = stacks.get_stack("keras2-tf1")
    assert stack.directory.parent == tmp_path / "stacks"
    assert stack.directory.name.startswith("keras2-tf1-")
    assert not stacks.is_installed(stack)


def test_the_digest_ignores_line_endings(tmp_path: Path) -> None:
    first = stacks.get_stack("keras2-tf1")
    copy = tmp_path / "lock.txt"
    copy.write_bytes(first.lock.read_bytes().replace(b"\n", b"\r\n"))
    second = stacks.Stack("a", "keras2", first.python, (), "", (), copy)
    assert second.digest == first.digest


def test_a_missing_python_gives_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KMIGRATE_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(stacks, "find_interpreter", lambda version: None)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(UserError, match=r"uv python install 3\.7"):
        stacks.ensure(stacks.get_stack("keras2-tf1"))
    assert stacks.status(stacks.get_stack("keras2-tf1")) == "no-python"


def test_a_failed_installation_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KMIGRATE_CACHE_DIR", str(tmp_path))
    stack = stacks.get_stack("keras2-tf1")
    monkeypatch.setattr(stacks, "find_interpreter", lambda version: Path("/python"))

    def fail(*_: object) -> None:
        raise UserError("stack keras2-tf1 could not be installed: ERROR: no network")

    monkeypatch.setattr(stacks, "_call", fail)
    (stack.directory.parent / f".{stack.directory.name}.killed").mkdir(parents=True)
    with pytest.raises(UserError, match="no network"):
        stacks.ensure(stack, Console(quiet=True))
    assert [path.name for path in stack.directory.parent.iterdir()] == [stack.directory.name + ".lock"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[a", "stacks.toml"),
        ("[a]\npython = '3.7'\n", "missing key"),
        ("a = 3\n", "expected a table"),
        ("[a]\ntarget='k'\npython='3.7'\nengines='tf'\nsummary=''\nrequirements=[]\n", "engines"),
        ("[a]\ntarget='k'\npython='3.7'\nengines=[]\nsummary=''\nrequirements=[]\n", "no lock"),
        ("[a]\ntarget='k'\npython='3.7'\nengines=[]\nsummary=''\nrequirements=[]\nx=1\n", "unknown key 'x'"),
    ],
)
def test_a_broken_table_is_named(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "stacks.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=says) as error:
        stacks.load_stacks(path)
    assert str(path) in str(error.value)


def test_an_unknown_stack_lists_the_known() -> None:
    with pytest.raises(UserError, match="keras2-tf1"):
        stacks.get_stack("keras9")
