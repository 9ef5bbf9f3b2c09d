"""The file that names a process: one that is gone gives way, and one that lives is refused."""

import os
from pathlib import Path

import pytest

from kyoukai.core.errors import ConfigurationError
from kyoukai.server.pid_file import PidFile, lives

FREE = 2**22 + 1  # above the most that Linux gives


@pytest.mark.parametrize(
    "before",
    [None, "", "no number", f"{FREE}\n", "-1", f"{os.getpid()}\n"],
    ids=["none", "empty", "no-number", "of-one-that-is-gone", "below-1", "our-own"],
)
def test_a_file(tmp_path: Path, before: str | None) -> None:
    path = tmp_path / "server.pid"
    if before is not None:
        path.write_text(before)
    file = PidFile(str(path))
    file.write()
    assert path.read_text() == f"{os.getpid()}\n"
    assert os.listdir(tmp_path) == ["server.pid"]
    file.remove()
    assert not path.exists()


def test_a_process_that_lives_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "server.pid"
    path.write_text(f"{os.getppid()}\n")
    with pytest.raises(
        ConfigurationError, match=rf"this file names process {os.getppid()}, which is running$"
    ):
        PidFile(str(path))


def test_the_process_whose_place_is_taken_may_live(tmp_path: Path) -> None:
    path = tmp_path / "server.pid"
    path.write_text(f"{os.getppid()}\n")
    PidFile(str(path), os.getppid()).write()
    assert path.read_text() == f"{os.getpid()}\n"


def test_file_taken_by_another_process_is_left(tmp_path: Path) -> None:
    path = tmp_path / "server.pid"
    file = PidFile(str(path))
    file.write()
    path.write_text("1\n")
    file.remove()
    assert path.read_text() == "1\n"


def test_file_in_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"there is no folder '{tmp_path}/none'"):
        PidFile(str(tmp_path / "none" / "server.pid"))


def test_file_in_a_foreign_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The superuser may write anywhere.
    monkeypatch.setattr("kyoukai.server.pid_file.os.access", lambda path, mode: False)
    with pytest.raises(ConfigurationError, match=f"cannot create a file in '{tmp_path}'"):
        PidFile(str(tmp_path / "server.pid"))


def test_file_that_became_unwritable_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    file = PidFile(str(folder / "server.pid"))
    folder.rmdir()
    file.write()
    assert "server.pid cannot be written: No such file or directory" in caplog.text
    file.remove()


def test_the_processes_that_live() -> None:
    assert lives(os.getpid())
    assert lives(1)
    assert not lives(FREE)
    assert not lives(0)
