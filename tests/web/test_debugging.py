import asyncio
import logging
import re
import subprocess
import sys
from typing import Any

import pytest
from asphalt.core import Context
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from kyoukai.core.errors import ConfigurationError
from kyoukai.server.locality import FORWARDED, is_loopback
from kyoukai.web import HTTPRequestContext, Kyoukai

from .asking import ask, environ_of

LOCAL = {"REMOTE_ADDR": "127.0.0.1"}
BROWSER = {"Accept": "text/html,*/*;q=0.8"}


def application(debug: bool = True) -> Kyoukai:
    app = Kyoukai("app", debug=debug)

    @app.route("/")
    async def fail(ctx: HTTPRequestContext) -> str:
        secret = "what is in a frame"  # noqa: F841
        raise ValueError("why")

    @app.route("/missing")
    async def missing(ctx: HTTPRequestContext) -> str:
        raise NotFound

    @app.route("/key")
    async def key(ctx: HTTPRequestContext) -> str:
        raise KeyError("key")

    @app.errorhandler(KeyError)
    async def handle(ctx: HTTPRequestContext, error: KeyError) -> str:
        return "handled"

    @app.errorhandler(500)
    async def failed(ctx: HTTPRequestContext, error: Exception) -> str:
        return "failed"

    # As a component does, before the first request.
    app.finalize()
    return app


def visit(app: Kyoukai, path: str = "/", **overrides: Any) -> Response:
    return ask(app, path, headers=BROWSER, overrides={**LOCAL, **overrides})


def ask_in_turn(app: Kyoukai, *paths: str) -> list[str]:
    """Return the answers to requests of one client, in one loop."""

    async def main() -> list[str]:
        texts = []
        cookies = ""
        async with Context() as parent:
            for path in paths:
                if texts:
                    secret = re.search(r'SECRET = "(\w+)"', texts[0])
                    frame = re.findall(r'id="frame-(\d+)"', texts[0])
                    assert secret is not None
                    path = path.format(secret=secret[1], frame=frame[-1])
                environ = {**environ_of(path, headers={**BROWSER, "Cookie": cookies}), **LOCAL}
                response = await app.process_request(app.request_class(environ), parent)
                cookies = response.headers.get("Set-Cookie", cookies).partition(";")[0]
                texts.append(response.get_data(as_text=True))
        return texts

    return asyncio.run(main())


def test_the_page(caplog: pytest.LogCaptureFixture) -> None:
    response = visit(application())
    text = response.get_data(as_text=True)
    assert (response.status_code, response.mimetype) == (500, "text/html")
    assert "ValueError: why" in text
    assert "_raise_again" not in text
    warning, error = caplog.records
    assert (warning.levelno, error.levelno) == (logging.WARNING, logging.ERROR)
    assert error.name == "kyoukai.web"


@pytest.mark.parametrize("accept", ["", "*/*", "application/json", "text/plain, text/html;q=0.5"])
def test_the_traceback_as_text(accept: str) -> None:
    response = ask(application(), headers={"Accept": accept}, overrides=LOCAL)
    assert (response.status_code, response.mimetype) == (500, "text/plain")
    text = response.get_data(as_text=True)
    assert text.startswith("Traceback (most recent call last):\n")
    assert text.endswith("ValueError: why\n")


def test_the_console(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WERKZEUG_DEBUG_PIN", "123-456")
    console = "/?__debugger__=yes&cmd=secret&frm={frame}&s={secret}"
    _, locked, refused, admitted, evaluated, wrong = ask_in_turn(
        application(),
        "/",
        console,
        "/?__debugger__=yes&cmd=pinauth&pin=999-999&s={secret}",
        "/?__debugger__=yes&cmd=pinauth&pin=123-456&s={secret}",
        console,
        console.replace("{secret}", "{frame}"),
    )
    assert "what is in a frame" not in locked
    assert '"auth": false' in refused
    assert '"auth": true' in admitted
    assert "what is in a frame" in evaluated
    assert wrong == ""


def test_needs_of_the_page() -> None:
    response = visit(application(), "/any/path?__debugger__=yes&cmd=resource&f=style.css")
    assert (response.status_code, response.mimetype) == (200, "text/css")
    assert visit(application(), "/?__debugger__=yes&cmd=unknown").status_code == 404


@pytest.mark.parametrize("path", ["/", "/?__debugger__=yes&cmd=resource&f=style.css"])
@pytest.mark.parametrize(
    "overrides",
    [
        {"REMOTE_ADDR": "192.0.2.1"},
        {"REMOTE_ADDR": "::ffff:192.0.2.1"},
        {"REMOTE_ADDR": ""},
        {"HTTP_HOST": "example.org"},
        {"HTTP_HOST": "localhost.example.org"},
        {"HTTP_HOST": ""},
        {"SERVER_PROTOCOL": "HTTP/1.0"},
        *({field: "x"} for field in FORWARDED),
        {"HTTP_X_FORWARDED_FOR": "x"},
        {"HTTP_X_FORWARDED_PORT": "443"},
    ],
)
def test_clients_without_access_to_the_page(path: str, overrides: dict[str, str]) -> None:
    response = visit(application(), path, **overrides)
    assert response.status_code == 500
    assert response.get_data() == b"failed"


def test_claimed_exception_is_not_shown() -> None:
    app = application()
    assert visit(app, "/key").get_data() == b"handled"
    response = visit(app, "/missing")
    assert response.status_code == 404
    assert b"Traceback" not in response.get_data()


@pytest.mark.parametrize("value", ["0", "", 0, 1, None])
def test_invalid_bool(value: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^debug must be True or False, not "):
        Kyoukai("app", debug=value)
    app = Kyoukai("app")
    app.debug = value
    with pytest.raises(ConfigurationError, match=r"^debug must be True or False, not "):
        app.finalize()
    assert not app.finalized


def test_it_is_off_by_default(caplog: pytest.LogCaptureFixture) -> None:
    for app in (application(debug=False), Kyoukai("plain")):
        app.finalize()
        assert app.debug is False
        assert "process_request" not in vars(app)
    assert caplog.records == []
    assert visit(application(debug=False)).get_data() == b"failed"
    assert visit(application(debug=False), "/?__debugger__=yes&cmd=resource&f=style.css").status_code == 500


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::1%lo", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:10.0.0.1", False),
        ("10.0.0.1", False),
        ("fe80::1%eth0", False),
        ("0.0.0.0", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_is_loopback(address: str, expected: bool) -> None:
    assert is_loopback(address) is expected


def test_debugger_is_not_imported_by_default() -> None:
    code = "import sys, kyoukai; sys.exit('werkzeug.debug' in sys.modules or 'itsdangerous' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
