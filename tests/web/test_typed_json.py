"""JSON of requests becomes objects of the type that a handler names; anything else is refused."""

import asyncio
import sys
from dataclasses import dataclass
from typing import Any
from unittest import mock

import pytest
from asphalt.core import Context
from werkzeug.test import EnvironBuilder

from kyoukai import ConfigurationError, HTTPRequestContext, Kyoukai, Problem, Request, read_json


@dataclass
class Draft:
    """What a client sends."""

    title: str
    pages: int = 1

    def __post_init__(self) -> None:
        if not self.title:
            raise ValueError("the title is empty")


def context(data: bytes, content_type: str = "application/json") -> HTTPRequestContext:
    request = Request(EnvironBuilder("/", method="POST", data=data, content_type=content_type).get_environ())
    return HTTPRequestContext(Context(), request, Kyoukai("drafts"))


def read(data: bytes, kind: Any = Draft, content_type: str = "application/json") -> Any:
    async def main() -> Any:
        return read_json(context(data, content_type), kind)

    return asyncio.run(main())


def test_json_becomes_an_object_of_the_type() -> None:
    assert read(b'{"title": "Ulysses", "pages": 730, "other": 1}') == Draft("Ulysses", 730)
    assert read(b'[{"title": "a"}]', list[Draft]) == [Draft("a")]
    assert read(b'{"title": "a"}', content_type="application/merge-patch+json") == Draft("a")


@pytest.mark.parametrize(
    ("data", "content_type", "status", "detail"),
    [
        (b"{}", "text/plain", 415, "The body must be application/json, not text/plain."),
        (b"{}", "", 415, "The body must be application/json; the request has no Content-Type."),
        (b"{", "application/json", 400, "The body is not JSON: Input data was truncated."),
        (
            b"\xff",
            "application/json",
            400,
            "The body is not JSON: JSON is malformed: ",
        ),
        (b"[" * 100_000, "application/json", 400, "The body is not JSON: "),
        (b"{}", "application/json", 422, "Object missing required field `title`."),
        (b'{"title": 3}', "application/json", 422, "Expected `str`, got `int` - at `$.title`."),
        (b'{"title": ""}', "application/json", 422, "the title is empty."),
    ],
)
def test_json_that_does_not_fit_is_refused(data: bytes, content_type: str, status: int, detail: str) -> None:
    kind: Any = Draft if data[:1] != b"[" else list[Any]
    with pytest.raises(Problem) as caught:
        read(data, kind, content_type)
    assert caught.value.code == status
    assert str(caught.value.description).startswith(detail)


def test_without_msgspec_it_says_what_to_install() -> None:
    with mock.patch.dict(sys.modules, {"msgspec": None}), pytest.raises(ConfigurationError, match="msgspec"):
        read(b"{}")
