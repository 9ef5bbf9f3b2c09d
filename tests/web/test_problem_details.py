import json
import logging
from typing import Any

import pytest
from werkzeug.exceptions import HTTPException, NotFound

from kyoukai.web import Blueprint, HTTPRequestContext, Kyoukai, Problem, answer_as_problem

from .asking import ask

PROBLEM = "application/problem+json"


def application(error: Exception) -> Kyoukai:
    app = Kyoukai("app")
    api = app.add_child(Blueprint("api", prefix="/api"))
    inner = api.add_child(Blueprint("inner", prefix="/inner"))
    api.errorhandler(HTTPException)(answer_as_problem)

    async def fail(ctx: HTTPRequestContext) -> None:
        raise error

    for bp in (app, api, inner):
        bp.route("/fail")(fail)
    return app


def whole() -> Problem:
    return Problem(
        429,
        "Five a minute.",
        type="https://example.org/too-many",
        title="Too many <b>orders</b>",
        instance="urn:order:7",
        headers={"Retry-After": "60"},
        members={"limit": 5, "of": ["é", None]},
    )


@pytest.mark.parametrize("accept", [PROBLEM, "application/json", "text/html;q=0.5, application/problem+json"])
def test_a_problem_for_a_program(accept: str) -> None:
    response = ask(application(whole()), "/fail", headers={"Accept": accept})
    assert response.status_code == 429
    assert response.mimetype in accept
    assert (response.headers["Retry-After"], response.headers["Vary"]) == ("60", "Accept")
    assert json.loads(response.get_data()) == {
        "type": "https://example.org/too-many",
        "title": "Too many <b>orders</b>",
        "status": 429,
        "detail": "Five a minute.",
        "instance": "urn:order:7",
        "limit": 5,
        "of": ["é", None],
    }


def test_a_problem_for_a_human() -> None:
    text = ask(application(whole()), "/fail").get_data(as_text=True)
    assert text == "429 Too many <b>orders</b>: Five a minute.\n"
    html = ask(application(whole()), "/fail", headers={"Accept": "text/html"}).get_data(as_text=True)
    assert "<h1>Too many &lt;b&gt;orders&lt;/b&gt;</h1>\n<p>Five a minute.</p>" in html


def test_problem_with_only_a_status() -> None:
    response = ask(application(Problem(409)), "/fail", headers={"Accept": PROBLEM})
    assert json.loads(response.get_data()) == {"status": 409, "title": "Conflict", "detail": "Conflict"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"status": 200}, "must be from 400 to 599, not 200"),
        (
            {"status": 400, "members": {"type": "a", "detail": "b"}},
            "members must not contain detail, type;",
        ),
    ],
)
def test_invalid_problem(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Problem(**arguments)


@pytest.mark.parametrize("path", ["/api/fail", "/api/inner/fail"])
@pytest.mark.parametrize("accept", ["", "text/html", "*/*"])
def test_a_handler_that_answers_with_problems_is_inherited(path: str, accept: str) -> None:
    response = ask(application(NotFound("No such order.")), path, headers={"Accept": accept})
    assert (response.status_code, response.mimetype) == (404, PROBLEM)
    assert json.loads(response.get_data())["detail"] == "No such order."
    assert "Vary" not in response.headers


def test_an_unhandled_exception_as_a_problem(caplog: pytest.LogCaptureFixture) -> None:
    response = ask(application(ValueError("secret")), "/api/fail")
    assert (response.status_code, response.mimetype) == (500, PROBLEM)
    assert b"secret" not in response.get_data()
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_the_handler_takes_any_exception() -> None:
    app = application(ValueError("secret"))
    app.errorhandler(ValueError)(answer_as_problem)
    response = ask(app, "/fail")
    assert (response.status_code, response.mimetype) == (500, PROBLEM)
    assert b"secret" not in response.get_data()
