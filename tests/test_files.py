"""Files: real folders, real links, real failures."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from kmigrate.config import Config
from kmigrate.discovery import discover
from kmigrate.files import FileAccessError, display_path, read, write_atomic
from kmigrate.inputs import Inputs

AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    monkeypatch.chdir(root)
    return root


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")


def found(*paths: str, config: Config | None = None) -> list[str]:
    discovered = discover(paths, config or Config())
    assert discovered.errors == []
    assert discovered.files == sorted(discovered.files, key=Path)
    return discovered.files


# --- discovery -------------------------------------------------------------------------------------------------------


def test_python_files_of_a_directory_sorted(project: Path) -> None:
    touch(project, "b.py", "a.py", "pkg/m.py", "pkg/sub/n.py", "readme.md", "script", "x.pyc")
    assert found(".") == ["a.py", "b.py", "pkg/m.py", "pkg/sub/n.py"]
    assert found("pkg") == ["pkg/m.py", "pkg/sub/n.py"]


def test_a_named_file_is_always_taken_and_nothing_twice(project: Path) -> None:
    touch(project, "a.py", "script", "build/gen.py")
    (project / ".gitignore").write_text("a.py\n")
    config = Config(exclude=("a.py",), root=project)
    assert found("a.py", "script", "./a.py", ".", config=config) == ["a.py", "script"]
    assert found("build/gen.py") == ["build/gen.py"]


def test_generated_folders_are_left_out_unless_named(project: Path) -> None:
    skipped = (".git", ".venv", "venv", "__pycache__", "build", "dist", "node_modules", ".tox", "p.egg-info")
    for name in (*skipped, "lib/site-packages"):
        touch(project, f"{name}/m.py")
    touch(project, "a.py", "building/m.py")
    assert found(".") == ["a.py", "building/m.py"]
    assert found("build", "lib/site-packages") == ["build/m.py", "lib/site-packages/m.py"]


def test_gitignore_at_every_level(project: Path) -> None:
    touch(project, "a.py", "gen.py", "pkg/gen.py", "pkg/keep_gen.py", "pkg/x/gen.py", "out/m.py", "pkg/out.py")
    (project / ".gitignore").write_text("# comment\n\n/out/\n*gen.py\n!\n")
    (project / "pkg/.gitignore").write_text("!keep_gen.py\n/x/\n")
    assert found(".") == ["a.py", "pkg/keep_gen.py", "pkg/out.py"]


def test_the_same_files_as_git(project: Path) -> None:
    touch(project, "a.py", "a/a.py", "a/b/c.py", "a/b/d.py", "c/b.py", "c/[x].py", "d/x y.py", "d/e/f/g.py", "é.py")
    (project / ".gitignore").write_text("a/b/*\n!a/b/c.py\n/c/b.py\nd/**/g.py\n\\[x].py\nx\\ y.py\n")
    (project / "a/.gitignore").write_text("/a.py\n")
    subprocess.run(["git", "init", "-q"], check=True)
    listed = subprocess.run(
        ["git", "-c", "core.quotepath=off", "ls-files", "-co", "--exclude-standard", "*.py"],
        check=True,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert found(".") == sorted(listed.stdout.splitlines(), key=Path)


def test_gitignore_above_the_named_folder_counts_within_a_repository(project: Path) -> None:
    touch(project, "src/gen.py", "src/a.py", "ignored/b.py")
    (project / ".gitignore").write_text("gen.py\nignored/\n")
    assert found("src") == ["src/a.py", "src/gen.py"]
    (project / ".git").mkdir()
    assert found("src") == ["src/a.py"]
    assert found(".") == ["src/a.py"]
    assert found("ignored") == ["ignored/b.py"]


def test_exclude_is_relative_to_the_configuration(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(project, "src/a.py", "src/old/b.py", "src/t_x.py", "old/c.py")
    config = Config(exclude=("/src/old/", "t_*.py"), root=project)
    assert found(".", config=config) == ["old/c.py", "src/a.py"]
    assert found("src/old", config=config) == ["src/old/b.py"]
    monkeypatch.chdir(project / "src")
    assert found(".", config=config) == ["a.py"]


def test_symlinks(project: Path) -> None:
    touch(project, "pkg/m.py", "elsewhere.txt")
    (project / "pkg/loop").symlink_to(project, target_is_directory=True)
    (project / "pkg/self.py").symlink_to("self.py")
    (project / "pkg/dangling.py").symlink_to("nothing.py")
    (project / "a.py").symlink_to("pkg/m.py")
    (project / "linked.py").symlink_to("elsewhere.txt")
    (project / "link").symlink_to("pkg", target_is_directory=True)
    assert found(".") == ["linked.py", "pkg/m.py"]
    assert found("link") == ["link/m.py"]
    assert len(found("link", "pkg", ".")) == 2


def test_paths_that_mean_nothing_are_errors_and_the_others_are_done(project: Path) -> None:
    touch(project, "a.py")
    os.mkfifo(project / "pipe.py")
    discovered = discover(["nope", "a.py", "no/such.py", "pipe.py", "", "a\0b", "x" * 5000], Config())
    errors = discovered.errors
    assert discovered.files == ["a.py"]
    assert [error.path for error in errors[:3]] == ["nope", "no/such.py", "pipe.py"]
    assert errors[0].message == "no such file or directory"
    assert errors[2].message == "neither a regular file nor a directory"
    assert len(errors) == 6


def test_a_key_through_a_link_makes_no_package(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(project, "real/__init__.py", "real/inner/m.py", "here/x.py", "here/below/y.py")
    (project / "here/link").symlink_to(project / "real/inner", target_is_directory=True)
    monkeypatch.chdir(project / "here")
    inputs = Inputs(Config(), ["link/.."])  # its __init__.py is known as here/__init__.py, which does not exist
    assert [Path(other).name for other in inputs.others if "below" in other] == []


def test_an_unreadable_folder_is_an_error(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(project, "a.py", "secret/b.py")
    scandir = os.scandir

    def refuse(path: str) -> object:  # by hand, because root may read everything
        if path == "secret/":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    discovered = discover(["."], Config())
    assert discovered.files == ["a.py"]
    assert [(error.path, error.message) for error in discovered.errors] == [("secret", "no permission to read it")]


# --- reading and writing ---------------------------------------------------------------------------------------------


def test_read_errors_are_clear(project: Path) -> None:
    touch(project, "a.py")
    assert read(Path("a.py")) == b""
    with pytest.raises(FileAccessError, match="does not exist") as caught:
        read(project / "gone.py")
    assert caught.value.file_error.path == "gone.py"
    with pytest.raises(FileAccessError, match="directory, not a file"):
        read(project)


def test_permission_denied_is_said_so(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *mode: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(FileAccessError, match="no permission to read it"):
        read(project / "a.py")


@pytest.mark.parametrize("mode", [0o644, 0o755, 0o600, 0o664])
def test_writing_keeps_bytes_and_mode(project: Path, mode: int) -> None:
    path = project / "a.py"
    path.write_bytes(b"old")
    path.chmod(mode)
    write_atomic(path, b"\xef\xbb\xbfnew\r\n")
    assert path.read_bytes() == b"\xef\xbb\xbfnew\r\n"
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert list(project.iterdir()) == [path]


@pytest.mark.skipif(not AS_ROOT, reason="only root may give files away")
def test_writing_keeps_the_owner(project: Path) -> None:
    path = project / "a.py"
    path.write_bytes(b"old")
    os.chown(path, 1234, 2345)
    write_atomic(path, b"new")
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 2345)


def test_a_new_file_has_the_usual_mode(project: Path) -> None:
    touch(project, "usual.py")
    write_atomic(project / "new.py", b"x")
    assert (project / "new.py").stat().st_mode == (project / "usual.py").stat().st_mode


def test_writing_through_a_symlink_keeps_the_link(project: Path) -> None:
    (project / "real").mkdir()
    target = project / "real/m.py"
    target.write_bytes(b"old")
    link = project / "m.py"
    link.symlink_to("real/m.py")
    write_atomic(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


@pytest.mark.parametrize("failing", ["replace", "fsync", "chmod"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_in_the_middle_leaves_the_old_file_alone(
    project: Path, monkeypatch: pytest.MonkeyPatch, failing: str, error: BaseException
) -> None:
    def fail(*_: object) -> None:
        raise error

    path = project / "a.py"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, failing, fail)
    expected = FileAccessError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(project.iterdir()) == [path]


def test_a_read_only_file_is_left_alone(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = project / "a.py"
    path.write_bytes(b"old")
    path.chmod(0o444)
    if AS_ROOT:
        monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(FileAccessError, match="no permission to write it"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"


def test_writing_where_nothing_can_be_written(project: Path) -> None:
    with pytest.raises(FileAccessError, match="the folder does not exist"):
        write_atomic(project / "no/a.py", b"")
    with pytest.raises(FileAccessError, match="directory"):
        write_atomic(project, b"")


def test_display_path(project: Path) -> None:
    assert display_path(project / "pkg" / "m.py") == "pkg/m.py"
    assert display_path("./pkg/../m.py") == "m.py"
    assert display_path(project.parent / "m.py") == "../m.py"
