"""Every example does what it is shown for, over a real socket."""

import asyncio
import gc
import hashlib
import importlib.metadata
import importlib.util
import json
import logging.config
import re
import sys
import tomllib
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from asphalt.core import Context
from asphalt.core.runner import policies
from ruamel.yaml import YAML
from websockets.asyncio.client import connect
from werkzeug.wrappers import Request, Response

from kyoukai import Backend, BackendOptionError, Kyoukai, KyoukaiComponent
from kyoukai.core.contract.registry import GROUP, check_backend
from kyoukai.testing import run_rules

from .certificates import write_certificate
from .exported.peers import CLOSE, EARLY_HINTS, HALF_CLOSE, TRAILERS
from .exported.shelves import Shelf
from .serving import Answer, Answering, Client, Running, message, running

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture
def example(example_server: Any) -> Any:
    """Serve the application of an example until the test's end."""
    return example_server


def ask(server: Running, target: str, method: str = "GET", *fields: str, body: bytes | None = None) -> Answer:
    return server.request(message(method, target, *fields, body=body), method)


FORM = "Content-Type: application/x-www-form-urlencoded"


@pytest.mark.every_wire
def test_hello_on_every_backend(example: Any) -> None:
    server, _ = example("hello/hello.py")
    page = ask(server, "/")
    assert (page.status, page.fields["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"<h1>Hello, world</h1>" in page.body
    assert f"<strong>{server.backend_name}</strong>".encode() in page.body
    assert b'<a href="/request">' in page.body

    greeted = ask(server, "/", "POST", FORM, body=b"name=%3Cb%3E+A")
    assert greeted.status == 303
    assert b"<h1>Hello, &lt;b&gt; A</h1>" in ask(server, greeted.fields["location"]).body
    assert ask(server, "/", "POST", FORM, body=b"").status == 400

    seen = ask(server, "/request", "GET", "X-Field: 1")
    assert seen.fields["content-type"] == "application/json"
    assert b'"url":"http://localhost/request"' in seen.body
    assert b'"X-Field":"1"' in seen.body


def configuration(path: str) -> dict[str, Any]:
    return YAML(typ="safe").load((EXAMPLES / path).read_text("utf-8"))


def test_hello_by_its_configuration_file(load: Any) -> None:
    config = configuration("hello/config.yaml")
    settings = config.pop("component")
    assert settings.pop("type") == "kyoukai"
    assert config == {"event_loop_policy": "uvloop"}
    assert "uvloop" in policies.names
    assert (settings["host"], settings["port"]) == ("127.0.0.1", 8000)
    hello = load("hello/hello.py")
    with running(**{**settings, "port": 0}) as server:
        assert server.component.app is hello.app
        assert server.component.backend_name == "reference"
        assert server.server.limits.max_body_size == 1048576
        assert server.server.limits.keep_alive_timeout == 15
        assert b"<strong>reference</strong>" in ask(server, "/").body
        assert ask(server, "/", "POST", FORM, "Content-Length: 1048577").status == 413


def test_the_application_of_the_readme(example: Any) -> None:
    server, _ = example("readme/app.py")
    assert ask(server, "/guests/3?page=2").body == b'{"guest":3,"page":2}'
    assert ask(server, "/guests/3?page=x").body == b'{"guest":3,"page":1}'
    assert ask(server, "/guests/x").status == 404


def test_the_example_backend(load: Any) -> None:
    load("backend/example_backend.py")
    app = load("readme/app.py").app
    with running(app=app, backend="example_backend:ExampleBackend", limits={"max_body_size": 3}) as server:
        assert ask(server, "/guests/3").body == b'{"guest":3,"page":1}'
        assert server.request(b"GET / HTTP/1.1\r\n\r\n").status == 400
        assert server.request(b"\x16\x03\x01").status == 400
        assert ask(server, "/guests/3", "POST", body=b"abcd").status == 405
        assert ask(server, "/guests/3", body=b"abcd").status == 413


def test_the_distribution_of_the_example_backend(load: Any) -> None:
    module = load("backend/example_backend.py")
    project = tomllib.loads((EXAMPLES / "backend" / "pyproject.toml").read_text("utf-8"))
    (name, reference), *others = project["project"]["entry-points"][GROUP].items()
    assert (name, others) == ("example", [])
    entry_point = importlib.metadata.EntryPoint(name, reference, GROUP)
    assert check_backend(entry_point.load(), name) is module.ExampleBackend
    assert project["tool"]["setuptools"]["py-modules"] == [entry_point.module]


def test_handlers(example: Any) -> None:
    server, _ = example("docs/handlers.py")
    assert ask(server, "/").fields["content-type"] == "text/html; charset=utf-8"
    assert ask(server, "/items/7", "PUT").body == b'{"item":7,"method":"PUT"}'
    created = ask(server, "/items", "POST", FORM, body=b"name=cup")
    assert (created.status, created.fields["location"]) == (201, "/items/1")
    assert created.body == b'{"name":"cup"}'
    deleted = ask(server, "/items/7", "DELETE")
    assert (deleted.status, deleted.body) == (204, b"")
    report = ask(server, "/report")
    assert (report.fields["transfer-encoding"], report.body) == ("chunked", b"<p>one</p><p>two</p>")
    assert ask(server, "/robots.txt").fields["content-type"] == "text/plain; charset=utf-8"


def test_sessions(example: Any) -> None:
    server, _ = example("docs/sessions.py")
    cookie = "Cookie: other=1"
    for target, method, status, body in [
        ("/", "GET", 200, b'{"user":null,"basket":[]}'),
        ("/login", "POST", 302, b"name=Ada"),
        ("/basket/cup", "PUT", 204, None),
        ("/basket/pot", "PUT", 204, None),
        ("/", "GET", 200, b'{"user":"Ada","basket":["cup","pot"]}'),
        ("/logout", "POST", 302, b""),
        ("/", "GET", 200, b'{"user":null,"basket":[]}'),
    ]:
        sent = body if method == "POST" else None
        answer = ask(server, target, method, cookie, *([FORM] if sent else []), body=sent)
        assert answer.status == status
        assert method != "GET" or answer.body == body
        if "set-cookie" in answer.fields:
            cookie = "Cookie: " + answer.fields["set-cookie"].partition(";")[0]
    assert cookie == "Cookie: session="


def test_request_id(example: Any) -> None:
    server, _ = example("docs/request_id.py")
    fields = server.request(message()).fields
    assert re.fullmatch("[0-9a-f]{32}", fields["x-request-id"])


def test_refused_bodies(example: Any) -> None:
    server, _ = example("docs/refused_bodies.py")
    with server.connect() as client:
        client.send(message("POST", "/pictures", f"Content-Length: {5 * 1024**2 + 1}"))
        answer = client.receive()
    assert (answer.status, json.loads(answer.body)) == (413, {"error": "A picture has up to 5 MiB."})
    assert answer.fields["access-control-allow-origin"] == "https://example.org"
    answer = ask(server, "/pictures", "POST", body=b"picture")
    assert json.loads(answer.body) == {"size": 7}


def test_bodies(example: Any, tmp_path: Path) -> None:
    server, module = example("docs/bodies.py")
    module.directory = tmp_path
    kind = "Content-Type: application/json"
    assert json.loads(ask(server, "/notes", "POST", kind, body=b'{"text": "a b"}').body) == {"words": 2}
    assert ask(server, "/notes", "POST", kind, body=bytes(1001)).status == 413

    data = bytes(range(256)) * 100_000
    answer = ask(server, "/backups/today", "PUT", body=data)
    assert json.loads(answer.body) == {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    assert (tmp_path / "today.backup").read_bytes() == data
    for name in ("%00", "a" * 300, "..", "a%20b"):
        assert ask(server, f"/backups/{name}", "PUT", body=b"none").status in (400, 404)
    with server.connect() as client:
        client.send(message("PUT", "/backups/today", "Content-Length: 100") + b"not all of it")
        client.end()
        if HALF_CLOSE in server.lacks:
            # It breaks off, or answers for the application, or is just late.
            assert client.receive_rest()[:13] in (b"", b"HTTP/1.1 500 ", b"HTTP/1.1 400 ")
        else:
            assert client.receive().status == 400
    server.wait_until_empty()
    assert [path.name for path in tmp_path.iterdir()] == ["today.backup"]
    assert (tmp_path / "today.backup").read_bytes() == data

    form = b'--x\r\nContent-Disposition: form-data; name="title"\r\n\r\nM\r\n--x\r\n'
    form += b'Content-Disposition: form-data; name="film"; filename="m.mp4"\r\n\r\n' + data + b"\r\n--x--\r\n"
    answer = ask(server, "/films", "POST", "Content-Type: multipart/form-data; boundary=x", body=form)
    assert json.loads(answer.body) == {"title": "M", "size": len(data)}
    assert (tmp_path / "film").read_bytes() == data


def test_problem_details(example: Any) -> None:
    server, _ = example("docs/problem_details.py")
    answer = ask(server, "/api/accounts/1/pay/50", "POST", body=b"")
    assert (answer.status, answer.fields["content-type"]) == (403, "application/problem+json")
    assert json.loads(answer.body) == {
        "type": "https://bank.example/problems/out-of-credit",
        "title": "You do not have enough credit.",
        "status": 403,
        "detail": "The balance is 30, but that costs 50.",
        "instance": "/api/accounts/1/payments/1",
        "balance": 30,
    }
    assert ask(server, "/accounts").fields["content-type"] == "text/plain; charset=utf-8"


def test_a_mounted_application_of_asgi(example: Any) -> None:
    server, _ = example("docs/mounted_asgi.py")
    assert ask(server, "/v2/orders").body == b"/v2/orders below /v2 takes EUR"
    assert ask(server, "/v2/stock").body == b"Kyoukai's stock"

    async def main() -> None:
        async with connect(f"{server.url.replace('http', 'ws')}/v2/chat", proxy=None) as ws:
            await ws.send("hello")
            assert await ws.recv() == "HELLO"

    asyncio.run(main())


def test_a_mounted_application(example: Any) -> None:
    server, _ = example("docs/mounted.py")
    assert ask(server, "/").body == b"Flask's page; there are /orders?page=1 and /stock"
    assert ask(server, "/orders?page=2").body == b'{"page":"2"}\n'
    assert ask(server, "/stock").body == b"Kyoukai's stock"
    assert b"not found on the server" in ask(server, "/none").body


def test_hosted_applications(load: Any) -> None:
    with running(app=load("docs/hosted.py").app) as server:
        assert ask(server, "/a").body == b"GET /shop/a\n"
    with running(app=load("docs/hosted_wsgi.py").app) as server:
        assert ask(server, "/").body == b"hello\n"


def test_answers_without_a_handler(example: Any) -> None:
    server, _ = example("docs/handlers.py")
    assert ask(server, "/", "HEAD").fields["content-length"] == "13"
    options = ask(server, "/items/7", "OPTIONS")
    assert (options.status, options.fields["allow"]) == (200, "DELETE, GET, HEAD, OPTIONS, PUT")
    assert ask(server, "*", "OPTIONS").fields["allow"] == "DELETE, GET, HEAD, OPTIONS, POST, PUT"
    redirect = ask(server, "/items//7?a=b")
    assert (redirect.status, redirect.fields["location"]) == (308, "http://localhost/items/7?a=b")
    assert ask(server, "/items", "PUT").status == 405
    assert ask(server, "/nothing").status == 404


def test_blueprints(example: Any) -> None:
    server, _ = example("docs/blueprints.py")
    index = ask(server, "/")
    assert (index.body, index.fields["x-endpoint"]) == (b"/books/1?page=2", "index")
    assert ask(server, "/books/1").status == 401
    book = ask(server, "/books/1", "GET", "Authorization: x")
    assert (book.body, book.fields["x-endpoint"]) == (
        b'{"title":"Dubliners","next":"/books/2"}',
        "books.book",
    )
    missing = ask(server, "/books/2", "GET", "Authorization: x")
    assert (missing.status, missing.body) == (404, b'{"error":"There is no such book."}')
    nowhere = ask(server, "/nothing", "GET", "Accept: application/json")
    assert (nowhere.status, nowhere.fields["x-endpoint"]) == (404, "none")
    assert nowhere.fields["content-type"] == "application/json"


@pytest.mark.every_wire
def test_groups(example: Any) -> None:
    server, _ = example("docs/groups.py")
    assert ask(server, "/books/").body == (
        b'{"titles":["Dubliners","Ulysses"],"first":"/books/0","requests":1}'
    )
    assert ask(server, "/books/1").body == b"Ulysses"
    assert ask(server, "/albums/0").body == b"<i>Hejira</i>"
    assert ask(server, "/books/0", "DELETE").status == 401
    removed = ask(server, "/books/0", "DELETE", "Authorization: Basic YTpi")
    assert (removed.status, removed.body) == (204, b"")
    missing = ask(server, "/books/1")
    assert (missing.status, missing.body) == (404, b"Nothing has this number.")
    # The other instance counts for itself.
    assert b'"requests":2}' in ask(server, "/albums/").body


@pytest.mark.every_wire
def test_hosts(example: Any) -> None:
    server, _ = example("docs/hosts.py")

    def text(host: str, target: str) -> bytes:
        return server.request(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()).body

    assert text("example.com", "/") == (
        b'{"api":"http://api.example.com/version","books":"http://books.example.com/front"}'
    )
    assert text("api.example.com", "/version") == b"3"
    assert text("status.example.com", "/") == b"all is well"
    assert text("books.example.com:8000", "/front") == b"<h1>books</h1>"


def test_streaming(example: Any) -> None:
    server, module = example("docs/streaming.py")
    count = ask(server, "/count")
    assert (count.fields["transfer-encoding"], count.body) == ("chunked", b"0\n1\n2\n")
    server.wait_until(lambda: module.finished == ["count"])
    source = (EXAMPLES / "docs" / "streaming.py").read_bytes()
    answer = ask(server, "/source")
    assert (answer.body, answer.fields["content-length"]) == (source, str(len(source)))


def test_files(example: Any) -> None:
    server, _ = example("docs/files.py")
    assert b'href="/static/style.css"' in ask(server, "/").body
    style = ask(server, "/static/style.css")
    assert style.fields["content-type"] == "text/css; charset=utf-8"
    assert style.fields["cache-control"] == "public, max-age=3600"
    source = ask(server, "/source")
    assert source.body == (EXAMPLES / "docs" / "files.py").read_bytes()
    assert source.fields["content-disposition"] == "attachment; filename=source.py"
    part = ask(server, "/download/style.css", "GET", "Range: bytes=0-3")
    assert (part.status, part.body) == (206, b"body")
    assert ask(server, "/download/..%2ffiles.py").status == 404


def test_hints(example: Any) -> None:
    server, _ = example("docs/hints.py")
    with server.connect() as client:
        client.send(message())
        if EARLY_HINTS not in server.lacks:
            hint = client.receive()
            assert (hint.status, hint.fields["link"]) == (103, "</style.css>; rel=preload; as=style")
        page = client.receive()
        assert (page.status, page.fields["link"]) == (200, "</style.css>; rel=preload; as=style")


def test_trailers(example: Any) -> None:
    server, _ = example("docs/trailers.py")
    body = b"0,0\n1,1\n2,4\n"
    with server.connect() as client:
        asking = message("GET", "/export", "TE: trailers", "Connection: TE")
        if TRAILERS in server.lacks:
            answer = client.request(asking)
            assert (answer.body, "trailer" in answer.fields) == (body, False)
        else:
            client.send(asking)
            assert client.receive_head().fields["trailer"] == "Content-Digest"
            assert client.receive_until(b"\r\n0\r\n").count(b"\r\n") == 7
            digest = b64encode(hashlib.sha256(body).digest())
            assert client.receive_until(b"\r\n\r\n") == b"Content-Digest: sha-256=:%b:\r\n\r\n" % digest
        answer = client.request(message("GET", "/export"))
        assert (answer.body, "trailer" in answer.fields) == (body, False)


def test_sse(example: Any) -> None:
    server, module = example("docs/sse.py")

    def publish(text: bytes) -> None:
        assert ask(server, "/news", "POST", FORM, body=b"text=" + text).status == 204

    publish(b"one")
    with server.connect() as client:
        client.send(message("GET", "/events"))
        client.receive_until(b"retry: 2000\n\n")
        client.receive_until(b'event: news\nid: 1\ndata: {"text":"one"}\n\n')
        publish(b"two")
        client.receive_until(b'event: news\nid: 2\ndata: {"text":"two"}\n\n')
    server.wait_until(lambda: not module.readers)
    with server.connect() as client:
        client.send(message("GET", "/events", "Last-Event-ID: 1"))
        client.receive_until(b"retry: 2000\n\n")
        assert b"one" not in client.receive_until(b"two")
    with server.connect() as client:
        client.send(message("GET", "/events", f"Last-Event-ID: {'9' * 5000}"))
        client.receive_until(b'data: {"text":"one"}\n\n')


def test_typed_json(example: Any) -> None:
    server, _ = example("docs/typed_json.py")
    kind = "Content-Type: application/json"
    book = b'{"title":"Ulysses","pages":730,"authors":["Joyce"]}'
    answer = ask(server, "/books", "POST", kind, body=book)
    assert (answer.status, answer.fields["content-type"], answer.body) == (201, "application/json", book)
    refused = ask(server, "/books", "POST", kind, body=book.replace(b"730", b'"730"'))
    assert (refused.status, b"Expected `int`, got `str` - at `$.pages`." in refused.body) == (422, True)


def test_an_encoder(example: Any) -> None:
    server, _ = example("docs/encoder.py")
    answer = ask(server, "/")
    assert answer.fields["content-type"] == "application/json"
    assert answer.body == b'{"epoch": "1970-01-01T00:00:00+00:00"}'


def test_a_client_that_does_not_wait_takes_no_message(example: Any) -> None:
    server, module = example("docs/presence.py")
    with server.connect() as client:
        client.send(message("GET", "/next"))
        server.wait_until(lambda: module.waiting == 1)
    server.wait_until(lambda: module.waiting == 0)
    server.call(module.messages.put_nowait, "for the next one")
    assert ask(server, "/next").body == b"for the next one"


def test_a_start_a_stop_and_tasks_between(example: Any, capsys: pytest.CaptureFixture[str]) -> None:
    server, module = example("docs/lifecycle.py")
    outbox = server.only("Outbox") if isinstance(server, Shelf) else only(module.Outbox)
    assert outbox.sent == ["we are open"]
    assert ask(server, "/letters/Ann", "POST").status == 202
    server.stop()
    assert outbox.sent == ["we are open", "to Ann"]
    assert not outbox.is_open
    if isinstance(server, Shelf):
        server.process.until(lambda: "all sent\n" in server.process.stdout)
    else:
        assert capsys.readouterr().out == "all sent\n"


def only(kind: type) -> Any:
    """Return the one instance that there is of a class."""
    (found,) = [found for found in gc.get_objects() if type(found) is kind]
    return found


@pytest.mark.parametrize("backend", [None, "httptools"])
def test_the_tests_of_an_application(load: Any, kyoukai_client: Any, backend: str | None) -> None:
    load("docs/testing.py").test_guests(kyoukai_client, backend)


def test_an_asynchronous_test_of_an_application(load: Any) -> None:
    asyncio.run(load("docs/testing.py").test_two_at_a_time())


def test_tests_of_kyoukai_2(load: Any) -> None:
    module = load("docs/test_hello.py")
    asyncio.run(module.test_hello())
    asyncio.run(module.test_something_else())


def test_classes(example: Any) -> None:
    server, _ = example("docs/classes.py")
    answer = ask(server, "/1999", "GET", "Accept-Language: ja")
    assert answer.body == b"<archive year='1999' language='ja'/>"
    assert answer.fields["content-type"] == "application/xml; charset=utf-8"
    assert ask(server, "/99").status == 404


def test_an_application_without_routing(example: Any) -> None:
    server, _ = example("docs/bare.py")
    assert ask(server, "/a/b", "PUT").body == b"PUT /a/b\n"


@pytest.mark.every_backend
def test_an_application_of_the_lower_form_on_every_backend(example: Any) -> None:
    server, _ = example("docs/raw.py")
    with server.connect() as client:
        # Each piece comes back before the next is sent.
        client.send(message("POST", "/", "Transfer-Encoding: chunked"))
        for piece in (b"one", b"two"):
            client.send(b"%x\r\n%b\r\n" % (len(piece), piece))
            if piece == b"one":
                head = client.receive_head()
                assert (head.status, head.fields["content-type"]) == (200, "text/plain")
                assert head.fields["transfer-encoding"] == "chunked"
            assert client.receive_until(b"\r\n") == b"3\r\n"
            assert client.receive_exactly(5) == piece.upper() + b"\r\n"
        client.send(b"0\r\n\r\n")
        assert client.receive_exactly(5) == b"0\r\n\r\n"
        # It was answered before it was whole, so that no request is looked for behind it.
        if CLOSE not in server.lacks:
            assert client.receive_rest() == b""
    with server.connect() as client:
        # A body that came along with its head is in memory.
        assert client.request(message("POST", "/", body=b"three")).body == b"THREE"
        assert client.request(message("POST", "/")).body == b""
    refused = ask(server, "/")
    assert (refused.status, refused.fields["allow"]) == (405, "POST")


@pytest.mark.every_wire
def test_an_answer_that_is_pushed_on_every_backend(example: Any) -> None:
    server, _ = example("docs/pushed.py")
    with server.connect() as client:
        client.send(message("POST", "/", "Transfer-Encoding: chunked", "TE: trailers", "Connection: TE"))
        for piece in (b"one", b"two"):
            client.send(b"3\r\n%b\r\n" % piece)
            if piece == b"one":
                assert client.receive_head().status == 200
            assert client.receive_exactly(8) == b"3\r\n%b\r\n" % piece
        client.send(b"0\r\n\r\n")
        digest = b64encode(hashlib.sha256(b"onetwo").digest())
        trailers = b"" if TRAILERS in server.lacks else b"Content-Digest: sha-256=:%b:\r\n" % digest
        assert client.receive_until(b"\r\n\r\n") == b"0\r\n%b\r\n" % trailers
    with server.connect() as client:
        assert client.request(message("POST", "/", body=b"three")).body == b"three"


@pytest.mark.every_backend
@pytest.mark.our_wire("A handler that goes on by a protocol of its own is given the connection.")
def test_an_upgrade_on_every_backend(example: Any) -> None:
    server, _ = example("docs/upgrade.py")
    with server.connect() as client:
        client.send(message("GET", "/echo", "Connection: upgrade", "Upgrade: echo"))
        head = client.receive_head()
        assert (head.status, head.fields["upgrade"]) == (101, "echo")
        client.send(b"to and fro")
        assert client.receive_exactly(10) == b"to and fro"


def test_request_without_an_upgrade(example: Any) -> None:
    server, _ = example("docs/upgrade.py")
    refused = ask(server, "/echo")
    assert (refused.status, b"Ask for an upgrade to echo." in refused.body) == (400, True)


@pytest.mark.every_wire
def test_a_migrated_application(example: Any) -> None:
    config = configuration("docs/migrated.yaml")
    settings = config.pop("component")
    assert (settings.pop("type"), config) == ("kyoukai", {"event_loop_policy": "uvloop"})
    assert (settings["app"], settings["port"], settings["host"]) == ("shop:app", 4444, "0.0.0.0")
    server, _ = example("docs/migrated.py", limits=settings["limits"])
    page = ask(server, "/")
    assert page.body == b'<a href="/items/1">the first</a>'
    assert (page.fields["content-type"], page.fields["x-shop"]) == ("text/html; charset=utf-8", "1")
    refused = ask(server, "/items/1")
    assert (refused.status, refused.fields["x-shop"]) == (401, "1")
    guest = "Authorization: Basic YTpi"
    assert ask(server, "/items/1", "GET", guest).body == b'{"item":"cup"}'
    body = b'{"name":"pot"}'
    added = ask(server, "/items/", "POST", guest, "Content-Type: application/json", body=body)
    assert (added.status, added.body) == (201, b'{"number":2}')
    assert ask(server, "/items/2", "GET", guest).body == b'{"item":"pot"}'
    for missing in (ask(server, "/items/3", "GET", guest), ask(server, "/nothing")):
        assert (missing.status, missing.body) == (404, b"<h1>Not Found</h1>")
    health = ask(server, "/health/")
    assert (health.body, health.fields["content-type"]) == (b"fine: 3", "text/plain; charset=utf-8")


def test_a_script(load: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    module = load("docs/script.py")
    assert module.__name__ == "script"
    started: list[tuple[Kyoukai, dict[str, Any]]] = []
    monkeypatch.setattr(Kyoukai, "run", lambda app, **settings: started.append((app, settings)))
    source = (EXAMPLES / "docs" / "script.py").read_text("utf-8")
    exec(compile(source, "script.py", "exec"), {"__name__": "__main__"})
    ((app, settings),) = started
    with running(app=app, **{**settings, "port": 0}) as server:
        assert ask(server, "/").body == b"hello"
        assert server.server.limits.max_body_size == 1024 * 1024


async def ask_component(root: Any, count: int) -> list[bytes]:
    """Start a root component, and return the bodies of so many answers of its server."""

    def request(address: tuple[str, int]) -> list[bytes]:
        bodies = []
        for _ in range(count):
            with Client(address) as client:
                bodies.append(client.request(message()).body)
        return bodies

    async with Context() as ctx:
        await root.start(ctx)
        address = ctx.require_resource(KyoukaiComponent).address
        return await asyncio.to_thread(request, address)


def test_resources(load: Any) -> None:
    root = load("docs/resources.py").CounterComponent(components={"kyoukai": {"port": 0}})
    assert asyncio.run(ask_component(root, 3)) == [b"1", b"2", b"3"]


def test_signals(load: Any) -> None:
    module = load("docs/signals.py")
    root = module.Root(components={"kyoukai": {"port": 0}})
    assert asyncio.run(ask_component(root, 1)) == [b"hello"]
    assert sorted(module.seen) == ["connection", "index 200"]


def test_a_backend_that_speaks_no_http(load: Any) -> None:
    load("docs/greeting_backend.py")
    settings = {"app": load("docs/bare.py").app, "backend": "greeting_backend:GreetingBackend"}
    with running(**settings, backend_options={"greeting": "welcome"}) as server, server.connect() as client:
        assert client.receive_rest() == b"welcome\r\n"
    for options in ({"greeting": 1}, {"greetings": "x"}):
        with pytest.raises(BackendOptionError, match=r"greeting.*its options: greeting"):
            KyoukaiComponent(**settings, backend_options=options)


def test_a_parser_of_bodies_only(load: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    source = (EXAMPLES / "docs" / "bodies_only.py").read_text("utf-8")
    assert source.count("\n") < 60
    load("docs/bodies_only.py")
    seen: list[Any] = []

    @Answering
    async def app(request: Request) -> Response:
        seen.append(request.environ.get("kyoukai.trailers"))
        return Response(f"{request.method} {request.path} ".encode() + request.get_data())

    body = b"3;a=b\r\none\r\n4\r\n two\r\n0\r\nX-Sum: 1\r\n\r\n"
    with running(app=app, backend="bodies_only:BodiesBackend") as server, server.connect() as client:
        assert client.request(message("GET", "/a")).body == b"GET /a "
        assert client.request(message("POST", "/b", body=b"three")).body == b"POST /b three"
        chunked = message("PUT", "/c", "Transfer-Encoding: chunked")
        for byte in chunked + body:
            client.send(bytes([byte]))
        assert client.receive().body == b"PUT /c one two"
        # It takes the next message all the same, and pipelined ones.
        client.send(chunked + body + message("GET", "/d"))
        assert client.receive().body == b"PUT /c one two"
        assert client.receive().body == b"GET /d "
        assert seen == [None, None, [(b"X-Sum", b"1")], [(b"X-Sum", b"1")], None]
        # The server reads the grammar of chunks before the parser has them.
        assert client.request(chunked + b"x\r\n").status == 400


def test_a_parser_of_bodies_only_keeps_the_contract(load: Any) -> None:
    load("docs/bodies_only.py")
    report = run_rules("bodies_only:BodiesBackend", corpus=False)
    assert [result for result in report.results if result.outcome == "broken"] == []
    assert sum(result.outcome == "kept" for result in report.results) > 60


def test_the_configuration_of_several_listeners(
    load: Any, tls: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = configuration("docs/listeners.yaml")["component"]
    assert settings.pop("type") == "kyoukai"
    monkeypatch.setitem(sys.modules, "guestbook", load("docs/script.py"))
    settings["bind"][1]["ssl"] = tls
    # The path of a Unix socket has 107 bytes at most.
    monkeypatch.chdir(tmp_path)
    settings["bind"][2]["bind"] = "unix:http.sock"
    tcp, by_tls, unix = KyoukaiComponent(**settings).entrance.listeners
    assert (tcp.hosts, tcp.port, tcp.ssl) == (("::",), 80, None)
    assert (by_tls.hosts, by_tls.port, by_tls.ssl) == (("::",), 443, tls)
    assert (unix.uds, unix.mode, unix.ssl) == ("http.sock", 0o660, None)


@pytest.fixture
def tls(tmp_path: Path) -> dict[str, str]:
    return write_certificate(tmp_path)[0]


def test_the_configuration_of_a_server(
    load: Any, tls: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configuration("docs/server.yaml")
    settings = config.pop("component")
    assert settings.pop("type") == "kyoukai"
    # What Asphalt's runner takes, and no more.
    assert sorted(config) == ["event_loop_policy", "logging", "max_threads"]
    logging.config.DictConfigurator(config["logging"])
    settings["ssl"] = tls
    monkeypatch.setitem(sys.modules, "guestbook", load("docs/script.py"))
    component = KyoukaiComponent(**settings)
    listener = component.entrance.listeners[0]
    assert (listener.hosts, listener.port) == (("0.0.0.0",), 8443)
    assert (component.server.server_field, component.server.observe) == ("", None)
    assert (component.server.limits.max_body_size, component.server.limits.shutdown_timeout) == (1048576, 20)
    assert component.entrance.ssl_contexts[0] is not None
    assert isinstance(component.backend, Backend)
