"""Sessions, as a client has them: a cookie that comes and goes."""

import pytest
from werkzeug.wrappers import Response

from kyoukai.web import CookieSessions, Kyoukai

from ..serving import message

pytestmark = pytest.mark.every_wire


def counting():
    app = Kyoukai("counting", sessions=CookieSessions("0123456789abcdef"))

    @app.route("/")
    async def count(ctx):
        ctx.session["count"] = ctx.session.get("count", 0) + 1
        return str(ctx.session["count"])

    @app.route("/large")
    async def grow(ctx):
        ctx.session["text"] = "".join(map(chr, range(0x4E00, 0x4E00 + 5000)))
        return "large"

    return app


def test_a_session_over_several_requests(serve):
    with serve(counting()).connect() as client:
        cookie = ""
        for number in (b"1", b"2", b"3"):
            answer = client.request(message("GET", "/", *([f"Cookie: {cookie}"] if cookie else [])))
            assert answer.body == number
            assert answer.fields["vary"] == "Cookie"
            cookie, *attributes = answer.fields["set-cookie"].split("; ")
            assert attributes == ["HttpOnly", "Path=/", "SameSite=Lax"]
        # Nobody else's.
        assert client.request(message()).body == b"1"
        forged = cookie[:-4] + "AAAA"
        assert client.request(message("GET", "/", f"Cookie: {forged}")).body == b"1"


def test_a_response_that_several_requests_share(serve):
    app = Kyoukai("sharing", sessions=CookieSessions("0123456789abcdef"))
    closed = []
    shared = Response("shared")
    shared.call_on_close(lambda: closed.append(1))

    @app.route("/")
    async def answer(ctx):
        return shared

    @app.route("/<user>")
    async def sign_in(ctx, user):
        ctx.session["user"] = user
        return shared

    with serve(app).connect() as client:
        cookies = set()
        for target in ("/alice", "/", "/bob", "/"):
            answer = client.request(message("GET", target))
            assert answer.body == b"shared"
            assert ("set-cookie" in answer.fields) is (target != "/")
            cookies.add(answer.fields.get("set-cookie"))
        assert len(cookies) == 3
        assert len(closed) >= 3  # The last one is closed when its answer is there, or right after.
    assert "Vary" not in shared.headers


def test_cookie_is_secure_over_tls(serve, tls, trusting):
    with serve(counting(), ssl=tls).connect(context=trusting) as client:
        answer = client.request(message())
        assert answer.fields["set-cookie"].split("; ")[1:] == ["Secure", "HttpOnly", "Path=/", "SameSite=Lax"]


def test_too_large_session_is_a_500_and_the_connection_continues(serve, caplog):
    with serve(counting()).connect() as client:
        answer = client.request(message("GET", "/large"))
        assert answer.status == 500
        assert "set-cookie" not in answer.fields
        assert b"session" not in answer.body
        assert client.request(message()).body == b"1"
    (record,) = [record for record in caplog.records if record.name == "kyoukai.web"]
    assert "too large" in str(record.exc_info[1])
