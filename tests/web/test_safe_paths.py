import errno
import os
from pathlib import Path

import pytest

from kyoukai.web import safe_paths
from kyoukai.web.safe_paths import is_directory, open_beneath, open_regular, read_path


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    root = tmp_path / "public"
    (root / "sub").mkdir(parents=True)
    (root / "a.txt").write_bytes(b"a")
    (root / "sub" / "b.txt").write_bytes(b"b")
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "public2").mkdir()
    (tmp_path / "public2" / "secret").write_bytes(b"secret")
    return root


def content(directory: Path, *parts: str) -> bytes | None:
    file = open_beneath(directory, parts)
    if file is None:
        return None
    with file:
        return file.read()


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("", ()),
        ("a.txt", ("a.txt",)),
        ("sub/b.txt", ("sub", "b.txt")),
        ("sub/", ("sub",)),
        ("a b", ("a b",)),
        ("a..b", ("a..b",)),
        ("a\\..\\b", ("a\\..\\b",)),
        ("%2e%2e", ("%2e%2e",)),
        ("..", None),
        ("../a", None),
        ("sub/../a.txt", None),
        ("sub/..", None),
        (".", None),
        ("./a.txt", None),
        ("/etc/passwd", None),
        ("/", None),
        ("sub//b.txt", None),
        ("sub//", None),
        ("a\0.txt", None),
        (".git/config", None),
        ("sub/.hidden", None),
        ("...", None),
    ],
)
def test_a_path(path: str, parts: tuple[str, ...] | None) -> None:
    assert read_path(path) == parts


@pytest.mark.parametrize(
    ("path", "parts"),
    [(".well-known/x", (".well-known", "x")), ("...", ("...",)), ("..", None), (".", None), ("a/../b", None)],
)
def test_dot_files(path: str, parts: tuple[str, ...] | None) -> None:
    assert read_path(path, dot_files=True) == parts


def test_another_separator_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("werkzeug.security._os_alt_seps", ["\\"])
    assert read_path("a\\b") is None


def test_existing_files(directory: Path) -> None:
    assert content(directory, "a.txt") == b"a"
    assert content(directory, "sub", "b.txt") == b"b"


@pytest.mark.parametrize(
    "parts",
    [
        ("missing",),
        ("sub",),
        (),
        ("a.txt", "b"),
        ("x" * 300,),
        ("x",) * 3000,
        ("\ud800",),
        ("a\0b",),
        ("..", "secret"),
        ("..", "public2", "secret"),
    ],
)
def test_missing_files(directory: Path, parts: tuple[str, ...]) -> None:
    assert content(directory, *parts) is None


def test_unreadable_files(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safe_paths, "open_regular", refuse(errno.EACCES))
    assert content(directory, "a.txt") is None


def refuse(code: int) -> object:
    def open_regular(*args: object, **kwargs: object) -> None:
        raise OSError(code, os.strerror(code))

    return open_regular


@pytest.mark.parametrize("code", [errno.EMFILE, errno.EIO])
def test_the_servers_trouble(directory: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    monkeypatch.setattr(safe_paths, "open_regular", refuse(code))
    with pytest.raises(OSError, match=rf"^\[Errno {code}\]"):
        content(directory, "a.txt")


def test_links(directory: Path) -> None:
    (directory / "inside").symlink_to("sub/b.txt")
    (directory / "other").symlink_to("sub")
    (directory / "outside").symlink_to("../secret")
    (directory / "absolute").symlink_to(directory.parent / "secret")
    (directory / "neighbour").symlink_to("../public2")
    (directory / "dangling").symlink_to("nothing")
    (directory / "loop").symlink_to("loop")
    assert content(directory, "inside") == b"b"
    assert content(directory, "other", "b.txt") == b"b"
    for parts in (
        ("outside",),
        ("absolute",),
        ("neighbour", "secret"),
        ("dangling",),
        ("loop",),
        ("other", "..", "..", "secret"),
    ):
        assert content(directory, *parts) is None
    assert not is_directory(directory, ("neighbour",))
    assert is_directory(directory, ("other",))


def test_a_directory_that_is_a_link(directory: Path) -> None:
    current = directory.parent / "current"
    current.symlink_to("public")
    assert content(current, "a.txt") == b"a"
    current.unlink()
    current.symlink_to("public2")
    assert content(current, "a.txt") is None
    assert content(current, "secret") == b"secret"


def test_hidden_places_that_links_lead_by(directory: Path) -> None:
    # So does Kubernetes mount its volumes.
    (directory / "..data").mkdir()
    (directory / "..data" / "c.txt").write_bytes(b"c")
    (directory / "c.txt").symlink_to("..data/c.txt")
    assert content(directory, "c.txt") == b"c"


def test_link_created_after_the_check(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = safe_paths._resolve

    def exchange(*args: object) -> object:
        found = looked(directory, ("sub", "b.txt"))
        (directory / "sub" / "b.txt").unlink()
        (directory / "sub").rmdir()
        (directory / "sub").symlink_to("../public2")
        (directory.parent / "public2" / "b.txt").write_bytes(b"secret")
        return found

    monkeypatch.setattr(safe_paths, "_resolve", exchange)
    assert content(directory, "sub", "b.txt") is None


def test_a_pipe_is_not_waited_for(directory: Path) -> None:
    os.mkfifo(directory / "pipe")
    assert content(directory, "pipe") is None
    with pytest.raises(OSError, match="no regular file"):
        open_regular(str(directory / "pipe"))


def test_nothing_stays_open(directory: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    os.mkfifo(directory / "sub" / "pipe")
    for parts in (("sub", "b.txt"), ("sub", "missing"), ("sub", "pipe"), ("missing", "b.txt"), ("sub",)):
        content(directory, *parts)
    assert len(os.listdir("/proc/self/fd")) == before


def test_system_without_dir_fd(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "supports_dir_fd", set())
    assert content(directory, "sub", "b.txt") == b"b"
    assert content(directory, "sub") is None
    assert content(directory) is None


def test_directories(directory: Path) -> None:
    assert is_directory(directory, ())
    assert is_directory(directory, ("sub",))
    for parts in (("a.txt",), ("missing",), ("..",), ("a\0",), ("a.txt", "b")):
        assert not is_directory(directory, parts)
