"""A protocol that writes down what a parser calls, and the ways of cutting what the parser is fed."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import pytest

from kyoukai.backends.reference.parser import RequestParser
from kyoukai.core.errors import ProtocolError


class Outcome(NamedTuple):
    """What came of feeding a parser."""

    events: list[Any]
    error: ProtocolError | None

    @property
    def fault(self) -> tuple[type[ProtocolError], str | None] | None:
        return None if self.error is None else (type(self.error), self.error.description)


class Recorder:
    """Writes down its calls, with adjacent pieces of a body joined."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.parser: RequestParser | None = None

    def on_message_begin(self) -> None:
        self.events.append("begin")

    def on_url(self, url: bytes) -> None:
        assert type(url) is bytes
        self.events.append(("url", url))

    def on_header(self, name: bytes, value: bytes) -> None:
        assert type(name) is bytes
        assert type(value) is bytes
        self.events.append((name, value))

    def on_headers_complete(self) -> None:
        parser = self.parser
        method = parser.get_method()
        assert type(method) is bytes
        self.events.append(("head", method, parser.get_http_version(), parser.should_keep_alive()))

    def on_body(self, body: bytes) -> None:
        assert type(body) is bytes
        assert body
        if self.events[-1][0] == "body":
            body = self.events.pop()[1] + body
        self.events.append(("body", body))

    def on_message_complete(self) -> None:
        self.events.append("complete")


def run(pieces: Iterable[bytes], **limits: int) -> Outcome:
    """Feed a new parser with ``pieces``, until one of them is refused."""
    recorder = Recorder()
    parser = recorder.parser = RequestParser(recorder, **limits)
    try:
        for piece in pieces:
            parser.feed_data(piece)
    except ProtocolError as error:
        return Outcome(recorder.events, error)
    return Outcome(recorder.events, None)


def cuts(data: bytes) -> Iterator[list[bytes]]:
    """Cut ``data`` into single bytes, and in two at every position."""
    yield [data[i : i + 1] for i in range(len(data))]
    for i in range(len(data) + 1):
        yield [data[:i], data[i:]]


def run_every_way(data: bytes, **limits: int) -> Outcome:
    """Feed ``data`` whole and cut, check that it makes no difference, and return what came of it."""
    whole = run([data], **limits)
    for pieces in cuts(data):
        cut = run(pieces, **limits)
        assert cut.events == whole.events, pieces
        assert cut.fault == whole.fault, pieces
    return whole


@pytest.fixture(name="run")
def run_fixture() -> Callable[..., Outcome]:
    return run


@pytest.fixture(name="run_every_way")
def run_every_way_fixture() -> Callable[..., Outcome]:
    return run_every_way


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()
