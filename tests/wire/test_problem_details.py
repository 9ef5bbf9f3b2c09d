"""Errors of an application, as clients of each kind get them."""

import json

import pytest
from werkzeug.exceptions import HTTPException

from kyoukai.web import Blueprint, Kyoukai, Problem, answer_as_problem

from ..serving import message

pytestmark = pytest.mark.every_wire


def application():
    app = Kyoukai("app")
    api = app.add_child(Blueprint("api", prefix="/api"))
    api.errorhandler(HTTPException)(answer_as_problem)

    async def fail(ctx):
        raise Problem(402, "Pay.", type="urn:pay", members={"sum": 3})

    app.route("/fail")(fail)
    api.route("/fail")(fail)
    return app


@pytest.mark.parametrize(
    ("path", "accept", "content_type", "vary"),
    [
        ("/fail", "*/*", "text/plain; charset=utf-8", "Accept"),
        ("/fail", "text/html", "text/html; charset=utf-8", "Accept"),
        ("/fail", "application/problem+json", "application/problem+json", "Accept"),
        ("/api/fail", "text/html", "application/problem+json", None),
    ],
)
def test_a_problem(serve, path, accept, content_type, vary):
    with serve(application()).connect() as client:
        answer = client.request(message("GET", path, f"Accept: {accept}"))
        assert (answer.status, answer.fields["content-type"]) == (402, content_type)
        assert answer.fields.get("vary") == vary
        if content_type.endswith("json"):
            assert json.loads(answer.body)["sum"] == 3
        assert client.request(message("GET", "/none")).status == 404
