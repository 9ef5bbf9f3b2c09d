"""What client and server agree on."""

from typing import Any

import pytest
from werkzeug.exceptions import BadRequest, Forbidden

from kyoukai.core.exchange.upgrades import UpgradeRequired, asks_for_websocket
from kyoukai.websocket import WebSocketSettings
from kyoukai.websocket.handshake import VersionMismatch, agree, own_origin

# RFC 6455 section 1.3
KEY, ACCEPT = "dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def environ(**fields: str) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/",
        "wsgi.url_scheme": "http",
        "HTTP_HOST": "example.org",
        "HTTP_UPGRADE": "websocket",
        "HTTP_CONNECTION": "Upgrade",
        "HTTP_SEC_WEBSOCKET_KEY": KEY,
        "HTTP_SEC_WEBSOCKET_VERSION": "13",
        **{f"HTTP_{name.upper()}": value for name, value in fields.items()},
    }


SETTINGS = WebSocketSettings()


def test_the_answer():
    agreed = agree(environ(), SETTINGS, ())
    assert agreed == ([("Sec-WebSocket-Accept", ACCEPT)], None, None)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, True),
        ({"upgrade": "WebSocket"}, True),
        ({"upgrade": "h2c, websocket"}, True),
        ({"connection": "keep-alive, upgrade"}, True),
        ({"upgrade": "h2c"}, False),
        ({"connection": "keep-alive"}, False),
    ],
)
def test_handshake_requests(fields, expected):
    assert asks_for_websocket(environ(**fields)) is expected


def test_common_subprotocol_is_selected():
    assert agree(environ(upgrade="h2c, websocket"), SETTINGS, ()).deflate is None


def test_post_is_not_a_handshake():
    assert not asks_for_websocket({**environ(), "REQUEST_METHOD": "POST"})


@pytest.mark.parametrize("version", ["8", "12", "14", ""])
def test_another_version(version):
    with pytest.raises(VersionMismatch):
        agree(environ(sec_websocket_version=version), SETTINGS, ())


@pytest.mark.parametrize("key", ["", "abc", "dGhlIHNhbXBsZQ==", "not base64!", f"{KEY}, {KEY}"])
def test_invalid_key(key):
    with pytest.raises(BadRequest, match="Sec-WebSocket-Key"):
        agree(environ(sec_websocket_key=key), SETTINGS, ())


def test_no_key():
    without = environ()
    del without["HTTP_SEC_WEBSOCKET_KEY"]
    with pytest.raises(BadRequest, match="Sec-WebSocket-Key"):
        agree(without, SETTINGS, ())


@pytest.mark.parametrize(
    ("offered", "served", "expected"),
    [
        ("b, a", ("a", "b"), "a"),
        ("b", ("a", "b"), "b"),
        ("c", ("a", "b"), None),
        ("", ("a",), None),
        ("a", (), None),
    ],
)
def test_a_subprotocol(offered, served, expected):
    fields = {"sec_websocket_protocol": offered} if offered else {}
    agreed = agree(environ(**fields), SETTINGS, served)
    assert agreed.subprotocol == expected
    assert dict(agreed.fields).get("Sec-WebSocket-Protocol") == expected


COMPRESSED = WebSocketSettings(compression=True)


@pytest.mark.parametrize(
    ("settings", "offer", "expected"),
    [
        (COMPRESSED, "permessage-deflate", "permessage-deflate; server_max_window_bits=12"),
        (
            COMPRESSED,
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12",
        ),
        (
            COMPRESSED,
            "permessage-deflate; server_max_window_bits=10",
            "permessage-deflate; server_max_window_bits=10",
        ),
        (COMPRESSED, "x-webkit-deflate-frame", None),
        (SETTINGS, "permessage-deflate", None),
    ],
)
def test_compression(settings, offer, expected):
    agreed = agree(environ(sec_websocket_extensions=offer), settings, ())
    assert dict(agreed.fields).get("Sec-WebSocket-Extensions") == expected
    assert (agreed.deflate is not None) is (expected is not None)


@pytest.mark.parametrize("offer", ["permessage-deflate; server_max_window_bits", "permessage-deflate; a=b;"])
def test_extensions_that_are_malformed(offer):
    try:
        agreed = agree(environ(sec_websocket_extensions=offer), COMPRESSED, ())
    except BadRequest:
        return
    assert agreed.deflate is None


# Whose page asks


@pytest.mark.parametrize(
    ("origins", "origin", "allowed"),
    [
        (None, None, True),
        (None, "http://example.org", True),
        (None, "http://EXAMPLE.org", True),
        (None, "https://example.org", False),
        (None, "http://example.org:8000", False),
        (None, "http://evil.example", False),
        (None, "null", False),
        (None, "", False),
        ("*", "http://evil.example", True),
        (["https://a.example", "https://b.example"], "https://b.example", True),
        (["https://a.example"], "http://example.org", False),
        ([], "http://example.org", False),
        ([], None, True),
    ],
)
def test_origins(origins, origin, allowed):
    fields = {} if origin is None else {"origin": origin}
    settings = WebSocketSettings(origins=origins)
    if allowed:
        agree(environ(**fields), settings, ())
    else:
        with pytest.raises(Forbidden):
            agree(environ(**fields), settings, ())


@pytest.mark.parametrize(
    ("scheme", "host", "expected"),
    [
        ("http", "example.org", "http://example.org"),
        ("http", "example.org:80", "http://example.org"),
        ("https", "example.org:443", "https://example.org"),
        ("https", "example.org:80", "https://example.org:80"),
        ("http", "[::1]:80", "http://[::1]"),
        ("http", "[::1]:8000", "http://[::1]:8000"),
        ("http", "Example.ORG", "http://example.org"),
        ("http", "", "http://"),
    ],
)
def test_origin_of_the_requested_host(scheme, host, expected):
    assert own_origin({"wsgi.url_scheme": scheme, "HTTP_HOST": host}) == expected


def test_answer_to_a_plain_request():
    fields = dict(UpgradeRequired().get_headers())
    assert (fields["Upgrade"], fields["Sec-WebSocket-Version"]) == ("websocket", "13")
