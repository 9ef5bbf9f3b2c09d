"""A protocol that writes down what a parser calls, and the ways of cutting what the parser is fed."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import pytest

from kyoukai.backends.reference.parser import RequestParser
from kyoukai.core.errors import HeaderFieldsTooLarge, ProtocolError
from kyoukai.core.limits import Limits
from kyoukai.core.semantics import policy


class Outcome(NamedTuple):
    """What came of feeding a parser."""

    events: list[Any]
    """Without those of a head that was refused: whether it is called back before is left open."""
    error: ProtocolError | None

    @property
    def fault(self) -> tuple[type[ProtocolError], str | None] | None:
        return None if self.error is None else (type(self.error), self.error.description)


class Recorder:
    """Writes down its calls, with adjacent pieces of a body joined.

    Like a connection, it refuses a head whose target or number of fields is wrong.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.events: list[Any] = []
        self.parser: RequestParser | None = None
        self.limits = limits or Limits()

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
        url, *fields = self.events[len(self.events) - self.events[::-1].index("begin") :]
        policy.check_request_line(method, url[1], self.limits)
        if len(fields) > self.limits.max_fields:
            raise HeaderFieldsTooLarge
        self.events.append(("head", method, parser.get_http_version(), parser.should_keep_alive()))

    def on_body(self, body: bytes) -> None:
        assert type(body) is bytes
        assert body
        if self.events[-1][0] == "body":
            body = self.events.pop()[1] + body
        self.events.append(("body", body))

    def on_message_complete(self) -> None:
        self.events.append("complete")


def run(pieces: Iterable[bytes], **settings: int) -> Outcome:
    """Feed a new parser with ``pieces``, until one of them is refused."""
    limits = Limits(**settings)
    recorder = Recorder(limits)
    parser = recorder.parser = RequestParser(recorder, limits)
    try:
        for piece in pieces:
            parser.feed_data(piece)
    except ProtocolError as error:
        return Outcome(without_refused_head(recorder.events), error)
    return Outcome(recorder.events, None)


def without_refused_head(events: list[Any]) -> list[Any]:
    """Return ``events`` up to the last message, if its head was not accepted."""
    if "begin" not in events:
        return events
    last = len(events) - 1 - events[::-1].index("begin")
    return events if any(event[0] == "head" for event in events[last:]) else events[:last]


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
