import asyncio
import builtins
import functools
import sys
import types
from collections.abc import AsyncIterator
from typing import Any

import pytest
from werkzeug.exceptions import Conflict
from werkzeug.wrappers import Response

from kyoukai import ConfigurationError, HTTPRequestContext, Kyoukai, event_stream
from kyoukai.web.json_encoders import choose_encoder
from kyoukai.web.responses import encode_json

from .asking import ask


def shout(value: Any) -> bytes:
    return f"<{value}>".encode()


def app_with(encoder: Any) -> Kyoukai:
    app = Kyoukai("json", json_encoder=encoder)

    @app.route("/")
    async def index(ctx: HTTPRequestContext) -> dict[str, int]:
        return {"a": 1}

    @app.route("/created")
    async def created(ctx: HTTPRequestContext) -> tuple[list[int], int]:
        return [1], 201

    @app.route("/text")
    async def text(ctx: HTTPRequestContext) -> str:
        return "text"

    @app.route("/conflict")
    async def conflict(ctx: HTTPRequestContext) -> None:
        raise Conflict

    @app.route("/events")
    async def events(ctx: HTTPRequestContext) -> Response:
        async def one() -> AsyncIterator[dict[str, int]]:
            yield {"a": 1}

        return event_stream(ctx, one())

    @app.errorhandler(409)
    async def handle(ctx: HTTPRequestContext, error: Conflict) -> list[int]:
        return [2]

    return app


def test_the_default() -> None:
    assert choose_encoder(None) is encode_json
    assert ask(app_with(None)).data == b'{"a":1}'


def test_a_function() -> None:
    app = app_with(shout)
    response = ask(app)
    assert (response.data, response.content_type) == (b"<{'a': 1}>", "application/json")
    created = ask(app, "/created")
    assert (created.status_code, created.data) == (201, b"<[1]>")
    conflict = ask(app, "/conflict")
    assert (conflict.status_code, conflict.data) == (409, b"<[2]>")
    assert ask(app, "/text").data == b"text"


def test_hooks_too() -> None:
    app = app_with(shout)

    @app.after_request
    async def replace(ctx: HTTPRequestContext, response: Response) -> list[int] | None:
        return [3] if ctx.request.path == "/text" else None

    @app.before_request
    async def answer(ctx: HTTPRequestContext) -> list[int] | None:
        return [4] if ctx.request.path == "/created" else None

    assert ask(app, "/text").data == b"<[3]>"
    assert ask(app, "/created").data == b"<[4]>"


def test_events_too() -> None:
    stream: Any = ask(app_with(shout), "/events").response

    async def main() -> bytes:
        piece: bytes = await anext(stream)
        await stream.aclose()
        return piece

    assert asyncio.run(main()) == b"data: <{'a': 1}>\n\n"


def test_a_function_that_returns_text() -> None:
    assert ask(app_with(lambda value: "é")).data == "é".encode()


def test_a_partial_function() -> None:
    assert ask(app_with(functools.partial(shout))).data == b"<{'a': 1}>"


@pytest.mark.parametrize("result", [None, 5, {}])
def test_a_function_that_returns_no_json(result: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert ask(app_with(lambda value: result)).status_code == 500
    assert "JSON must be bytes or a str" in caplog.text


@pytest.mark.parametrize("encoder", [5, b"orjson", ["orjson"]])
def test_no_function(encoder: Any) -> None:
    with pytest.raises(ConfigurationError, match="json_encoder must be a function"):
        Kyoukai("json", json_encoder=encoder)


def test_a_function_that_takes_something_else() -> None:
    with pytest.raises(ConfigurationError, match=r"json_encoder .* is called with"):
        Kyoukai("json", json_encoder=lambda: b"")


@pytest.mark.parametrize("name", ["", "simplejson", "os"])
def test_a_library_that_is_not_known(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"a function, 'orjson' or 'msgspec', not '{name}'"):
        Kyoukai("json", json_encoder=name)


@pytest.mark.parametrize("name", ["orjson", "msgspec"])
def test_a_library_that_is_not_installed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (name, "msgspec.json"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigurationError, match=rf"pip install 'kyoukai\[{name}\]'"):
        Kyoukai("json", json_encoder=name)


# Both are optional, and so their shapes are held here. What they do themselves is their own affair.


def test_orjson(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    module = types.SimpleNamespace(OPT_NON_STR_KEYS=4, dumps=lambda *args: calls.append(args) or b"orjson")
    monkeypatch.setitem(sys.modules, "orjson", module)
    assert ask(app_with("orjson")).data == b"orjson"
    assert calls == [({"a": 1}, None, 4)]


def test_msgspec(monkeypatch: pytest.MonkeyPatch) -> None:
    class Encoder:
        def encode(self, value: Any) -> bytes:
            return b"msgspec"

    monkeypatch.setitem(sys.modules, "msgspec", types.SimpleNamespace())
    monkeypatch.setitem(sys.modules, "msgspec.json", types.SimpleNamespace(Encoder=Encoder))
    assert ask(app_with("msgspec")).data == b"msgspec"


def test_encoders_are_imported_only_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, *args: Any) -> Any:
        raise AssertionError(name)

    monkeypatch.setattr(builtins, "__import__", refuse)
    assert choose_encoder(None) is encode_json
