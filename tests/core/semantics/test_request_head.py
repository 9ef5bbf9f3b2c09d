"""The head of a request as a value."""

from typing import Any

import pytest

from kyoukai.core.semantics.request_head import NOTHING, RequestHead


def test_defaults() -> None:
    head = RequestHead()
    assert (head.method, head.target, head.version, head.fields) == ("", b"", "1.1", ())
    assert (head.path, head.query, head.body_size, head.coding, head.upgrade) == ("", "", 0, "", "")
    assert head.expects_continue is False
    assert head.environ is NOTHING
    assert NOTHING == {}


def test_request_head_is_immutable() -> None:
    head: Any = RequestHead("GET", b"/")
    with pytest.raises(AttributeError):
        head.method = "POST"
    assert head._replace(method="POST") == RequestHead("POST", b"/")
    assert head.method == "GET"


def test_accepted_head() -> None:
    assert not RequestHead("GET", b"/", path="/").is_accepted
    assert RequestHead("GET", b"/", environ={"PATH_INFO": "/"}).is_accepted
    # An empty environ of its own is one, too.
    assert RequestHead("GET", b"/", environ={}).is_accepted


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param([], "", id="none"),
        pytest.param([(b"Host", b"a")], "", id="another"),
        pytest.param([(b"Accept", b"text/html")], "text/html", id="RFC9110-12.5.1"),
        pytest.param([(b"ACCEPT", b"text/html")], "text/html", id="RFC9110-5.1-case"),
        pytest.param(
            [(b"accept", b"a/b"), (b"X", b"1"), (b"Accept", b"c/d;q=0.5")], "a/b,c/d;q=0.5", id="RFC9110-5.3"
        ),
        pytest.param([(b"Accept-Language", b"en")], "", id="longer"),
        pytest.param([(b"Accept", b"\xe9")], "\xe9", id="latin-1"),
    ],
)
def test_accept_field_of_the_client(fields: list[tuple[bytes, bytes]], expected: str) -> None:
    assert RequestHead(fields=fields).accept == expected
