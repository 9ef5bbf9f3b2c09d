"""The head of an answer as a value, and how much content it declares."""

from typing import Any

import pytest

from kyoukai.core.semantics.answer_head import AnswerHead, answer_size


def test_defaults() -> None:
    head = AnswerHead("404 NOT FOUND")
    assert (head.status, head.code, head.fields, head.lines) == ("404 NOT FOUND", 404, (), b"")
    assert (head.size, head.has_content) == (None, False)
    assert (head.closes, head.has_date, head.has_server) == (False, False, False)
    assert head.serialized == {}


def test_wire_data_belongs_to_one_head() -> None:
    one, other = AnswerHead("200 OK"), AnswerHead("200 OK")
    one.serialized["a wire"] = b"bytes"
    assert other.serialized == {}


def test_a_misspelt_attribute_is_an_error() -> None:
    head: Any = AnswerHead("200 OK")
    with pytest.raises(AttributeError):
        head.content_length = 5


def test_name_in_a_log() -> None:
    assert repr(AnswerHead("200 OK", size=5, has_content=True)) == (
        "<AnswerHead '200 OK' size=5 has_content=True>"
    )


# method, status, size, declared; and of the answer: Content-Length, and whether content is sent
@pytest.mark.parametrize(
    ("method", "status", "size", "declared", "expected"),
    [
        pytest.param("GET", 200, 5, None, (5, True), id="RFC9110-8.6-known"),
        pytest.param("GET", 200, 5, 7, (5, True), id="RFC9110-8.6-declared-wrongly"),
        pytest.param("GET", 200, 0, None, (0, False), id="RFC9110-8.6-empty"),
        pytest.param("GET", 200, None, None, (None, True), id="a-stream"),
        pytest.param("GET", 200, None, 7, (7, True), id="a-stream-of-declared-length"),
        pytest.param("GET", 200, None, 0, (0, True), id="a-stream-that-is-declared-empty"),
        pytest.param("HEAD", 200, 5, None, (5, False), id="RFC9110-9.3.2-known"),
        pytest.param("HEAD", 200, 5, 7, (5, False), id="RFC9110-9.3.2-declared-wrongly"),
        pytest.param("HEAD", 200, 0, 7, (7, False), id="RFC9110-9.3.2-declared"),
        pytest.param("HEAD", 200, None, None, (None, False), id="RFC9110-9.3.2-stream"),
        pytest.param("head", 200, 5, None, (5, True), id="RFC9110-9.1-case"),
        pytest.param("GET", 304, 5, None, (5, False), id="RFC9110-15.4.5-known"),
        pytest.param("GET", 304, 0, 7, (7, False), id="RFC9110-15.4.5-declared"),
        pytest.param("GET", 304, 0, None, (None, False), id="RFC9110-15.4.5-neither"),
        pytest.param("GET", 205, 5, 5, (0, False), id="RFC9110-15.3.6"),
        pytest.param("GET", 204, 5, 5, (None, False), id="RFC9110-15.3.5"),
        pytest.param("GET", 103, 5, 5, (None, False), id="RFC9110-15.2"),
        pytest.param("HEAD", 204, None, 7, (None, False), id="RFC9110-15.3.5-head"),
    ],
)
def test_answer_size(
    method: str, status: int, size: int | None, declared: int | None, expected: tuple[int | None, bool]
) -> None:
    assert answer_size(method, status, size, declared) == expected
