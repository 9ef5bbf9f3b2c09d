"""What is HAProxy's own."""

import pytest

from ..serving import message
from .odd import CASES, every_fault
from .proxies import haproxy

# By its manual: only for a while, until one has found which application sends what.
LENIENT = ["option accept-invalid-http-request"]


@pytest.mark.parametrize("options", [[], LENIENT], ids=["strict", "lenient"])
def test_nothing_is_smuggled(front, options, caplog):
    assert every_fault(front(haproxy, options=options), caplog) == []


# It passes these on, at least in its version 2.6; each is refused by the one or the other.
PASSED = [
    "no Host",
    "Host that is none",
    "Host with a path",
    "TE in HTTP/1.0",
    "a space before TE's colon",
    "a NUL in a value",
    "an unknown method",
    "CONNECT",
    "the asterisk for GET",
    "a target without a slash",
]


def test_a_refusal_reaches_the_client(front):
    proxy, _, app = front(haproxy, options=LENIENT)
    statuses = {name: proxy.request(CASES[name][0]).status for name in PASSED}
    assert statuses == {**dict.fromkeys(PASSED, 400), "an unknown method": 501, "CONNECT": 501}
    assert app.seen == []


def test_an_absolute_target(front):
    proxy, _, app = front(haproxy)
    data = b"GET http://example.org:81/path?query HTTP/1.1\r\nHost: example.org:81\r\n\r\n"
    assert proxy.request(data).status == 200
    request = app.requests[0]
    assert (request.path, request.query_string, request.host) == ("/path", b"query", "example.org:81")


def test_an_absolute_target_and_another_host(front):
    proxy, _, app = front(haproxy)
    # RFC 9112 section 3.2.2: the target's authority is what counts, should a proxy pass both on.
    if proxy.request(b"GET http://example.org/ HTTP/1.1\r\nHost: localhost\r\n\r\n").status == 200:
        assert app.requests[0].host == "example.org"
    else:
        assert app.seen == []


def test_proxy_forwards_expect(front):
    proxy, _, app = front(haproxy, limits={"max_body_size": 1000})
    with proxy.connect() as client:
        client.send(message("POST", "/", "Expect: 100-continue", "Content-Length: 5"))
        assert client.receive().status == 100
        client.request(b"12345")
    assert app.environ["HTTP_EXPECT"] == "100-continue"
    # Nobody asks for a body that is refused.
    refused = message("POST", "/", "Expect: 100-continue", "Content-Length: 1001")
    assert proxy.request(refused).status == 413
    assert len(app.seen) == 1


def test_field_added_by_the_proxy(front):
    proxy, _, app = front(haproxy, options=["option forwardfor"])
    proxy.request(message("GET", "/", "X-Forwarded-For: 192.0.2.1"))
    assert app.environ["HTTP_X_FORWARDED_FOR"] == "192.0.2.1,127.0.0.1"


@pytest.mark.parametrize(
    ("options", "seen"),
    [
        ([], "OPTIONS /"),
        (["http-check send meth GET uri /health ver HTTP/1.1 hdr Host localhost"], "GET /health"),
    ],
    ids=["as it comes", "HTTP/1.1"],
)
def test_health_checks(front, options, seen):
    # One that fails would take the server away.
    proxy, server, app = front(
        haproxy, options=["option httpchk", *options], server_options="check inter 50ms fall 1"
    )
    server.wait_until(lambda: app.seen.count(seen) >= 3)
    assert set(app.seen) == {seen}
    assert proxy.request(message("GET", "/after")).status == 200
