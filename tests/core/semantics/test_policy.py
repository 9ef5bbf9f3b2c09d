"""What a request's head must satisfy: one table for every rule that is decided on the head.

A row's name begins with the section, or the identifier of the vulnerability, that it comes from.
"""

import gzip
from typing import Any

import pytest

from kyoukai.core.errors import (
    BadRequest,
    ContentTooLarge,
    ExpectationFailed,
    HeaderFieldsTooLarge,
    NotImplementedByServer,
    ProtocolError,
    UnsupportedMediaType,
    URITooLong,
)
from kyoukai.core.exchange.request_body import RequestBody
from kyoukai.core.limits import Limits
from kyoukai.core.semantics import policy
from kyoukai.core.semantics.content_coding import ContentDecoder
from kyoukai.core.semantics.framing import CHUNKED, NO_BODY, Framing
from kyoukai.core.semantics.methods import SERVED_METHODS
from kyoukai.core.semantics.policy import Accepted
from kyoukai.core.semantics.request_head import NOTHING, RequestHead
from kyoukai.core.semantics.variables import HEAD

LIMITS = Limits(max_target_size=300, max_head_size=1024, max_field_size=400, max_fields=6, max_body_size=1000)

Fields = list[tuple[bytes, bytes]]

HOST = (b"Host", b"example.com")


def judge(
    *fields: tuple[bytes, bytes],
    method: str = "POST",
    target: bytes = b"/",
    version: str = "1.1",
    host: tuple[bytes, bytes] | None = HOST,
    limits: Limits = LIMITS,
    max_length: int | None = None,
) -> Accepted:
    """Have the policy look at a head, and return what it makes of it, be the body refused or not.

    On a wire that is not HTTP/1, the same head must come to the same.
    """
    sent = RequestHead(method, target, version, [*([] if host is None else [host]), *fields])
    accepted = outcome(policy.accept, sent, limits, max_length, "kyoukai")
    if is_every_wires(sent, accepted):
        head = sent._replace(body_size=None if has(sent, b"content-length") else 0)
        if isinstance(accepted, Accepted):
            # That is the wire's to say.
            head = head._replace(
                expects_continue=accepted.head.expects_continue, upgrade=accepted.head.upgrade
            )
        other = outcome(policy.accept_delimited, head, limits, SERVED_METHODS, "kyoukai")
        assert without_http_1(other) == without_http_1(accepted)
    if isinstance(accepted, ProtocolError):
        raise accepted
    return accepted


def outcome(accept: Any, *arguments: Any) -> Accepted | ProtocolError:
    try:
        accepted: Accepted = accept(*arguments)
    except ProtocolError as error:
        return error
    return accepted


def has(sent: RequestHead, name: bytes) -> bool:
    return any(field.lower() == name for field, _ in sent.fields)


def is_every_wires(sent: RequestHead, accepted: Accepted | ProtocolError) -> bool:
    """Return whether a head means the same on every wire.

    Chunks and an Upgrade field are HTTP/1's. What is too large on other wires is for ``Exchange`` to refuse.
    """
    fault = accepted.fault if isinstance(accepted, Accepted) else accepted
    is_http_1s = has(sent, b"transfer-encoding") or (has(sent, b"upgrade") and sent.version == "1.0")
    return not is_http_1s and not isinstance(fault, ContentTooLarge)


def without_http_1(accepted: Accepted | ProtocolError) -> Any:
    """Return what an outcome says of every wire."""
    if isinstance(accepted, ProtocolError):
        return type(accepted), accepted.description
    return accepted.head, type(accepted.fault)


def delimited(*fields: tuple[bytes, bytes], methods: Any = SERVED_METHODS, **parts: Any) -> Accepted:
    """Have the policy look at a head that came by a wire which delimits bodies by itself."""
    sent = RequestHead(
        **{"method": "POST", "target": b"/", "version": "2", "fields": (HOST, *fields), **parts}
    )
    return policy.accept_delimited(sent, LIMITS, methods, "kyoukai")


def accept(*fields: tuple[bytes, bytes], **head: Any) -> Accepted:
    """Have the policy look at a head, and return what it makes of it.

    :raises ProtocolError: if it refuses the head, or the body.
    """
    accepted = judge(*fields, **head)
    if accepted.fault is not None:
        raise accepted.fault
    return accepted


def variables(accepted: Accepted) -> dict[str, str]:
    """Return the header fields as variables of the environ."""
    return {name: value for name, value in accepted.head.environ.items() if name not in HEAD}


def decoder(accepted: Accepted) -> ContentDecoder | None:
    """Return what removes the content coding of the body that a head announces."""
    return RequestBody(accepted.head, LIMITS.max_body_size).decoder


def refusal(*fields: tuple[bytes, bytes], **head: Any) -> tuple[type[ProtocolError], int]:
    """Have the policy refuse a head, and return the error's class and status."""
    with pytest.raises(ProtocolError) as caught:
        accept(*fields, **head)
    assert caught.value.code is not None
    return type(caught.value), caught.value.code


def test_a_plain_request() -> None:
    accepted = accept((b"Accept", b"*/*"), method="GET", target=b"/a%20b?c=%20d")
    assert variables(accepted) == {"HTTP_HOST": "example.com", "HTTP_ACCEPT": "*/*"}
    assert (accepted.head.path, accepted.head.query) == ("/a b", "c=%20d")
    assert accepted.framing == NO_BODY
    assert accepted.head.expects_continue is False
    assert accepted.head.upgrade == ""


# Host: RFC 9112 section 3.2


@pytest.mark.parametrize(
    ("fields", "version"),
    [
        pytest.param([], "1.1", id="RFC9112-3.2-none"),
        pytest.param([], "1.2", id="RFC9112-3.2-none-1.2"),
        pytest.param([(b"Host", b"a b")], "1.1", id="RFC3986-3.2.2-space"),
        pytest.param([(b"Host", b"a b")], "1.0", id="RFC3986-3.2.2-space-1.0"),
        pytest.param([HOST, HOST], "1.1", id="CVE-2026-34525"),
    ],
)
def test_invalid_host(fields: Fields, version: str) -> None:
    assert refusal(*fields, host=None, version=version) == (BadRequest, 400)


def test_http_1_0_needs_no_host() -> None:
    # RFC 9112 section 3.2 asks it of HTTP/1.1 alone.
    assert variables(accept(host=None, version="1.0")) == {}


# The target: RFC 9112 section 3.2


@pytest.mark.parametrize(
    ("method", "target", "host", "path", "query"),
    [
        pytest.param("GET", b"/", "example.com", "/", "", id="RFC9112-3.2.1"),
        pytest.param("GET", b"/a/b?c=d", "example.com", "/a/b", "c=d", id="RFC9112-3.2.1-query"),
        pytest.param("GET", b"/?", "example.com", "/", "", id="RFC9112-3.2.1-empty-query"),
        pytest.param("GET", b"/?a?b", "example.com", "/", "a?b", id="RFC3986-3.4-question-mark"),
        pytest.param("GET", b"/?a=%20b%", "example.com", "/", "a=%20b%", id="RFC3986-3.4-as-sent"),
        pytest.param("GET", b"/caf%C3%A9", "example.com", "/caf\xc3\xa9", "", id="PEP3333-latin-1"),
        pytest.param("GET", b"/%e9", "example.com", "/\xe9", "", id="PEP3333-no-UTF-8"),
        pytest.param("GET", b"/a%2Fb", "example.com", "/a/b", "", id="RFC3986-2.2-slash"),
        pytest.param("GET", b"/a%3Fb", "example.com", "/a?b", "", id="RFC3986-2.2-question-mark"),
        pytest.param("GET", b"/a%252Fb", "example.com", "/a%2Fb", "", id="RFC3986-2.4-decoded-once"),
        pytest.param("GET", b"/%zz%4", "example.com", "/%zz%4", "", id="RFC3986-2.1-no-octet"),
        pytest.param("GET", b"//a/b", "example.com", "//a/b", "", id="RFC9112-3.2.1-two-slashes"),
        pytest.param("GET", b"/../a", "example.com", "/../a", "", id="CVE-2024-23334-not-our-task"),
        pytest.param("GET", b"/*", "example.com", "/*", "", id="RFC9112-3.2.1-asterisk"),
        pytest.param("GET", b"/a:80@b", "example.com", "/a:80@b", "", id="RFC3986-3.3-pchar"),
        pytest.param("GET", b'/"<>[]^`{|}?\\', "example.com", '/"<>[]^`{|}', "\\", id="browsers-unescaped"),
        pytest.param("GET", b"http://other.example/a?b", "other.example", "/a", "b", id="RFC9112-3.2.2"),
        pytest.param("GET", b"http://other.example", "other.example", "/", "", id="RFC9112-3.2.2-no-path"),
        pytest.param(
            "GET", b"http://other.example?b", "other.example", "/", "b", id="RFC9112-3.2.2-only-query"
        ),
        pytest.param(
            "GET", b"https://other.example:8443/", "other.example:8443", "/", "", id="RFC9112-3.2.2-https"
        ),
        pytest.param("GET", b"HTTP://other.example/", "other.example", "/", "", id="RFC3986-3.1-case"),
        pytest.param("GET", b"http://[::1]:80/%20", "[::1]:80", "/ ", "", id="RFC9112-3.2.2-IPv6"),
        pytest.param("OPTIONS", b"*", "example.com", "", "", id="RFC9112-3.2.4"),
        pytest.param("OPTIONS", b"/", "example.com", "/", "", id="RFC9112-3.2.4-origin-form"),
        pytest.param(
            "OPTIONS", b"http://other.example", "other.example", "", "", id="RFC9112-3.2.4-from-a-proxy"
        ),
        pytest.param(
            "OPTIONS", b"http://other.example:8001", "other.example:8001", "", "", id="RFC9112-3.2.4-example"
        ),
        pytest.param(
            "OPTIONS", b"http://other.example/", "other.example", "/", "", id="RFC9112-3.2.4-with-path"
        ),
        pytest.param(
            "OPTIONS", b"http://other.example?a", "other.example", "/", "a", id="RFC9112-3.2.4-with-query"
        ),
    ],
)
def test_target(method: str, target: bytes, host: str, path: str, query: str) -> None:
    accepted = accept(method=method, target=target)
    assert variables(accepted) == {"HTTP_HOST": host}
    assert (accepted.head.path, accepted.head.query) == (path, query)
    # What was sent is kept beside it.
    assert accepted.head.target == target


@pytest.mark.parametrize(
    ("method", "target"),
    [
        pytest.param("GET", b"", id="RFC9112-3.2-empty"),
        pytest.param("GET", b"*", id="RFC9112-3.2.4-get"),
        pytest.param("POST", b"*", id="RFC9112-3.2.4-post"),
        pytest.param("OPTIONS", b"**", id="RFC9112-3.2.4-two"),
        pytest.param("OPTIONS", b"*/a", id="RFC9112-3.2.4-path"),
        pytest.param("OPTIONS", b"*?a", id="RFC9112-3.2.4-query"),
        pytest.param("GET", b"example.com:80", id="RFC9112-3.2.3-without-connect"),
        pytest.param("OPTIONS", b"example.com:80", id="RFC9112-3.2.3-options"),
        pytest.param("GET", b"a/b", id="RFC9112-3.2.1-relative"),
        pytest.param("GET", b"?a", id="RFC9112-3.2.1-only-query"),
        pytest.param("GET", b"\\a", id="RFC9112-3.2.1-backslash"),
        pytest.param("GET", b"/a#b", id="RFC9112-3.2-fragment"),
        pytest.param("GET", b"/#", id="RFC9112-3.2-empty-fragment"),
        pytest.param("GET", b"/?a#b", id="RFC9112-3.2-fragment-after-query"),
        pytest.param("GET", b"http://other.example/#b", id="RFC9112-3.2.2-fragment"),
        pytest.param("GET", b"http://other.example#b", id="RFC9112-3.2.2-fragment-of-authority"),
        pytest.param("GET", b"/a b", id="RFC9112-3.2-space"),
        pytest.param("GET", b"/a\tb", id="RFC9112-3.2-tab"),
        pytest.param("GET", b"/a\n", id="RFC9112-3.2-line-feed"),
        pytest.param("GET", b"/a\0", id="RFC9112-3.2-NUL"),
        pytest.param("GET", b"/a\x7f", id="RFC9112-3.2-DEL"),
        pytest.param("GET", b"/caf\xc3\xa9", id="RFC3986-3.3-UTF-8"),
        pytest.param("GET", b"/?caf\xe9", id="RFC3986-3.4-latin-1"),
        pytest.param("GET", b"\xef\xbc\x8fa", id="RFC3986-3.3-another-slash"),
        pytest.param("GET", b"http://", id="RFC9110-4.2.1-no-authority"),
        pytest.param("GET", b"http:///a", id="RFC9110-4.2.1-empty-authority"),
        pytest.param("GET", b"http://?a", id="RFC9110-4.2.1-query-for-authority"),
        pytest.param("GET", b"http:/a", id="RFC9110-4.2.1-one-slash"),
        pytest.param("GET", b"http:a", id="RFC9110-4.2.1-no-slash"),
        pytest.param("GET", b"other.example/a", id="RFC9112-3.2.2-no-scheme"),
        pytest.param("GET", b"ftp://other.example/", id="RFC9110-4.2-another-scheme"),
        pytest.param("GET", b"xhttp://other.example/", id="RFC9110-4.2-scheme-before"),
        pytest.param("GET", b"http://user@other.example/", id="RFC9110-4.2.4-userinfo"),
        pytest.param("GET", b"http://user:password@other.example/", id="RFC9110-4.2.4-password"),
        pytest.param("GET", b"http://other.example:port/", id="RFC3986-3.2.3-port"),
        pytest.param("GET", b"http://[::1/", id="RFC3986-3.2.2-unclosed"),
        pytest.param("GET", b"http://a b/", id="RFC3986-3.2.2-space"),
        pytest.param("GET", b"http://other.example/a b", id="RFC9112-3.2.2-space"),
        pytest.param("GET", b"http://caf\xe9.example/", id="RFC3986-3.2.2-latin-1"),
        pytest.param("GET", b"http://other.example\\@evil.example/", id="RFC3986-3.2.2-backslash"),
    ],
)
def test_bad_target(method: str, target: bytes) -> None:
    assert refusal(method=method, target=target) == (BadRequest, 400)


@pytest.mark.parametrize(
    "octet",
    sorted({*range(256)} - {*range(0x21, 0x7F)} | {ord("#")}),
    ids=lambda octet: f"RFC3986-2-x{octet:02x}",
)
def test_octets_forbidden_in_targets(octet: int) -> None:
    for place in (b"/%b", b"/a%bb", b"/?%b", b"http://other.example/%b"):
        assert refusal(target=place.replace(b"%b", bytes([octet]), 1)) == (BadRequest, 400)


def test_the_host_of_an_absolute_form_wins() -> None:
    # RFC 9112 section 3.2.2
    accepted = accept(target=b"http://other.example:8080/")
    assert variables(accepted)["HTTP_HOST"] == "other.example:8080"
    accepted = accept(target=b"http://other.example/", host=None, version="1.0")
    assert variables(accepted)["HTTP_HOST"] == "other.example"


@pytest.mark.parametrize(
    ("host", "fields"),
    [
        pytest.param(None, [], id="RFC9112-3.2-none"),
        pytest.param((b"Host", b"a b"), [], id="RFC9112-3.2-malformed"),
        pytest.param(HOST, [HOST], id="CVE-2026-34525"),
    ],
)
def test_an_absolute_form_does_not_excuse_the_host(host: tuple[bytes, bytes] | None, fields: Fields) -> None:
    # RFC 9112 section 3.2: any HTTP/1.1 request message, whatever its target.
    assert refusal(*fields, host=host, target=b"http://other.example/") == (BadRequest, 400)


# The method: RFC 9110 section 9


@pytest.mark.parametrize("method", sorted(SERVED_METHODS))
def test_method(method: bytes) -> None:
    policy.check_request_line(method, b"/", LIMITS)
    assert accept(method=method.decode()).head.method == method.decode()


def test_a_method_that_is_declared() -> None:
    with pytest.raises(NotImplementedByServer):
        policy.check_request_line(b"BREW", b"/", LIMITS)
    policy.check_request_line(b"BREW", b"/", LIMITS, {b"BREW"})


@pytest.mark.parametrize("target", [b"example.com:80", b"/", b"*", b"http://example.com/"])
def test_no_tunnels(target: bytes) -> None:
    # RFC 9110 section 9.3.6
    with pytest.raises(NotImplementedByServer, match="tunnels"):
        policy.check_request_line(b"CONNECT", target, LIMITS)


# The request line, before the fields have come


@pytest.mark.parametrize(
    ("method", "target", "error"),
    [
        pytest.param(b"GET", b"/", None, id="RFC9112-3"),
        pytest.param(b"OPTIONS", b"*", None, id="RFC9112-3.2.4"),
        pytest.param(b"GET", b"http://a/", None, id="RFC9112-3.2.2"),
        pytest.param(b"GET", b"/" + b"a" * 299, None, id="RFC9112-3-at-300"),
        pytest.param(b"GET", b"/" + b"a" * 300, URITooLong, id="RFC9112-3-at-301"),
        pytest.param(b"GET", b"*", BadRequest, id="RFC9112-3.2.4-get"),
        pytest.param(b"GET", b"/#", BadRequest, id="RFC9112-3.2-fragment"),
        pytest.param(b"FOO", b"/", NotImplementedByServer, id="RFC9110-9.1"),
        pytest.param(b"FOO", b"#", NotImplementedByServer, id="method-before-form"),
        pytest.param(b"FOO", b"/" + b"a" * 300, NotImplementedByServer, id="method-before-size"),
        pytest.param(b"GET", b"#" * 301, URITooLong, id="size-before-form"),
    ],
)
def test_request_line(method: bytes, target: bytes, error: type[ProtocolError] | None) -> None:
    if error is None:
        policy.check_request_line(method, target, LIMITS)
    else:
        with pytest.raises(error):
            policy.check_request_line(method, target, LIMITS)


# The version: RFC 9110 section 2.5


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "1.9"])
def test_version(version: str) -> None:
    assert accept(version=version).head.version == version


# Where the message ends: RFC 9112 section 6.3

FIVE = (b"Content-Length", b"5")
CHUNKED_FIELD = (b"Transfer-Encoding", b"chunked")


@pytest.mark.parametrize(
    ("fields", "framing", "size"),
    [
        pytest.param([], NO_BODY, 0, id="RFC9112-6.3-neither"),
        pytest.param([FIVE], Framing(5, False), 5, id="RFC9112-6.3-length"),
        pytest.param([(b"Content-Length", b"0")], NO_BODY, 0, id="RFC9112-6.3-length-0"),
        pytest.param([CHUNKED_FIELD], CHUNKED, None, id="RFC9112-6.3-chunked"),
    ],
)
def test_framing(fields: Fields, framing: Framing, size: int | None) -> None:
    accepted = accept(*fields)
    assert (accepted.framing, accepted.head.body_size) == (framing, size)


@pytest.mark.parametrize(
    ("fields", "version", "error"),
    [
        pytest.param([(b"Content-Length", b"+5")], "1.1", (BadRequest, 400), id="CVE-2023-47627"),
        pytest.param([FIVE, FIVE], "1.1", (BadRequest, 400), id="RFC9112-6.3-equal"),
        pytest.param([FIVE, CHUNKED_FIELD], "1.1", (BadRequest, 400), id="CVE-2023-47641"),
        pytest.param([CHUNKED_FIELD], "1.0", (BadRequest, 400), id="RFC9112-6.1"),
        pytest.param(
            [(b"Transfer-Encoding", b"gzip, chunked")],
            "1.1",
            (NotImplementedByServer, 501),
            id="CVE-2019-16786",
        ),
    ],
)
def test_a_message_without_an_end(
    fields: Fields, version: str, error: tuple[type[ProtocolError], int]
) -> None:
    assert refusal(*fields, version=version) == error


# Expect: RFC 9110 section 10.1.1


@pytest.mark.parametrize(
    ("value", "version", "fields", "expected"),
    [
        pytest.param(b"100-continue", "1.1", [FIVE], True, id="RFC9110-10.1.1"),
        pytest.param(b"100-continue", "1.1", [CHUNKED_FIELD], True, id="RFC9110-10.1.1-chunked"),
        pytest.param(b"100-Continue", "1.1", [FIVE], True, id="RFC9110-10.1.1-case"),
        pytest.param(b" 100-CONTINUE\t", "1.1", [FIVE], True, id="RFC9110-10.1.1-white-space"),
        pytest.param(b"100-continue", "1.2", [FIVE], True, id="RFC9110-2.5-minor"),
        pytest.param(b"100-continue", "1.1", [], False, id="RFC9110-10.1.1-no-body"),
        pytest.param(
            b"100-continue", "1.1", [(b"Content-Length", b"0")], False, id="RFC9110-10.1.1-length-0"
        ),
        pytest.param(b"100-continue", "1.0", [FIVE], False, id="RFC9110-10.1.1-1.0"),
        pytest.param(b"something-else", "1.0", [FIVE], False, id="RFC9110-10.1.1-1.0-ignores-any"),
    ],
)
def test_expect(value: bytes, version: str, fields: Fields, expected: bool) -> None:
    assert accept((b"Expect", value), *fields, version=version).head.expects_continue is expected


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"", id="RFC9110-10.1.1-empty"),
        pytest.param(b"200-ok", id="RFC9110-10.1.1-other"),
        pytest.param(b"100", id="RFC9110-10.1.1-shorter"),
        pytest.param(b"100-continued", id="RFC9110-10.1.1-longer"),
        pytest.param(b"100-continue, something-else", id="RFC9110-10.1.1-list"),
        pytest.param(b"100-continue;a=b", id="RFC9110-10.1.1-parameter"),
    ],
)
def test_an_expectation_that_cannot_be_met(value: bytes) -> None:
    for fields in ([], [FIVE], [CHUNKED_FIELD]):
        assert refusal((b"Expect", value), *fields) == (ExpectationFailed, 417)


# Content-Encoding: RFC 9110 section 8.4


def coding(value: bytes) -> tuple[bytes, bytes]:
    return (b"Content-Encoding", value)


@pytest.mark.parametrize("value", [b"gzip", b"GZIP", b"x-gzip", b"\tgzip "])
def test_a_body_with_a_content_coding(value: bytes) -> None:
    for field in (FIVE, CHUNKED_FIELD):
        decodes = decoder(accept(field, coding(value)))
        assert decodes is not None
        assert decodes.decode(gzip.compress(b"hello")) == b"hello"
        decodes.finish()
        assert decodes.size == 5


def test_deflate() -> None:
    decodes = decoder(accept(FIVE, coding(b"Deflate")))
    assert decodes is not None
    with pytest.raises(BadRequest):
        decodes.decode(gzip.compress(b"hello"))


def test_each_body_has_a_decoder_of_its_own() -> None:
    first, second = (decoder(accept(FIVE, coding(b"gzip"))) for _ in range(2))
    assert first is not second


@pytest.mark.parametrize("value", [b"identity", b"Identity", b"", b" "])
def test_a_coding_that_says_nothing(value: bytes) -> None:
    assert decoder(accept(FIVE, coding(value))) is None


def test_the_decoded_body_is_held_to_the_limit() -> None:
    decodes = decoder(accept(FIVE, coding(b"gzip")))
    assert decodes is not None
    assert decodes.decode(gzip.compress(bytes(1000))) == bytes(1000)
    decodes = decoder(accept(FIVE, coding(b"gzip")))
    assert decodes is not None
    with pytest.raises(ContentTooLarge):
        decodes.decode(gzip.compress(bytes(1001)))


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([b"br"], id="RFC7932"),
        pytest.param([b"zstd"], id="RFC8878"),
        pytest.param([b"compress"], id="RFC9110-8.4.1.1"),
        pytest.param([b"nonsense"], id="RFC9110-15.5.16"),
        pytest.param([b"gzip, gzip"], id="RFC9110-8.4-list"),
        pytest.param([b"deflate, gzip"], id="RFC9110-8.4-list-of-two"),
        pytest.param([b"identity, gzip"], id="RFC9110-8.4-list-with-identity"),
        pytest.param([b"gzip,"], id="RFC9110-5.6.1-empty-element"),
        pytest.param([b"gzip", b"gzip"], id="RFC9110-5.3-two-fields"),
        pytest.param([b"gzip", b""], id="RFC9110-5.3-second-empty"),
        pytest.param([b"gzip;q=1"], id="RFC9110-8.4.1-parameter"),
        pytest.param([b"\xa0gzip"], id="RFC9110-5.6.3-no-break-space"),
    ],
)
def test_a_coding_that_is_not_taken(values: list[bytes]) -> None:
    for field in (FIVE, CHUNKED_FIELD):
        assert refusal(field, *map(coding, values)) == (UnsupportedMediaType, 415)


@pytest.mark.parametrize("fields", [[], [(b"Content-Length", b"0")]])
def test_without_a_body_there_is_nothing_to_decode(fields: Fields) -> None:
    for value in (b"gzip", b"br", b"gzip, gzip"):
        assert decoder(accept(*fields, coding(value))) is None


def test_the_size_and_the_expectation_are_looked_at_before_the_coding() -> None:
    assert refusal((b"Content-Length", b"1001"), coding(b"br")) == (ContentTooLarge, 413)
    assert refusal(FIVE, coding(b"br"), (b"Expect", b"nonsense")) == (ExpectationFailed, 417)


# Persistence: RFC 9112 section 9.3

PERSISTENCE = [
    ("1.1", [], True),
    ("1.9", [], True),
    ("1.0", [], False),
    ("1.1", [b"close"], False),
    ("1.1", [b"Close"], False),
    ("1.1", [b"upgrade, \tCLOSE ,x"], False),
    ("1.1", [b"x", b"close"], False),
    ("1.1", [b"close,close"], False),
    ("1.1", [b""], True),
    ("1.1", [b"closed", b"not-close"], True),
    ("1.1", [b'"close"'], True),
    ("1.1", [b"close;a"], True),
    ("1.1", [b"\xa0close"], True),
    ("1.1", [b"keep-alive"], True),
    ("1.1", [b"keep-alive, close"], False),
    ("1.0", [b"close"], False),
    ("1.0", [b"keep-alive"], True),
    ("1.0", [b"", b"x,Keep-Alive"], True),
    ("1.0", [b"keep-alive", b"close"], False),
    ("1.0", [b"\xa0keep-alive"], False),
    ("1.0", [b"upgrade"], False),
]


@pytest.mark.parametrize(("version", "values", "expected"), PERSISTENCE)
def test_persistence(version: str, values: list[bytes], expected: bool) -> None:
    accepted = accept(*((b"Connection", value) for value in values), version=version)
    assert accepted.keep_alive is expected


def test_persistence_has_no_other_field() -> None:
    # RFC 9112 section 9.3 knows none; what a proxy of HTTP/1.0 may have sent is no option.
    fields = [(b"Proxy-Connection", b"close"), (b"Keep-Alive", b"timeout=0"), (b"Connection_", b"close")]
    assert accept(*fields).keep_alive is True
    assert accept((b"Proxy-Connection", b"keep-alive"), version="1.0").keep_alive is False


@pytest.mark.parametrize(
    ("value", "options"),
    [
        ("", {""}),
        ("close", {"close"}),
        ("Keep-Alive,\tUpgrade , X", {"keep-alive", "upgrade", "x"}),
        ("a,,b", {"a", "", "b"}),
    ],
)
def test_connection_options(value: str, options: set[str]) -> None:
    assert policy.connection_options(value) == options


@pytest.mark.parametrize(("version", "values", "expected"), PERSISTENCE)
def test_persistence_by_the_options(version: str, values: list[bytes], expected: bool) -> None:
    options = policy.connection_options(b",".join(values).decode("latin-1"))
    assert policy.persists(options, version) is expected


# Upgrade: RFC 9110 section 7.8


@pytest.mark.parametrize(
    ("value", "fields", "framing"),
    [
        pytest.param(b"h2c", [FIVE], Framing(5, False), id="uvicorn-2722"),
        pytest.param(b"h2c", [CHUNKED_FIELD], CHUNKED, id="uvicorn-2722-chunked"),
        pytest.param(b"websocket", [], NO_BODY, id="RFC6455-4.1"),
        pytest.param(b"TLS/1.0", [], NO_BODY, id="RFC2817-3"),
    ],
)
@pytest.mark.parametrize("options", [b"upgrade", b"Upgrade", b"keep-alive, \tUPGRADE", b"close, upgrade"])
def test_upgrade(value: bytes, fields: Fields, framing: Framing, options: bytes) -> None:
    accepted = accept((b"Upgrade", value), (b"Connection", options), *fields)
    assert accepted.head.upgrade == value.decode()
    assert variables(accepted)["HTTP_UPGRADE"] == value.decode()
    assert accepted.framing == framing
    assert accepted.keep_alive is (b"close" not in options)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param([], id="no-connection-field"),
        pytest.param([(b"Connection", b"keep-alive")], id="another-option"),
        pytest.param([(b"Connection", b"upgraded")], id="longer-option"),
        pytest.param([(b"Connection", b"")], id="no-option"),
        pytest.param([(b"Connection_", b"upgrade")], id="underscore"),
    ],
)
def test_an_upgrade_without_the_connection_option_is_no_offer(fields: Fields) -> None:
    # "A sender of Upgrade MUST also send an Upgrade connection option": else a proxy passed it on.
    accepted = accept((b"Upgrade", b"websocket"), *fields)
    assert accepted.head.upgrade == ""
    assert variables(accepted)["HTTP_UPGRADE"] == "websocket"
    assert accepted.keep_alive is True


def test_the_connection_option_without_an_upgrade_is_no_offer() -> None:
    assert accept((b"Connection", b"upgrade")).head.upgrade == ""


@pytest.mark.parametrize("options", [None, b"upgrade", b"upgrade, keep-alive"])
def test_http_1_0_has_no_upgrade(options: bytes | None) -> None:
    fields = [] if options is None else [(b"Connection", options)]
    accepted = accept((b"Upgrade", b"websocket"), *fields, version="1.0")
    assert accepted.head.upgrade == ""
    assert "HTTP_UPGRADE" not in variables(accepted)
    assert accepted.keep_alive is (options == b"upgrade, keep-alive")


# Field names and values: RFC 9110 section 5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param(b"Content_Length", b"5", id="alias-of-content-length"),
        pytest.param(b"CONTENT_LENGTH", b"five", id="alias-of-content-length-upper"),
        pytest.param(b"Transfer_Encoding", b"chunked", id="alias-of-transfer-encoding"),
        pytest.param(b"Transfer_Encoding", b"nonsense", id="alias-of-a-bad-transfer-encoding"),
        pytest.param(b"Content_Type", b"text/html", id="alias-of-content-type"),
        pytest.param(b"X_Forwarded-For", b"127.0.0.1", id="alias-of-x-forwarded-for"),
        pytest.param(b"Expect_", b"nonsense", id="underscore-after"),
        pytest.param(b"_Expect", b"nonsense", id="underscore-before"),
        pytest.param(b"_", b"", id="nothing-else"),
    ],
)
def test_a_name_with_an_underscore_is_dropped(name: bytes, value: bytes) -> None:
    accepted = accept((name, value))
    assert variables(accepted) == {"HTTP_HOST": "example.com"}
    assert accepted.framing == NO_BODY


def test_an_underscore_does_not_hide_the_dashed_one() -> None:
    accepted = accept((b"X_Real-IP", b"evil"), (b"X-Real-IP", b"192.0.2.1"), (b"X-Real_IP", b"evil"), FIVE)
    assert variables(accepted)["HTTP_X_REAL_IP"] == "192.0.2.1"
    assert accepted.framing == Framing(5, False)


def test_obs_text_is_kept_as_latin_1() -> None:
    # RFC 9110 section 5.5, PEP 3333
    value = bytes(range(0x80, 0x100))
    assert variables(accept((b"X-Own", value)))["HTTP_X_OWN"] == value.decode("latin-1")


def test_fields_of_one_name_are_joined() -> None:
    accepted = accept((b"X-Own", b"1"), (b"Cookie", b"a=1"), (b"x-own", b"2"), (b"cookie", b"b=2"))
    assert variables(accepted)["HTTP_X_OWN"] == "1,2"
    assert variables(accepted)["HTTP_COOKIE"] == "a=1; b=2"


# Limits, exactly at the bound and one above


@pytest.mark.parametrize(
    ("target", "is_accepted"),
    [
        pytest.param(b"/" + b"a" * 299, True, id="RFC9112-3-at-300"),
        pytest.param(b"/" + b"a" * 300, False, id="RFC9112-3-at-301"),
        pytest.param(b"/?" + b"a" * 298, True, id="RFC9112-3-query-at-300"),
        pytest.param(b"/?" + b"a" * 299, False, id="RFC9112-3-query-at-301"),
        pytest.param(b"/" + b"%41" * 99 + b"aa", True, id="RFC9112-3-as-sent-at-300"),
        pytest.param(b"/" + b"%41" * 100, False, id="RFC9112-3-as-sent-at-301"),
        pytest.param(b"http://a/" + b"a" * 291, True, id="RFC9112-3-absolute-at-300"),
        pytest.param(b"http://a/" + b"a" * 292, False, id="RFC9112-3-absolute-at-301"),
        pytest.param(b"nonsense" * 50, False, id="RFC9112-3-before-its-form"),
        pytest.param(b"/" + b"a" * 65535, False, id="httptools-144"),
    ],
)
def test_max_target_size(target: bytes, is_accepted: bool) -> None:
    if is_accepted:
        assert accept(target=target).head.target == target
    else:
        assert refusal(target=target) == (URITooLong, 414)


@pytest.mark.parametrize(
    ("fields", "is_accepted"),
    [
        pytest.param([(b"X-Own", b"a")] * 5, True, id="RFC6585-5-fields-at-6"),
        pytest.param([(b"X-Own", b"a")] * 6, False, id="CVE-2025-67725-fields-at-7"),
        pytest.param([(b"X-%d" % i, b"a") for i in range(6)], False, id="RFC6585-5-names-at-7"),
        pytest.param([(b"X_", b"a")] * 6, False, id="RFC6585-5-dropped-at-7"),
    ],
)
def test_number_of_fields(fields: Fields, is_accepted: bool) -> None:
    # Host is one of them.
    if is_accepted:
        accept(*fields)
    else:
        assert refusal(*fields) == (HeaderFieldsTooLarge, 431)


@pytest.mark.parametrize(
    ("length", "is_accepted"),
    [
        pytest.param(b"1000", True, id="RFC9110-15.5.14-at-1000"),
        pytest.param(b"1001", False, id="RFC9110-15.5.14-at-1001"),
        pytest.param(b"9" * 19, False, id="RFC9110-15.5.14-19-digits"),
    ],
)
def test_max_body_size(length: bytes, is_accepted: bool) -> None:
    field = (b"Content-Length", length)
    if is_accepted:
        assert accept(field).framing == Framing(1000, False)
    else:
        assert refusal(field) == (ContentTooLarge, 413)
        # No 100 is sent to one that is refused.
        assert refusal(field, (b"Expect", b"100-continue")) == (ContentTooLarge, 413)


def test_a_length_that_the_application_may_let_pass() -> None:
    fields = [(b"Content-Length", b"5000"), coding(b"gzip")]
    accepted = accept(*fields, max_length=5000)
    assert accepted.framing.content_length == accepted.head.body_size == 5000
    decodes = decoder(accepted)
    assert decodes is not None
    assert decodes.max_size == LIMITS.max_body_size
    with pytest.raises(ContentTooLarge):
        accept(*fields, max_length=4999)


def test_a_server_that_takes_no_bodies() -> None:
    limits = Limits(max_body_size=0)
    accept((b"Content-Length", b"0"), limits=limits)
    assert refusal((b"Content-Length", b"1"), limits=limits) == (ContentTooLarge, 413)


def test_an_expectation_that_cannot_be_met_gets_no_larger_limit() -> None:
    for length, error in ((b"1000", ExpectationFailed), (b"1001", ContentTooLarge)):
        with pytest.raises(error):
            accept((b"Content-Length", length), (b"Expect", b"magic"), max_length=1_000_000)


# What is said to the client


@pytest.mark.parametrize(
    "head",
    [
        {"host": (b"Host", b"<secret>")},
        {"target": b"<secret>"},
        {"fields": [(b"Content-Length", b"<secret>")]},
        {"fields": [(b"Transfer-Encoding", b"<secret>")]},
        {"fields": [(b"Transfer-Encoding", b"secret, chunked")]},
        {"fields": [(b"Expect", b"<secret>")]},
        {"fields": [FIVE, (b"Content-Encoding", b"<secret>")]},
    ],
    ids=repr,
)
def test_no_refusal_repeats_what_the_client_sent(head: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError) as caught:
        accept(*head.pop("fields", []), **head)
    assert caught.value.description
    assert "secret" not in caught.value.description.lower()


@pytest.mark.parametrize(("method", "target"), [(b"<SECRET>", b"/"), (b"GET", b"<secret>")])
def test_no_refusal_repeats_the_request_line(method: bytes, target: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        policy.check_request_line(method, target, LIMITS)
    assert caught.value.description
    assert "secret" not in caught.value.description.lower()


def test_a_refused_head_leaves_nothing_behind() -> None:
    sent = RequestHead("POST", b"/", "1.1", [HOST, (b"Expect", b"magic"), (b"Content-Length", b"5")])
    before = tuple(sent.fields)
    with pytest.raises(ExpectationFailed):
        policy.accept(sent, LIMITS)
    assert tuple(sent.fields) == before
    assert sent == RequestHead("POST", b"/", "1.1", sent.fields)
    assert not sent.is_accepted
    # What all heads share that were not accepted.
    assert NOTHING == {}


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ([(b"Content-Length", b"1001"), (b"Expect", b"100-continue")], ContentTooLarge),
        ([(b"Content-Length", b"1001"), (b"Content-Encoding", b"br")], ContentTooLarge),
        ([(b"Content-Length", b"1001"), (b"Expect", b"magic")], ContentTooLarge),
        ([FIVE, (b"Content-Encoding", b"br")], UnsupportedMediaType),
        ([(b"Transfer-Encoding", b"chunked"), (b"Content-Encoding", b"br")], UnsupportedMediaType),
    ],
)
def test_a_head_whose_body_is_refused_is_written_down(fields: list[Any], error: type[ProtocolError]) -> None:
    accepted = judge(*fields, (b"Connection", b"close"), target=b"/path?query")
    assert type(accepted.fault) is error
    assert accepted.head.is_accepted
    assert (accepted.head.path, accepted.head.query, accepted.keep_alive) == ("/path", "query", False)
    assert accepted.framing != NO_BODY
    assert variables(accepted)["HTTP_HOST"] == HOST[1].decode()
    assert accepted.head.coding == ""
    assert decoder(accepted) is None


def test_head_faults_take_precedence_over_body_faults() -> None:
    for fields in ([(b"Content-Length", b"1001")], [FIVE, (b"Content-Encoding", b"br")]):
        with pytest.raises(BadRequest):
            accept(*fields, method="POST", target=b"http://a:b/")


def test_a_body_of_an_unknown_coding_gets_no_larger_limit() -> None:
    """An application may let a larger body pass; nobody asks it for one that is refused anyway."""
    for length, error in ((b"1000", UnsupportedMediaType), (b"1001", ContentTooLarge)):
        with pytest.raises(error):
            accept((b"Content-Length", length), coding(b"br"), max_length=1_000_000)


# Wires that delimit bodies by themselves, such as HTTP/2 and SCGI: what is not HTTP/1's as well


def test_a_head_of_another_wire() -> None:
    accepted = delimited((b"accept", b"*/*"), method="GET", target=b"/caf%C3%A9?b=%20")
    assert (accepted.framing, accepted.keep_alive, accepted.fault) == (NO_BODY, True, None)
    head = accepted.head
    assert head.is_accepted
    assert (head.method, head.target, head.version) == ("GET", b"/caf%C3%A9?b=%20", "2")
    assert (head.path, head.query, head.body_size, head.coding) == ("/caf\xc3\xa9", "b=%20", 0, "")
    environ = head.environ
    assert (environ["SERVER_PROTOCOL"], environ["SERVER_SOFTWARE"]) == ("HTTP/2", "kyoukai")


@pytest.mark.parametrize(
    ("fields", "size", "expected"),
    [
        pytest.param([], 0, 0, id="no-body"),
        pytest.param([], 5, 5, id="a-size"),
        pytest.param([], None, None, id="until-its-end"),
        pytest.param([b"5"], 5, 5, id="RFC9113-8.1.1-equal"),
        pytest.param([b"5"], None, 5, id="RFC9113-8.1.1-announced"),
        pytest.param([b"0"], 0, 0, id="RFC9113-8.1.1-none"),
        pytest.param([b"0"], None, 0, id="RFC9113-8.1.1-announced-none"),
        pytest.param([b"6"], 5, BadRequest, id="RFC9113-8.1.1-more"),
        pytest.param([b"5"], 0, BadRequest, id="RFC9113-8.1.1-of-no-body"),
        pytest.param([b"0"], 5, BadRequest, id="RFC9113-8.1.1-less"),
        pytest.param([b"five"], 5, BadRequest, id="RFC9110-8.6"),
        pytest.param([b"5,5"], 5, BadRequest, id="RFC9110-8.6-list"),
        pytest.param([b"5", b"5"], 5, BadRequest, id="RFC9110-8.6-twice"),
        pytest.param([b"+5"], None, BadRequest, id="CVE-2023-47627"),
    ],
)
def test_the_size_of_the_body(fields: list[bytes], size: int | None, expected: Any) -> None:
    lengths = [(b"content-length", value) for value in fields]
    if expected is BadRequest:
        with pytest.raises(BadRequest):
            delimited(*lengths, body_size=size)
    else:
        assert delimited(*lengths, body_size=size).head.body_size == expected


@pytest.mark.parametrize("size", [1001, 1_000_000])
def test_body_size_beyond_the_limit_is_left_to_the_exchange(size: int) -> None:
    # An application may let a larger body pass; see Exchange.receive_announced().
    assert delimited(body_size=size).head.body_size == size


def test_the_size_of_the_body_is_in_the_environ_however_it_was_told() -> None:
    # RFC 3875 section 4.1.2
    for accepted in (delimited(body_size=7), delimited((b"content-length", b"7"), body_size=None)):
        assert accepted.head.environ["CONTENT_LENGTH"] == "7"
    for size in (0, None):
        assert "CONTENT_LENGTH" not in delimited(body_size=size).head.environ


@pytest.mark.parametrize(
    ("head", "error"),
    [
        pytest.param({"target": b"/" + b"a" * 2000}, URITooLong, id="RFC9110-15.5.15-above-the-head"),
        pytest.param(
            {"method": "BREW", "target": b"/" * 301}, URITooLong, id="RFC9110-15.5.15-before-the-method"
        ),
        pytest.param({"method": "BREW"}, NotImplementedByServer, id="RFC9110-9.1"),
        pytest.param({"method": "GE(T"}, BadRequest, id="RFC9110-9.1-delimiter"),
        pytest.param({"method": "\rGET"}, BadRequest, id="RFC9110-9.1-control"),
        pytest.param({"method": "CONNECT", "target": b"a:80"}, NotImplementedByServer, id="RFC9110-9.3.6"),
        pytest.param({"method": "caf\xe9"}, BadRequest, id="RFC9110-9.1-no-token"),
        pytest.param({"method": ""}, BadRequest, id="RFC9110-9.1-empty"),
    ],
)
def test_a_request_line_of_another_wire(head: dict[str, Any], error: type[ProtocolError]) -> None:
    with pytest.raises(error):
        delimited(**head)


def test_a_target_that_is_longer_than_a_head_may_be() -> None:
    limits = Limits(max_head_size=1024)
    with pytest.raises(URITooLong):
        policy.accept_delimited(RequestHead("GET", b"/" * 1025, "2"), limits)


def test_the_first_fault_of_many_fields_is_told() -> None:
    fields = [(b"x-a", b"1")] * 6
    with pytest.raises(HeaderFieldsTooLarge):
        policy.check_fields([*fields, (b"x a", b"1")], LIMITS)
    with pytest.raises(BadRequest):
        policy.check_fields([(b"x a", b"1"), *fields], LIMITS)


def test_methods_that_are_declared() -> None:
    assert delimited(method="BREW", methods={b"BREW"}).head.method == "BREW"
    with pytest.raises(NotImplementedByServer):
        delimited(methods={b"GET"})


# Fields, which no reader of lines has seen


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param(b"", b"a", id="RFC9110-5.1-empty"),
        pytest.param(b"a b", b"c", id="RFC9110-5.1-space"),
        pytest.param(b" a", b"c", id="RFC9110-5.1-space-before"),
        pytest.param(b"a ", b"c", id="RFC9110-5.1-space-behind"),
        pytest.param(b"a:b", b"c", id="RFC9110-5.1-colon"),
        pytest.param(b"content-length:5\r\nx", b"c", id="RFC9110-5.1-another-field"),
        pytest.param(b":path", b"/", id="RFC9113-8.3-pseudo-header"),
        pytest.param(b"a\r\n", b"c", id="RFC9110-5.1-CRLF"),
        pytest.param(b"a\0", b"c", id="RFC9110-5.1-NUL"),
        pytest.param(b"caf\xe9", b"c", id="RFC9110-5.1-obs-text"),
        pytest.param(b"a", b"b\r\nc: d", id="RFC9113-8.2.1-CRLF"),
        pytest.param(b"a", b"b\n", id="RFC9113-8.2.1-LF"),
        pytest.param(b"a", b"\rb", id="RFC9113-8.2.1-CR"),
        pytest.param(b"a", b"b\0c", id="RFC9113-8.2.1-NUL"),
        pytest.param(b"a", b"b\x7f", id="RFC9110-5.5-DEL"),
        pytest.param(b"a", b"\x1b[2J", id="RFC9110-5.5-escape"),
    ],
)
def test_invalid_field(name: bytes, value: bytes) -> None:
    with pytest.raises(BadRequest):
        delimited((name, value))
    with pytest.raises(BadRequest):
        policy.check_trailers([(name, value)], LIMITS)


@pytest.mark.parametrize("value", [b"", b"b", b"b:c", b"b\tc", b"\xe9\xff", b" b "])
def test_valid_fields(value: bytes) -> None:
    assert delimited((b"x-a", value)).head.environ["HTTP_X_A"] == value.decode("latin-1").strip()


@pytest.mark.parametrize(
    ("fields", "is_accepted"),
    [
        pytest.param([(b"a", b"b" * 399)], True, id="field-400"),
        pytest.param([(b"a", b"b" * 400)], False, id="field-401"),
        pytest.param([(b"a" * 401, b"")], False, id="name-401"),
        pytest.param([(b"a", b"b")] * 5, True, id="fields-6"),
        pytest.param([(b"a", b"b")] * 6, False, id="fields-7"),
        # "POST / HTTP/1.1" has 15 bytes, Host as many, each field four besides, each line and the end two.
        pytest.param([(b"a", b"b" * 399)] * 2 + [(b"a", b"b" * 173)], True, id="head-1024"),
        pytest.param([(b"a", b"b" * 399)] * 2 + [(b"a", b"b" * 174)], False, id="head-1025"),
    ],
)
def test_limits_of_fields(fields: Fields, is_accepted: bool) -> None:
    if is_accepted:
        delimited(*fields)
    else:
        with pytest.raises(HeaderFieldsTooLarge):
            delimited(*fields)


def test_start_line_counts_towards_the_limit() -> None:
    fields = [(b"a", b"b" * 100)]
    policy.check_fields(fields, LIMITS, 1024 - 105)
    with pytest.raises(HeaderFieldsTooLarge):
        policy.check_fields(fields, LIMITS, 1024 - 104)


@pytest.mark.parametrize("name", [b"Content-Length", b"transfer-encoding"])
def test_a_trailer_that_frames_the_message(name: bytes) -> None:
    with pytest.raises(BadRequest, match="gives the length"):
        policy.check_trailers([(b"x-sum", b"1"), (name, b"5")], LIMITS)


def test_trailers() -> None:
    policy.check_trailers([], LIMITS)
    policy.check_trailers([(b"x-sum", b"1")] * 6, LIMITS)
    with pytest.raises(HeaderFieldsTooLarge):
        policy.check_trailers([(b"x-sum", b"1")] * 7, LIMITS)
    # The end of the section counts, as in a head.
    policy.check_trailers([(b"a", b"b" * 335)] * 2 + [(b"a", b"b" * 337)], LIMITS)
    with pytest.raises(HeaderFieldsTooLarge):
        policy.check_trailers([(b"a", b"b" * 335)] * 2 + [(b"a", b"b" * 338)], LIMITS)


def test_too_large_body_outranks_an_unmet_expectation() -> None:
    fields = (b"expect", b"magic"), (b"content-encoding", b"br")
    assert type(delimited(*fields, body_size=1001).fault) is ContentTooLarge
    with pytest.raises(ExpectationFailed):
        delimited(*fields, body_size=1000)


@pytest.mark.parametrize("is_ours", [False, True])
def test_an_expectation(is_ours: bool) -> None:
    # Whether it is met is the wire's: a proxy of SCGI has met it already.
    head = delimited((b"expect", b"100-Continue"), body_size=5, expects_continue=is_ours).head
    assert head.expects_continue is is_ours
    with pytest.raises(ExpectationFailed):
        delimited((b"expect", b"magic"))
    delimited((b"expect", b"magic"), version="1.0")


@pytest.mark.parametrize("size", [5, None])
def test_a_content_coding(size: int | None) -> None:
    accepted = delimited((b"content-encoding", b"gzip"), body_size=size)
    assert (accepted.head.coding, accepted.fault) == ("gzip", None)
    accepted = delimited((b"content-encoding", b"identity"), body_size=size)
    assert accepted.head.coding == ""
    assert "HTTP_CONTENT_ENCODING" not in accepted.head.environ
    accepted = delimited((b"content-encoding", b"br"), body_size=size)
    assert type(accepted.fault) is UnsupportedMediaType
    # The head is accepted, so that the application can be asked.
    assert accepted.head.is_accepted


def test_a_content_coding_of_a_body_that_is_too_large() -> None:
    assert type(delimited((b"content-encoding", b"br"), body_size=1001).fault) is ContentTooLarge


def test_upgrade_offers_are_left_to_the_wire() -> None:
    assert delimited(upgrade="websocket").head.upgrade == "websocket"
    assert delimited((b"connection", b"upgrade"), (b"upgrade", b"websocket")).head.upgrade == ""
