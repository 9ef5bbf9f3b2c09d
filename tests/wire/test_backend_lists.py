"""Several backends on one port: each connection is served by that which its client chooses.

The one that is no backend for HTTP/1 is a third party's, in frames behind a preface.
"""

import asyncio
import contextlib
import logging
import socket
from typing import Any

import pytest
import trustme
from werkzeug.wrappers import Response

from kyoukai import HTTP1_FEATURES
from kyoukai.asphalt import ConnectionLostEvent
from kyoukai.server.negotiation import ByPreface

from ..serving import Answering, error_records, message
from .prefaced import BROKEN, OTHER, PREFACE, PRISM, FramedExchange, ask, framed_request, receive_framed
from .test_proxies import V1, VICTIM

HINT = [("Link", "</style.css>; rel=preload")]


@Answering
async def app(request: Any) -> Response:
    """Say by which wire a request came, from where, and what the wire can do."""
    environ = request.environ
    protocol = environ["kyoukai.protocol"]
    hinted = protocol.send_early_hints(HINT)
    wire = "frames" if isinstance(protocol, FramedExchange) else environ["SERVER_PROTOCOL"]
    said = [wire, environ["wsgi.url_scheme"], environ["REMOTE_ADDR"], str(hinted)]
    return Response(" ".join(said))


HTTP1 = b"HTTP/1.1 http 127.0.0.1 True"
FRAMES = b"frames http 127.0.0.1 False"


@pytest.fixture
def both(serve: Any, backend: str) -> Any:
    """Serve by frames and by each backend for HTTP/1, and on each loop."""

    def start(application: Any = app, **settings: Any) -> Any:
        return serve(application, **{"backend": [PRISM, backend], **settings})

    return start


def receive_http(client: Any) -> bytes:
    answer = client.receive()
    return client.receive().body if answer.status == 103 else answer.body


# What decides in cleartext


def test_backend_is_chosen_by_the_first_bytes(both: Any) -> None:
    server = both()
    for _ in range(2):
        with server.connect() as one, server.connect() as other:
            one.send(message())
            assert receive_http(one) == HTTP1
            assert ask(other) == FRAMES
            # The connection goes on.
            one.send(message())
            assert receive_http(one) == HTTP1


@pytest.mark.parametrize(
    "request_",
    [
        message(),
        message("POST", "/", body=b"a body"),
        message("PUT", "/", body=b"PRISM * 1\r\n\r\n"),
        b"\r\n" + message(),
    ],
    ids=["GET", "POST", "PUT", "an empty line before"],
)
@pytest.mark.parametrize("size", [1, 2, 5])
def test_http_in_pieces(both: Any, request_: bytes, size: int) -> None:
    with both().connect() as client:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(request_), size):
            client.send(request_[at : at + size])
        assert receive_http(client) == HTTP1


@pytest.mark.parametrize("size", [1, 2, 5, len(PREFACE)])
def test_a_preface_in_pieces(both: Any, size: int) -> None:
    data = framed_request()
    with both().connect() as client:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(data), size):
            client.send(data[at : at + size])
        assert receive_framed(client)[2] == FRAMES


def test_each_byte_by_itself(both: Any) -> None:
    """The server has seen one before the next is sent, so that none comes with another."""
    server = both()
    with server.connect() as client:
        for count in range(1, len(PREFACE)):
            client.send(PREFACE[count - 1 : count])
            server.wait_until(
                lambda count=count: [c._data for c in server.server.connections] == [PREFACE[:count]]
            )
        assert ask(client, preface=PREFACE[-1:]) == FRAMES
    with server.connect() as client:
        client.send(b"P")
        server.wait_until(lambda: [c._data for c in server.server.connections] == [b"P"])
        client.send(message("POST", "/", body=b"a")[1:])
        assert receive_http(client) == HTTP1


@pytest.mark.parametrize(
    "data", [PREFACE[:-1] + b"x\r\n\r\n", b"PRISM\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
)
def test_almost_a_preface_is_refused_as_http(both: Any, data: bytes) -> None:
    with both().connect() as client:
        assert client.request(data).status in (400, 505)


def test_without_a_default_backend_other_connections_are_closed(both: Any, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG, "kyoukai.server")
    server = both(backend=[PRISM, OTHER])
    with server.connect() as client:
        assert ask(client, preface=b"OTHER\r\n") == FRAMES
    with server.connect() as client:
        assert ask(client) == FRAMES
    with server.connect() as client:
        client.send(b"GET")
        assert client.receive_rest() == b""
    assert "a connection was closed: no backend recognizes its first bytes, b'GET'" in caplog.text
    server.wait_until_empty()
    assert error_records(caplog) == []


def test_nothing_stands_between_a_backend_and_its_transport(both: Any) -> None:
    server = both()
    with server.connect() as client:
        client.send(message())
        receive_http(client)
        connection = server.connection
        assert not isinstance(connection, ByPreface)
        assert connection.transport.get_protocol() is connection


# What decides over TLS


@pytest.mark.parametrize(
    ("offered", "agreed"),
    [
        (["prism"], "prism"),
        (["prism-2"], "prism-2"),
        (["http/1.1"], "http/1.1"),
        (["http/1.1", "prism"], "prism"),
        (["h3", "prism-2", "http/1.1"], "prism-2"),
        (["h3"], None),
        ([], None),
    ],
    ids=repr,
)
def test_alpn(both: Any, tls: Any, trusting: Any, offered: list[str], agreed: str | None) -> None:
    """The server's preference decides; who agrees on nothing is served by HTTP/1.1, as without a list."""
    server = both(ssl=tls)
    if offered:
        trusting.set_alpn_protocols(offered)
    with server.connect(context=trusting) as client:
        assert client.socket.selected_alpn_protocol() == agreed
        if agreed in ("prism", "prism-2"):
            assert ask(client) == FRAMES.replace(b"http ", b"https ")
        else:
            for _ in range(2):
                client.send(message())
                assert receive_http(client) == HTTP1.replace(b"http ", b"https ")


def test_the_preferred_is_the_first_of_the_list(serve: Any, backend: str, tls: Any, trusting: Any) -> None:
    trusting.set_alpn_protocols(["prism", "http/1.1"])
    with serve(app, backend=[backend, PRISM], ssl=tls).connect(context=trusting) as client:
        assert client.socket.selected_alpn_protocol() == "http/1.1"
        client.send(message())
        assert receive_http(client) == HTTP1.replace(b"http ", b"https ")


def test_alpn_protocols_of_the_setting_select_the_backend(both: Any, tls: Any, trusting: Any) -> None:
    trusting.set_alpn_protocols(["prism", "http/1.1"])
    with both(ssl={**tls, "alpn": ["http/1.1"]}).connect(context=trusting) as client:
        client.send(message())
        assert receive_http(client) == HTTP1.replace(b"http ", b"https ")


@pytest.mark.parametrize("offered", [["h3"], []], ids=repr)
def test_client_without_a_common_protocol_is_refused_without_http_1(
    both: Any, tls: Any, trusting: Any, offered: list[str], caplog: Any
) -> None:
    caplog.set_level(logging.DEBUG, "kyoukai.server")
    server = both(backend=[PRISM, OTHER], ssl=tls)
    if offered:
        trusting.set_alpn_protocols(offered)
    with server.connect(context=trusting) as client:
        assert client.receive_rest() == b""
    assert "no backend serves the protocol negotiated by ALPN: None" in caplog.text
    assert error_records(caplog) == []


def test_both_ways_on_two_listeners(both: Any, tls: Any, trusting: Any) -> None:
    server = both(port=None, bind=["http://127.0.0.1:0", "https://127.0.0.1:0"], ssl=tls)
    plain, secure = (int(url.rpartition(":")[2]) for url in server.component.urls)
    trusting.set_alpn_protocols(["prism"])
    for port, context, scheme in ((plain, None, b"http "), (secure, trusting, b"https ")):
        server.component.address = ("127.0.0.1", port)
        with server.connect(context=context) as client:
            assert ask(client) == FRAMES.replace(b"http ", scheme)


# A connection of which it is not known yet whose it is


def is_undecided(server: Any, data: bytes) -> Any:
    return lambda: (
        [connection._data for connection in server.server.connections if isinstance(connection, ByPreface)]
        == [data]
    )


@pytest.mark.parametrize("sent", [b"", b"P", PREFACE[:-1]], ids=repr)
@pytest.mark.parametrize("ends", ["closes its side", "resets"])
def test_a_client_that_leaves(both: Any, sent: bytes, ends: str, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG, "kyoukai.server")
    server = both()
    with server.connect() as client:
        client.send(sent)
        server.wait_until(is_undecided(server, sent))
        if ends == "resets":
            client.reset()
        else:
            client.end()
            assert client.receive_rest() == b""
        server.wait_until_empty()
    assert (f"it had sent {sent!r}" in caplog.text) == bool(sent)
    assert error_records(caplog) == []


@pytest.mark.parametrize(
    ("sent", "timeout"), [(b"", "keep_alive_timeout"), (b"P", "head_timeout"), (PREFACE[:-1], "head_timeout")]
)
def test_silent_client_is_closed_in_time(both: Any, sent: bytes, timeout: str) -> None:
    server = both(limits={timeout: 0.1})
    with server.connect() as client:
        client.send(sent)
        assert client.receive_rest() == b""
    server.wait_until_empty()


def test_the_head_has_its_time_from_the_first_byte(both: Any) -> None:
    """More of a preface does not put the end off."""
    server = both(limits={"linger_timeout": 0.05})
    with server.connect() as client:
        client.send(b"P")
        server.wait_until(is_undecided(server, b"P"))
        [connection] = server.server.connections
        deadline = connection._deadline
        # The clock goes on.
        server.let_pass(0.1)
        client.send(b"R")
        server.wait_until(is_undecided(server, b"PR"))
        assert connection._deadline == deadline


def test_stop_closes_connections_without_a_backend(both: Any, caplog: Any) -> None:
    server = both()
    with server.connect() as client:
        server.wait_until(is_undecided(server, b""))
        server.stop()
        assert client.receive_rest() == b""
    assert "cutting off" not in caplog.text


@pytest.mark.parametrize("request_", [message(), framed_request()], ids=["HTTP", "frames"])
def test_stop_waits_for_connections_with_a_backend(both: Any, request_: bytes) -> None:
    server = both()
    with server.connect() as client:
        client.send(b"P")
        server.wait_until(is_undecided(server, b"P"))
        server.begin_stop()
        server.wait_until(lambda: server.server.stopping)
        if request_.startswith(b"GET"):
            client.send(message("POST", "/", body=b"")[1:])
            assert receive_http(client) == HTTP1
            assert client.receive_rest() == b""
        else:
            client.send(request_[1:])
            assert receive_framed(client)[2] == FRAMES


def test_the_end_of_a_stop_cuts_it_off(both: Any, caplog: Any) -> None:
    server = both(limits={"shutdown_timeout": 0.1})
    with server.connect() as client:
        client.send(PREFACE[:-1])
        server.wait_until(is_undecided(server, PREFACE[:-1]))
        server.stop()
        assert client.receive_rest() == b""
    assert "cutting off 1 connections and 0 handlers" in caplog.text


def test_a_second_signal_cuts_it_off(both: Any) -> None:
    server = both()
    with server.connect() as client:
        client.send(b"P")
        server.wait_until(is_undecided(server, b"P"))

        async def stop() -> None:
            abort = asyncio.Event()
            abort.set()
            await server.server.stop(abort)

        asyncio.run_coroutine_threadsafe(stop(), server.loop).result()
        assert client.receive_rest() == b""


# What is told of connections, and what they are told


@pytest.mark.parametrize("request_", [message(), framed_request()], ids=["HTTP", "frames"])
def test_signals_report_each_connection_once(both: Any, request_: bytes) -> None:
    events: list[Any] = []
    server = both()
    component = server.component
    server.call(component.connection_made.connect, events.append)
    server.call(component.connection_lost.connect, events.append)
    with server.connect() as client:
        client.send(request_)
        server.wait_until(lambda: events)
    server.wait_until(lambda: len(events) == 2)
    server.wait_until_empty()
    made, lost = events
    assert type(lost) is ConnectionLostEvent
    assert made.protocol is lost.protocol
    assert not isinstance(made.protocol, ByPreface)


def test_metrics_count_each_connection_once(both: Any, caplog: Any) -> None:
    counts = {"opened": 0, "lost": 0}

    def count(name: str) -> Any:
        return lambda: counts.__setitem__(name, counts[name] + 1)

    server = both()
    server.call(server.server.watch, count("opened"), count("lost"))
    with server.connect() as first, server.connect() as second, server.connect() as third:
        server.wait_until(lambda: counts == {"opened": 3, "lost": 0})
        first.send(message())
        receive_http(first)
        assert ask(second) == FRAMES
        server.wait_until(lambda: counts == {"opened": 3, "lost": 1})
        third.send(b"P")
    server.wait_until_empty()
    assert counts == {"opened": 3, "lost": 3}


def test_a_backend_that_makes_no_connection(both: Any, backend: str, caplog: Any) -> None:
    counts: list[str] = []
    server = both(backend=[BROKEN, backend])
    server.call(server.server.watch, lambda: counts.append("opened"), lambda: counts.append("lost"))
    with server.connect() as client:
        client.send(PREFACE)
        with contextlib.suppress(ConnectionResetError):
            assert client.receive_rest() == b""
    server.wait_until_empty()
    assert counts == ["opened", "lost"]
    [record] = error_records(caplog)
    assert record.getMessage() == "the protocol of a connection could not be created"
    with server.connect() as client:
        client.send(message())
        assert receive_http(client) == HTTP1


def test_each_connection_has_the_features_of_its_backend(both: Any) -> None:
    server = both()
    assert server.server.features == HTTP1_FEATURES & server.component.backend.features
    with server.connect() as client:
        client.send(message())
        receive_http(client)
        assert server.connection.features == HTTP1_FEATURES
    server.wait_until_empty()
    with server.connect() as client:
        client.send(PREFACE)
        server.wait_until(lambda: not is_undecided(server, b"")() and server.server.connections)
        assert server.connection.features == server.component.backend.features


def test_client_as_named_by_a_proxy(both: Any) -> None:
    options = {"bind": "127.0.0.1:0?proxy_protocol=required", "trusted_proxies": ["127.0.0.1"]}
    server = both(port=None, **options)
    with server.connect() as client:
        client.send(V1 + message())
        assert VICTIM.encode() in receive_http(client)
    with server.connect() as client:
        client.send(V1)
        assert VICTIM.encode() in ask(client)


def test_client_certificate_of_tls(both: Any, tls: Any, trusting: Any, tmp_path: Any) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "clients.pem")
    authority.issue_cert("renko@example.org").configure_cert(trusting)

    @Answering
    async def verified(request: Any) -> Response:
        return Response(request.environ["SSL_CLIENT_VERIFY"])

    server = both(verified, ssl={**tls, "client_ca": str(tmp_path / "clients.pem")})
    with server.connect(context=trusting) as client:
        assert client.request(message()).body == b"SUCCESS"
    trusting.set_alpn_protocols(["prism"])
    with server.connect(context=trusting) as client:
        assert ask(client) == b"SUCCESS"


def test_by_a_unix_socket(both: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # The path of a Unix socket has 107 bytes at most.
    monkeypatch.chdir(tmp_path)

    @Answering
    async def plain(request: Any) -> Response:
        return Response(type(request.environ["kyoukai.protocol"]).__name__)

    server = both(plain, port=None, uds="http.sock")
    with server.connect() as client:
        assert client.request(message()).body == b"KyoukaiProtocol"
    with server.connect() as client:
        assert ask(client) == b"FramedExchange"


def test_a_trace_has_all_bytes_and_calls(both: Any, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG, "kyoukai.trace")
    server = both(trace=True)
    with server.connect() as client:
        client.send(message("POST", "/", body=b"a")[:1])
        server.wait_until(is_undecided(server, b"P"))
        client.send(message("POST", "/", body=b"a")[1:])
        receive_http(client)
    with server.connect() as client:
        ask(client)
    server.wait_until_empty()
    said = [
        record.getMessage().partition(" ")[2] for record in caplog.records if record.name == "kyoukai.trace"
    ]
    assert said[0].startswith("made, from 127.0.0.1")
    assert said[1].startswith("<- 56 bytes b'POST / HTTP/1.1")
    assert "   on_message_begin()" in said
    assert any(line.startswith(f"<- {len(framed_request())} bytes b'PRISM") for line in said)
