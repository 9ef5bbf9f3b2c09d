"""What a Host field may be: one row for every case.

A row's name begins with the section, or the identifier of the vulnerability, that it comes from.
"""

import pytest

from kyoukai.core.errors import BadRequest
from kyoukai.core.semantics.host import HOST, check_host, valid_host
from kyoukai.core.semantics.variables import field_variables

Fields = list[tuple[bytes, bytes]]

NAMED = (b"Host", b"example.com")


def accept(*fields: tuple[bytes, bytes], version: str = "1.1") -> str | None:
    """Return the host that fields name, where they may."""
    host = field_variables(fields, 10).get("HTTP_HOST")
    check_host(host, version)
    return host


@pytest.mark.parametrize(
    "host",
    [
        pytest.param(b"example.com", id="RFC3986-3.2.2-reg-name"),
        pytest.param(b"example.com:8080", id="RFC3986-3.2.3-port"),
        pytest.param(b"example.com:0", id="RFC3986-3.2.3-port-0"),
        pytest.param(b"example.com:65535", id="RFC3986-3.2.3-port-65535"),
        pytest.param(b"example.com:", id="RFC3986-3.2.3-empty-port"),
        pytest.param(b"localhost", id="RFC3986-3.2.2-one-label"),
        pytest.param(b"example.com.", id="RFC3986-3.2.2-root"),
        pytest.param(b"EXAMPLE.com", id="RFC3986-3.2.2-case"),
        pytest.param(b"under_score.example", id="RFC3986-3.2.2-unreserved"),
        pytest.param(b"a!$&'()*+,;=~-b", id="RFC3986-3.2.2-sub-delims"),
        pytest.param(b"caf%C3%A9.example", id="RFC3986-3.2.2-pct-encoded"),
        pytest.param(b"192.0.2.1", id="RFC3986-3.2.2-IPv4"),
        pytest.param(b"192.0.2.1:80", id="RFC3986-3.2.2-IPv4-port"),
        pytest.param(b"[2001:db8::1]", id="RFC3986-3.2.2-IPv6"),
        pytest.param(b"[2001:DB8::1]:8080", id="RFC3986-3.2.2-IPv6-port"),
        pytest.param(b"[::ffff:192.0.2.1]", id="RFC3986-3.2.2-IPv4-in-IPv6"),
        pytest.param(b"[v1.fe80::a+en1]", id="RFC3986-3.2.2-IPvFuture"),
    ],
)
def test_host(host: bytes) -> None:
    assert accept((b"Host", host)) == host.decode()
    assert accept((b"hOST", b"\t" + host + b" ")) == host.decode()


BAD_HOSTS = [
    pytest.param(b"", id="RFC9112-3.2-empty"),
    pytest.param(b" ", id="RFC9112-3.2-blank"),
    pytest.param(b":80", id="RFC9110-4.2.1-no-host-before-port"),
    pytest.param(b"a b", id="RFC3986-3.2.2-space"),
    pytest.param(b"a\tb", id="RFC3986-3.2.2-tab"),
    pytest.param(b"a.example, b.example", id="CVE-2026-34525-list"),
    pytest.param(b"user@example.com", id="RFC9110-4.2.4-userinfo"),
    pytest.param(b"user:password@example.com", id="RFC9110-4.2.4-password"),
    pytest.param(b"example.com/", id="RFC3986-3.2.2-slash"),
    pytest.param(b"http://example.com", id="RFC3986-3.2.2-uri"),
    pytest.param(b"example.com?a", id="RFC3986-3.2.2-query"),
    pytest.param(b"example.com#a", id="RFC3986-3.2.2-fragment"),
    pytest.param(b"example.com\\a", id="RFC3986-3.2.2-backslash"),
    pytest.param(b'"example.com"', id="RFC3986-3.2.2-quotes"),
    pytest.param(b"<script>", id="RFC3986-3.2.2-markup"),
    pytest.param(b"a|b", id="RFC3986-3.2.2-bar"),
    pytest.param(b"caf%C3%A", id="RFC3986-2.1-half-an-octet"),
    pytest.param(b"caf%", id="RFC3986-2.1-percent"),
    pytest.param(b"%zz", id="RFC3986-2.1-no-hex"),
    pytest.param(b"caf\xe9.example", id="RFC3986-3.2.2-latin-1"),
    pytest.param(b"caf\xc3\xa9.example", id="RFC3986-3.2.2-UTF-8"),
    pytest.param(b"\xa0example.com", id="RFC9110-5.6.3-no-break-space"),
    pytest.param(b"example.com\x0b", id="CVE-2026-44546-vertical-tab"),
    pytest.param(b"example.com\x85", id="CVE-2026-44546-next-line"),
    pytest.param(b"example.com\n", id="RFC9110-5.5-line-feed"),
    pytest.param(b"example.com\0", id="RFC9110-5.5-NUL"),
    pytest.param(b"example.com:port", id="RFC3986-3.2.3-word"),
    pytest.param(b"example.com:80:80", id="RFC3986-3.2.3-two-ports"),
    pytest.param(b"example.com:+80", id="RFC3986-3.2.3-sign"),
    pytest.param(b"example.com: 80", id="RFC3986-3.2.3-space"),
    pytest.param(b"example.com:8\xb2", id="CVE-2025-69224-superscript"),
    pytest.param(b"example.com:123456", id="RFC3986-3.2.3-six-digits"),
    pytest.param(b"2001:db8::1", id="RFC3986-3.2.2-IPv6-without-brackets"),
    pytest.param(b"[2001:db8::1", id="RFC3986-3.2.2-unclosed"),
    pytest.param(b"2001:db8::1]", id="RFC3986-3.2.2-unopened"),
    pytest.param(b"[]", id="RFC3986-3.2.2-empty-literal"),
    pytest.param(b"[example.com]", id="RFC3986-3.2.2-name-in-brackets"),
    pytest.param(b"[::1]a", id="RFC3986-3.2.2-after-brackets"),
    pytest.param(b"[fe80::1%25en1]", id="RFC9844-zone"),
    pytest.param(b"[:]", id="RFC3986-3.2.2-colon"),
    pytest.param(b"[.]", id="RFC3986-3.2.2-dot"),
    pytest.param(b"[:::]", id="RFC3986-3.2.2-three-colons"),
    pytest.param(b"[1::2::3]", id="RFC3986-3.2.2-two-gaps"),
    pytest.param(b"[1:2:3:4:5:6:7]", id="RFC3986-3.2.2-seven-groups"),
    pytest.param(b"[1:2:3:4:5:6:7:8:9]", id="RFC3986-3.2.2-nine-groups"),
    pytest.param(b"[12345::]", id="RFC3986-3.2.2-five-digits"),
    pytest.param(b"[192.0.2.1]", id="RFC3986-3.2.2-IPv4-in-brackets"),
    pytest.param(b"[::192.0.2.256]", id="RFC3986-3.2.2-IPv4-in-IPv6-too-large"),
    pytest.param(b"[v.a]", id="RFC3986-3.2.2-IPvFuture-no-version"),
    pytest.param(b"[v1.]", id="RFC3986-3.2.2-IPvFuture-empty"),
]


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("host", BAD_HOSTS)
def test_bad_host(host: bytes, version: str) -> None:
    with pytest.raises(BadRequest):
        accept((b"Host", host), version=version)


@pytest.mark.parametrize(
    ("version", "fields"),
    [
        pytest.param("1.1", [], id="RFC9112-3.2-none"),
        pytest.param("1.2", [], id="RFC9112-3.2-none-1.2"),
        pytest.param("1.1", [NAMED, NAMED], id="CVE-2026-34525-equal"),
        pytest.param("1.1", [NAMED, (b"host", b"evil.example")], id="CVE-2026-34525-different"),
        pytest.param("1.1", [NAMED, (b"X-Own", b"1"), (b"HOST", b"")], id="CVE-2026-34525-empty"),
        pytest.param("1.0", [NAMED, NAMED], id="CVE-2026-34525-1.0"),
        pytest.param("1.1", [(b"H_ost", b"example.com")], id="RFC9112-3.2-misspelt"),
        pytest.param("1.1", [(b"Http-Host", b"example.com")], id="RFC9112-3.2-prefixed"),
    ],
)
def test_host_is_there_once(version: str, fields: Fields) -> None:
    with pytest.raises(BadRequest):
        accept(*fields, version=version)


def test_http_1_0_needs_no_host() -> None:
    # RFC 9112 section 3.2 asks it of HTTP/1.1 alone.
    assert accept(version="1.0") is None


def test_the_cache_of_hosts_is_bounded() -> None:
    assert valid_host.cache_info().maxsize == 256


# Were one of these matched in quadratic time, it would take many seconds.
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a" * 60000 + "/", id="name"),
        pytest.param("%41" * 20000 + "%", id="encoded"),
        pytest.param("[" + ":" * 60000, id="literal"),
    ],
)
def test_no_match_is_found_in_linear_time(text: str) -> None:
    assert HOST.fullmatch(text) is None
