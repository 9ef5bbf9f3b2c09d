"""The heads of answers: which fields are sent, and which never are."""

from email.utils import parsedate_to_datetime

import pytest
from werkzeug.wrappers import Response

from ..serving import Answering, echo, error_records, message


def answering(*args, **kwargs):
    @Answering
    async def app(request):
        return Response(*args, **kwargs)

    return app


def test_date_and_server(serve):
    fields = serve(echo).request(message()).fields
    assert parsedate_to_datetime(fields["date"]).tzname() == "UTC"
    assert fields["date"].endswith(" GMT")
    assert fields["server"] == "kyoukai"


def test_the_server_field_can_be_set_and_removed(serve):
    assert serve(echo, server_field="other/1").request(message()).fields["server"] == "other/1"
    assert "server" not in serve(echo, server_field="").request(message()).fields


def test_application_may_set_its_own_date_and_server(serve):
    own = {"Date": "Thu, 01 Jan 1970 00:00:00 GMT", "Server": "own"}
    fields = serve(answering("x", headers=own)).request(message()).fields
    assert (fields["date"], fields["server"]) == (own["Date"], "own")


def test_status_and_reason(serve):
    answer = serve(answering("x", status="299 Fine By Me")).request(message())
    assert (answer.status, answer.reason) == (299, "Fine By Me")


def test_a_status_without_a_known_reason(serve):
    assert serve(answering("x", status=599)).request(message()).status == 599


def test_fields_are_sent_as_latin_1(serve):
    assert serve(answering("x", headers={"X-Name": "\xe9"})).request(message()).fields["x-name"] == "\xe9"


def test_a_location_is_made_a_uri(serve):
    answer = serve(answering(status=302, headers={"Location": "/é"})).request(message())
    assert answer.fields["location"] == "/%C3%A9"


def test_several_cookies_stay_several(serve):
    @Answering
    async def app(request):
        response = Response("x")
        response.set_cookie("a", "1")
        response.set_cookie("b", "2")
        return response

    with serve(app).connect() as client:
        client.send(message())
        head = client.receive_until(b"\r\n\r\n")
    assert head.count(b"\r\nSet-Cookie: ") == 2


@pytest.mark.parametrize(
    "field",
    [
        ("Connection", "X-Other"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Connection", "keep-alive"),
        ("TE", "trailers"),
        ("Transfer-Encoding", "gzip"),
        ("Upgrade", "h2c"),
    ],
    ids=lambda field: field[0],
)
def test_hop_by_hop_fields_are_not_sent_on(serve, field):
    with serve(answering("body", headers=[field])).connect() as client:
        for _ in range(2):
            answer = client.request(message())
            assert (answer.status, answer.body) == (200, b"body")
            assert field[0].lower() not in answer.fields


def test_the_application_may_close(serve):
    with serve(answering("body", headers={"Connection": "close"})).connect() as client:
        answer = client.request(message())
        assert (answer.body, answer.fields["connection"]) == (b"body", "close")
        assert client.receive_rest() == b""


BAD = {
    "CRLF in a value": {"headers": [("X-Good", "x"), ("X-Bad", "evil\r\nSet-Cookie: evil=1")]},
    "LF in a value": {"headers": [("X-Bad", "evil\nX: y")]},
    "CR in a value": {"headers": [("X-Bad", "evil\rX: y")]},
    "NUL in a value": {"headers": [("X-Bad", "evil\0")]},
    "CRLF in a name": {"headers": [("X-evil\r\nX", "y")]},
    "CRLF in the reason": {"status": "200 evil\r\nX-Bad: y"},
    "not latin-1": {"headers": [("X-Bad", "evil \u20ac")]},
    "an interim status": {"status": "100 evil"},
    "101": {"status": "101 evil"},
    "a Content-Length that is none": {"headers": [("Content-Length", "evil")]},
}


@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_be_sent_is_a_500(serve, kind, caplog):
    closed = []

    @Answering
    async def app(request):
        if request.path == "/next":
            return Response("next")
        response = Response("evil")
        response.call_on_close(lambda: closed.append(True))
        bad = BAD[kind]
        # Past Werkzeug's own checks.
        response.headers._list.extend(bad.get("headers", ()))
        response._status = bad.get("status", response.status)
        if "status" in bad:
            response._status_code = int(bad["status"][:3])
        if kind.startswith("a Content-Length"):
            response.headers._list = [("Content-Length", "evil")]
        return response

    with serve(app).connect() as client:
        client.send(message())
        head = client.receive_until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 500 ")
        client.buffer = head + client.buffer
        answer = client.receive()
        assert b"evil" not in head + answer.body
        assert "x-good" not in answer.fields
        assert client.request(message("GET", "/next")).body == b"next"
    assert [record.name for record in error_records(caplog)] == ["kyoukai.protocol"]
    assert closed == [True]


UNSENDABLE = {
    "a Location that is no URI": {"headers": {"Location": "http://["}},
    "a Content-Length of 5000 digits": {"headers": {"Content-Length": "9" * 5000}},
    "a list of no bytes": {"response": [1, 2]},
}


@pytest.mark.parametrize("kind", UNSENDABLE)
def test_any_failure_in_making_the_answer_is_a_500(serve, kind, caplog):
    @Answering
    async def app(request):
        return Response("next") if request.path == "/next" else Response(**UNSENDABLE[kind])

    with serve(app, limits={"shutdown_timeout": 0.1}).connect() as client:
        client.socket.settimeout(2)
        assert client.request(message()).status == 500
        assert client.request(message("GET", "/next")).body == b"next"
    assert [record.name for record in error_records(caplog)] == ["kyoukai.protocol"]


def test_head_of_an_empty_answer_has_the_length_of_get(serve):
    @Answering
    async def app(request):
        return Response()

    server = serve(app)
    assert server.request(message()).fields["content-length"] == "0"
    assert server.request(message("HEAD"), "HEAD").fields["content-length"] == "0"
