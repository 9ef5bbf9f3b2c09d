"""Errors below a blueprint's prefix, by sockets."""

import pytest
from werkzeug.exceptions import HTTPException

from kyoukai import Blueprint, Kyoukai, answer_as_problem

from ..serving import message

pytestmark = pytest.mark.every_wire


def test_errors_below_an_api_are_the_apis(serve):
    app = Kyoukai("app")
    api = Blueprint("api", prefix="/api", parent=app)
    api.errorhandler(HTTPException)(answer_as_problem)

    @api.route("/items")
    async def items(ctx):
        return []

    with serve(app).connect() as client:
        for _ in range(2):
            answer = client.request(message("GET", "/api/missing", "Accept: text/html"))
            assert (answer.status, answer.fields["content-type"]) == (404, "application/problem+json")
            answer = client.request(message("DELETE", "/api/items", "Accept: text/html"))
            assert (answer.status, answer.fields["content-type"]) == (405, "application/problem+json")
            assert answer.fields["allow"] == "GET, HEAD, OPTIONS"
            answer = client.request(message("GET", "/missing", "Accept: text/html"))
            assert (answer.status, answer.fields["content-type"]) == (404, "text/html; charset=utf-8")
            assert client.request(message("GET", "/api/items")).body == b"[]"
