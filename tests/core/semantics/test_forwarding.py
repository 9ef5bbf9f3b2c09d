"""What is taken of the fields by which trusted proxies name a client."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kyoukai.core.errors import ConfigurationError
from kyoukai.core.semantics.forwarding import UNNAMED, Forwarding, Node, read_element, read_node
from kyoukai.core.semantics.trusted_proxies import TrustedProxies

PEER = "10.0.0.1"
PROXIES = TrustedProxies([PEER, "10.1.0.0/16", "2001:db8:1::/48"])

BEFORE = {
    "REMOTE_ADDR": PEER,
    "REMOTE_PORT": "5000",
    "wsgi.url_scheme": "http",
    "HTTP_HOST": "inner:8000",
    "SERVER_NAME": "127.0.0.1",
    "SERVER_PORT": "8000",
    "SCRIPT_NAME": "",
}


def changes(fields: dict[str, str], kind: str = "x-forwarded", **settings: Any) -> dict[str, Any]:
    """Return what is not as it was; ``None`` is what is not there any more."""
    sent = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in fields.items()}
    environ: dict[str, Any] = BEFORE | sent
    Forwarding(PROXIES, kind, **{"host": True, **settings}).apply(environ)
    return {name: environ.get(name) for name in BEFORE if environ.get(name) != BEFORE[name]}


def client(value: str) -> Any:
    """Return the client that X-Forwarded-For names, and its port; the peer where it names none."""
    changed = changes({"X-Forwarded-For": value})
    return changed.get("REMOTE_ADDR", PEER), changed.get("REMOTE_PORT", "5000") or ""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("192.0.2.1", ("192.0.2.1", "")),
        (" 192.0.2.1\t", ("192.0.2.1", "")),
        ("192.0.2.1:4000", ("192.0.2.1", "4000")),
        ("2001:db8::1", ("2001:db8::1", "")),
        ("[2001:DB8:0::1]", ("2001:db8::1", "")),
        ("[2001:db8::1]:4000", ("2001:db8::1", "4000")),
        ("::ffff:192.0.2.1", ("192.0.2.1", "")),
        ("192.0.2.1, 10.1.0.1", ("192.0.2.1", "")),
        ("192.0.2.1,2001:db8:1::9,10.1.0.1:80", ("192.0.2.1", "")),
        ("192.0.2.1,,", ("192.0.2.1", "")),
        ("10.1.0.2, 10.1.0.1", ("10.1.0.2", "")),
        # What stands left of the first that is not trusted is the client's own word.
        ("127.0.0.1, 192.0.2.1", ("192.0.2.1", "")),
        ("10.0.0.1, 192.0.2.1", ("192.0.2.1", "")),
        ("unknown, 192.0.2.1", ("192.0.2.1", "")),
        ('"quoted, 192.0.2.1', ("192.0.2.1", "")),
        # What says nothing ends the list.
        ("192.0.2.1, unknown", (PEER, "5000")),
        ("192.0.2.1, _hidden", (PEER, "5000")),
        ("192.0.2.1, _hidden, 10.1.0.1", ("10.1.0.1", "")),
    ],
)
def test_the_client_is_read_from_the_right(value: str, expected: tuple[str, str]) -> None:
    assert client(value) == expected


NO_ADDRESSES = [
    "", ",", " ", "unknown", "_hidden", "localhost", "192.0.2", "192.0.2.256", "192.0.2.01", "192.0.2.1.1",
    "192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:port", "192.0.2.1:-1", "192.0.2.1 192.0.2.2", "192.0.2.1;",
    "[192.0.2.1]", "[::1", "::1]", "[::1]x", "[::1]:", "[::1]:65536", "fe80::1%eth0", "[fe80::1%eth0]",
    ":::1", "1::2::3", '"192.0.2.1"', "'192.0.2.1'", "<script>", "192.0.2.1/24", "0x7f.1", "2130706433",
    "٣.0.2.1", "for=192.0.2.1", "\xff", "%31.0.2.1", "a:b:c", "[]", "[]:80", ".", "1.2.3.4,  x",
]  # fmt: skip


@pytest.mark.parametrize("value", NO_ADDRESSES)
def test_invalid_address_is_ignored(value: str) -> None:
    assert changes({"X-Forwarded-For": value}) == {}
    assert changes({"Forwarded": f'for="{value}"'}, "forwarded") == {}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"Proto": "https"}, {"wsgi.url_scheme": "https"}),
        ({"Proto": "HTTPS"}, {"wsgi.url_scheme": "https"}),
        ({"Proto": "http, https"}, {"wsgi.url_scheme": "https"}),
        ({"Proto": "https, http"}, {}),
        ({"Proto": "https,"}, {}),
        ({"Proto": "wss"}, {}),
        ({"Proto": "javascript"}, {}),
        ({"Proto": "https "}, {"wsgi.url_scheme": "https"}),
        (
            {"Host": "shop.example"},
            {"HTTP_HOST": "shop.example", "SERVER_NAME": "shop.example", "SERVER_PORT": "80"},
        ),
        (
            {"Host": "evil.example, shop.example:8443", "Proto": "https"},
            {
                "HTTP_HOST": "shop.example:8443",
                "SERVER_NAME": "shop.example",
                "SERVER_PORT": "8443",
                "wsgi.url_scheme": "https",
            },
        ),
        (
            {"Host": "[2001:db8::1]:443", "Proto": "https"},
            {
                "HTTP_HOST": "[2001:db8::1]",
                "SERVER_NAME": "[2001:db8::1]",
                "SERVER_PORT": "443",
                "wsgi.url_scheme": "https",
            },
        ),
        (
            {"Host": "shop.example:1", "Port": "8080"},
            {"HTTP_HOST": "shop.example:8080", "SERVER_NAME": "shop.example", "SERVER_PORT": "8080"},
        ),
        ({"Port": "9000"}, {"HTTP_HOST": "inner:9000", "SERVER_NAME": "inner", "SERVER_PORT": "9000"}),
        ({"Port": "0"}, {}),
        ({"Port": "65536"}, {}),
        ({"Port": "080"}, {}),
        ({"Port": "x"}, {}),
        ({"Host": "shop.example/path"}, {}),
        ({"Host": "shop example"}, {}),
        ({"Host": "user@shop.example"}, {}),
        ({"Host": "[shop.example]"}, {}),
        ({"Host": "shop.example:port"}, {}),
        ({"Host": "shop.example\\evil"}, {}),
        ({"Host": ""}, {}),
        ({"Prefix": "/shop"}, {}),
    ],
)
def test_scheme_host_and_port(fields: dict[str, str], expected: dict[str, str]) -> None:
    assert changes({f"X-Forwarded-{name}": value for name, value in fields.items()}) == expected


@pytest.mark.parametrize(
    ("value", "prefix"),
    [("/shop", "/shop"), ("/shop/", "/shop"), ("/a/b-c.d", "/a/b-c.d"), ("/x, /shop", "/shop")],
)
def test_prefix_is_read_if_enabled(value: str, prefix: str) -> None:
    assert changes({"X-Forwarded-Prefix": value}, prefix=True) == {"SCRIPT_NAME": prefix}


@pytest.mark.parametrize(
    "value",
    [
        "", "/", "//evil.example", "shop", "/..", "/a/../b", "/.", "/a//b", "/a?b", "/a#b", "/a\\b",
        "http://evil.example", "/a b", "/a\nb", "/%2e%2e", "/\xe9",
    ],
)  # fmt: skip
def test_invalid_prefix_is_ignored(value: str) -> None:
    assert changes({"X-Forwarded-Prefix": value}, prefix=True) == {}


def test_a_host_that_is_not_there_gets_no_port() -> None:
    environ: dict[str, Any] = {**BEFORE, "HTTP_X_FORWARDED_PORT": "443"}
    del environ["HTTP_HOST"]
    Forwarding(PROXIES, "x-forwarded", host=True).apply(environ)
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("127.0.0.1", "443")
    assert "HTTP_HOST" not in environ


def test_host_is_not_read_by_default() -> None:
    fields = {"X-Forwarded-Host": "shop.example", "X-Forwarded-Port": "443"}
    assert changes(fields, host=False) == {}


HOST = {"HTTP_HOST": "shop.example", "SERVER_NAME": "shop.example", "SERVER_PORT": "443"}
SECURE = {"wsgi.url_scheme": "https"}


def from_client(address: str, port: str | None = None) -> dict[str, Any]:
    return {"REMOTE_ADDR": address, "REMOTE_PORT": port}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("for=192.0.2.1", from_client("192.0.2.1")),
        ('For="192.0.2.1:4000"', from_client("192.0.2.1", "4000")),
        ('for="[2001:db8::1]:4000"', from_client("2001:db8::1", "4000")),
        ('for="[2001:db8::1]"', from_client("2001:db8::1")),
        (
            'for=192.0.2.1;proto=https;host="shop.example";by=_p',
            {**from_client("192.0.2.1"), **SECURE, **HOST},
        ),
        ("for=192.0.2.1 ; proto=https", {**from_client("192.0.2.1"), **SECURE}),
        # The outermost proxy that is trusted says how the client has come.
        ("for=192.0.2.1;proto=https, for=10.1.0.1;proto=http", {**from_client("192.0.2.1"), **SECURE}),
        ("for=192.0.2.1, for=10.1.0.1;proto=https", {**from_client("192.0.2.1"), **SECURE}),
        # The client's own element is not looked at.
        ("for=10.1.0.1;proto=https;host=evil, for=192.0.2.1", from_client("192.0.2.1")),
        ('for=1.1.1.1;host="evil, for=192.0.2.1', from_client("192.0.2.1")),
        ('for="evil, for="[2001:db8::1]";proto="https"', {**from_client("2001:db8::1"), **SECURE}),
        ("for=10.1.0.2, for=10.1.0.1", from_client("10.1.0.2")),
        ("proto=https", SECURE),
        ("for=unknown;proto=https", SECURE),
        ("for=_hidden;proto=https, for=10.1.0.1", {**from_client("10.1.0.1"), **SECURE}),
        ('for="_hidden:_port"', {}),
        ("for=192.0.2.1;for=192.0.2.2", {}),
        ("for=192.0.2.1;FOR=192.0.2.2", {}),
        ("for=192.0.2.1;proto=https;proto=http", {}),
        ("for=192.0.2.1;proto=ftp", from_client("192.0.2.1")),
        ('for=192.0.2.1;host="a b"', from_client("192.0.2.1")),
        ('for=192.0.2.1;host=""', from_client("192.0.2.1")),
        ("for=192.0.2.1:80", {}),
        ("for=[2001:db8::1]", {}),
        ('for="2001:db8::1"', {}),
        ('for="192.0.2.1', {}),
        ('for=192.0.2.1"', {}),
        ('for="192.0.2.\\1"', {}),
        ("for =192.0.2.1", {}),
        ("for= 192.0.2.1", {}),
        ("for=192.0.2.1;", {}),
        (";for=192.0.2.1", {}),
        ("for=192.0.2.1,", {}),
        ("for", {}),
        ("=192.0.2.1", {}),
        ("", {}),
        ("192.0.2.1", {}),
    ],
)
def test_forwarded(value: str, expected: dict[str, Any]) -> None:
    assert changes({"Forwarded": value}, "forwarded") == expected


def test_one_kind_of_fields_is_read_and_the_other_is_not() -> None:
    fields = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "x.example"}
    assert changes({**fields, "Forwarded": ""}, "forwarded") == {}
    assert changes({"Forwarded": "for=192.0.2.1;proto=https;host=x.example"}) == {}


@pytest.mark.parametrize("other", [{"REMOTE_ADDR": "192.0.2.9"}, {UNNAMED: True}])
def test_fields_of_an_untrusted_peer_are_ignored(other: dict[str, Any]) -> None:
    environ: dict[str, Any] = {**BEFORE, "HTTP_X_FORWARDED_FOR": "192.0.2.1", **other}
    before = dict(environ)
    Forwarding(PROXIES, "x-forwarded").apply(environ)
    assert environ == before


def test_environ_without_forwarded_fields_is_unchanged() -> None:
    assert changes({}) == changes({}, "forwarded") == {}


def test_an_element() -> None:
    assert read_element('a=b;C="d;e,f"') == {"a": "b", "c": "d;e,f"}
    assert read_element("") is None


def test_a_node() -> None:
    assert read_node("192.0.2.1:1") == Node("192.0.2.1", "1")
    assert read_node("2001:db8::1") is None
    assert read_node("2001:db8::1", bare=True) == Node("2001:db8::1")


@pytest.mark.parametrize(
    ("proxies", "fields", "settings", "said"),
    [
        (PROXIES, "both", {}, "forwarded is 'both'; it must be 'x-forwarded' or 'forwarded'"),
        (PROXIES, True, {}, "forwarded is True; it must be"),
        (TrustedProxies(), "forwarded", {}, "forwarded is 'forwarded', but trusted_proxies names no proxy"),
    ],
)
def test_invalid_settings(proxies: Any, fields: Any, settings: Any, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Forwarding(proxies, fields, **settings)
    assert str(caught.value).startswith(said)


PIECES = st.sampled_from(
    ["for", "=", ";", ",", '"', "192.0.2.1", "[", "]", ":", "::1", "proto", "host", "\\", " "]
)
TEXTS = st.lists(PIECES | st.characters(max_codepoint=255).map(str), max_size=40).map("".join)


@given(TEXTS)
def test_client_cannot_falsify_the_fields_of_its_proxy(prefix: str) -> None:
    """Whatever it sends, the trusted proxy adds to the right of it."""
    environ: dict[str, Any] = {**BEFORE, "HTTP_FORWARDED": f'{prefix}, for="[2001:db8::7]:1";proto=https'}
    Forwarding(PROXIES, "forwarded").apply(environ)
    assert (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]) == ("2001:db8::7", "https")
    assert environ["HTTP_HOST"] == BEFORE["HTTP_HOST"]
    environ = {**BEFORE, "HTTP_X_FORWARDED_FOR": f"{prefix}, 192.0.2.7"}
    Forwarding(PROXIES, "x-forwarded").apply(environ)
    assert environ["REMOTE_ADDR"] == "192.0.2.7"


@given(TEXTS, st.sampled_from(["x-forwarded", "forwarded"]))
def test_no_input_raises_or_yields_an_invalid_host(text: str, kind: str) -> None:
    names = ("FORWARDED", *(f"X_FORWARDED_{name}" for name in ("FOR", "PROTO", "HOST", "PORT", "PREFIX")))
    environ: dict[str, Any] = BEFORE | {f"HTTP_{name}": text for name in names}
    Forwarding(PROXIES, kind, host=True, prefix=True).apply(environ)
    assert environ["wsgi.url_scheme"] in ("http", "https")
    assert not set(environ["HTTP_HOST"]) & set(' "\\/@?#')
