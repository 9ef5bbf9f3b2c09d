"""Requests and responses are those of Werkzeug, whatever they are made of."""

from http import HTTPStatus
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug import wrappers
from werkzeug.datastructures import Headers

from kyoukai.web.wrappers import (
    MAX_LENGTHS,
    MAX_TYPE_SIZE,
    MAX_TYPES,
    Request,
    Response,
    _by_type,
    _lengths,
)

from .asking import environ_of

TYPES = st.none() | st.sampled_from(
    [
        "",
        "text/plain",
        "text/html; charset=latin-1",
        "application/json",
        "application/xml",
        "image/png",
        "a\r\nb",
    ]
)
STATUSES = st.none() | st.sampled_from(
    [
        0,
        99,
        200,
        204,
        404,
        599,
        600,
        1000,
        True,
        HTTPStatus.CREATED,
        "",
        " ",
        "201",
        "404 Gone",
        "x",
        " 200 OK ",
    ]
)
FIELDS = st.lists(
    st.tuples(
        st.sampled_from(["Content-Type", "content-type", "Content-Length", "content-length", "X-A"]),
        st.sampled_from(["", "text/css", "7", "é", "a\nb"]),
    ),
    max_size=4,
)
HEADERS = st.none() | FIELDS | FIELDS.map(tuple) | FIELDS.map(dict)
BODIES = st.sampled_from([None, b"", b"abc", "", "é", bytearray(b"ab"), [], [b"a"], (b"a",), memoryview(b"")])


class JSONResponse(Response):
    default_mimetype = "application/json"
    default_status = 201
    automatically_set_content_length = False


class WerkzeugsJSONResponse(wrappers.Response):
    default_mimetype = "application/json"
    default_status = 201
    automatically_set_content_length = False


class BareResponse(Response):
    default_mimetype = None


class WerkzeugsBareResponse(wrappers.Response):
    default_mimetype = None


def made(cls: type[Any], *args: Any, **options: Any) -> Any:
    """Return the attributes of an instance, its header fields in their order, or the error."""
    try:
        instance = cls(*args, **options)
    except (TypeError, ValueError) as exc:
        return type(exc), exc.args
    attributes = {**vars(instance)}
    headers = attributes["headers"]
    attributes["headers"] = type(headers), vars(headers)
    return attributes


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Response, wrappers.Response),
        (JSONResponse, WerkzeugsJSONResponse),
        (BareResponse, WerkzeugsBareResponse),
    ],
)
@settings(deadline=None)
@given(arguments=st.tuples(BODIES, STATUSES, HEADERS, TYPES, TYPES, st.booleans()))
def test_a_response_has_the_attributes_of_werkzeugs(
    ours: type[Response], theirs: type[wrappers.Response], arguments: tuple[Any, ...]
) -> None:
    # Twice, as a content type is learned by the first.
    for _ in range(2):
        assert made(ours, *arguments) == made(theirs, *arguments)


@settings(deadline=None)
@given(FIELDS.filter(lambda fields: all("\n" not in value for _, value in fields)), TYPES)
def test_headers_are_kept_as_they_are(fields: list[tuple[str, str]], mimetype: str | None) -> None:
    ours, theirs = Headers(fields), Headers(fields)
    assert made(Response, "a", 200, ours, mimetype) == made(wrappers.Response, "a", 200, theirs, mimetype)
    assert Response(headers=ours).headers is ours
    assert list(ours) == list(theirs) or mimetype == "a\r\nb"


def test_responses_share_nothing() -> None:
    first, second = Response("a"), Response("a")
    first.headers["X-A"] = "b"
    first.call_on_close(list)
    first.status_code = 404
    assert vars(second)["_on_close"] == []
    assert list(second.headers) == [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", "1")]
    assert second.status == "200 OK"


def test_the_content_types_that_are_kept_are_bounded() -> None:
    for i in range(2 * MAX_TYPES):
        assert Response(content_type=f"a/{i}").content_type == f"a/{i}"
    assert len(_by_type) <= MAX_TYPES
    long = "a/" + MAX_TYPE_SIZE * "b"
    assert Response(content_type=long).content_type == long
    assert long not in _by_type


def test_the_lengths_that_are_kept_are_bounded() -> None:
    for length in range(2 * MAX_LENGTHS):
        assert Response(b"a" * length).content_length == length
    assert len(_lengths) <= MAX_LENGTHS


VALUES = st.sampled_from(["", "/", "//", "/a/", "//a//b", "a", "/\xc3\xa9", "/\xff", "get", "8000", "https"])
ATTRIBUTES = sorted(vars(wrappers.Request(environ_of())))
VARIABLES = (
    "PATH_INFO",
    "QUERY_STRING",
    "REMOTE_ADDR",
    "REQUEST_METHOD",
    "SCRIPT_NAME",
    "SERVER_NAME",
    "SERVER_PORT",
    "wsgi.url_scheme",
)


@settings(deadline=None)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(VARIABLES, VALUES)), st.booleans(), st.booleans())
def test_a_request_has_the_attributes_of_werkzeugs(
    environ: dict[str, str], populate: bool, shallow: bool
) -> None:
    ours = Request(environ | {"HTTP_X_A": "b"}, populate, shallow)
    theirs = wrappers.Request(environ | {"HTTP_X_A": "b"}, populate, shallow)
    for name in set(ATTRIBUTES) - {"environ", "headers"}:
        assert getattr(ours, name) == getattr(theirs, name), name
        assert name in vars(ours)
    assert type(ours.headers) is type(theirs.headers)
    assert list(ours.headers) == list(theirs.headers)
    assert ours.headers is ours.headers
    assert sorted(vars(ours)) == sorted([*ATTRIBUTES, "matched_route"])
    assert ours.environ.get("werkzeug.request") is (ours if populate and not shallow else None)


def test_attributes_of_a_request_can_be_set() -> None:
    request = Request(environ_of("/a?b=c", headers={"X-A": "b"}))
    request.remote_addr = "192.0.2.1"
    request.scheme = "https"
    assert request.remote_addr == "192.0.2.1"
    assert request.is_secure
    assert request.url == "https://localhost/a?b=c"
    assert request.args.to_dict() == {"b": "c"}
    assert repr(request) == "<Request 'https://localhost/a?b=c' [GET]>"
    assert not isinstance(Request.headers, Headers)
