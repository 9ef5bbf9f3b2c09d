"""How messages are delimited: one row for every case that RFC 9110 and RFC 9112 tell apart."""

import itertools

import pytest

from kyoukai.core.semantics.answer_head import AnswerHead, answer_size
from kyoukai.core.semantics.framing import CHUNKED, NO_BODY, ResponseFraming, frame_answer


def frame(
    method: str, version: str, status: int, size: int | None, declared: int | None, *, close: bool
) -> ResponseFraming:
    """Return how the answer to a request is delimited."""
    length, has_content = answer_size(method, status, size, declared)
    head = AnswerHead(str(status), size=length, has_content=has_content)
    return frame_answer(head, version, close)


def test_the_constants() -> None:
    assert NO_BODY == (0, False)
    assert CHUNKED == (0, True)


# method, version, status, size, declared; and of the answer: Content-Length, chunked, body, close
@pytest.mark.parametrize(
    ("method", "version", "status", "size", "declared", "expected"),
    [
        # No content, and a length that says so.
        pytest.param("GET", "1.1", 205, 5, 5, (0, False, False, False), id="RFC9110-15.3.6-sized"),
        pytest.param("GET", "1.1", 205, None, None, (0, False, False, False), id="RFC9110-15.3.6-stream"),
        # A length that is known.
        pytest.param("GET", "1.1", 200, 5, None, (5, False, True, False), id="RFC9110-8.6-known"),
        pytest.param("GET", "1.0", 200, 5, None, (5, False, True, False), id="RFC9110-8.6-known-1.0"),
        pytest.param("GET", "1.1", 200, 0, None, (0, False, False, False), id="RFC9110-8.6-empty"),
        pytest.param("GET", "1.0", 200, 0, None, (0, False, False, False), id="RFC9110-8.6-empty-1.0"),
        pytest.param("POST", "1.1", 201, 5, None, (5, False, True, False), id="RFC9110-8.6-post"),
        pytest.param("GET", "1.1", 200, 5, 7, (5, False, True, False), id="RFC9110-8.6-declared-wrongly"),
        pytest.param("GET", "1.1", 200, 0, 7, (0, False, False, False), id="RFC9110-8.6-declared-of-none"),
        pytest.param("GET", "1.1", 500, 5, None, (5, False, True, False), id="RFC9110-15.6-error"),
        # A stream.
        pytest.param("GET", "1.1", 200, None, None, (None, True, True, False), id="RFC9112-7.1-chunked"),
        pytest.param("GET", "1.2", 200, None, None, (None, True, True, False), id="RFC9110-2.5-minor"),
        pytest.param("GET", "1.0", 200, None, None, (None, False, True, True), id="RFC9112-6.3-until-close"),
        pytest.param("GET", "1.1", 200, None, 7, (7, False, True, False), id="RFC9112-6.2-declared"),
        pytest.param("GET", "1.0", 200, None, 7, (7, False, True, False), id="RFC9112-6.2-declared-1.0"),
        pytest.param("GET", "1.1", 200, None, 0, (0, False, True, False), id="RFC9112-6.2-declared-0"),
        # HEAD: what GET would have had, and no body.
        pytest.param("HEAD", "1.1", 200, 5, None, (5, False, False, False), id="RFC9110-9.3.2-known"),
        pytest.param("HEAD", "1.1", 200, None, 7, (7, False, False, False), id="RFC9110-9.3.2-declared"),
        pytest.param("HEAD", "1.1", 200, 0, 7, (7, False, False, False), id="RFC9110-9.3.2-empty-declared"),
        pytest.param("HEAD", "1.1", 200, None, 0, (0, False, False, False), id="RFC9110-9.3.2-declared-0"),
        pytest.param("HEAD", "1.1", 200, None, None, (None, False, False, False), id="RFC9110-9.3.2-stream"),
        pytest.param("HEAD", "1.0", 200, None, None, (None, False, False, False), id="RFC9110-9.3.2-1.0"),
        pytest.param("HEAD", "1.1", 404, 5, None, (5, False, False, False), id="RFC9110-9.3.2-error"),
        # 304 likewise; an empty body says nothing of the one that GET would have had.
        pytest.param("GET", "1.1", 304, None, 7, (7, False, False, False), id="RFC9110-15.4.5-declared"),
        pytest.param("GET", "1.1", 304, 0, 7, (7, False, False, False), id="RFC9110-15.4.5-empty-declared"),
        pytest.param("GET", "1.1", 304, 0, None, (None, False, False, False), id="RFC9110-15.4.5-empty"),
        pytest.param("GET", "1.1", 304, None, None, (None, False, False, False), id="RFC9110-15.4.5-stream"),
        pytest.param("GET", "1.0", 304, None, None, (None, False, False, False), id="RFC9110-15.4.5-1.0"),
        # 1xx and 204: neither a body nor a length.
        pytest.param("GET", "1.1", 204, 0, None, (None, False, False, False), id="RFC9110-15.3.5"),
        pytest.param("GET", "1.1", 204, 5, 5, (None, False, False, False), id="RFC9110-15.3.5-with-body"),
        pytest.param("HEAD", "1.1", 204, None, 7, (None, False, False, False), id="RFC9110-15.3.5-head"),
        pytest.param("GET", "1.0", 204, None, None, (None, False, False, False), id="RFC9110-15.3.5-1.0"),
        pytest.param("GET", "1.1", 100, 0, None, (None, False, False, False), id="RFC9110-8.6-100"),
        pytest.param("GET", "1.1", 199, 5, 5, (None, False, False, False), id="RFC9110-8.6-199"),
    ],
)
def test_response(
    method: str,
    version: str,
    status: int,
    size: int | None,
    declared: int | None,
    expected: tuple[int | None, bool, bool, bool],
) -> None:
    framing = frame(method, version, status, size, declared, close=False)
    assert framing == ResponseFraming(*expected)
    # Another reason to close changes that and nothing else.
    closing = frame(method, version, status, size, declared, close=True)
    assert closing == ResponseFraming(*expected[:3], True)


METHODS = ("GET", "HEAD", "POST")
STATUSES = (100, 199, 200, 204, 206, 304, 404, 500, 599, 999)
LENGTHS = (None, 0, 5)


@pytest.mark.parametrize("close", [False, True])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_no_combination_is_ambiguous(version: str, close: bool) -> None:
    """Whatever is asked, a client can tell where the answer ends: RFC 9112 section 6.3."""
    for method, status, size, declared in itertools.product(METHODS, STATUSES, LENGTHS, LENGTHS):
        framing = frame(method, version, status, size, declared, close=close)
        case = (method, status, size, declared, framing)
        bodiless = method == "HEAD" or status < 200 or status in (204, 304)
        assert not (framing.chunked and framing.content_length is not None), case
        assert not (framing.chunked and version == "1.0"), case
        # Section 6.3, rule 8: only the end of the connection delimits it, which therefore has to come.
        is_delimited = framing.chunked or framing.content_length is not None
        assert framing.open_ended == (framing.send_body and not is_delimited), case
        assert framing.close or not framing.open_ended, case
        if bodiless:
            assert not framing.send_body, case
            assert not framing.chunked, case
        elif not framing.chunked and framing.content_length is None:
            assert framing.close, case
        if status < 200 or status == 204:
            assert framing.content_length is None, case
        if close:
            assert framing.close, case


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_the_application_wants_the_connection_to_end(version: str) -> None:
    head = AnswerHead("200 OK", size=5, has_content=True)
    assert not frame_answer(head, version, False).close
    head.closes = True
    assert frame_answer(head, version, False) == ResponseFraming(5, False, True, True)
