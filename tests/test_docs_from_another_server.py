"""The page for those who come from another server: its commands serve, and what it says changes does."""

import dataclasses
import re
import shlex
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flask
import pytest
import websockets.sync.client as websockets
from click.testing import CliRunner
from websockets.exceptions import ConnectionClosedError
from websockets.frames import CloseCode
from werkzeug.middleware.proxy_fix import ProxyFix

from kyoukai import Limits, cli
from kyoukai.server.supervisor.settings import Supervision

from .certificates import trusting_context, write_certificate
from .processes import kyoukai_run
from .serving import PATIENCE, Client, Running, message, running
from .test_docs import DOCS, rows
from .test_docs_settings import FLAGS

PAGE = (DOCS / "how-to" / "from-another-server.md").read_text("utf-8")
HERE = [
    re.fullmatch(r"`(.*)`", cells[0])[1]  # type: ignore[index]
    for cells in rows("how-to/from-another-server.md", "Replace the command").values()
]
SUPERVISED = {field.name for field in dataclasses.fields(Supervision)}
CHANGES = rows("how-to/from-another-server.md", "What changes")

ASGI = """\
async def app(scope, receive, send):
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (event := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": str(len(event["bytes"]))})
        return
    assert scope["type"] == "http"
    body = b""
    while scope["path"] == "/read":
        event = await receive()
        body += event.get("body", b"")
        if not event.get("more_body"):
            break
    if scope["path"] == "/fail":
        raise ZeroDivisionError
    fields = [(b"content-type", b"text/plain"), (b"connection", b"x-own"), (b"transfer-encoding", b"gzip")]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    text = f"asgi {scope['root_path']} {scope['client'][0] if scope['client'] else ''} {scope['scheme']}"
    await send({"type": "http.response.body", "body": text.encode() + body})


def create_app():
    return app
"""

WSGI = """\
import threading


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    text = f"wsgi {environ['SCRIPT_NAME']} {environ['REMOTE_ADDR']} {environ['wsgi.url_scheme']}"
    return [text.encode()]


def create_app():
    return app
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder, with the applications and the certificate that the page speaks of."""
    (tmp_path / "mysite").mkdir()
    for path, source in {"shop": ASGI, "flask_shop": WSGI, "mysite/asgi": ASGI, "mysite/wsgi": WSGI}.items():
        # The modules of a project of Django name it otherwise.
        text = re.sub(r"\bapp\b", "application", source) if path.startswith("mysite") else source
        (tmp_path / f"{path}.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in ("shop", "flask_shop", "mysite"):
            del sys.modules[name]


def settings_of(command: str, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the settings of the component that a command line makes, and those of the process."""
    program, _, *arguments = shlex.split(command)
    assert program == "kyoukai"
    launched: list[tuple[dict[str, Any], dict[str, Any]]] = []
    monkeypatch.setattr(cli, "launch", lambda settings, **process: launched.append((settings, process)))
    result = CliRunner().invoke(cli.main, ["run", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    [(settings, process)] = launched
    return settings, process


def reachable(settings: dict[str, Any]) -> dict[str, Any]:
    """Return a component's settings with addresses of this machine alone, by any port that is free."""
    changed = {name: value for name, value in settings.items() if name not in SUPERVISED}
    if "bind" in changed:
        changed["bind"] = [re.sub(r"^0\.0\.0\.0:\d+$", "127.0.0.1:0", address) for address in changed["bind"]]
        changed["port"] = None
    elif "uds" in changed:
        changed["port"] = None
    changed.pop("host", None)
    if changed.get("port") is not None:
        changed["port"] = 0
    return changed


def connect(server: Running, context: ssl.SSLContext | None) -> Client:
    return server.connect(**({} if context is None else {"context": context}))


@pytest.mark.parametrize("command", HERE)
def test_each_command_serves(command: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, authority = write_certificate(folder)
    settings, _ = settings_of(command, monkeypatch)
    context = trusting_context(authority) if "ssl" in settings else None
    with running(**reachable(settings)) as server, connect(server, context) as client:
        answer = client.request(message("GET", "/"))
    assert answer.status == 200
    interface, *said = answer.body.decode().split(" ")
    is_wsgi = any(word in command for word in ("wsgi", "flask_shop"))
    assert interface == ("wsgi" if is_wsgi else "asgi")
    assert said[0] == ("/shop" if "--root-path" in command else "")
    assert said[2] == ("http" if context is None else "https")


def test_every_flag_is_real_and_every_server_is_there() -> None:
    assert {flag for command in HERE for flag in re.findall(r"--[a-z-]+", command)} <= FLAGS
    there = rows("how-to/from-another-server.md", "Replace the command")
    programs = {command.partition(" ")[0] for command in there}
    assert programs == {"uvicorn", "fastapi", "flask", "python", "gunicorn", "hypercorn", "daphne", "granian"}
    # What is on the right is a command, each another one.
    assert len(set(HERE)) >= len(HERE) - 1
    flags = {flag for _, here in CHANGES.values() for flag in re.findall(r"`(--[a-z-]+)", here)}
    assert flags <= FLAGS


# What changes


@pytest.fixture
def site(folder: Path, backend: str) -> Iterator[Running]:
    with running(app="shop:app", backend=backend, limits={"body_timeout": 0.2}) as server:
        yield server


def test_bodies_have_a_limit(site: Running) -> None:
    assert "12 MiB" in CHANGES["a large body"][1]
    assert Limits().max_body_size == 12 * 1024 * 1024
    with site.connect() as client:
        head = f"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: {Limits().max_body_size + 1}\r\n\r\n"
        assert client.request(head.encode(), "POST").status == 413


def test_bodies_that_do_not_come_are_ended(site: Running) -> None:
    assert "30 seconds" in CHANGES["a body that does not arrive"][1]
    assert Limits().body_timeout == 30
    with site.connect() as client:
        begun = b"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na"
        assert client.request(begun, "POST").status == 408


@pytest.mark.parametrize(
    ("fields", "status", "row"),
    [
        ("", 400, "Host missing, sent twice, or invalid"),
        ("Host: a\r\nHost: a\r\n", 400, "Host missing, sent twice, or invalid"),
        ("Host: a b\r\n", 400, "Host missing, sent twice, or invalid"),
        ("Host: a\r\nTransfer-Encoding: zip, chunked\r\n", 501, "an unknown Transfer-Encoding"),
    ],
)
def test_refused_heads(site: Running, fields: str, status: int, row: str) -> None:
    assert CHANGES[row][1] == str(status)
    assert site.request(f"GET / HTTP/1.1\r\n{fields}\r\n".encode()).status == status


def test_no_proxy_is_trusted_by_default(site: Running) -> None:
    answer = site.request(
        message("GET", "/", "X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: https", "Forwarded: for=_a")
    )
    assert answer.body == b"asgi  127.0.0.1 http"


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/html", "text/html"),
        ("text/plain", "text/plain"),
        ("application/json", "application/json"),
    ],
)
def test_an_exception_is_answered_as_the_client_accepts(
    site: Running, accept: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = site.request(message("GET", "/fail", f"Accept: {accept}"))
    assert (answer.status, answer.fields["content-type"].partition(";")[0]) == (500, kind)
    assert "ZeroDivisionError" in caplog.text


def test_framing_fields_belong_to_the_server(site: Running) -> None:
    answer = site.request(message("GET", "/"))
    assert answer.fields["server"] == "kyoukai"
    assert "x-own" not in answer.fields.get("connection", "")
    assert answer.fields.get("transfer-encoding", "chunked") == "chunked"
    assert answer.body.startswith(b"asgi")


def test_messages_of_websockets_are_smaller_and_not_compressed(site: Running) -> None:
    assert "1 MiB" in CHANGES["a message of a WebSocket"][1]
    url = site.url.replace("http", "ws")
    with websockets.connect(url, proxy=None, open_timeout=PATIENCE, max_size=None) as client:
        assert client.response is not None
        assert "Sec-WebSocket-Extensions" not in client.response.headers
        client.send(bytes(1024 * 1024))
        assert client.recv(PATIENCE) == "1048576"
        client.send(bytes(1024 * 1024 + 1))
        with pytest.raises(ConnectionClosedError) as caught:
            client.recv(PATIENCE)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == CloseCode.MESSAGE_TOO_BIG


def test_stops_and_threads_are_as_the_page_says() -> None:
    limits = Limits()
    assert (limits.shutdown_timeout, limits.background_timeout) == (30, 5)
    assert CHANGES["a stop"][1].startswith("30 seconds, and 5 for tasks: ")


def test_the_command_of_the_unit_serves(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [command] = re.findall(r"(?m)^    ExecStart=/srv/shop/.venv/bin/(.*)$", PAGE)
    settings, _ = settings_of(command.replace("/run/shop/", ""), monkeypatch)
    assert settings["workers"] == 4
    with running(**reachable(settings)) as server:
        assert server.request(message("GET", "/")).body.startswith(b"wsgi")


# What you can remove

PROXY = {"trusted_proxies": ["127.0.0.1"], "forwarded": "x-forwarded"}
FORWARDED = ("X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: https")


@pytest.mark.parametrize("settings", [{}, PROXY], ids=["by the application", "by the server"])
@pytest.mark.parametrize("is_fixed", [True, False], ids=["ProxyFix", "without"])
def test_flask_needs_no_proxy_fix(settings: dict[str, Any], is_fixed: bool) -> None:
    site = flask.Flask("site")
    site.add_url_rule("/", view_func=lambda: f"{flask.request.remote_addr} {flask.request.scheme}")
    site.wsgi_app = ProxyFix(site.wsgi_app) if is_fixed else site.wsgi_app  # type: ignore[method-assign]
    with running(app=site, **settings) as server:
        text = server.request(message("GET", "/", *FORWARDED)).body.decode()
    assert text == ("203.0.113.7 https" if is_fixed or settings else "127.0.0.1 http")


DJANGO = """\
from django.conf import settings
from django.http import HttpResponse
from django.urls import path

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["shop.example"], SECRET_KEY="secret")


def index(request):
    return HttpResponse(f"{request.META['REMOTE_ADDR']} {request.is_secure()} {request.get_host()}")


urlpatterns = [path("", index)]
"""


@pytest.mark.parametrize("interface", ["wsgi", "asgi"])
def test_django_needs_no_header_of_a_proxy(tmp_path: Path, interface: str) -> None:
    made = f"from django.core.{interface} import get_{interface}_application\n"
    source = f"{DJANGO}\n\n{made}application = get_{interface}_application()\n"
    (tmp_path / "mysite.py").write_text(source)
    trusting = ("--trusted-proxy", "127.0.0.1", "--forwarded", "x-forwarded", "--forwarded-host")
    command = ("mysite", *trusting, "--port", "0")
    with kyoukai_run(*command, folder=tmp_path) as process, process.connect() as client:
        answer = client.request(message("GET", "/", *FORWARDED, "X-Forwarded-Host: shop.example"))
        assert answer.body == b"203.0.113.7 True shop.example"
