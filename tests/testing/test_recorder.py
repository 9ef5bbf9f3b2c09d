import asyncio
import io

import pytest
from werkzeug.wrappers import Request

from kyoukai.testing import RecordingApplication, Reply, Seen

ENVIRON = {
    "REQUEST_METHOD": "POST",
    "RAW_URI": "/a%20b?c=d",
    "PATH_INFO": "/a b",
    "QUERY_STRING": "c=d",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "HTTP_HOST": "a",
    "HTTP_X_FIELD": "1,2",
    "CONTENT_TYPE": "text/plain",
    "CONTENT_LENGTH": "3",
    "SERVER_NAME": "a",
    "SERVER_PORT": "80",
    "wsgi.url_scheme": "http",
    "wsgi.input_terminated": True,
}


def ask(application, **environ):
    request = Request({**ENVIRON, "wsgi.input": io.BytesIO(b"abc"), **environ})
    return asyncio.run(application.process_request(request, None))


async def collect(body):
    return [piece async for piece in body]


def test_recorded_requests():
    application = RecordingApplication()
    seen = application.begin(Reply())
    response = ask(application, **{"kyoukai.trailers": [(b"X-T", b"\xe9")]})
    assert seen == [
        Seen(
            method="POST",
            target="/a%20b?c=d",
            path="/a b",
            query="c=d",
            version="HTTP/1.1",
            fields={"host": "a", "x-field": "1,2", "content-type": "text/plain", "content-length": "3"},
            body=b"abc",
            trailers=(("X-T", "é"),),
        )
    ]
    assert response.status_code == 200
    assert response.response == [b"ok"]


def test_a_conversation_has_a_list_of_its_own():
    application = RecordingApplication()
    first = application.begin(Reply())
    ask(application)
    second = application.begin(Reply())
    assert (len(first), second) == (1, [])


def test_recorded_answers():
    application = RecordingApplication()
    application.begin(Reply(404, (("X-A", "1"), ("Content-Length", "9")), b"none", close=True))
    response = ask(application)
    assert response.status_code == 404
    assert response.response == [b"none"]
    assert response.headers["X-A"] == "1"
    assert response.headers["Content-Length"] == "9"
    assert response.headers["Connection"] == "close"


def test_a_body_in_pieces():
    application = RecordingApplication()
    application.begin(Reply(pieces=(b"a", b"b")))
    assert asyncio.run(collect(ask(application).response)) == [b"a", b"b"]


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_body_that_fails(after):
    application = RecordingApplication()
    application.begin(Reply(pieces=(b"a", b"b"), fails_after=after))
    came = []

    async def take():
        async for piece in ask_later.response:
            came.append(piece)

    ask_later = ask(application)
    with pytest.raises(RuntimeError, match="on purpose"):
        asyncio.run(take())
    assert came == [b"a", b"b"][:after]


def test_a_handler_that_fails():
    application = RecordingApplication()
    seen = application.begin(Reply(raises=True))
    with pytest.raises(RuntimeError, match="on purpose"):
        ask(application)
    assert len(seen) == 1
