"""Debug mode, as a browser on this machine has it."""

import logging
import re

import pytest

from kyoukai.web import Kyoukai

from ..serving import message

BROWSER = "Accept: text/html,application/xhtml+xml,*/*;q=0.8"


def failing(debug):
    app = Kyoukai("failing", debug=debug)

    @app.route("/")
    async def fail(ctx):
        value = 6 * 7  # noqa: F841 - the console is asked for it
        raise ValueError("why")

    return app


def test_the_debugger(serve, monkeypatch):
    monkeypatch.setenv("WERKZEUG_DEBUG_PIN", "123-456")
    with serve(failing(debug=True)).connect() as client:
        page = client.request(message("GET", "/", BROWSER))
        assert (page.status, page.fields["content-type"]) == (500, "text/html; charset=utf-8")
        text = page.body.decode()
        assert "ValueError: why" in text
        secret = re.search(r'SECRET = "(\w+)"', text)[1]
        frame = re.findall(r'id="frame-(\d+)"', text)[-1]
        style = client.request(message("GET", "/?__debugger__=yes&cmd=resource&f=style.css"))
        assert (style.status, style.fields["content-type"]) == (200, "text/css; charset=utf-8")
        admitted = client.request(message("GET", f"/?__debugger__=yes&cmd=pinauth&pin=123456&s={secret}"))
        cookie = admitted.fields["set-cookie"].partition(";")[0]
        console = f"/?__debugger__=yes&cmd=value&frm={frame}&s={secret}"
        assert b"42" in client.request(message("GET", console, f"Cookie: {cookie}")).body
        assert b"42" not in client.request(message("GET", console)).body
        assert client.request(message("GET", "/")).body.endswith(b"ValueError: why\n")


def test_without_debug_mode(serve):
    with serve(failing(debug=False)).connect() as client:
        for target in ("/", "/?__debugger__=yes&cmd=resource&f=style.css"):
            answer = client.request(message("GET", target, BROWSER))
            assert answer.status == 500
            assert b"ValueError" not in answer.body


def test_behind_a_proxy_and_by_another_name(serve):
    with serve(failing(debug=True)).connect() as client:
        answer = client.request(message("GET", "/", BROWSER, "X-Forwarded-For: 127.0.0.1"))
        assert (answer.status, b"why" in answer.body) == (500, False)
        client.send(b"GET / HTTP/1.1\r\nHost: rebound.example\r\nAccept: text/html\r\n\r\n")
        answer = client.receive()
        assert (answer.status, b"why" in answer.body) == (500, False)


def test_behind_a_proxy_that_names_no_client(serve):
    old = b"GET / HTTP/1.0\r\nHost: 127.0.0.1\r\nConnection: close\r\nAccept: text/html\r\n\r\n"
    server = serve(failing(debug=True))
    answer = server.request(old)
    assert (answer.status, b"why" in answer.body) == (500, False)
    style = b"/?__debugger__=yes&cmd=resource&f=style.css"
    assert server.request(old.replace(b"/", style, 1)).status == 500


MISSING = {
    "form": lambda request: request.form["colour"],
    "args": lambda request: request.args["colour"],
    "files": lambda request: request.files["colour"],
    "cookies": lambda request: request.cookies["colour"],
}


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("kind", MISSING)
def test_a_field_that_is_missing_is_named(serve, kind, debug, caplog):
    app = Kyoukai("missing", debug=debug)

    @app.route("/", methods=["POST"])
    async def look(ctx):
        return MISSING[kind](ctx.request)

    form = message("POST", "/", "Content-Type: application/x-www-form-urlencoded", body=b"size=4")
    with caplog.at_level(logging.DEBUG, "kyoukai.web"), serve(app).connect() as client:
        answer = client.request(form)
        assert answer.status == 400
        assert (b"colour" in answer.body) is debug
        answer = client.request(form.replace(b"\r\n", b"\r\nX-Forwarded-For: 192.0.2.1\r\n", 1))
        assert (answer.status, b"colour" in answer.body) == (400, False)
    assert caplog.messages.count("POST '/': the request has no 'colour'") == 2
