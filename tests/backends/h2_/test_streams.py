"""Requests and answers, frame by frame, over sockets."""

import asyncio
from typing import Any

import pytest
from h2.errors import ErrorCodes
from hyperframe.frame import (
    DataFrame,
    HeadersFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)
from werkzeug.wrappers import Request, Response

from kyoukai import Kyoukai

from ...serving import Answering, echo
from .frame_client import GET, POST, FrameClient, head
from .raw_heads import frames_of_head


class Site:
    """An application whose handlers wait until they are told to go on."""

    def __init__(self) -> None:
        self.app = Kyoukai("site")
        self.go_on = asyncio.Event()
        self.asked: list[str] = []
        self.ended: list[Any] = []
        self.app.route("/")(self.index)
        self.app.route("/wait/<name>")(self.wait)
        self.app.route("/large/<int:size>")(self.large)
        self.app.route("/count", methods=["POST"], stream=True, max_body_size=2**30)(self.count)
        self.app.route("/held", methods=["POST"], stream=True, max_body_size=2**30)(self.held)
        self.app.route("/fails")(self.fails)
        self.app.route("/closes")(self.closes)

    async def index(self, ctx: Any) -> str:
        return "index"

    async def wait(self, ctx: Any, name: str) -> str:
        self.asked.append(name)
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.ended.append(name)
            raise
        return name

    async def large(self, ctx: Any, size: int) -> bytes:
        return b"x" * size

    async def count(self, ctx: Any) -> str:
        size = 0
        async for piece in ctx.stream():
            size += len(piece)
        return str(size)

    async def held(self, ctx: Any) -> str:
        self.asked.append("held")
        await self.go_on.wait()
        try:
            return str(len(await ctx.stream().read()))
        except Exception as error:
            self.ended.append(type(error).__name__)
            raise

    async def fails(self, ctx: Any) -> Any:
        async def pieces() -> Any:
            yield "some"
            await self.go_on.wait()
            raise ConnectionResetError

        return pieces()

    async def closes(self, ctx: Any) -> Response:
        return Response("bye", headers={"Connection": "close"})


def test_a_request_and_its_answer(serve: Any) -> None:
    with FrameClient(serve(echo)) as client:
        settings = client.receive_a(SettingsFrame).settings
        assert settings[SettingsFrame.MAX_CONCURRENT_STREAMS] == 100
        assert settings[SettingsFrame.INITIAL_WINDOW_SIZE] == 128 * 1024
        assert settings[SettingsFrame.MAX_HEADER_LIST_SIZE] == 64 * 1024
        assert settings[SettingsFrame.ENABLE_CONNECT_PROTOCOL] == 1
        for stream in (1, 3, 5, 101):
            client.request(stream, head(f"/{stream}"))
            fields, content = client.answer(stream)
            assert content == b"GET /%d " % stream
            assert set(fields) == {":status", "content-type", "content-length", "date", "server"}
            assert (fields[":status"], fields["content-length"]) == ("200", str(len(content)))


def test_answers_come_as_they_are_ready(serve: Any) -> None:
    site = Site()
    server = serve(site.app)
    with FrameClient(server) as client:
        client.send(client.head(1, head("/wait/a")), client.head(3, GET))
        assert client.answer(3)[1] == b"index"
        server.call(site.go_on.set)
        assert client.answer(1)[1] == b"a"


def test_a_body_in_frames_with_padding(serve: Any) -> None:
    with FrameClient(serve(echo)) as client:
        client.request(1, POST, ends=False)
        for piece in (b"one ", b"two "):
            client.send(DataFrame(1, piece, flags=["PADDED"], pad_length=100))
        client.data(1, b"three", ends=True)
        assert client.answer()[1] == b"POST / one two three"


@pytest.mark.parametrize("large", [100_000, 1_000_000])
def test_content_goes_as_far_as_the_windows_let_it(serve: Any, large: int) -> None:
    with FrameClient(serve(Site().app), {SettingsFrame.INITIAL_WINDOW_SIZE: 1000}) as client:
        client.request(1, head(f"/large/{large}"))
        assert client.receive_a(HeadersFrame).fields["content-length"] == str(large)
        assert len(client.receive_a(DataFrame).data) == 1000
        client.ping()
        client.open(500, 1)
        assert len(client.receive_a(DataFrame).data) == 500
        # The settings change the windows of streams that there are, below zero too (section 6.9.2).
        client.send(SettingsFrame(0, settings={SettingsFrame.INITIAL_WINDOW_SIZE: 0}))
        client.open(1200, 1)
        assert len(client.receive_a(DataFrame).data) == 200
        client.open(large, 0, 1)
        size = 1700
        while size < large:
            frame = client.receive_a(DataFrame)
            size += len(frame.data)
            assert len(frame.data) <= 16384
        assert "END_STREAM" in frame.flags
        client.request(3, GET)
        client.open(5, 3)
        assert client.answer(3)[1] == b"index"


def test_the_window_of_the_connection_holds_for_all_streams(serve: Any) -> None:
    with FrameClient(serve(Site().app), {SettingsFrame.INITIAL_WINDOW_SIZE: 2**20}) as client:
        client.request(1, head("/large/50000"))
        assert len(client.answer(1)[1]) == 50_000
        client.request(3, head("/large/50000"))
        size = 0
        while size < 65535 - 50_000:
            size += len(client.receive_a(DataFrame, 3).data)
        assert size == 65535 - 50_000
        # What has no content needs no window.
        client.request(5, head("/large/0"))
        assert client.answer(5)[1] == b""
        client.open(2**20, 0)
        while size < 50_000:
            size += len(client.receive_a(DataFrame, 3).data)


def test_streams_take_turns_and_the_more_urgent_comes_first(serve: Any) -> None:
    with FrameClient(serve(Site().app), {SettingsFrame.INITIAL_WINDOW_SIZE: 2**20}) as client:
        client.request(1, head("/large/65535"))
        client.answer(1)
        for stream, priority in ((3, "u=5"), (5, "u=1"), (7, "u=1, i"), (9, "u=7")):
            client.request(stream, head("/large/40000", "GET", ("priority", priority)))
            client.receive_a(HeadersFrame, stream)
        # The one that could wait longest is wanted first now (RFC 9218 section 7.1).
        update = (9).to_bytes(4) + b"u=0"
        client.socket.sendall(len(update).to_bytes(3) + b"\x10" + bytes(5) + update)
        client.ping()
        client.open(160_000, 0)
        order = [client.receive_a(DataFrame).stream_id for _ in range(12)]
        assert order == [9, 9, 9, 5, 7, 5, 7, 5, 7, 3, 3, 3]


def test_unread_stream_gets_no_window_and_others_do(serve: Any) -> None:
    site = Site()
    server = serve(site.app)
    with FrameClient(server) as client:
        client.request(1, head("/held", "POST"), ends=False)
        window = 128 * 1024
        client.ping()
        for _ in range(4):
            client.data(1, bytes(16384))
        window -= 65536
        # Half of the window has come, and is not more than may lie unread.
        assert client.receive_a(WindowUpdateFrame, 1).window_increment == 65536
        for _ in range(8):
            client.data(1, bytes(16384))
        client.ping()
        assert server.connection.streams[1].window == 0
        client.request(3, head("/count", "POST"), ends=False)
        for _ in range(100):
            client.data(3, bytes(16384))
            client.ping()
        client.data(3, b"", ends=True)
        assert client.answer(3)[1] == b"%d" % (100 * 16384)
        server.call(site.go_on.set)
        assert client.receive_a(WindowUpdateFrame, 1).window_increment == 8 * 16384
        client.data(1, b"x", ends=True)
        assert client.answer(1)[1] == b"%d" % (12 * 16384 + 1)


def test_client_that_exceeds_the_window_is_ended(serve: Any) -> None:
    site = Site()
    server = serve(site.app)
    with FrameClient(server) as client:
        client.request(1, head("/held", "POST"), ends=False)
        for _ in range(13):
            client.data(1, bytes(16384))
        assert client.goodbye() == (ErrorCodes.FLOW_CONTROL_ERROR, 1)
        assert client.is_over()
    server.call(site.go_on.set)
    server.wait_until(lambda: site.ended == ["ClientGoneError"])


def test_an_answer_before_the_end_of_the_request(serve: Any) -> None:
    server = serve(echo, limits={"max_body_size": 10, "linger_timeout": 0.1})
    with FrameClient(server) as client:
        client.request(1, [*POST, ("content-length", "1000")], ends=False)
        assert client.answer()[0][":status"] == "413"
        # What is on its way is dropped, and the connection goes on.
        client.data(1, b"x" * 500)
        client.request(3, GET)
        assert client.answer(3)[1] == b"GET / "
        assert client.reset_code() == ErrorCodes.NO_ERROR
        client.data(1, b"x" * 500)
        client.request(5, GET)
        assert client.answer(5)[1] == b"GET / "
    server.wait_until_empty()


def test_dropped_content_takes_no_window_of_others(serve: Any) -> None:
    """More than the connection's window, of requests that are answered; and then a body that is taken."""
    server = serve(echo, limits={"max_body_size": 10_000, "linger_timeout": 600.0})
    with FrameClient(server) as client:
        for stream in range(1, 41, 2):
            client.request(stream, [*POST, ("content-length", "100000")], ends=False)
            assert client.answer(stream)[0][":status"] == "413"
            for _ in range(6):
                client.data(stream, bytes(16384))
        client.request(41, POST, ends=False)
        client.data(41, b"x" * 5000, ends=True)
        assert client.answer(41)[1] == b"POST / " + b"x" * 5000
    server.wait_until_empty()


def test_a_client_that_ends_its_request_after_the_answer_is_not_reset(serve: Any) -> None:
    """Some clients discard an answer behind which their stream is reset."""
    server = serve(echo, limits={"max_body_size": 10})
    with FrameClient(server) as client:
        client.request(1, [*POST, ("content-length", "1000")], ends=False)
        assert client.answer()[0][":status"] == "413"
        client.data(1, b"x" * 1000, ends=True)
        server.let_pass(5.0)
        client.request(3, GET)
        assert client.answer(3)[1] == b"GET / "
        assert client.resets == []


@pytest.mark.parametrize("protocol", ["h2c", "HTTP", "connect-udp"])
def test_a_protocol_that_is_not_served(serve: Any, protocol: str) -> None:
    site = Site()
    with FrameClient(serve(site.app)) as client:
        fields = [(":method", "CONNECT"), (":protocol", protocol), *head("/wait/a")[1:]]
        client.request(1, fields, ends=False)
        assert client.answer()[0][":status"] == "501"
    assert site.asked == []


def test_protocol_declined_by_the_application(serve: Any) -> None:
    with FrameClient(serve(Site().app)) as client:
        fields = [(":method", "CONNECT"), (":protocol", "websocket"), *GET[1:]]
        client.request(1, fields, ends=False)
        fields, content = client.answer()
        # A 200 would open a tunnel (RFC 8441 section 5).
        assert (fields, content) == ({":status": "501"}, b"")


@pytest.mark.parametrize(
    ("declared", "pieces"), [("5", [b"four"]), ("5", [b"123456"]), ("5", [b"123", b"456"])]
)
def test_content_that_is_not_of_its_declared_length(serve: Any, declared: str, pieces: list[bytes]) -> None:
    with FrameClient(serve(echo)) as client:
        client.request(1, [*POST, ("content-length", declared)], ends=False)
        for piece in pieces:
            client.data(1, piece, ends=piece == pieces[-1])
        assert client.reset_code() == ErrorCodes.PROTOCOL_ERROR
        client.request(3, GET)
        assert client.answer(3)[1] == b"GET / "


@pytest.mark.parametrize(
    "fields",
    [
        [*GET, ("connection", "close")],
        [*GET, ("X", "y")],
        [*GET, ("te", "gzip")],
        [*GET, ("content-length", "1")],
        [*GET, (":status", "100")],
        GET[1:],
        [],
    ],
)
def test_a_malformed_request_ends_alone(serve: Any, fields: Any) -> None:
    with FrameClient(serve(echo)) as client:
        client.request(1, fields)
        assert client.reset_code() == ErrorCodes.PROTOCOL_ERROR
        client.request(3, GET)
        assert client.answer(3)[1] == b"GET / "


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ([*GET, ("host", "other.example")], "400"),
        (GET[:3], "400"),
        ([(":method", "CONNECT"), (":authority", "localhost:1")], "501"),
        ([(":method", "BREW"), *GET[1:]], "501"),
        ([(":method", "GET"), GET[1], (":path", "/" + "a" * 9000), GET[3]], "414"),
        ([*GET, ("x", "y" * 20_000)], "431"),
        ([*GET, *((f"x{n}", "y" * 10_000) for n in range(8))], "431"),
        ([*GET, *((f"x{n}", "") for n in range(100))], "431"),
        ([*GET, ("content-length", "two")], "400"),
        ([*GET, ("content-length", "0"), ("content-length", "0")], "400"),
        ([*GET, ("expect", "200-ok")], "417"),
        ([*GET, ("x", "a\nb")], "400"),
    ],
)
def test_request_refused_by_the_policy_is_answered(serve: Any, fields: Any, status: str) -> None:
    with FrameClient(serve(echo)) as client:
        client.send(*frames_of_head(client.encoder.encode(fields), 1))
        assert client.answer()[0][":status"] == status
        client.request(3, GET)
        assert client.answer(3)[1] == b"GET / "


def test_underscores_are_dropped_and_cookies_put_together(serve: Any) -> None:
    @Answering
    async def app(request: Request) -> Response:
        environ = request.environ
        return Response(f"{environ.get('HTTP_X_Y')} {environ['HTTP_COOKIE']} {environ['SERVER_PROTOCOL']}")

    with FrameClient(serve(app)) as client:
        client.request(1, [*GET, ("x_y", "no"), ("cookie", "a=1"), ("cookie", "b=2")])
        assert client.answer()[1] == b"None a=1; b=2 HTTP/2"


def test_trailers_without_an_end_or_malformed(serve: Any) -> None:
    with FrameClient(serve(echo)) as client:
        client.request(1, POST, ends=False)
        client.request(1, [(":path", "/")])
        assert client.reset_code() == ErrorCodes.PROTOCOL_ERROR
        client.request(3, POST, ends=False)
        client.request(3, [("a", "b")], ends=False)
        assert client.goodbye()[0] == ErrorCodes.PROTOCOL_ERROR


def test_cancelled_request(serve: Any) -> None:
    site = Site()
    server = serve(site.app, cancel_on_disconnect=True)
    with FrameClient(server) as client:
        client.send(client.head(1, head("/wait/a")), client.head(3, head("/wait/b")))
        server.wait_until(lambda: len(site.asked) == 2)
        client.send(RstStreamFrame(1, ErrorCodes.CANCEL))
        server.wait_until(lambda: site.ended == ["a"])
        server.call(site.go_on.set)
        assert client.answer(3)[1] == b"b"
        assert server.call(lambda: list(server.connection.streams)) == []


def test_cancelled_request_that_still_runs_counts(serve: Any) -> None:
    site = Site()
    server = serve(site.app, backend_options={"max_concurrent_streams": 2})
    with FrameClient(server) as client:
        client.send(client.head(1, head("/wait/a")), client.head(3, head("/wait/b")))
        server.wait_until(lambda: len(site.asked) == 2)
        client.send(RstStreamFrame(1, ErrorCodes.CANCEL), client.head(5, GET))
        assert client.reset_code(5) == ErrorCodes.REFUSED_STREAM
        server.call(site.go_on.set)
        assert client.answer(3)[1] == b"b"
        client.request(7, GET)
        assert client.answer(7)[1] == b"index"
    assert site.ended == []


def test_cancelled_together_with_its_head(serve: Any) -> None:
    with FrameClient(serve(Site().app)) as client:
        for stream in range(1, 41, 2):
            client.send(client.head(stream, head("/large/100000")), RstStreamFrame(stream, ErrorCodes.CANCEL))
        client.request(41, GET)
        assert client.answer(41)[1] == b"index"


def test_an_answer_that_fails_is_reset_alone(serve: Any) -> None:
    site = Site()
    server = serve(site.app)
    with FrameClient(server) as client:
        client.request(1, head("/fails"))
        assert client.receive_a(DataFrame).data == b"some"
        server.call(site.go_on.set)
        assert client.reset_code() == ErrorCodes.INTERNAL_ERROR
        client.request(3, GET)
        assert client.answer(3)[1] == b"index"


def test_priorities_of_the_old_kind_are_ignored(serve: Any) -> None:
    with FrameClient(serve(echo)) as client:
        client.send(PriorityFrame(1, depends_on=0, stream_weight=200))
        frame = client.head(1, GET)
        frame.flags.add("PRIORITY")
        client.send(frame)
        assert client.answer()[1] == b"GET / "


def test_an_application_that_wants_the_end(serve: Any) -> None:
    server = serve(Site().app)
    with FrameClient(server) as client:
        client.request(1, head("/closes"))
        fields, content = client.answer()
        assert ("connection" not in fields, content) == (True, b"bye")
    server.wait_until_empty()


def test_a_tunnel_whose_client_has_ended_its_side_at_once(serve: Any) -> None:
    app, codes = Kyoukai("tunnels"), []

    @app.websocket("/")
    async def handle(ctx: Any, ws: Any) -> None:
        async for _ in ws:
            pass
        codes.append(ws.close_code)

    server = serve(app)
    with FrameClient(server) as client:
        client.request(
            1, [(":method", "CONNECT"), (":protocol", "websocket"), *GET[1:], ("sec-websocket-version", "13")]
        )
        server.wait_until(lambda: codes == [1006])
