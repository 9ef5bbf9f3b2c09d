"""Several listeners: settings, and sockets that are opened, shared and handed on."""

import asyncio
import contextlib
import os
import socket
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kyoukai.core.errors import ConfigurationError, ListenError
from kyoukai.server.inherited import InheritedListener, passed_descriptors
from kyoukai.server.listener import Listener
from kyoukai.server.listeners import Listeners, Sockets, close
from kyoukai.server.sockets import listen

from ..serving import echo, message, running

TLS = {"certificate": "cert.pem"}
OTHER_TLS = {"certificate": "other.pem"}


def of(**settings: Any) -> Listeners:
    return Listeners.from_settings(settings)


@contextlib.contextmanager
def opened(listeners: Listeners, **options: Any) -> Iterator[Sockets]:
    sockets = asyncio.run(listeners.open(**options))
    try:
        yield sockets
    finally:
        listeners.remove()
        close(sockets)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    # The path of a Unix socket has 107 bytes at most.
    monkeypatch.chdir(tmp_path)
    return "http.sock"


# Settings


def test_the_short_form_is_one_listener() -> None:
    (listener,) = of(host="::1", port=80, ssl=TLS)
    assert isinstance(listener, Listener)
    assert (listener.hosts, listener.port, listener.ssl) == (("::1",), 80, TLS)


def test_several() -> None:
    first, second, third = of(bind=["127.0.0.1:80", "unix:a.sock?mode=0660", "fd:3"])
    assert isinstance(first, Listener)
    assert (first.hosts, first.port) == (("127.0.0.1",), 80)
    assert isinstance(second, Listener)
    assert (second.uds, second.mode) == ("a.sock", 0o660)
    assert isinstance(third, InheritedListener)
    assert third.name == "3"


@pytest.mark.parametrize("bind", ["127.0.0.1:1", ["127.0.0.1:1"], {"bind": "127.0.0.1:1"}])
def test_single_listener_needs_no_list(bind: Any) -> None:
    (listener,) = of(bind=bind)
    assert isinstance(listener, Listener)
    assert listener.port == 1


@pytest.mark.parametrize(
    ("entry", "ssl", "expected"),
    [
        ("a:1", None, None),
        ("a:1", TLS, TLS),
        ("http://a:1", TLS, None),
        ("https://a:1", TLS, TLS),
        ({"bind": "a:1", "ssl": False}, TLS, None),
        ({"bind": "a:1", "ssl": OTHER_TLS}, TLS, OTHER_TLS),
        ({"bind": "https://a:1", "ssl": OTHER_TLS}, None, OTHER_TLS),
    ],
)
def test_listeners_that_speak_tls(entry: Any, ssl: Any, expected: Any) -> None:
    (listener,) = of(bind=[entry], ssl=ssl)
    assert listener.ssl == expected


def test_the_proxy_protocol_is_one_listeners() -> None:
    entries = ["a:1", "a:2?proxy_protocol=required", {"bind": "a:3", "proxy_protocol": "required"}]
    assert [listener.proxy_protocol for listener in of(bind=entries)] == [False, True, True]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"bind": "a:1", "host": "b"}, "bind excludes host: put all addresses into bind"),
        ({"bind": "a:1", "port": 0}, "bind excludes port"),
        ({"bind": "a:1", "uds": "a.sock"}, "bind excludes uds"),
        ({"bind": []}, "bind is []; it must be an address, HOST:PORT, "),
        ({"bind": 80}, "bind is 80; it must be an address, HOST:PORT, "),
        ({"bind": [80]}, "bind is 80; it must be HOST:PORT, "),
        ({"bind": ["a:1", {"addr": "b:1"}]}, "unknown setting 'addr' in bind; "),
        ({"bind": {"ssl": TLS}}, "bind is None; it must be HOST:PORT, "),
        ({"bind": ["a:1", "http://a:1"]}, "bind has 'http://a:1' twice"),
        ({"bind": ["unix:a", "unix:a?mode=0600"]}, "bind has 'unix:a?mode=0600' twice"),
        ({"bind": "https://a:1"}, "bind is 'https://a:1', which means TLS; ssl must have a certificate"),
        (
            {"bind": {"bind": "https://a:1", "ssl": False}},
            "bind is 'https://a:1', which means TLS, but its ssl is false",
        ),
        (
            {"bind": {"bind": "http://a:1", "ssl": TLS}},
            "bind is 'http://a:1', which means no TLS, but it has ssl; it must be https://",
        ),
    ],
)
def test_invalid_listener_is_named(settings: Any, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        of(**settings)
    assert str(caught.value).startswith(said)


def test_two_listeners_may_have_any_free_port() -> None:
    assert len(of(bind=["127.0.0.1:0", "127.0.0.1:0"])) == 2


def test_another_name_for_the_setting() -> None:
    with pytest.raises(ConfigurationError, match="admin is '8000'; it must be"):
        Listeners.from_settings({"admin": "8000"}, name="admin")


# Sockets


def test_each_listener_has_its_sockets(path: str) -> None:
    with opened(of(bind=["127.0.0.1:0", f"unix:{path}"])) as sockets:
        assert [[sock.family for sock in some] for some in sockets] == [[socket.AF_INET], [socket.AF_UNIX]]
        assert os.path.exists(path)
    assert not os.path.exists(path)


def test_one_failing_listener_opens_none(path: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            ListenError, match=f"cannot listen on 127.0.0.1:{port}: the address is already in"
        ):
            asyncio.run(of(bind=[f"unix:{path}", f"127.0.0.1:{port}"]).open())
    assert not os.path.exists(path)


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_the_mode_of_a_unix_socket_does_not_depend_on_the_umask(path: str, umask: int) -> None:
    former = os.umask(umask)
    try:
        with opened(of(bind=f"unix:{path}?mode=0660")):
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o660
    finally:
        os.umask(former)


def test_without_a_mode_the_umask_decides(path: str) -> None:
    former = os.umask(0o027)
    try:
        with opened(of(bind=f"unix:{path}")):
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o750
    finally:
        os.umask(former)


LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux spreads connections over sockets")


@LINUX
def test_a_second_set_of_sockets_beside_the_first(path: str) -> None:
    listeners = of(bind=["127.0.0.1:0", f"unix:{path}"])
    with opened(listeners, shared=True) as first:
        second = listeners.beside(first)
        try:
            [[tcp], [unix]] = first
            [[other_tcp], [other_unix]] = second
            assert other_tcp is not tcp
            assert other_tcp.getsockname() == tcp.getsockname()
            assert other_unix is unix
            # Whoever comes is in one of the two queues.
            for _ in range(16):
                socket.create_connection(tcp.getsockname()).close()
            assert sum(map(accept_all, (tcp, other_tcp))) == 16
        finally:
            close(second)


def accept_all(sock: socket.socket) -> int:
    """Accept whoever waits, and return how many that were."""
    count = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            sock.accept()[0].close()
            count += 1
    return count


@LINUX
@pytest.mark.parametrize("shared", [False, True])
def test_another_servers_port_is_not_shared_by_mistake(shared: bool) -> None:
    with opened(of(bind="127.0.0.1:0"), shared=True) as sockets:
        port = sockets[0][0].getsockname()[1]
        with pytest.raises(ListenError, match="the address is already in use"):
            asyncio.run(of(bind=f"127.0.0.1:{port}").open(shared=shared))


@LINUX
def test_failing_second_set_leaves_the_first_open() -> None:
    listeners = of(bind=["127.0.0.1:0", "127.0.0.1:0"])
    with opened(listeners, shared=True) as first:
        first[1][0].close()
        with pytest.raises(OSError, match="Bad file descriptor"):
            listeners.beside(first)
        socket.create_connection(first[0][0].getsockname()).close()
        assert accept_all(first[0][0]) == 1


def test_sockets_of_another_process_are_adopted() -> None:
    listeners = of(bind=["127.0.0.1:80", "unix:/nowhere/a.sock"])
    with opened(of(bind=["127.0.0.1:0"])) as first:
        tcp = first[0][0]
        adopted = listeners.adopt([[os.dup(tcp.fileno())], [os.dup(tcp.fileno())]])
        with adopted[0][0] as sock, adopted[1][0]:
            assert sock.getsockname() == tcp.getsockname()
            assert not sock.getblocking()
            assert not sock.get_inheritable()
        with pytest.raises(ListenError, match=r"2 listeners need sockets .* which passed those of 1"):
            listeners.adopt([[tcp.fileno()], []])


def test_descriptor_that_is_not_a_socket_is_not_adopted(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file, pytest.raises(ListenError, match="cannot listen on a socket"):
        of(bind="127.0.0.1:80").adopt([[file.fileno()]])


# Inherited


def test_descriptors_that_systemd_passes() -> None:
    environ = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "3", "LISTEN_FDNAMES": "http:https"}
    assert passed_descriptors(environ) == [("http", 3), ("https", 4), ("unknown", 5)]
    assert passed_descriptors({**environ, "LISTEN_PID": "1"}) == []
    assert passed_descriptors({**environ, "LISTEN_FDS": "many"}) == []
    assert passed_descriptors({}) == []


@pytest.mark.parametrize("listens", [False, True])
def test_an_inherited_socket_serves(serve: Any, listens: bool) -> None:
    with socket.socket() as own:
        own.bind(("127.0.0.1", 0))
        if listens:
            own.listen()
        server = serve(echo, port=None, bind=f"fd:{os.dup(own.fileno())}")
        assert server.component.address == own.getsockname()
        assert server.url == f"http://127.0.0.1:{own.getsockname()[1]}"
        assert server.request(message("GET", "/a")).body == b"GET /a "


def test_an_inherited_unix_socket_stays_in_the_file_system(serve: Any, path: str) -> None:
    with listen(socket.AF_UNIX, 0, path) as own:
        server = serve(echo, port=None, bind=f"fd:{os.dup(own.fileno())}")
        assert server.url == f"unix:{path}"
        assert server.request(message("GET", "/a")).body == b"GET /a "
        server.stop()
        assert os.path.exists(path)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has Unix sockets without a file")
def test_an_inherited_socket_without_a_file() -> None:
    name = f"kyoukai-{os.getpid()}"
    listener = InheritedListener("0")
    with listen(socket.AF_UNIX, 0, f"\0{name}") as own:
        assert listener.address(own) == (f"@{name}", 0)
        assert listener.url((f"@{name}", 0), secure=False) == f"unix:@{name}"


def test_a_name_stands_for_all_the_sockets_that_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (listen(socket.AF_INET, 0, ("127.0.0.1", 0)) for _ in range(2))
    passed = [("web", first.detach()), ("other", 0), ("web", second.detach())]
    monkeypatch.setattr("kyoukai.server.inherited.passed_descriptors", lambda environ: passed)
    sockets = asyncio.run(InheritedListener("web").open())
    assert [sock.fileno() for sock in sockets] == [passed[0][1], passed[2][1]]
    close([sockets])
    with pytest.raises(ListenError) as caught:
        asyncio.run(InheritedListener("http").open())
    assert str(caught.value) == (
        "cannot listen on fd:http: systemd passed no socket of this name; it passed other, web"
    )


def test_a_name_without_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LISTEN_PID", raising=False)
    with pytest.raises(ListenError, match=r"fd:http: .* it passed none to this process"):
        asyncio.run(InheritedListener("http").open())


def test_a_descriptor_that_is_not_open() -> None:
    number = 2**20  # More than a process may have.
    with pytest.raises(ListenError, match=f"cannot listen on fd:{number}: no such descriptor is open"):
        asyncio.run(InheritedListener(str(number)).open())


def test_a_descriptor_that_is_no_socket_stays_open(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file:
        with pytest.raises(ListenError, match=f"cannot listen on fd:{file.fileno()}: "):
            asyncio.run(InheritedListener(str(file.fileno())).open())
        file.write("open")


def test_a_datagram_socket() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as own:
        with pytest.raises(ListenError, match="it is no stream socket"):
            asyncio.run(InheritedListener(str(own.fileno())).open())
        assert own.getsockname()


# A server


def test_a_server_with_several_listeners(serve: Any, path: str) -> None:
    server = serve(echo, port=None, bind=["127.0.0.1:0", "http://127.0.0.2:0", f"unix:{path}"])
    first, second, third = server.component.urls
    assert server.url == first
    assert second.startswith("http://127.0.0.2:")
    assert third == f"unix:{path}"
    answers = []
    for url in (first, second):
        host, _, port = url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port))) as client:
            client.sendall(message("GET", "/tcp", "Connection: close"))
            answers.append(client.makefile("rb").read().endswith(b"GET /tcp "))
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        client.sendall(message("GET", "/unix", "Connection: close"))
        answers.append(client.makefile("rb").read().endswith(b"GET /unix "))
    assert answers == [True, True, True]


def test_inherited_sockets_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    own = listen(socket.AF_INET, socket.IPPROTO_TCP, ("127.0.0.1", 0))
    address = own.getsockname()
    monkeypatch.setattr(Listeners, "descriptors", [[own.detach()]])
    with running(app=echo, port=None, bind="127.0.0.1:1") as server:
        assert server.component.address == address
        assert server.request(message()).status == 200
