import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException, NotFound, TooManyRequests
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Request, Response

from kyoukai.web import make_response
from kyoukai.web.responses import HTML, encode_json, make_bodies

from .asking import environ_of


class Other(Response):
    pass


def index() -> None:
    """Stand for the handler in messages."""


@pytest.mark.parametrize(
    ("value", "status", "content_type", "body"),
    [
        ("héllo", 200, HTML, "héllo".encode()),
        ("", 200, HTML, b""),
        (b"\x00\xff", 200, "application/octet-stream", b"\x00\xff"),
        (bytearray(b"ab"), 200, "application/octet-stream", b"ab"),
        (memoryview(b"ab"), 200, "application/octet-stream", b"ab"),
        ({"a": ["é", None, 1.5]}, 200, "application/json", '{"a":["é",null,1.5]}'.encode()),
        ([1, 2], 200, "application/json", b"[1,2]"),
        ({}, 200, "application/json", b"{}"),
        (None, 204, None, b""),
        (("a", 201), 201, HTML, b"a"),
        (("a", HTTPStatus.ACCEPTED), 202, HTML, b"a"),
        (("a", "418 Teapot"), 418, HTML, b"a"),
        (({"a": 1}, {"Content-Type": "application/geo+json"}), 200, "application/geo+json", b'{"a":1}'),
        (("a", 400, [("Content-Type", "text/plain")]), 400, "text/plain", b"a"),
        (("a", None, None), 200, HTML, b"a"),
        (("a", 404, Headers({"X-A": "b"})), 404, HTML, b"a"),
        ((None, 404), 404, None, b""),
        ((None, {"X-A": "b"}), 204, None, b""),
        ((Response("a", 400), 202), 202, "text/plain; charset=utf-8", b"a"),
        ((Response("a", 400), {"X-A": "b"}), 400, "text/plain; charset=utf-8", b"a"),
    ],
)
def test_values(value: Any, status: int, content_type: str | None, body: bytes) -> None:
    response = make_response(value)
    assert response.status_code == status
    assert response.content_type == content_type
    assert response.get_data() == body
    assert response.is_sequence


KEYS = st.text() | st.integers() | st.floats() | st.booleans() | st.none() | st.tuples()
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=1)


@pytest.mark.parametrize("accelerated", [True, False])
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    value=st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner)).filter(
        lambda value: isinstance(value, dict | list)
    )
)
def test_json_is_that_of_the_standard_library(accelerated: bool, value: Any) -> None:
    def encoded(encode: Any) -> Any:
        try:
            return encode(value)
        except (TypeError, ValueError) as exc:
            return type(exc), exc.args

    def dumps(value: Any) -> bytes:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()

    with pytest.MonkeyPatch.context() as patch:
        if not accelerated:
            patch.setattr("kyoukai.web.responses._encode", None)
        assert encoded(encode_json) == encoded(dumps)


def test_json_within_itself() -> None:
    value: list[Any] = []
    value.append([value])
    with pytest.raises(ValueError, match="Circular reference detected"):
        encode_json(value)
    assert encode_json(value[:0]) == b"[]"
    assert encode_json([[], []]) == b"[[],[]]"


@dataclass
class Point:
    x: int
    name: str


@dataclass
class Line:
    points: list[Point]


@pytest.mark.parametrize("accelerated", [True, False])
def test_a_dataclass_is_an_object(accelerated: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if not accelerated:
            patch.setattr("kyoukai.web.responses._encode", None)
        response = make_response((Line([Point(1, "é"), Point(2, "b")]), 201))
        assert (response.status_code, response.mimetype) == (201, "application/json")
        assert response.get_json() == {"points": [{"x": 1, "name": "é"}, {"x": 2, "name": "b"}]}
        assert make_response([Point(1, "a")]).data == b'[{"x":1,"name":"a"}]'
        with pytest.raises(TypeError, match="return a str"):
            make_response(Point)


def test_a_dataclass_is_encoded_by_the_encoder_of_the_application() -> None:
    bodies = make_bodies(lambda value: repr(value).encode())
    assert make_response(Point(1, "a"), bodies=bodies).data == b"Point(x=1, name='a')"


def test_json_that_is_deep() -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(RecursionError):
        json.dumps(value)
    with pytest.raises(RecursionError):
        encode_json(value)


def test_the_class_of_responses() -> None:
    for value in ("a", b"a", [], {}, None, iter("a"), ("a", 201), NotFound()):
        assert type(make_response(value, Other)) is Other
    response = Response()
    assert make_response(response, Other) is response


def test_header_fields_replace_and_repeat() -> None:
    response = make_response(("a", 200, {"Set-Cookie": ["a=1", "b=2"], "content-type": "text/css"}))
    assert response.headers.getlist("Set-Cookie") == ["a=1", "b=2"]
    assert response.headers.getlist("Content-Type") == ["text/css"]


def test_streams_are_passed_on_as_they_are() -> None:
    def plain() -> Iterator[str]:
        yield "a"

    async def asynchronous() -> AsyncIterator[bytes]:
        yield b"a"

    class Iterable:
        def __aiter__(self) -> AsyncIterator[bytes]:
            return asynchronous()

    for stream in (plain(), asynchronous(), Iterable(), iter(["a"])):
        response = make_response(stream)
        assert response.response is stream
        assert response.content_type == HTML
        assert not response.is_sequence


def test_returned_errors_are_rendered_as_the_request_accepts() -> None:
    request = Request(environ_of(headers={"Accept": "application/json"}))
    response = make_response(TooManyRequests(retry_after=5), Other, request)
    assert response.status_code == 429
    assert response.headers["Retry-After"] == "5"
    assert json.loads(response.get_data())["status"] == 429
    assert make_response(NotFound(), Other).content_type == "text/plain; charset=utf-8"


def test_a_status_given_with_an_error_wins() -> None:
    assert make_response((NotFound(), 410)).status_code == 410


def test_errors_with_a_response_of_their_own() -> None:
    response = Response("a", 299)
    assert make_response(HTTPException(response=response)) is response
    redirect = make_response(RequestRedirect("http://localhost/b"))
    assert redirect.status_code == 308
    assert redirect.headers["Location"] == "http://localhost/b"


def test_default_status() -> None:
    assert make_response("a", default_status=404).status_code == 404
    assert make_response(None, default_status=404).status_code == 404
    assert make_response(("a", 200), default_status=404).status_code == 200
    assert make_response(("a", {"X-A": "b"}), default_status=404).status_code == 404
    assert make_response(Response("a"), default_status=404).status_code == 200
    assert make_response(NotFound(), default_status=500).status_code == 404


@pytest.mark.parametrize("value", [True, 3, 2.5, object(), {1, 2}, range(3), Response, NotFound])
def test_other_values_are_refused(value: Any) -> None:
    with pytest.raises(TypeError) as caught:
        make_response(value, origin=index)
    message = str(caught.value)
    assert f"{__name__}.index" in message
    assert str(type(value)) in message
    assert "return a str, bytes, dict, list, dataclass, iterator, Response" in message


@pytest.mark.parametrize(
    "value",
    [(), ("a",), ("a", True), ("a", 2.5), ("a", 200, 3), ("a", True, {}), ("a", {}, 200), ("a", 1, {}, 3)],
)
def test_tuples_of_other_shapes_are_refused(value: Any) -> None:
    with pytest.raises(TypeError, match=r"test_responses.index returned .* it is a tuple \("):
        make_response(value, origin=index)


@pytest.mark.parametrize("status", [0, 99, 100, 101, 199, 600, 1000, "OK", "0 no", ""])
def test_statuses_that_end_no_exchange_are_refused(status: int | str) -> None:
    with pytest.raises(ValueError, match=r"test_responses\.index returned"):
        make_response(("a", status), origin=index)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({"a": object()}, TypeError),
        ([float("nan")], ValueError),
        ([float("inf")], ValueError),
        ("\ud800", ValueError),
        (["\ud800"], ValueError),
        (("a", {"X-A": "b\r\nc"}), ValueError),
        (("a", ["b"]), ValueError),
    ],
)
def test_unserializable_values_are_refused(value: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=r"test_responses\.index returned .* cannot be sent: "):
        make_response(value, origin=index)


def test_a_message_without_origin() -> None:
    with pytest.raises(TypeError, match=r"^a function returned 3, which cannot be sent"):
        make_response(3)


def test_a_list_of_fields_may_repeat_a_name() -> None:
    response = make_response(("x", 201, [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]))
    assert response.headers.getlist("Set-Cookie") == ["a=1", "b=2"]
