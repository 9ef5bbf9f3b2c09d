"""No client can forge a line of a log, and each answer has its own."""

import asyncio
import json
import logging
import re
import time

import pytest
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Request, Response

from kyoukai import send_answer
from kyoukai.web import Kyoukai

from ..serving import Answering, echo, error_records, message

FORGERY = '/x%0d%0a127.0.0.1:1%20"GET%20/forged%20HTTP/1.1"%20200%20%1b[31m%c2%85%e2%80%a8'


def lines(caplog, name="kyoukai.access"):
    return [record.getMessage() for record in caplog.records if record.name == name]


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (message("GET", "/a?b=c"), '"GET /a?b=c HTTP/1.1" 200'),
        (message("GET", '/"quoted"'), '"GET /\\"quoted\\" HTTP/1.1" 200'),
        (message("GET", "/%1b[31m"), '"GET /%1b[31m HTTP/1.1" 200'),
        # Refused before the application: by the parser's grammar, the policy, and the limits.
        (b"\x1b[31m\r\n\r\n", '"- - HTTP/1.1" 400'),
        (message("GET", "/a\x1b[31m"), '"GET /a HTTP/1.1" 400'),
        (message("BREW", "/pot"), '"BREW /pot HTTP/1.1" 501'),
        (b"GET / HTTP/2.0\r\n\r\n", '"GET / HTTP/2.0" 505'),
        (b"GET /no-host HTTP/1.1\r\n\r\n", '"GET /no-host HTTP/1.1" 400'),
        (message("GET", "/bad-field", "X : 1"), '"GET /bad-field HTTP/1.1" 400'),
        (message("POST", "/large", "Content-Length: 99999999"), '"POST /large HTTP/1.1" 413'),
    ],
)
@pytest.mark.parametrize("apart", [False, True], ids=["whole", "apart"])
def test_one_line_for_each_answer(serve, caplog, data, line, apart):
    caplog.set_level(logging.INFO)
    server = serve(echo)
    with server.connect() as client:
        if apart:
            client.send(data[:30])
            server.wait_until(lambda: server.server.connections)
            client.send(data[30:])
        else:
            client.send(data)
        client.receive()
    server.wait_until_empty()
    (logged,) = lines(caplog)
    assert f" {line} " in logged
    assert logged.isascii()
    assert logged.isprintable()


@pytest.mark.parametrize("size", [9000, 40_000])
def test_too_long_target_is_cut_in_the_log(serve, caplog, size):
    caplog.set_level(logging.INFO)
    server = serve(echo)
    assert server.request(message("GET", "/" + "a" * size)).status == 414
    server.wait_until_empty()
    (line,) = lines(caplog)
    assert '"GET /aaa' in line
    assert 'aaa... HTTP/1.1" 414 ' in line
    assert len(line) < 8300


def test_timeout_is_logged(serve, caplog):
    caplog.set_level(logging.INFO)
    server = serve(echo, limits={"head_timeout": 0.05})
    with server.connect() as client:
        client.send(b"GET /slow HTTP/1.1\r\nHost")
        assert client.receive().status == 408
    server.wait_until_empty()
    (line,) = lines(caplog)
    assert ' "GET /slow HTTP/1.1" 408 84 ' in line


class Forwarded(Request):
    """Its client is the one that the proxy names, as with Werkzeug's ProxyFix."""

    def __init__(self, environ, *args, **options):
        ProxyFix(lambda environ, start_response: [])(environ, None)
        super().__init__(environ, *args, **options)


@pytest.mark.parametrize("by", ["TCP", "a Unix socket"])
def test_a_line_has_the_client_that_the_request_has(serve, caplog, tmp_path, by):
    caplog.set_level(logging.INFO)
    app = Kyoukai("forwarded", request_class=Forwarded)

    @app.route("/")
    async def address(ctx):
        return ctx.request.remote_addr

    settings = {} if by == "TCP" else {"port": None, "uds": str(tmp_path / "http.sock")}
    server = serve(app, **settings)
    assert server.request(message("GET", "/", "X-Forwarded-For: 192.0.2.7")).body == b"192.0.2.7"
    server.wait_until_empty()
    (line,) = lines(caplog)
    assert line.startswith('192.0.2.7 "GET / HTTP/1.1" 200 9 ')


def test_a_line_has_how_long_the_answer_took(serve, caplog):
    caplog.set_level(logging.INFO)
    began = time.perf_counter()

    @Answering
    async def app(request):
        await asyncio.sleep(0.02)
        return Response("late")

    server = serve(app)
    assert server.request(message()).status == 200
    server.wait_until_empty()
    (line,) = lines(caplog)
    # The lower bound is the handler's, the upper one this test's own.
    assert 0.02 <= float(line.rpartition(" ")[2]) < time.perf_counter() - began


def fail(request):
    raise ZeroDivisionError


def fail_midway(request):
    def pieces():
        yield "x"
        raise ZeroDivisionError

    return Response(pieces())


def answer_badly(request):
    return Response(headers={"X": "caf\u20ac"})


@pytest.mark.parametrize("handler", [fail, fail_midway, answer_badly])
def test_no_decoded_path_begins_a_line_of_the_error_log(serve, caplog, handler):
    @Answering
    async def app(request):
        return handler(request)

    with serve(app).connect() as client:
        client.send(message("GET", FORGERY))
        client.receive_rest() if handler is fail_midway else client.receive()
    (record,) = error_records(caplog)
    assert len(record.getMessage().splitlines()) == 1
    assert "\x1b" not in record.getMessage()


def test_nor_of_the_applications(serve, caplog):
    app = Kyoukai("failing")

    @app.errorhandler(404)
    async def handle(ctx, error):
        raise ZeroDivisionError

    assert serve(app).request(message("GET", FORGERY)).status == 500
    (record,) = error_records(caplog)
    assert len(record.getMessage().splitlines()) == 1
    assert "\x1b" not in record.getMessage()


def test_many_bad_cookies_do_not_flood_the_log(serve, caplog):
    """CVE-2025-69230."""
    caplog.set_level(logging.WARNING)
    app = Kyoukai("cookies")

    @app.route("/")
    async def handle(ctx):
        return str(len(ctx.request.cookies))

    cookies = "; ".join(f"b[a]d{number}\x7f=@@" for number in range(400)).replace("\x7f", "")
    assert serve(app).request(message("GET", "/", f"Cookie: {cookies}")).status == 200
    assert len(caplog.records) <= 1


@pytest.mark.parametrize("form", ["template", "json"])
def test_a_line_by_template_on_every_wire(serve, caplog, form):
    caplog.set_level(logging.INFO)
    app = Kyoukai("shop")

    @app.route("/guests/<int:number>", methods=("POST",))
    async def guest(ctx, number):
        return Response(b"seen", headers={"X-Seen": ctx.request_id})

    names = ["method", "status", "received", "sent", "route", "request_id", "request.x-a", "response.x-seen"]
    template = " ".join(f"{{{name}}}" for name in names) if form == "template" else f"json:{','.join(names)}"
    server = serve(app, access_log_format=template, limits={"max_body_size": 10})
    seen = server.request(message("POST", "/guests/7", "X-A: 1", "X-Request-ID: mine", body=b"12345"))
    assert seen.status == 200
    assert server.request(message("POST", "/nobody", body=b"")).status == 404
    assert server.request(message("POST", "/guests/7", body=bytes(11))).status == 413
    server.wait_until_empty()
    logged = lines(caplog)
    if form == "json":
        logged = [" ".join(str(json.loads(line)[name]) for name in names) for line in logged]
    number = seen.fields["x-seen"]
    assert re.fullmatch("[0-9a-f]{32}", number)
    assert logged[0] == f"POST 200 5 4 /guests/<int:number> {number} 1 {number}"
    none = "None" if form == "json" else "-"
    assert re.fullmatch(rf"POST 404 0 \d+ {none} [0-9a-f]{{32}} {none} {none}", logged[1])
    assert re.fullmatch(rf"POST 413 \d+ \d+ \S+ [0-9a-f]{{32}} {none} {none}", logged[2])
    assert len(logged) == 3


def test_a_line_of_the_lower_form(serve, caplog):
    caplog.set_level(logging.INFO)

    class Lower:
        async def process_exchange(self, exchange, parent_context):
            await send_answer(exchange, "200 OK", [("X-Id", exchange.request_id)], b"hello")

    server = serve(Lower(), access_log_format="{status} {sent} {request_id} {response.x-id}")
    answer = server.request(message())
    server.wait_until_empty()
    number = answer.fields["x-id"]
    assert lines(caplog) == [f"200 5 {number} {number}"]


@pytest.mark.parametrize("lower", [False, True], ids=["Werkzeug", "lower"])
def test_error_line_has_the_id_of_the_access_log(serve, caplog, lower):
    caplog.set_level(logging.INFO)

    class Lower:
        async def process_exchange(self, exchange, parent_context):
            raise RuntimeError("broken")

    @Answering
    async def fail(request):
        raise RuntimeError("broken")

    server = serve(Lower() if lower else fail, access_log_format="{request_id}")
    assert server.request(message("GET", "/a")).status == 500
    server.wait_until_empty()
    (number,) = lines(caplog)
    (record,) = error_records(caplog)
    assert record.getMessage() == f"the application failed on GET '/a' (request id {number})"
