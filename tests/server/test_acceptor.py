"""Accepting: what is done where the system, a client, TLS or a backend fails."""

import asyncio
import contextlib
import errno
import logging
import os
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from werkzeug.wrappers import Request, Response

from kyoukai.core.limits import Limits
from kyoukai.server.acceptor import BURST, CLIENT_GONE, Acceptor, Door
from kyoukai.server.sockets import StreamSocket, listen
from kyoukai.server.tls import connection_options

from ..certificates import trusting_context
from ..processes import Process, kyoukai_run
from ..serving import PATIENCE, Answering, Client, running

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Protocol(asyncio.Protocol):
    """Sends what it receives back."""

    transport: Any

    def __init__(self, made: list["Protocol"]) -> None:
        made.append(self)
        self.connected = asyncio.Event()
        self.lost = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.connected.set()

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()


def no_protocol(address: Any) -> asyncio.Protocol:
    """Return a protocol that does nothing."""
    return asyncio.Protocol()


class Refusing(StreamSocket):
    """A listening socket of which accept() fails as often as :attr:`errors` has errors left."""

    errors: list[int]
    tries = 0

    def accept(self) -> tuple[StreamSocket, Any]:
        self.tries += 1
        if self.errors:
            number = self.errors.pop(0)
            raise OSError(number, os.strerror(number))
        return super().accept()


def refusing(*errors: int) -> Refusing:
    """Return a socket that listens on 127.0.0.1."""
    plain = listen(socket.AF_INET, socket.IPPROTO_TCP, ("127.0.0.1", 0))
    sock = Refusing(plain.family, plain.type, plain.proto, plain.detach())
    sock.setblocking(False)
    sock.errors = list(errors)
    return sock


@contextlib.asynccontextmanager
async def accepting(
    factory: Callable[[Any], asyncio.BaseProtocol], *sockets: socket.socket, **settings: Any
) -> AsyncIterator[Acceptor]:
    """Accept while the block runs."""
    options = settings.pop("options", {})
    acceptor = Acceptor([Door(sock, factory, options) for sock in sockets], **settings)
    await acceptor.start()
    try:
        yield acceptor
    finally:
        await acceptor.close()


async def echo(sock: socket.socket) -> None:
    """Connect, and see that what is sent comes back."""
    reader, writer = await asyncio.open_connection(*sock.getsockname())
    writer.write(b"hello")
    assert await reader.readexactly(5) == b"hello"
    writer.close()
    await writer.wait_closed()


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until the condition holds."""
    while not condition():  # noqa: ASYNC110 - the condition has no event
        await asyncio.sleep(0)


async def end(made: list[Protocol]) -> None:
    """Wait until the connections are gone."""
    for protocol in made:
        if protocol.connected.is_set():
            await protocol.lost.wait()


@pytest.fixture
def run(loop_factory: Any, caplog: pytest.LogCaptureFixture) -> Any:
    """Run a coroutine; whatever the loop has to say of errors fails the test."""
    caplog.set_level(logging.DEBUG, "kyoukai.server")
    failures: list[dict[str, Any]] = []

    async def limited(main: Any) -> Any:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: failures.append(context))
        result = await asyncio.wait_for(main, PATIENCE)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return result

    def run(main: Any) -> Any:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            result = runner.run(limited(main))
        assert failures == []
        return result

    return run


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [
        (record.levelname, record.getMessage())
        for record in caplog.records
        if record.name == "kyoukai.server"
    ]


# What it accepts


def test_connections_of_several_sockets(run: Any) -> None:
    made: list[Protocol] = []

    async def main() -> None:
        sockets = [refusing(), refusing()]
        async with accepting(lambda address: Protocol(made), *sockets):
            for sock in sockets:
                await echo(sock)
            await end(made)

    run(main())
    assert len(made) == 2


def test_a_connection_of_tcp_sends_without_delay_and_knows_its_addresses(run: Any) -> None:
    made: list[Protocol] = []

    async def main() -> None:
        sock = refusing()
        async with accepting(lambda address: Protocol(made), sock):
            reader, writer = await asyncio.open_connection(*sock.getsockname())
            writer.write(b"x")
            await reader.readexactly(1)
            [protocol] = made
            accepted = protocol.transport.get_extra_info("socket")
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
            assert protocol.transport.get_extra_info("peername") == writer.get_extra_info("sockname")
            assert protocol.transport.get_extra_info("sockname") == sock.getsockname()
            writer.close()
            await writer.wait_closed()
            await end(made)

    run(main())


def test_one_turn_accepts_so_many_and_no_more(run: Any) -> None:
    sock = refusing()

    def factory(address: Any) -> Protocol:
        counts.append(sock.tries)
        return Protocol(made)

    counts: list[int] = []
    made: list[Protocol] = []

    async def main() -> None:
        clients = [socket.create_connection(sock.getsockname(), PATIENCE) for _ in range(BURST + 1)]
        turns: list[int] = []
        loop = asyncio.get_running_loop()

        def note() -> None:
            turns.append(len(made))
            if len(made) <= BURST:
                loop.call_soon(note)

        async with accepting(factory, sock):
            note()
            await until(lambda: len(made) > BURST)
            for client in clients:
                client.close()
            await end(made)
        assert BURST in turns

    run(main())
    assert len(made) == BURST + 1


def test_a_closed_acceptor_listens_no_more(run: Any) -> None:
    async def main() -> None:
        sock = refusing()
        address = sock.getsockname()
        async with accepting(no_protocol, sock) as acceptor:
            await acceptor.close()
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(*address)
        assert sock.fileno() == -1

    run(main())


def test_added_and_removed_socket(run: Any) -> None:
    made: list[Protocol] = []

    async def main() -> None:
        first, second = refusing(), refusing()
        async with accepting(lambda address: Protocol(made), first) as acceptor:
            acceptor.add([Door(second, lambda address: Protocol(made))])
            await echo(first)
            await echo(second)
            acceptor.discard([first])
            assert first.fileno() == -1
            await echo(second)
            await end(made)
        assert (first.fileno(), second.fileno()) == (-1, -1)

    run(main())


def test_one_that_never_started_is_closed(run: Any) -> None:
    async def main() -> None:
        sock = refusing()
        await Acceptor([Door(sock, no_protocol)]).close()
        assert sock.fileno() == -1

    run(main())


@pytest.mark.parametrize("turns", range(4))
def test_connection_accepted_during_close_is_reported_made_and_lost(run: Any, turns: int) -> None:
    made: list[Protocol] = []

    async def main() -> None:
        sock = refusing()
        with socket.create_connection(sock.getsockname(), PATIENCE) as client:
            client.setblocking(False)
            async with accepting(lambda address: Protocol(made), sock):
                await until(lambda: bool(made))
                for _ in range(turns):
                    await asyncio.sleep(0)
            (protocol,) = made
            # The server, which is told of it, is the one to close it.
            assert protocol.connected.is_set()
            assert not protocol.transport.is_closing()
            protocol.transport.close()
            assert await asyncio.get_running_loop().sock_recv(client, 1) == b""
            await protocol.lost.wait()

    run(main())


class Completing(asyncio.SelectorEventLoop):
    """A loop that does not tell when a socket is ready, as Windows' own does not."""

    def add_reader(self, *args: Any) -> Any:
        raise NotImplementedError

    def remove_reader(self, *args: Any) -> Any:
        raise NotImplementedError


def test_a_loop_that_does_not_tell_when_a_socket_is_ready() -> None:
    made: list[Protocol] = []

    async def main() -> None:
        sock = refusing()
        address = sock.getsockname()
        async with accepting(lambda address: Protocol(made), sock):
            await echo(sock)
            await end(made)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*address)

    with asyncio.Runner(loop_factory=Completing) as runner:
        runner.run(main())


def test_a_connection_without_tls_is_made_without_a_task(run: Any) -> None:
    made: list[Protocol] = []
    tasks: list[set[Any]] = []

    class Noting(Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            tasks.append(asyncio.all_tasks())
            super().connection_made(transport)

    async def main() -> None:
        sock = refusing()
        async with accepting(lambda address: Noting(made), sock):
            loop = asyncio.get_running_loop()
            with socket.create_connection(sock.getsockname(), PATIENCE) as client:
                client.setblocking(False)
                await loop.sock_sendall(client, b"x")
                assert await loop.sock_recv(client, 1) == b"x"
            await end(made)
        assert tasks == [asyncio.all_tasks()]

    run(main())


def test_the_factory_is_given_the_clients_address(run: Any) -> None:
    made: list[Protocol] = []
    addresses = []

    def factory(address: Any) -> Protocol:
        addresses.append(address)
        return Protocol(made)

    async def main() -> None:
        sock = refusing()
        async with accepting(factory, sock):
            with socket.create_connection(sock.getsockname(), PATIENCE) as client:
                await until(lambda: bool(made))
                assert addresses == [client.getsockname()]
            await end(made)

    run(main())


# Where accept() fails


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
def test_accepting_pauses_with_one_log_line(run: Any, caplog: pytest.LogCaptureFixture, number: int) -> None:
    made: list[Protocol] = []

    async def main() -> None:
        other, sock = refusing(), refusing(*[number] * 3)
        async with accepting(lambda address: Protocol(made), other, sock, retry_delay=0.01):
            await echo(sock)
            assert lines(caplog) == [
                (
                    "WARNING",
                    f"no connection can be accepted, and clients have to wait: {os.strerror(number)}",
                ),
                ("INFO", "connections are accepted again"),
            ]
            # Three failures, the client, and nobody else: it waited in between.
            assert sock.tries == 5
            await echo(other)
            await echo(sock)
            await end(made)

    run(main())
    assert len(lines(caplog)) == 2


def test_pause_watches_no_socket(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    """It would spin: the system goes on to call the sockets ready."""

    async def main() -> None:
        other, sock = refusing(), refusing(errno.EMFILE)
        async with accepting(no_protocol, other, sock, retry_delay=PATIENCE * 2):
            clients = [socket.create_connection(each.getsockname(), PATIENCE) for each in (sock,)]
            await until(lambda: sock.tries > 0)
            clients.append(socket.create_connection(other.getsockname(), PATIENCE))
            for _ in range(100):
                await asyncio.sleep(0)
            assert (sock.tries, other.tries) == (1, 0)
            for client in clients:
                client.close()

    # Its end does not wait for the next try.
    run(main())
    assert [level for level, _ in lines(caplog)] == ["WARNING"]


@pytest.mark.parametrize("number", sorted(CLIENT_GONE))
def test_client_that_left_is_not_logged(run: Any, caplog: pytest.LogCaptureFixture, number: int) -> None:
    made: list[Protocol] = []

    async def main() -> None:
        sock = refusing(number)
        async with accepting(lambda address: Protocol(made), sock, retry_delay=PATIENCE * 2):
            await echo(sock)
            await end(made)

    run(main())
    assert lines(caplog) == []


# Where the backend fails


def test_a_factory_that_raises_is_one_error_and_closes_the_connection(
    run: Any, caplog: pytest.LogCaptureFixture
) -> None:
    made: list[Protocol] = []
    failures = [ZeroDivisionError("no protocol today"), OSError("no file")]

    def factory(address: Any) -> Protocol:
        if failures:
            raise failures.pop(0)
        return Protocol(made)

    async def main() -> None:
        sock = refusing()
        async with accepting(factory, sock):
            for _ in range(2):
                reader, writer = await asyncio.open_connection(*sock.getsockname())
                assert await reader.read() == b""
                writer.close()
                await writer.wait_closed()
            await echo(sock)
            await end(made)

    run(main())
    assert lines(caplog) == [("ERROR", "the protocol of a connection could not be created")] * 2
    assert "no protocol today" in caplog.text


class Unlike(asyncio.SelectorEventLoop):
    """A loop that makes a connection in its own way: it waits so many times before, and may fail."""

    waits = 0
    bare = False
    error: Exception | None = None

    async def connect_accepted_socket(self, *args: Any, **options: Any) -> Any:
        for _ in range(self.waits):
            if self.bare:
                await asyncio.sleep(0)
            else:
                waiter = self.create_future()
                self.call_soon(waiter.set_result, None)
                await waiter
        if self.error is not None:
            raise self.error
        return await super().connect_accepted_socket(*args, **options)


@pytest.mark.parametrize("waits", [0, 2])
@pytest.mark.parametrize("bare", [False, True])
def test_a_loop_that_fails_is_an_error(caplog: pytest.LogCaptureFixture, waits: int, bare: bool) -> None:
    class Failing(Unlike):
        error = ZeroDivisionError("no transport today")

    Failing.waits, Failing.bare = waits, bare

    async def main() -> None:
        sock = refusing()
        async with accepting(no_protocol, sock):
            reader, writer = await asyncio.open_connection(*sock.getsockname())
            assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()

    with asyncio.Runner(loop_factory=Failing) as runner:
        runner.run(main())
    assert lines(caplog) == [("ERROR", "a connection could not be made")]
    assert "no transport today" in caplog.text


@pytest.mark.parametrize("bare", [False, True])
def test_a_loop_that_waits_several_times_for_a_connection(bare: bool) -> None:
    class Slow(Unlike):
        waits = 3

    Slow.bare = bare
    made: list[Protocol] = []

    async def main() -> None:
        sock = refusing()
        async with accepting(lambda address: Protocol(made), sock):
            await echo(sock)
            await end(made)

    with asyncio.Runner(loop_factory=Slow) as runner:
        runner.run(main())
    assert len(made) == 1


# TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def server_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


@pytest.fixture(scope="module")
def client_context(authority: trustme.CA) -> ssl.SSLContext:
    return trusting_context(authority)


def test_the_limits_of_tls(server_context: ssl.SSLContext) -> None:
    limits = Limits(head_timeout=3.5, write_timeout=1.5)
    assert connection_options(None, limits) == {}
    assert connection_options(server_context, limits) == {
        "ssl": server_context,
        "ssl_handshake_timeout": 3.5,
        "ssl_shutdown_timeout": 1.5,
    }


def descriptors() -> int:
    """Return how many are open in this process."""
    return len(os.listdir("/dev/fd"))


async def fail_handshake(address: Any, way: str) -> None:
    """Be a client of which no connection comes."""
    loop = asyncio.get_running_loop()
    with Client(address) as client:
        client.socket.setblocking(False)
        if way == "no TLS":
            await loop.sock_sendall(client.socket, REQUEST)
        elif way == "end":
            client.end()
        elif way == "reset":
            client.reset()
            return
        # An alert may come before the end.
        with contextlib.suppress(ConnectionResetError):
            while await loop.sock_recv(client.socket, 4096):
                pass


@pytest.mark.parametrize("way", ["no TLS", "end", "reset", "silence"])
def test_a_handshake_that_fails_is_a_debug_line_and_leaves_nothing(
    run: Any, caplog: pytest.LogCaptureFixture, server_context: ssl.SSLContext, way: str
) -> None:
    made: list[Protocol] = []
    limits = Limits(head_timeout=0.05 if way == "silence" else PATIENCE * 2)
    options = connection_options(server_context, limits)

    async def main() -> None:
        sock = refusing()
        async with accepting(lambda address: Protocol(made), sock, options=options):
            # uvloop keeps a descriptor of its own in reserve from the first connection on.
            await fail_handshake(sock.getsockname(), way)
            await until(lambda: len(lines(caplog)) == 1)
            before = descriptors()
            await fail_handshake(sock.getsockname(), way)
            await until(lambda: len(lines(caplog)) == 2 and descriptors() <= before)

    run(main())
    assert [level for level, _ in lines(caplog)] == ["DEBUG", "DEBUG"]
    for _, message in lines(caplog):
        assert message.startswith("a connection could not be made: ")
    assert not any(protocol.connected.is_set() for protocol in made)


def test_a_stop_does_not_wait_for_a_handshake(
    run: Any, caplog: pytest.LogCaptureFixture, server_context: ssl.SSLContext
) -> None:
    options = connection_options(server_context, Limits(head_timeout=PATIENCE * 2))

    async def begin_and_stop() -> None:
        made: list[Protocol] = []
        sock = refusing()
        with socket.create_connection(sock.getsockname(), PATIENCE) as client:
            client.setblocking(False)
            async with accepting(lambda address: Protocol(made), sock, options=options):
                await until(lambda: bool(made))
                for _ in range(10):
                    await asyncio.sleep(0)
            assert await asyncio.get_running_loop().sock_recv(client, 1) == b""

    async def main() -> None:
        await begin_and_stop()
        before = descriptors()
        await begin_and_stop()
        await until(lambda: descriptors() <= before)

    run(main())
    assert lines(caplog) == []


@Answering
async def address(request: Request) -> Response:
    return Response(request.environ["SERVER_NAME"])


def test_a_server_by_tls_outlives_clients_that_do_not_speak_it(
    server_context: ssl.SSLContext, client_context: ssl.SSLContext, backend: str, loop_factory: Any
) -> None:
    settings: dict[str, Any] = {"ssl": server_context, "backend": backend, "loop_factory": loop_factory}
    with running(app=address, **settings) as server:
        for _ in range(3):
            with server.connect() as client, contextlib.suppress(ConnectionResetError):
                client.send(REQUEST)
                client.receive_rest()
        with server.connect(context=client_context) as client:
            assert client.request(REQUEST).body == b"127.0.0.1"


# Without descriptors

APPLICATION = """
import os
import resource
import time

from werkzeug.wrappers import Request, Response

resource.setrlimit(resource.RLIMIT_NOFILE, (48, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


class Application:
    request_class = Request

    async def process_request(self, request, parent_context):
        if request.path == "/descriptors":
            return Response(str(len(os.listdir("/dev/fd"))))
        return Response(str(time.process_time()))


app = Application()
"""


@pytest.fixture(params=["TCP", "Unix socket"])
def starving(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    backend: str,
    loop_factory: Any,
) -> Iterator[Process]:
    """A server that has 48 descriptors."""
    (tmp_path / "served.py").write_text(APPLICATION)
    # The whole path of a socket may be too long.
    monkeypatch.chdir(tmp_path)
    where = ("--port", "0") if request.param == "TCP" else ("--uds", "server.sock")
    loop = "uvloop" if "uvloop" in loop_factory.__module__ else "asyncio"
    options = ("--backend", backend, "--loop", loop, "--no-access-log", "--keep-alive-timeout", "600")
    with kyoukai_run("served:app", *where, *options, folder=tmp_path) as process:
        yield process


def ask(client: Client, path: str) -> float:
    """Return the number that the server answers with."""
    answer = client.request(REQUEST.replace(b"/ ", f"{path} ".encode()))
    assert answer.status == 200
    return float(answer.body)


def test_a_server_without_descriptors_waits_quietly_and_serves_again(starving: Process) -> None:
    with contextlib.ExitStack() as closing:
        first = closing.enter_context(starving.connect())
        at_first = ask(first, "/descriptors")
        clients = [closing.enter_context(starving.connect()) for _ in range(60)]
        starving.wait_for("WARNING kyoukai.server: no connection can be accepted")
        before = ask(first, "/time")
        # A second in which nobody leaves, so that the last to come is not answered.
        clients[-1].send(REQUEST)
        clients[-1].socket.settimeout(1.0)
        with pytest.raises(TimeoutError):
            clients[-1].receive()
        # A loop that spun would have taken all of it, or what a busy machine left.
        assert ask(first, "/time") - before < 0.2
        for client in clients[:30]:
            client.socket.close()
        clients[-1].socket.settimeout(PATIENCE)
        assert clients[-1].receive().status == 200
        starving.wait_for("INFO kyoukai.server: connections are accepted again")
        for client in clients:
            client.socket.close()
        # It takes note of them one after the other.
        left = (ask(first, "/descriptors") for _ in range(10_000))
        assert any(count == at_first for count in left)
    levels = [line.split()[2] for line in starving.stderr.splitlines()]
    assert levels == ["INFO", "WARNING", "INFO"], starving.stderr
