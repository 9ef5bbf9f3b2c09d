"""From a Werkzeug response to what is written of it."""

import asyncio
import io
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any

import pytest
from werkzeug.datastructures import Headers
from werkzeug.test import create_environ
from werkzeug.wrappers import Response
from werkzeug.wsgi import FileWrapper

from kyoukai.core.errors import BadRequest, ContentTooLarge
from kyoukai.core.exchange.answer import (
    _heads,
    answer_failure,
    prepare_answer,
    whole_body,
)
from kyoukai.core.exchange.closing import MAX_CLASSES, plain_classes
from kyoukai.core.semantics.answer_head import AnswerHead
from kyoukai.core.semantics.serialize import InvalidResponseError
from tests.logged import unnumbered


def with_body(body: Any) -> Response:
    """Return a response with ``body`` assigned, as an application may."""
    response = Response()
    response.response = body
    return response


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        pytest.param(Response(b"abc"), b"abc", id="bytes"),
        pytest.param(Response("caf\xe9"), b"caf\xc3\xa9", id="text"),
        pytest.param(Response(), b"", id="nothing"),
        pytest.param(Response(""), b"", id="empty-text"),
        pytest.param(Response([b"a", b"bc"]), b"abc", id="list"),
        pytest.param(Response(["a", b"b", "\xe9"]), b"ab\xc3\xa9", id="list-of-both"),
        pytest.param(Response(["\xe9"]), b"\xc3\xa9", id="list-of-one-text"),
        pytest.param(Response((b"a", b"bc")), b"abc", id="tuple"),
        pytest.param(Response((b"abc",)), b"abc", id="tuple-of-one"),
        pytest.param(with_body([]), b"", id="empty-list"),
        pytest.param(with_body(()), b"", id="empty-tuple"),
        pytest.param(with_body([bytearray(b"abc")]), b"abc", id="list-of-bytearray"),
        pytest.param(with_body([memoryview(b"abc")]), b"abc", id="list-of-memoryview"),
        pytest.param(with_body("caf\xe9"), b"caf\xc3\xa9", id="assigned-text"),
        pytest.param(with_body(b"abc"), b"abc", id="assigned-bytes"),
        pytest.param(with_body(bytearray(b"abc")), b"abc", id="assigned-bytearray"),
    ],
)
def test_a_body_in_memory(response: Response, expected: bytes) -> None:
    body = whole_body(response)
    assert body == expected
    assert type(body) is bytes


def test_one_piece_is_not_copied() -> None:
    piece = b"abc" * 1000
    assert whole_body(Response(piece)) is piece


def test_a_later_change_is_not_sent() -> None:
    body = bytearray(b"abc")
    taken = whole_body(with_body(body))
    body[:] = b"xyz"
    assert taken == b"abc"


class Shouting(Response):
    """It says something else to a WSGI server."""

    def iter_encoded(self) -> Any:
        return map(bytes.upper, super().iter_encoded())


@pytest.mark.parametrize("body", [[b"abc"], (b"abc",), ["a", b"bc"], "abc"])
def test_what_a_class_makes_of_its_body_for_wsgi_is_not_asked(body: Any) -> None:
    response = Shouting()
    response.response = body
    assert prepare_answer(response, {"REQUEST_METHOD": "GET"})[1] == b"abc"


async def pieces() -> Any:
    yield b"abc"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(iter([b"abc"]), id="iterator"),
        pytest.param((piece for piece in [b"abc"]), id="generator"),
        pytest.param(map(str, [1]), id="map"),
        pytest.param(FileWrapper(io.BytesIO(b"abc")), id="file"),
        pytest.param(pieces(), id="async-generator"),
    ],
)
def test_a_stream(body: Any) -> None:
    assert whole_body(with_body(body)) is None


def prepare(response: Response, method: str = "GET") -> AnswerHead:
    return prepare_answer(response, {"REQUEST_METHOD": method})[0]


def said(head: AnswerHead) -> tuple[Any, ...]:
    """Return all that a wire writes of a head."""
    return (
        head.status,
        head.code,
        head.fields,
        head.lines,
        head.size,
        head.has_content,
        head.closes,
        head.has_date,
        head.has_server,
    )


def test_answer() -> None:
    head, content = prepare_answer(Response("caf\xe9", headers={"X-Own": "1"}), {"REQUEST_METHOD": "GET"})
    fields = (("X-Own", "1"), ("Content-Type", "text/plain; charset=utf-8"))
    field_lines = b"X-Own: 1\r\nContent-Type: text/plain; charset=utf-8\r\n"
    assert content == b"caf\xc3\xa9"
    assert said(head) == ("200 OK", 200, fields, field_lines, 5, True, False, False, False)


def test_answer_to_a_request_of_which_nothing_is_known() -> None:
    head, content = prepare_answer(Response("abc"), {})
    assert (head.size, head.has_content, content) == (3, True, b"abc")


def test_streamed_answer() -> None:
    head, content = prepare_answer(with_body(iter([b"abc"])), {})
    assert content is None
    assert (head.size, head.has_content) == (None, True)


def test_streamed_answer_of_declared_length() -> None:
    response = with_body(iter([b"abc"]))
    response.headers["Content-Length"] = "3"
    head = prepare(response)
    assert (head.size, head.has_content) == (3, True)
    # It is for the wire to say.
    assert b"Content-Length" not in head.lines


def test_the_length_of_a_body_in_memory_is_counted() -> None:
    head = prepare(Response("abc", headers={"Content-Length": "7"}))
    assert (head.size, head.has_content) == (3, True)
    assert b"Content-Length" not in head.lines


def test_answer_to_head() -> None:
    head, content = prepare_answer(Response("abc"), {"REQUEST_METHOD": "HEAD"})
    assert (head.size, head.has_content) == (3, False)
    # It is there, and the wire leaves it out.
    assert content == b"abc"


@pytest.mark.parametrize("status", [204, 304])
def test_answer_without_a_body(status: int) -> None:
    head = prepare(Response(status=status))
    assert (head.size, head.has_content) == (None, False)
    assert b"Content-Length" not in head.lines


@pytest.mark.parametrize(
    "values",
    [["close"], ["Close"], ["x-own, close"], ["x-own", "close"], ["close", "x-own"]],
    ids=["RFC9112-9.6", "case", "list", "RFC9110-5.3-second-field", "RFC9110-5.3-first-field"],
)
def test_the_connection_ends_where_the_application_says_so(values: list[str]) -> None:
    response = Response("abc")
    for value in values:
        response.headers.add("Connection", value)
    head = prepare(response)
    assert head.closes
    assert b"Connection" not in head.lines


def test_connection_persists_by_default() -> None:
    head = prepare(Response("abc", headers={"Connection": "keep-alive"}))
    assert not head.closes
    assert b"Connection" not in head.lines


def test_repeated_answer_equals_a_single_one() -> None:
    """Each line differs from the one before it in one thing that a head depends on."""
    again = Response("abc")
    first = said(prepare(again))
    assert said(prepare(again)) == said(prepare(again)) == first
    assert prepare(Response("abcd")).size == 4
    assert not prepare(again, "HEAD").has_content
    again.status_code = 404
    assert prepare(again).code == 404
    again.headers["X-Own"] = "1"
    assert b"X-Own: 1\r\n" in prepare(again).lines
    assert said(prepare(Response("abc"))) == first


def test_answers_that_are_alike_share_one_head() -> None:
    made = [prepare(Response("abc", headers={"X-Shared": "1"})) for _ in range(4)]
    assert made[-1] is made[-2]


@pytest.mark.parametrize("status", [None, 404, "404 Gone", "x", HTTPStatus.CREATED])
def test_werkzeug_keeps_a_status_and_fields_where_they_are_read(status: Any) -> None:
    response = Response("abc", status, [("X-A", "1"), ("x-a", "2")])
    response.headers.add("X-B", "3")
    assert response._status == response.status
    assert response.headers._list == list(response.headers)
    response.status = "410 Away"
    assert response._status == response.status


def test_a_status_that_a_class_has_in_a_way_of_its_own() -> None:
    class Gone(Response):
        @property
        def status(self) -> str:
            return "410 Away"

        @status.setter
        def status(self, value: object) -> None:
            self._status, self._status_code = "200 OK", 200

    for _ in range(3):
        head = prepare(Gone("abc"))
        assert (head.status, head.code) == ("410 Away", 410)


def test_fields_that_a_class_has_in_a_way_of_its_own() -> None:
    class Doubled(Headers):
        def __iter__(self) -> Any:
            return (field for field in self._list for _ in range(2))

    response = Response("abc", headers=Doubled([("X-A", "1")]))
    for _ in range(3):
        assert prepare(response).lines.count(b"X-A: 1\r\n") == 2


def test_the_classes_that_are_kept_are_bounded() -> None:
    for number in range(2 * MAX_CLASSES):
        cls = type(f"Response{number}", (Response,), {})
        assert prepare(cls("abc", 404)).code == 404
    assert len(plain_classes) <= MAX_CLASSES


def test_large_heads_are_not_kept() -> None:
    before = len(_heads)
    for _ in range(3):
        assert prepare(Response("abc", headers={"X-Own": "1" * 2000})).lines.count(b"X-Own") == 1
    assert len(_heads) == before


@pytest.mark.parametrize("status", [200, 299, 418, 599, 600, 999])
def test_final_statuses(status: int) -> None:
    head = prepare(Response("abc", status=status))
    assert (head.code, head.status[:4]) == (status, f"{status} ")


@pytest.mark.parametrize(
    "status",
    [
        pytest.param(0, id="0"),
        pytest.param(-200, id="negative"),
        pytest.param(100, id="RFC9110-15.2-100"),
        pytest.param(101, id="RFC9110-15.2.2-101"),
        pytest.param(199, id="RFC9110-15.2-199"),
        pytest.param(1000, id="RFC9110-15-1000"),
        pytest.param("no number", id="no-number"),
    ],
)
def test_statuses_that_no_answer_has(status: int | str) -> None:
    with pytest.raises(InvalidResponseError, match="is not valid for a final response"):
        prepare(Response("abc", status=status))


@pytest.mark.parametrize("status", ["2_00 OK", "+200 OK", "0200 OK", "\u0662\u0660\u0660 OK"])
def test_a_status_that_int_takes_and_http_does_not(status: str) -> None:
    """RFC 9112 section 4: status-code = 3DIGIT."""
    response = Response("abc", status=status)
    assert response.status_code == 200
    try:
        head = prepare(response)
    except InvalidResponseError:
        return
    assert (head.code, head.status[:4]) == (200, "200 ")


def test_invalid_length() -> None:
    with pytest.raises(InvalidResponseError, match=r"^the Content-Length 'many' is not a number of bytes$"):
        prepare(Response(iter([b"abc"]), headers={"Content-Length": "many"}))


def test_a_header_that_cannot_be_sent() -> None:
    response = Response("abc")
    response.headers["X-Own"] = "\u2603"
    with pytest.raises(InvalidResponseError):
        prepare(response)


def test_a_status_with_a_line_break() -> None:
    # CVE-2026-34519
    with pytest.raises(InvalidResponseError):
        prepare(Response("abc", status="200 OK\r\nSet-Cookie: a=b"))


def test_what_fails_to_answer_a_refusal_is_answered_by_that(caplog: pytest.LogCaptureFixture) -> None:
    response = answer_failure(KeyError("x"), create_environ("/a"), ContentTooLarge())
    assert (response.status_code, len(caplog.records)) == (413, 1)
    response = answer_failure(BadRequest(), create_environ("/a"), ContentTooLarge())
    assert (response.status_code, len(caplog.records)) == (400, 1)


def asked(exc: BaseException, *, client_gone: bool = False) -> Response:
    environ = create_environ("/a")
    environ["kyoukai.protocol"] = SimpleNamespace(client_gone=client_gone)

    async def main() -> Response:
        return answer_failure(exc, environ)

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("exc", "client_gone", "logged"),
    [
        pytest.param(ValueError("no"), False, ["the application failed on GET '/a'"], id="failure"),
        pytest.param(ConnectionResetError(), True, [], id="the client is gone"),
        pytest.param(
            ConnectionResetError(),
            False,
            ["the application failed on GET '/a'"],
            id="a connection of the application's own is reset",
        ),
        pytest.param(
            asyncio.CancelledError(),
            False,
            ["the application was cancelled on GET '/a'"],
            id="what it waits for is cancelled",
        ),
    ],
)
def test_an_application_that_raises_is_answered_for(
    exc: BaseException, client_gone: bool, logged: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert asked(exc, client_gone=client_gone).status_code == 500
    assert unnumbered(caplog.messages) == logged
