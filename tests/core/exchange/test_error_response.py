"""The short answer that an HTTP error becomes."""

import json

import pytest
from werkzeug.exceptions import (
    HTTPException,
    MethodNotAllowed,
    NotFound,
    RequestedRangeNotSatisfiable,
    ServiceUnavailable,
)
from werkzeug.wrappers import Response

from kyoukai.core.errors import BadRequest
from kyoukai.core.exchange.error_response import error_response

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "mimetype"),
    [
        pytest.param("", "text/plain", id="no-field"),
        pytest.param("*/*", "text/plain", id="curl"),
        pytest.param(BROWSER, "text/html", id="browser"),
        pytest.param("text/html", "text/html", id="html"),
        pytest.param("text/*", "text/plain", id="any-text"),
        pytest.param("application/json", "application/json", id="json"),
        pytest.param("application/json, text/plain, */*", "text/plain", id="equal-to-the-client"),
        pytest.param("application/problem+json", "application/problem+json", id="RFC9457"),
        pytest.param("text/html;q=0.1, application/json", "application/json", id="RFC9110-12.4.2-weight"),
        pytest.param("text/plain;q=0, text/html", "text/html", id="RFC9110-12.4.2-not-acceptable"),
        pytest.param("image/png", "text/plain", id="RFC9110-12.5.1-none-of-ours"),
        pytest.param(";;q=,,/\x00\xe9", "text/plain", id="nonsense"),
    ],
)
def test_form(accept: str, mimetype: str) -> None:
    assert error_response(NotFound("No such page."), accept).mimetype == mimetype


def test_text() -> None:
    response = error_response(NotFound("No such page."))
    assert response.status == "404 NOT FOUND"
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert response.get_data() == b"404 Not Found: No such page.\n"


def test_html() -> None:
    response = error_response(NotFound("No such page."), "text/html")
    assert response.status == "404 NOT FOUND"
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.get_data(as_text=True) == (
        '<!doctype html>\n<html lang="en">\n<title>404 Not Found</title>\n'
        "<h1>Not Found</h1>\n<p>No such page.</p>\n</html>\n"
    )


def test_html_is_escaped() -> None:
    response = error_response(NotFound("<script>\"&'</script>"), "text/html")
    text = response.get_data(as_text=True)
    assert "<script>" not in text
    assert "<p>&lt;script&gt;&quot;&amp;&#x27;&lt;/script&gt;</p>" in text


def test_braces_in_a_description_are_text() -> None:
    assert b"{code} {0}" in error_response(NotFound("{code} {0}"), "text/html").get_data()


@pytest.mark.parametrize("mimetype", ["application/json", "application/problem+json"])
def test_json(mimetype: str) -> None:
    response = error_response(NotFound('No "such"\npage, \xe9.'), mimetype)
    assert response.headers["Content-Type"] == mimetype
    assert response.get_data().endswith(b"\n")
    assert json.loads(response.get_data()) == {
        "status": 404,
        "title": "Not Found",
        "detail": 'No "such"\npage, \xe9.',
    }


def test_fields_of_the_error_are_kept() -> None:
    response = error_response(MethodNotAllowed(["GET", "HEAD"]), "application/json")
    assert response.headers["Allow"] == "GET, HEAD"
    assert response.headers.getlist("Content-Type") == ["application/json"]
    assert error_response(ServiceUnavailable(retry_after=5)).headers["Retry-After"] == "5"
    assert error_response(RequestedRangeNotSatisfiable(7)).headers["Content-Range"] == "bytes */7"


def test_an_error_that_carries_its_response_keeps_it() -> None:
    response = Response("as I said", status=418)
    assert error_response(NotFound(response=response), "application/json") is response


def test_an_error_without_a_status_is_a_500() -> None:
    response = error_response(HTTPException("Something."))
    assert response.status_code == 500
    assert response.get_data() == b"500 Unknown Error: Something.\n"


def test_an_error_without_a_description_has_its_name() -> None:
    class Teapot(HTTPException):
        code = 418

    assert error_response(Teapot()).get_data() == b"418 I'm a teapot: I'm a teapot\n"


def test_a_status_that_nobody_registered() -> None:
    class Odd(HTTPException):
        code = 499
        description = "Odd."

    response = error_response(Odd())
    assert response.status_code == 499
    assert response.get_data() == b"499 Unknown Error: Odd.\n"


def test_the_class_of_the_answer() -> None:
    class OwnResponse(Response):
        pass

    assert type(error_response(BadRequest(), response_class=OwnResponse)) is OwnResponse
    assert type(error_response(BadRequest())) is Response


def test_members_of_an_error() -> None:
    error = NotFound("No such page.")
    error.problem_members = {"type": "about:nothing", "looked_for": "page"}  # type: ignore[attr-defined]
    assert json.loads(error_response(error, "application/json").get_data()) == {
        "status": 404,
        "title": "Not Found",
        "detail": "No such page.",
        "type": "about:nothing",
        "looked_for": "page",
    }
    assert b"about" not in error_response(error, "text/html").get_data()
