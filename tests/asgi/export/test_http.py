"""Requests of an ASGI server, as exchanges: what an application sees, and what the server is sent."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest

from kyoukai import (
    BodyPlan,
    HTTPRequestContext,
    Kyoukai,
    KyoukaiComponent,
    Response,
    read_content,
    send_answer,
    start_answer,
)
from kyoukai.asgi import ASGIExport
from kyoukai.core.errors import UnknownBackendError
from tests.asgi.export.calls import HOST, Call, body, get, http_scope, post, run, serving, turns


def make_app() -> Kyoukai:
    """Return an application with a route for each way of answering."""
    app = Kyoukai("exported")

    @app.route("/")
    async def hello(ctx: HTTPRequestContext) -> str:
        return "Hello"

    @app.route("/echo", methods=["POST"])
    async def echo(ctx: HTTPRequestContext) -> Response:
        return Response(ctx.request.get_data())

    @app.route("/count", methods=["POST"], stream=True)
    async def count(ctx: HTTPRequestContext) -> str:
        return " ".join([str(len(piece)) async for piece in ctx.stream()])

    @app.route("/environ")
    async def environ(ctx: HTTPRequestContext) -> dict[str, Any]:
        return {name: value for name, value in ctx.environ.items() if isinstance(value, str)}

    @app.route("/wire")
    async def wire(ctx: HTTPRequestContext) -> str:
        return str(ctx.proto.component.backend_name)

    @app.route("/pieces")
    async def pieces(ctx: HTTPRequestContext) -> Response:
        async def make() -> AsyncIterator[bytes]:
            for number in range(3):
                yield b"%d" % number
                await asyncio.sleep(0)

        return Response(make())

    @app.route("/thread")
    def thread(ctx: HTTPRequestContext) -> str:
        return "from a thread"

    @app.route("/fails")
    async def fails(ctx: HTTPRequestContext) -> str:
        raise ValueError("as it is to")

    return app


def test_answer_has_its_length_and_no_server_fields() -> None:
    async def main() -> None:
        async with serving(make_app()) as app:
            call = await get(app)
        assert call.sent == [
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-type", b"text/html; charset=utf-8"), (b"content-length", b"5")],
            },
            {"type": "http.response.body", "body": b"Hello", "more_body": False},
        ]

    run(main)


def test_fields_of_answers_are_not_shared() -> None:
    # Middleware adds to the list that it is given.
    async def main() -> None:
        async with serving(make_app()) as app:
            one = await get(app)
            one.sent[0]["headers"].append((b"x-one", b"1"))
            for _ in range(3):
                assert b"x-one" not in (await get(app)).fields

    run(main)


def test_an_answer_to_head_has_the_length_and_no_content() -> None:
    async def main() -> None:
        async with serving(make_app()) as app:
            call = await Call(app, http_scope("HEAD"), *body(b"")).end()
        assert (call.status, call.fields[b"content-length"], call.body) == (200, b"5", b"")

    run(main)


def test_the_environ_is_that_of_the_scope() -> None:
    async def main() -> None:
        async with serving(make_app()) as app:
            headers = [(b"x-one", b"1"), (b"x-one", b"2"), (b"cookie", b"a=1"), (b"cookie", b"b=2")]
            call = await get(app, b"/environ?a=%20b", *headers, scheme="https")
        environ = json.loads(call.body)
        assert environ["HTTP_X_ONE"] == "1,2"
        assert environ["HTTP_COOKIE"] == "a=1; b=2"
        assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("192.0.2.80", "8080")
        assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == ("192.0.2.1", "50712")
        assert environ["wsgi.url_scheme"] == "https"
        assert (environ["PATH_INFO"], environ["QUERY_STRING"]) == ("/environ", "a=%20b")
        assert environ["RAW_URI"] == "/environ?a=%20b"
        assert (environ["SCRIPT_NAME"], environ["SERVER_PROTOCOL"]) == ("", "HTTP/1.1")

    run(main)


@pytest.mark.parametrize(
    "others",
    [{"client": None, "server": ("/run/app.sock", None)}, {"client": ("", 0)}, {"client": (None, 0)}],
)
def test_a_client_without_an_address_has_none(others: dict[str, Any]) -> None:
    async def main() -> None:
        async with serving(make_app()) as app:
            call = await get(app, b"/environ", **others)
        environ = json.loads(call.body)
        assert "REMOTE_ADDR" not in environ
        if "server" in others:
            assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("localhost", "80")

    run(main)


@pytest.mark.parametrize(
    ("path", "root", "found"),
    [
        ("/api/environ", "/api", ("/api", "/environ")),
        ("/environ", "/api", ("/api", "/environ")),
        ("/environ", "/env", ("/env", "/environ")),
        ("/api/environ", "/api/", ("/api", "/environ")),
        ("/\N{LATIN SMALL LETTER E WITH ACUTE}/environ", "/\N{LATIN SMALL LETTER E WITH ACUTE}", None),
    ],
)
def test_a_root_path_is_the_script_name(path: str, root: str, found: Any) -> None:
    async def main() -> None:
        raw = quote(path).encode()
        async with serving(make_app()) as app:
            call = await get(app, raw, path=path, root_path=root)
        environ = json.loads(call.body)
        expected = found or ("/\N{LATIN SMALL LETTER E WITH ACUTE}".encode().decode("latin-1"), "/environ")
        assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == expected

    run(main)


def test_a_server_that_tells_no_raw_path_is_taken_at_its_path() -> None:
    async def main() -> None:
        async with serving(make_app()) as app:
            call = await get(app, path="/environ", raw_path=None, headers=[[b"host", b"example.com"]])
        assert json.loads(call.body)["RAW_URI"] == "/environ"

    run(main)


def test_a_client_may_have_an_address_alone() -> None:
    async def main() -> None:
        async with serving(make_app()) as app:
            call = await get(app, b"/environ", client=("192.0.2.1", 0))
        environ = json.loads(call.body)
        assert environ["REMOTE_ADDR"] == "192.0.2.1"
        assert "REMOTE_PORT" not in environ

    run(main)


def test_the_scope_is_in_the_environ() -> None:
    async def main() -> None:
        app = Kyoukai("scope")

        @app.route("/")
        async def event(ctx: HTTPRequestContext) -> str:
            return str(ctx.environ["asgi.scope"]["aws.event"])

        async with serving(app) as exported:
            assert (await get(exported, **{"aws.event": "recorded"})).body == b"recorded"

    run(main)


@pytest.mark.parametrize("pieces", [(b"all at once",), (b"in ", b"two"), (b"", b"late"), (b"early", b"")])
def test_a_body_is_in_memory(pieces: tuple[bytes, ...]) -> None:
    async def main() -> None:
        async with serving(make_app()) as app:
            call = await post(app, b"/echo", *pieces)
            assert (call.status, call.body) == (200, b"".join(pieces))
            chunked = http_scope("POST", b"/echo", (b"transfer-encoding", b"chunked"))
            assert (await Call(app, chunked, *body(*pieces)).end()).body == b"".join(pieces)
            by_http2 = http_scope("POST", b"/echo", http_version="2")
            assert (await Call(app, by_http2, *body(*pieces)).end()).body == b"".join(pieces)

    run(main)


def test_a_body_is_read_as_it_comes() -> None:
    async def main() -> None:
        async with serving(make_app()) as app:
            call = Call(app, http_scope("POST", b"/count", (b"content-length", b"6")))
            call.put(*body(b"abc", b"")[:1])
            await call.until(lambda: call.asked == 2)
            await turns()
            call.put(*body(b"def"))
            assert (await call.end()).body == b"3 3"

    run(main)


def test_a_content_coding_is_removed() -> None:
    async def main() -> None:
        async with serving(make_app()) as app:
            headers = [(b"content-encoding", b"gzip")]
            assert (await post(app, b"/echo", gzip.compress(b"small"), headers=headers)).body == b"small"
            headers = [(b"content-encoding", b"br")]
            assert (await post(app, b"/echo", b"what", headers=headers)).status == 415

    run(main)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_by_http2_a_request_may_have_no_body(method: str) -> None:
    async def main() -> None:
        async with serving(make_app()) as app:
            target = b"/" if method == "GET" else b"/echo"
            call = await Call(app, http_scope(method, target, http_version="2"), *body(b"")).end()
        assert (call.status, call.body) == (200, b"Hello" if method == "GET" else b"")

    run(main)


def test_pieces_are_sent_as_they_come() -> None:
    async def main() -> None:
        async with serving(make_app()) as app:
            call = await get(app, b"/pieces")
        assert b"content-length" not in call.fields
        assert call.body == b"012"
        assert call.is_whole
        assert len([event for event in call.sent if event.get("body")]) == 3

    run(main)


def test_an_answer_in_memory_that_is_large_goes_in_pieces() -> None:
    async def main() -> None:
        app = Kyoukai("large")

        @app.route("/<int:size>")
        async def large(ctx: HTTPRequestContext, size: int) -> Response:
            return Response(b"x" * size)

        async with serving(app) as exported:
            one = await get(exported, b"/1048576")
            assert [len(event["body"]) for event in one.sent[1:]] == [1048576]
            two = await get(exported, b"/1048577")
            assert len(two.body) == 1048577
            assert max(len(event["body"]) for event in two.sent[1:]) <= 65536

    run(main)


def test_plain_functions_run_in_threads() -> None:
    async def main() -> None:
        async with serving(make_app()) as app:
            assert (await get(app, b"/thread")).body == b"from a thread"

    run(main)


def test_a_failure_is_a_500_and_no_exception_of_the_call(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with serving(make_app()) as app:
            call = await get(app, b"/fails", (b"accept", b"application/json"))
        assert call.status == 500
        assert call.fields[b"content-type"] == b"application/json"

    run(main)
    assert "ValueError: as it is to" in caplog.text


def test_fields_of_the_connection_are_http1s() -> None:
    async def main() -> None:
        app = Kyoukai("closes")

        @app.route("/")
        async def closes(ctx: HTTPRequestContext) -> Response:
            return Response("last", headers={"Connection": "close"})

        async with serving(app) as exported:
            assert (await get(exported)).fields[b"connection"] == b"close"
            assert b"connection" not in (await get(exported, http_version="2")).fields

    run(main)


def test_an_application_of_the_lower_form_is_exported() -> None:
    class Lower:
        def receive_head(self, environ: dict[str, Any]) -> BodyPlan:
            return BodyPlan(stream=True)

        async def process_exchange(self, exchange: Any, parent_context: Any) -> None:
            if exchange.head.method == "GET":
                answer = start_answer(exchange, "200 OK", [("X-One", "1")])
                await answer.send(b"pushed")
                await answer.end(b" to its end")
                return
            content = await read_content(exchange).read()
            await send_answer(exchange, "201 Created", [("Content-Type", "text/plain")], content)

    async def main() -> None:
        async with serving(ASGIExport(Lower())) as app:
            pushed = await get(app)
            assert (pushed.fields, pushed.body) == ({b"x-one": b"1"}, b"pushed to its end")
            created = await post(app, b"/", b"one", b"two")
            assert (created.status, created.body) == (201, b"onetwo")

    run(main)


@pytest.mark.parametrize(
    ("status", "scope"),
    [
        (400, http_scope(headers=[])),
        (400, http_scope(headers=[HOST, HOST])),
        (400, http_scope("GET", b"/", (b"x y", b"1"))),
        (400, http_scope("GET", b"/", (b"x", b"a\0b"))),
        (400, http_scope("POST", b"/echo", (b"content-length", b"1"), (b"content-length", b"1"))),
        (400, http_scope("POST", b"/echo", (b"content-length", b"-1"))),
        (400, http_scope("GET", b"/a\\b")),
        (413, http_scope("POST", b"/echo", (b"content-length", b"101"))),
        (414, http_scope("GET", b"/" + b"a" * 300)),
        (417, http_scope("POST", b"/echo", (b"content-length", b"1"), (b"expect", b"200-ok"))),
        (431, http_scope("GET", b"/", (b"x", b"a" * 300))),
        (431, http_scope("GET", b"/", *[(b"x%d" % number, b"1") for number in range(20)])),
        (501, http_scope("BREW", b"/")),
    ],
)
def test_refusals_are_those_of_every_wire(status: int, scope: dict[str, Any]) -> None:
    async def main() -> None:
        limits = {"max_body_size": 100, "max_target_size": 256, "max_field_size": 256, "max_fields": 10}
        async with serving(make_app(), limits=limits) as app:
            call = await Call(app, scope).end()
        assert call.status == status
        assert call.is_whole
        assert call.asked == 0

    run(main)


@pytest.mark.parametrize(
    "headers",
    [[], [(b"content-length", b"5")], [(b"transfer-encoding", b"chunked")]],
    ids=["", "size", "chunks"],
)
@pytest.mark.parametrize("version", ["1.0", "1.1", "2"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_body_follows_the_events(method: str, version: str, headers: Any) -> None:
    # What removes a content coding, and some gateways, remove the length, too.
    app = Kyoukai("bodies")

    @app.route("/", methods=["GET", "POST", "DELETE"])
    async def echo(ctx: HTTPRequestContext) -> Response:
        return Response(ctx.request.get_data())

    @app.route("/count", methods=["GET", "POST", "DELETE"], stream=True)
    async def count(ctx: HTTPRequestContext) -> str:
        return str(len(b"".join([piece async for piece in ctx.stream()])))

    async def main() -> None:
        async with serving(app) as exported:
            for target, answer in [(b"/", b"hello"), (b"/count", b"5")]:
                # By HTTP/1, a GET that announces no body has none.
                known = b"" if target == b"/" else b"0"
                expected = known if method == "GET" and version != "2" and not headers else answer
                for pieces in [(b"hello",), (b"he", b"llo"), (b"", b"hello", b"")]:
                    if version == "1.0" and b"transfer-encoding" in dict(headers):
                        continue
                    scope = http_scope(method, target, *headers, http_version=version)
                    call = await Call(exported, scope, *body(*pieces)).end()
                    assert (call.status, call.body) == (200, expected)

    run(main)


def test_request_without_a_body_needs_no_event() -> None:
    async def main() -> None:
        async with serving(make_app()) as app:
            for method, target, status in [
                ("GET", b"/", 200),
                ("HEAD", b"/", 200),
                ("OPTIONS", b"/", 200),
                ("GET", b"/nowhere", 404),
                ("GET", b"/echo", 405),
            ]:
                # What is in between may have taken the only event that there is.
                call = await Call(app, http_scope(method, target)).end()
                assert call.status == status

    run(main)


def test_fields_may_be_read_once() -> None:
    async def main() -> None:
        async with serving(make_app()) as app:
            for _ in range(3):
                call = await get(app, b"/environ", headers=iter([HOST, (b"x-told", b"once")]))
                assert json.loads(call.body)["HTTP_X_TOLD"] == "once"

    run(main)


def test_a_body_that_is_too_large_is_refused_while_it_comes() -> None:
    async def main() -> None:
        async with serving(make_app(), limits={"max_body_size": 100}) as app:
            for target in (b"/echo", b"/count"):
                call = Call(app, http_scope("POST", target, (b"transfer-encoding", b"chunked")))
                call.put(*body(b"a" * 60, b"b" * 60, b"never read")[:2])
                await call.end()
                assert (call.status, call.is_whole) == (413, True)

    run(main)


def test_a_body_of_another_length_than_announced_is_refused() -> None:
    async def main() -> None:
        async with serving(make_app()) as app:
            call = Call(app, http_scope("POST", b"/echo", (b"content-length", b"10")), *body(b"short"))
            assert (await call.end()).status == 400

    run(main)


def test_a_body_that_is_late_is_refused() -> None:
    async def main() -> None:
        async with serving(make_app(), limits={"body_timeout": 0.05}) as app:
            call = Call(app, http_scope("POST", b"/echo", (b"content-length", b"10")))
            assert (await call.end()).status == 408

    run(main)


def test_a_handler_knows_the_wire_by_a_name() -> None:
    async def main() -> None:
        async with serving(make_app()) as app:
            assert (await get(app, b"/wire")).body == b"asgi"

    run(main)


@pytest.mark.parametrize("how", ["application", "component"])
def test_backend_variable_is_ignored_by_an_export(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KYOUKAI_BACKEND", "nosuch")
    app = make_app()

    async def main() -> None:
        exported = app.asgi if how == "application" else ASGIExport(component=lambda: KyoukaiComponent(app))
        async with serving(exported):
            assert (await get(exported)).status == 200

    run(main)
    with pytest.raises(UnknownBackendError):
        KyoukaiComponent(app)
