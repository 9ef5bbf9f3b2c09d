"""Request targets taken apart. Which are refused, and what an exchange has of them, is the policy's test."""

import re

import pytest

from kyoukai.core.errors import BadRequest, URITooLong
from kyoukai.core.semantics import target
from kyoukai.core.semantics.target import MAX_CACHED_TARGET, Target, decode_path, parse_target


@pytest.mark.parametrize(
    ("method", "sent", "parts"),
    [
        pytest.param("GET", b"/a%20b?c=%20", Target("", "/a b", "c=%20"), id="RFC9112-3.2.1"),
        pytest.param("GET", b"http://a:80/b?c", Target("a:80", "/b", "c"), id="RFC9112-3.2.2"),
        pytest.param("GET", b"http://a", Target("a", "/", ""), id="RFC9112-3.2.2-no-path"),
        pytest.param("GET", b"http://a?b", Target("a", "/", "b"), id="RFC9112-3.2.2-query-alone"),
        pytest.param("GET", b"/a%5c?\\", Target("", "/a\\", "\\"), id="RFC3986-3.4-backslash"),
        pytest.param("OPTIONS", b"*", Target("", "", ""), id="RFC9112-3.2.4"),
        pytest.param("OPTIONS", b"http://a", Target("a", "", ""), id="RFC9112-3.2.4-from-a-proxy"),
    ],
)
def test_parts(method: str, sent: bytes, parts: Target) -> None:
    assert parse_target(sent, method, 1000) == parts


@pytest.mark.parametrize(
    "sent", [b"\\", b"/\\", b"/a\\b", b"/\\?a", b"http://a/\\", b"http://a\\b/", b"http://a\\?b"]
)
def test_a_backslash_is_no_character_of_a_path(sent: bytes) -> None:
    with pytest.raises(BadRequest):
        parse_target(sent, "GET", 1000)


@pytest.mark.parametrize(
    ("path", "decoded"),
    [
        pytest.param(b"/a", "/a", id="nothing-to-decode"),
        pytest.param(b"/caf%C3%A9", "/caf\xc3\xa9", id="PEP3333-latin-1"),
        pytest.param(b"/%2525", "/%25", id="RFC3986-2.4-once"),
        pytest.param(b"/%zz%4", "/%zz%4", id="RFC3986-2.1-no-octet"),
        pytest.param(b"/%00%ff", "/\x00\xff", id="RFC3986-2.1-any-octet"),
        pytest.param(b"/a+b", "/a+b", id="plus-is-no-space"),
    ],
)
def test_decode_path(path: bytes, decoded: str) -> None:
    assert decode_path(path) == decoded


def test_the_size_is_looked_at_first() -> None:
    assert parse_target(b"/aaa", "GET", 4).path == "/aaa"
    with pytest.raises(URITooLong):
        parse_target(b"/aaaa", "GET", 4)
    with pytest.raises(URITooLong):
        parse_target(b"#####", "GET", 4)


def test_the_cache_is_bounded() -> None:
    cache = target._parse_short_target
    assert cache.cache_info().maxsize == 1024
    cache.cache_clear()
    longest = b"/" + b"a" * (MAX_CACHED_TARGET - 1)
    for sent, size in ((longest, 1), (longest + b"a", 1), (b"/", 2), (longest, 2)):
        assert parse_target(sent, "GET", 1000).path == sent.decode()
        assert cache.cache_info().currsize == size


def test_cache_is_separate_for_each_method() -> None:
    assert parse_target(b"*", "OPTIONS", 1000).path == ""
    with pytest.raises(BadRequest):
        parse_target(b"*", "GET", 1000)
    assert parse_target(b"http://a", "GET", 1000).path == "/"
    assert parse_target(b"http://a", "OPTIONS", 1000).path == ""


def test_limit_applies_to_cached_targets() -> None:
    assert parse_target(b"/kept", "GET", 5).path == "/kept"
    with pytest.raises(URITooLong):
        parse_target(b"/kept", "GET", 4)


# Were one of these matched in quadratic time, it would take many seconds.
@pytest.mark.parametrize(
    ("pattern", "sent"),
    [
        pytest.param(target.ORIGIN_FORM, b"/" * 60000 + b"#", id="origin-form"),
        pytest.param(target.ABSOLUTE_FORM, b"http://" + b"a" * 60000 + b"#", id="authority"),
        pytest.param(target.ABSOLUTE_FORM, b"http://a" + b"/" * 60000 + b"#", id="rest"),
        pytest.param(target.ABSOLUTE_FORM, b"http://a" + b"?" * 60000 + b"#", id="query"),
    ],
)
def test_no_match_is_found_in_linear_time(pattern: re.Pattern[bytes], sent: bytes) -> None:
    assert pattern.fullmatch(sent) is None
