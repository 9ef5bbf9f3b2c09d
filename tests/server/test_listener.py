"""Where a server listens: URLs, Unix sockets live and stale, and what is said when it cannot."""

import asyncio
import contextlib
import errno
import ipaddress
import logging
import os
import random
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asphalt.core import Context
from werkzeug.wrappers import Request, Response

from kyoukai.asphalt import KyoukaiComponent
from kyoukai.core.errors import ListenError
from kyoukai.server.listener import PORT_TRIES, Listener
from kyoukai.server.sockets import StreamSocket, inode, listen

from ..serving import PATIENCE, Client, Running, running

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Application:
    """Answers ``/held`` once :attr:`released` is set, and anything else at once."""

    request_class = Request

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.released = asyncio.Event()

    async def process_request(self, request: Request, parent_context: Context) -> Response:
        if request.path == "/held":
            self.begun.set()
            await self.released.wait()
        return Response(request.environ["SERVER_NAME"])


@pytest.fixture
def socket_path(tmp_path: Path) -> str:
    """The path of a Unix socket; pytest's own may be longer than the 107 bytes that fit."""
    path = str(tmp_path / "server.sock")
    return path if len(path) < 100 else os.path.relpath(path)


@contextlib.contextmanager
def taken_port() -> Iterator[int]:
    """A port on which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken.getsockname()[1]


def unassigned_port() -> int:
    """A free port, of those that the system gives to nobody by itself: it stays free between two uses.

    They are below 32768, where Linux begins with the ports of its choice (others: 49152, RFC 6335).
    """
    for port in random.sample(range(16384, 32768), 100):
        with contextlib.suppress(OSError), socket.create_server(("0.0.0.0", port)):
            return port
    raise AssertionError("no port is free")


def open_failing(listener: Listener, loop_factory: Any = asyncio.new_event_loop) -> str:
    """Return what is said when the listener cannot be opened."""

    with asyncio.Runner(loop_factory=loop_factory) as runner, pytest.raises(ListenError) as caught:
        close_all(runner.run(listener.open()))
    return str(caught.value)


def close_all(sockets: list[socket.socket]) -> None:
    for sock in sockets:
        sock.close()


def make_stale(path: str) -> None:
    """Leave a Unix socket behind on which nobody listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
        left.bind(path)


# URLs


@pytest.mark.parametrize(
    ("address", "secure", "url"),
    [
        (("127.0.0.1", 8000), False, "http://127.0.0.1:8000"),
        (("127.0.0.1", 443), True, "https://127.0.0.1:443"),
        (("::1", 8000), False, "http://[::1]:8000"),
        (("fe80::1", 8443), True, "https://[fe80::1]:8443"),
        (("fe80::1%eth0", 8443), True, "https://[fe80::1%25eth0]:8443"),
        (("0.0.0.0", 80), False, "http://0.0.0.0:80"),
    ],
)
def test_url(address: tuple[str, int], secure: bool, url: str) -> None:
    assert Listener("localhost").url(address, secure=secure) == url


@pytest.mark.parametrize("secure", [False, True])
def test_url_of_a_unix_socket_is_its_path(secure: bool) -> None:
    assert Listener(uds="/run/web.sock").url(("/run/web.sock", 0), secure=secure) == "unix:/run/web.sock"


def test_defaults() -> None:
    listener = Listener()
    assert (listener.hosts, listener.port, listener.uds) == (("127.0.0.1",), 8000, None)


@pytest.mark.parametrize("port", [0, 65535])
def test_the_outermost_ports_are_ports(port: int) -> None:
    assert Listener(port=port).port == port


# TCP


def test_port_zero_is_a_free_port_and_the_address_says_which(loop_factory: Any) -> None:
    with running(app=Application(), loop_factory=loop_factory) as server:
        address, port = server.component.address
        assert address == "127.0.0.1"
        assert port > 0
        assert server.url == f"http://127.0.0.1:{port}"
        assert server.request(REQUEST).body == b"127.0.0.1"


def test_a_host_name_is_looked_up() -> None:
    with running(app=Application(), host="localhost") as server:
        assert server.component.address[0] in ("127.0.0.1", "::1")


def has_ipv6_loopback() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.skipif(not has_ipv6_loopback(), reason="this machine has no IPv6 loopback")
def test_ipv6(loop_factory: Any) -> None:
    with running(app=Application(), host="::1", loop_factory=loop_factory) as server:
        assert server.url == f"http://[::1]:{server.port}"
        with socket.create_connection(("::1", server.port), PATIENCE) as client:
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            answer = b"".join(iter(lambda: client.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert answer.endswith(b"\r\n\r\n::1")


def test_a_taken_port(loop_factory: Any) -> None:
    with taken_port() as port:
        with pytest.raises(ListenError) as caught:
            Running(app=Application(), port=port, loop_factory=loop_factory)
        assert str(caught.value) == (
            f"cannot listen on 127.0.0.1:{port}: the address is already in use; "
            "stop what listens there, or choose another port"
        )
        assert caught.value.__cause__ is not None


def test_two_components_that_start_together_on_one_port(loop_factory: Any) -> None:
    port = unassigned_port()

    async def start_both() -> list[BaseException | None]:
        components = [
            KyoukaiComponent(Application(), port=port, resource_name=name) for name in ("first", "second")
        ]
        async with Context() as ctx:
            return await asyncio.gather(
                *(component.start(ctx) for component in components), return_exceptions=True
            )

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        [error] = [result for result in runner.run(start_both()) if result is not None]
    assert isinstance(error, ListenError)
    assert f"cannot listen on 127.0.0.1:{port}: the address is already in use" in str(error)


def test_an_unknown_host_name(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unknown(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", unknown)
    message = open_failing(Listener("nowhere.invalid", 8000))
    assert message == "cannot listen on nowhere.invalid:8000: the host name is not known"


def test_a_host_name_that_cannot_be_one(loop_factory: Any) -> None:
    """An empty label has no IDNA form, which is no OSError to Python."""
    message = open_failing(Listener("no..where", 8000), loop_factory)
    assert message.startswith("cannot listen on no..where:8000: ")


def test_an_address_of_another_machine(loop_factory: Any) -> None:
    # RFC 5737 section 3: an address for documentation.
    message = open_failing(Listener("192.0.2.1", 8000), loop_factory)
    assert message == f"cannot listen on 192.0.2.1:8000: {os.strerror(errno.EADDRNOTAVAIL)}"


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Let every host name have these addresses, as a file of hosts may say it."""

    async def getaddrinfo(loop: object, host: str, port: int, **options: Any) -> list[Any]:
        # An address stands for itself: no name is asked for.
        return [found for address in addresses for found in socket.getaddrinfo(address, port, **options)]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)


def test_a_name_of_several_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to(monkeypatch, "127.0.0.1", "127.0.0.2", "127.0.0.1")
    port = unassigned_port()
    sockets = asyncio.run(Listener("several.invalid", port).open())
    assert [sock.getsockname() for sock in sockets] == [("127.0.0.1", port), ("127.0.0.2", port)]
    close_all(sockets)


def test_an_address_that_the_system_does_not_have_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    # RFC 5737 section 3 and RFC 3849: addresses for documentation.
    resolve_to(monkeypatch, "2001:db8::1", "127.0.0.1", "192.0.2.1")
    sockets = asyncio.run(Listener("several.invalid", 0).open())
    assert [sock.getsockname()[0] for sock in sockets] == ["127.0.0.1"]
    close_all(sockets)


def test_no_socket_is_left_open_where_one_of_several_addresses_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    port = unassigned_port()
    with socket.create_server(("127.0.0.2", port)):
        resolve_to(monkeypatch, "127.0.0.1", "127.0.0.2")
        message = open_failing(Listener("several.invalid", port))
        assert (
            f"cannot listen on several.invalid:{port} (127.0.0.2): the address is already in use" in message
        )
        # A socket that was left open would keep the port.
        with socket.create_server(("127.0.0.1", port)):
            pass


def test_a_port_is_free_although_connections_of_its_last_owner_linger(loop_factory: Any) -> None:
    """The side that closes first keeps the connection in TIME-WAIT: here, the server's."""
    close = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    port = unassigned_port()
    with (
        running(app=Application(), port=port, loop_factory=loop_factory) as server,
        server.connect() as client,
    ):
        assert client.request(close).status == 200
        assert client.receive_rest() == b""
    with running(app=Application(), port=port, loop_factory=loop_factory) as server:
        assert server.request(REQUEST).status == 200


HAS_IPV6 = pytest.mark.skipif(not has_ipv6_loopback(), reason="this machine has no IPv6 loopback")


def names(sockets: list[socket.socket]) -> list[tuple[str, int]]:
    return [sock.getsockname()[:2] for sock in sockets]


@HAS_IPV6
@pytest.mark.parametrize("host", ["::", "0::0"])
def test_all_addresses_are_those_of_both_families(host: str, backend: str, loop_factory: Any) -> None:
    settings: dict[str, Any] = {"host": host, "backend": backend, "loop_factory": loop_factory}
    with running(app=Application(), **settings) as server:
        assert server.component.urls == (f"http://[::]:{server.port}", f"http://0.0.0.0:{server.port}")
        for address in ("127.0.0.1", "::1"):
            with socket.create_connection((address, server.port), PATIENCE) as client:
                client.sendall(b"GET / HTTP/1.0\r\n\r\n")
                answer = b"".join(iter(lambda: client.recv(65536), b""))
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


@HAS_IPV6
def test_a_client_of_ipv4_has_an_address_of_ipv4(caplog: pytest.LogCaptureFixture, loop_factory: Any) -> None:
    caplog.set_level(logging.INFO, "kyoukai.access")
    with running(app=Application(), host="::", access_log=True, loop_factory=loop_factory) as server:
        with Client(("127.0.0.1", server.port)) as client:
            assert client.request(REQUEST).status == 200
        server.wait_until(lambda: bool(access_lines(caplog)))
    assert access_lines(caplog)[-1].startswith("127.0.0.1:")


def access_lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "kyoukai.access"]


def test_all_addresses_are_those_of_ipv4_where_there_is_no_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    def listen_without(family: int, protocol: int, address: Any, **options: Any) -> StreamSocket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
        return listen(family, protocol, address, **options)

    monkeypatch.setattr("kyoukai.server.listener.listen", listen_without)
    sockets = asyncio.run(Listener("::", 0).open())
    assert [address for address, _ in names(sockets)] == ["0.0.0.0"]
    close_all(sockets)


@HAS_IPV6
def test_all_addresses_need_the_port_in_both_families(loop_factory: Any) -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = taken.getsockname()[1]
        message = open_failing(Listener("::", port), loop_factory)
        assert f"cannot listen on [::]:{port} (0.0.0.0): the address is already in use" in message
        with socket.create_server(("::", port), family=socket.AF_INET6):
            pass


def test_several_hosts_have_one_port(backend: str, loop_factory: Any) -> None:
    settings: dict[str, Any] = {"backend": backend, "loop_factory": loop_factory}
    with running(app=Application(), host=["127.0.0.1", "127.0.0.2", "127.0.0.1"], **settings) as server:
        assert server.component.address == ("127.0.0.1", server.port)
        assert server.component.urls == (
            f"http://127.0.0.1:{server.port}",
            f"http://127.0.0.2:{server.port}",
        )
        for address in ("127.0.0.1", "127.0.0.2"):
            with Client((address, server.port)) as client:
                assert client.request(REQUEST).status == 200


@HAS_IPV6
def test_a_name_of_both_families_has_one_port(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to(monkeypatch, "127.0.0.1", "::1")
    sockets = asyncio.run(Listener("localhost", 0).open())
    (first, port), second = names(sockets)
    assert (first, second) == ("127.0.0.1", ("::1", port))
    close_all(sockets)


def take_chosen_ports(monkeypatch: pytest.MonkeyPatch, count: int) -> list[int]:
    """Have 127.0.0.2 say of the first ``count`` ports that it is asked for that they are taken."""
    taken: list[int] = []

    def listen_unless_taken(family: int, protocol: int, address: Any, **options: Any) -> StreamSocket:
        if address[0] == "127.0.0.2" and len(taken) < count:
            taken.append(address[1])
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        return listen(family, protocol, address, **options)

    monkeypatch.setattr("kyoukai.server.listener.listen", listen_unless_taken)
    return taken


def test_another_port_is_chosen_if_one_address_has_it_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = take_chosen_ports(monkeypatch, 2)
    sockets = asyncio.run(Listener(["127.0.0.1", "127.0.0.2"], 0).open())
    (first, port), second = names(sockets)
    assert (first, second) == ("127.0.0.1", ("127.0.0.2", port))
    assert len(taken) == 2
    close_all(sockets)


def test_the_search_for_a_common_port_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = take_chosen_ports(monkeypatch, 1000)
    message = open_failing(Listener(["127.0.0.1", "127.0.0.2"], 0))
    assert f"cannot listen on 127.0.0.2:{taken[-1]}: the address is already in use" in message
    assert len(taken) == PORT_TRIES


@pytest.mark.parametrize("host", ["nowhere.invalid", "192.0.2.1"], ids=["unknown", "of another machine"])
def test_unavailable_host_opens_no_other(
    host: str, monkeypatch: pytest.MonkeyPatch, loop_factory: Any
) -> None:
    """The others are not listened on: a server that is there by half is found out too late."""
    port = unassigned_port()
    message = open_failing(Listener(["127.0.0.1", host], port), loop_factory)
    assert message.startswith(f"cannot listen on {host}:{port}: ")
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_an_address_with_a_zone() -> None:
    """RFC 4007 section 11: a link-local address is one of a link."""
    addresses = link_local_addresses()
    if not addresses:
        pytest.skip("this machine has no link-local address")
    listener = Listener(addresses[0], 0)
    [sock] = asyncio.run(listener.open())
    with sock:
        address, port = listener.address(sock)
    assert address == addresses[0]
    url = listener.url((address, port), secure=False)
    assert url == f"http://[{addresses[0].replace('%', '%25')}]:{port}"


def link_local_addresses() -> list[str]:
    """Return those of IPv6 that can be listened on, as Linux lists them."""
    try:
        lines = Path("/proc/net/if_inet6").read_text().splitlines()
    except OSError:
        return []
    rows = [line.split() for line in lines]
    return [
        f"{ipaddress.IPv6Address(bytes.fromhex(row[0]))}%{row[5]}"
        for row in rows
        # The scope is that of links, and the address is not tentative still, or refused.
        if row[3] == "20" and not int(row[4], 16) & 0x48
    ]


def test_sockets_are_not_inherited_and_do_not_block() -> None:
    [sock] = asyncio.run(Listener(port=0).open())
    with sock:
        assert not sock.get_inheritable()
        assert not sock.getblocking()
        with pytest.raises(BlockingIOError):
            sock.accept()


def forbid(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)


def test_a_port_of_the_superuser(monkeypatch: pytest.MonkeyPatch) -> None:
    forbid(monkeypatch)
    assert open_failing(Listener(port=80)) == (
        "cannot listen on 127.0.0.1:80: permission denied; ports below 1024 belong to the superuser"
    )


def test_forbidden_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Unix socket has no port, so nothing may be said of ports."""
    forbid(monkeypatch)
    message = open_failing(Listener(uds="/run/web.sock"))
    assert message.startswith("cannot listen on /run/web.sock: permission denied")
    assert "1024" not in message


# Unix sockets


def test_a_unix_socket(socket_path: str, loop_factory: Any) -> None:
    with running(app=Application(), port=None, uds=socket_path, loop_factory=loop_factory) as server:
        assert server.component.address == (socket_path, 0)
        assert server.url == f"unix:{socket_path}"
        assert inode(socket_path) is not None
        assert server.request(REQUEST).status == 200
    assert not os.path.exists(socket_path)


def test_a_stale_socket_is_taken_over(socket_path: str, loop_factory: Any) -> None:
    make_stale(socket_path)
    with running(app=Application(), port=None, uds=socket_path, loop_factory=loop_factory) as server:
        assert server.request(REQUEST).status == 200
    assert not os.path.exists(socket_path)


def test_socket_in_use_is_left_alone(socket_path: str, loop_factory: Any) -> None:
    settings: dict[str, Any] = {"app": Application(), "port": None, "uds": socket_path}
    with running(loop_factory=loop_factory, **settings) as server:
        with pytest.raises(ListenError) as caught:
            Running(loop_factory=loop_factory, **settings)
        assert str(caught.value).startswith(f"cannot listen on {socket_path}: the address is already in use")
        assert server.request(REQUEST).status == 200


def test_a_file_that_is_no_socket_is_left_alone(socket_path: str, loop_factory: Any) -> None:
    Path(socket_path).write_text("precious")
    message = open_failing(Listener(uds=socket_path), loop_factory)
    assert message.startswith(f"cannot listen on {socket_path}: ")
    assert Path(socket_path).read_text() == "precious"


def test_a_folder_that_is_not_there(tmp_path: Path, loop_factory: Any) -> None:
    path = str(tmp_path / "nowhere" / "server.sock")
    message = open_failing(Listener(uds=path), loop_factory)
    assert message == f"cannot listen on {path}: {os.strerror(errno.ENOENT)}"


def test_a_path_too_long_for_a_socket(tmp_path: Path, loop_factory: Any) -> None:
    path = str(tmp_path / ("x" * 120))
    message = open_failing(Listener(uds=path), loop_factory)
    assert message.startswith(f"cannot listen on {path}: ")
    assert "too long" in message


def test_a_successor_keeps_the_socket_that_it_took_over(socket_path: str, loop_factory: Any) -> None:
    """A server that lets its last requests finish must not remove what the next one made."""
    app = Application()
    settings: dict[str, Any] = {"port": None, "uds": socket_path, "loop_factory": loop_factory}
    with running(app=app, **settings) as old, Client(socket_path) as held, Client(socket_path) as idle:
        assert idle.request(REQUEST).status == 200
        held.send(b"GET /held HTTP/1.1\r\nHost: localhost\r\n\r\n")
        old.wait_until(app.begun.is_set)
        old.begin_stop()
        assert idle.receive_rest() == b""
        with running(app=Application(), **settings) as new:
            assert new.request(REQUEST).status == 200
            old.call(app.released.set)
            with held:
                assert held.receive().status == 200
            old.stop()
            assert inode(socket_path) is not None
            assert new.request(REQUEST).status == 200
    assert not os.path.exists(socket_path)


# The sockets themselves


def test_sockets_tell_what_pythons_own_tell(socket_path: str) -> None:
    families = [
        (socket.AF_INET, ("127.0.0.1", 0)),
        (socket.AF_INET6, ("::1", 0)),
        (socket.AF_UNIX, socket_path),
    ]
    for family, address in families:
        with contextlib.ExitStack() as opened:
            listening = opened.enter_context(listen(family, 0, address))
            client = opened.enter_context(socket.socket(family))
            client.settimeout(PATIENCE)
            client.connect(listening.getsockname())
            accepted, peer = listening.accept()
            opened.enter_context(accepted)
            assert peer == client.getsockname()
            assert type(accepted) is StreamSocket
            for sock in (listening, accepted, opened.enter_context(accepted.dup())):
                with socket.socket(fileno=os.dup(sock.fileno())) as own:
                    assert (sock.family, sock.type, sock.proto) == (own.family, own.type, sock.proto)
                    assert type(sock.type) is type(own.type)
            assert not os.get_inheritable(accepted.fileno())
            accepted.sendall(b"x")
            assert client.recv(1) == b"x"
