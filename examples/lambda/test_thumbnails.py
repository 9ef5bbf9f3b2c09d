import base64
import io
import json
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
import thumbnails
from mangum import Mangum
from PIL import Image

from kyoukai import Kyoukai

EVENTS = Path(__file__).parent / "events"
CONTEXT = SimpleNamespace(function_name="thumbnails", aws_request_id="e1506fd5-9e7b-434f-bd42-4f8fa224b599")

# Each test by an event of each kind: they are as AWS's documentation has them.
KINDS = ["api_gateway_v1", "api_gateway_v2", "function_url", "alb", "alb_multi_value"]


class Answer(NamedTuple):
    status: int
    fields: list[tuple[str, str]]
    body: bytes

    def get(self, name: str) -> list[str]:
        return [value for found, value in self.fields if found.lower() == name]


class Gateway:
    """What calls the function: it makes an event of each request, and an answer of what is returned."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def ask(
        self,
        method: str,
        path: str,
        query: list[tuple[str, str]] | None = None,
        fields: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> Answer:
        event = json.loads((EVENTS / f"{self.kind}.json").read_text("utf-8"))
        event["body"], event["isBase64Encoded"] = base64.b64encode(body).decode(), True
        change = self._change_v2 if "rawPath" in event else self._change_v1
        change(event, method, path, query or [], {"content-length": str(len(body)), **(fields or {})})
        # What a gateway gets is JSON.
        answer = json.loads(json.dumps(thumbnails.handler(event, CONTEXT)))
        content = answer["body"]
        assert isinstance(content, str)
        several = {**answer.get("multiValueHeaders", {}), "set-cookie": answer.get("cookies", [])}
        several |= answer.get("multiValueHeaders", {})
        return Answer(
            answer["statusCode"],
            [
                *answer.get("headers", {}).items(),
                *((name, value) for name, values in several.items() for value in values),
            ],
            base64.b64decode(content) if answer["isBase64Encoded"] else content.encode(),
        )

    def _change_v1(
        self, event: Any, method: str, path: str, query: list[tuple[str, str]], fields: dict[str, str]
    ) -> None:
        event["httpMethod"], event["path"] = method, path
        if "headers" in event:
            event["headers"] |= fields
        if "multiValueHeaders" in event:
            event["multiValueHeaders"] |= {name: [value] for name, value in fields.items()}
        # The last one counts, where a name has one value.
        if "queryStringParameters" in event:
            event["queryStringParameters"] = dict(query) or None
        if "multiValueQueryStringParameters" in event:
            values: dict[str, list[str]] = {}
            for name, value in query:
                values.setdefault(name, []).append(value)
            event["multiValueQueryStringParameters"] = values or None

    def _change_v2(
        self, event: Any, method: str, path: str, query: list[tuple[str, str]], fields: dict[str, str]
    ) -> None:
        event["requestContext"]["http"] |= {"method": method, "path": path}
        event["rawPath"], event["rawQueryString"] = path, urlencode(query)
        cookies = fields.pop("cookie", "")
        if cookies:
            event["cookies"] = cookies.split("; ")
        event["headers"] |= fields


@pytest.fixture(params=KINDS)
def gateway(request: pytest.FixtureRequest) -> Gateway:
    return Gateway(request.param)


def picture(width: int = 400, height: int = 200) -> bytes:
    output = io.BytesIO()
    Image.new("RGB", (width, height), "darkred").save(output, "png")
    return output.getvalue()


def test_a_page_is_text(gateway: Gateway) -> None:
    answer = gateway.ask("GET", "/")
    assert (answer.status, answer.get("content-type")) == (200, ["text/html; charset=utf-8"])
    assert answer.body.startswith(b"<p>128 wide, as png</p>")
    assert answer.get("content-length") == [str(len(answer.body))]


def test_cookies_come_back(gateway: Gateway) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    answer = gateway.ask("POST", "/", fields=form, body=b"width=64&format=webp")
    assert (answer.status, answer.get("location"), answer.body[:9]) == (303, ["/"], b"<!doctype")
    cookies = [value.partition(";")[0] for value in answer.get("set-cookie")]
    assert sorted(cookies) == ["format=webp", "width=64"]
    again = gateway.ask("GET", "/", fields={"cookie": "; ".join(cookies)})
    assert again.body.startswith(b"<p>64 wide, as webp</p>")


def test_a_name_may_come_more_than_once(gateway: Gateway) -> None:
    page = gateway.ask("GET", "/", [("width", "32"), ("width", "48")]).body.decode()
    assert "32 wide" in page or gateway.kind == "alb"
    # A load balancer has one value for each, unless it is told otherwise.
    assert page.count("<button") == (1 if gateway.kind == "alb" else 2)


def test_bodies_are_bytes_both_ways(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "thumbnails")
    sent = picture()
    assert 0 in sent
    answer = gateway.ask("POST", "/thumbnails", [("width", "50")], body=sent)
    assert (answer.status, answer.get("content-type")) == (200, ["image/png"])
    made = Image.open(io.BytesIO(answer.body))
    assert (made.format, made.size) == ("PNG", (50, 25))
    # The task in the background was waited for.
    assert f"made one that is 50 wide: {len(answer.body)} bytes" in caplog.messages


@pytest.mark.parametrize(
    ("method", "path", "query", "status"),
    [
        ("GET", "/nothing", [], 404),
        ("GET", "/thumbnails", [], 405),
        ("POST", "/thumbnails", [("width", "9000")], 400),
        ("POST", "/thumbnails", [], 415),
    ],
)
def test_errors_are_problems(
    gateway: Gateway, method: str, path: str, query: list[tuple[str, str]], status: int
) -> None:
    answer = gateway.ask(method, path, query, body=b"no picture" if method == "POST" else b"")
    assert (answer.status, answer.get("content-type")) == (status, ["application/problem+json"])
    assert json.loads(answer.body)["status"] == status
    assert answer.get("allow") == (["OPTIONS, POST"] if status == 405 else [])


def test_what_nobody_foresaw_is_an_error_and_a_line_of_the_log(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(file: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(thumbnails.Image, "open", fail)
    answer = gateway.ask("POST", "/thumbnails", body=picture())
    assert (answer.status, json.loads(answer.body)["title"]) == (500, "Internal Server Error")
    [record] = [record for record in caplog.records if record.exc_info]
    assert (record.name, record.levelname) == ("kyoukai.web", "ERROR")
    # The next event finds it well.
    monkeypatch.undo()
    assert gateway.ask("POST", "/thumbnails", body=picture()).status == 200


def test_a_body_that_is_too_large_is_refused() -> None:
    # More than Lambda passes on, by default: the limit can be a smaller one.
    answer = Gateway("function_url").ask("POST", "/thumbnails", body=bytes(13 * 1024 * 1024))
    assert answer.status == 413


def test_a_head_has_no_content(gateway: Gateway) -> None:
    answer = gateway.ask("HEAD", "/")
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.get("content-length")[0]) > 0


@pytest.mark.parametrize(("lifespan", "starts", "stops"), [("auto", 2, 2), ("off", 1, 0)])
def test_how_often_an_application_starts(lifespan: Any, starts: int, stops: int) -> None:
    app, calls = Kyoukai("counted"), []
    app.before_serving(lambda ctx: calls.append("start"))
    app.after_serving(lambda ctx: calls.append("stop"))
    app.route("/")(lambda ctx: "hello")
    handler = Mangum(app.asgi, lifespan=lifespan)
    event = json.loads((EVENTS / "function_url.json").read_text("utf-8"))
    for _ in range(2):
        assert handler(event, CONTEXT)["body"] == "hello"
    assert (calls.count("start"), calls.count("stop")) == (starts, stops)
