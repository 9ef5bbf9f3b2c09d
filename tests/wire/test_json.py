"""JSON by the encoder that an application has."""

import json

import pytest

from kyoukai import Kyoukai

from ..serving import message

pytestmark = pytest.mark.every_wire


def test_the_encoder_of_the_application(serve):
    for encoder, body in (
        (None, '{"a":["é"]}'),
        (lambda value: json.dumps(value, indent=1), '{\n "a": [\n  "\\u00e9"\n ]\n}'),
    ):
        app = Kyoukai("json", json_encoder=encoder)

        @app.route("/")
        async def index(ctx):
            return {"a": ["é"]}

        with serve(app).connect() as client:
            for _ in range(2):
                answer = client.request(message())
                assert answer.fields["content-type"] == "application/json"
                assert answer.body.decode() == body
