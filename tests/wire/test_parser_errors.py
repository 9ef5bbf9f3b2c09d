"""What comes of an exception out of a parser, whatever its author makes of it."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade
from werkzeug.exceptions import BadRequest, HTTPException, ImATeapot, NotFound
from werkzeug.wrappers import Response

from kyoukai import HTTP1Backend, HTTPProtocol, ProtocolError
from kyoukai.backends.httptools_ import KyoukaiProtocol as HttptoolsProtocol
from kyoukai.backends.reference import KyoukaiProtocol as ReferenceProtocol
from kyoukai.core.http1.parsing import Parsing

from ..serving import Answering, Running, chunks, echo, error_records, message, running
from .test_refusals import CASES

BASES = {"httptools": HttptoolsProtocol, "reference": ReferenceProtocol}
UPGRADE = ("Connection: upgrade", "Upgrade: h2c")


class ParseError(Exception):
    """What the author's parser raises for bad input."""


class Wrapped:
    """The parser of another backend, and what an author puts around it.

    :param feed: is given the other one's ``feed_data``, and the bytes.
    """

    def __init__(self, parser: Any, feed: Callable[[Any, bytes], None]) -> None:
        self.parser = parser
        self.feed = feed

    def __getattr__(self, name: str) -> Any:
        return getattr(self.parser, name)

    def feed_data(self, data: bytes) -> None:
        self.feed(self.parser.feed_data, data)


@pytest.fixture(params=sorted(BASES))
def base(request: pytest.FixtureRequest) -> type[HTTPProtocol]:
    """The connection of each backend that ships, for an author to derive from."""
    return BASES[request.param]


@pytest.fixture
def serve_by(
    base: type[HTTPProtocol], loop_factory: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Running]]:
    """Serve by an author's backend, whose connection has these members and is otherwise the base."""

    with ExitStack() as stack:

        def start(
            feed: Callable[[Any, bytes], None] | None = None,
            app: Any = echo,
            limits: Any = None,
            **members: Any,
        ) -> Running:
            if feed is not None:
                members["make_parser"] = lambda self: Wrapped(base.make_parser(self), feed)
            protocol_class = type("Theirs", (base,), members)
            theirs = type(
                "TheirBackend", (HTTP1Backend,), {"api_version": 1, "protocol_class": protocol_class}
            )
            monkeypatch.setattr(sys.modules[__name__], "TheirBackend", theirs, raising=False)
            settings = {"app": app, "backend": f"{__name__}:TheirBackend", "loop_factory": loop_factory}
            return stack.enter_context(running(**settings, limits=limits or {}))

        yield start


def check_500(server: Running, data: bytes, caplog: Any) -> BaseException:
    """Check that ``data`` gets 500, and return the exception that is logged, with its traceback."""
    with server.connect() as client:
        client.send(data)
        answer = client.receive()
        assert answer.status == 500
        assert b"secret" not in answer.body
        assert client.receive_rest() == b""
    [record] = error_records(caplog)
    assert record.name == "kyoukai.protocol"
    exc = record.exc_info[1]
    assert exc.__traceback__ is not None
    return exc


# Refusals of the server's own


def raises_its_own(feed: Any, data: bytes) -> None:
    try:
        feed(data)
    except HttpParserUpgrade:
        raise
    except Exception as exc:
        raise ParseError("secret") from exc


def raises_its_own_of_none(feed: Any, data: bytes) -> None:
    try:
        feed(data)
    except HttpParserUpgrade:
        raise
    except Exception:
        raise ParseError("secret") from None


def raises_what_it_does_not_name(feed: Any, data: bytes) -> None:
    try:
        feed(data)
    except (ProtocolError, HttpParserCallbackError) as exc:
        raise ParseError("secret") from exc


AUTHORS: dict[str, Any] = {
    "BadRequest for everything": {"translate_exception": lambda self, exc: BadRequest()},
    "errors of its own": {"feed": raises_its_own, "parser_errors": (ParseError,)},
    "errors of its own from None": {"feed": raises_its_own_of_none, "parser_errors": (ParseError,)},
    "errors that it does not name": {"feed": raises_what_it_does_not_name},
}


@pytest.mark.parametrize("author", AUTHORS)
def test_refusal_keeps_its_status_despite_the_parser(
    serve_by: Callable[..., Running], author: str, caplog: pytest.LogCaptureFixture
) -> None:
    server = serve_by(**AUTHORS[author])
    for name, (status, data) in CASES.items():
        with server.connect() as client:
            client.send(data)
            assert client.receive().status == status, name
    assert error_records(caplog) == []


@pytest.mark.parametrize("author", AUTHORS)
def test_a_deadline_and_a_body_s_limit_do_too(
    serve_by: Callable[..., Running], author: str, caplog: pytest.LogCaptureFixture
) -> None:
    limits = {"head_timeout": 0.2, "body_timeout": 0.2, "max_body_size": 10}
    server = serve_by(**AUTHORS[author], limits=limits)
    chunked = message("POST", "/", "Transfer-Encoding: chunked")
    cases = {
        408: (b"GET / HT", chunked + b"3\r\n", message("POST", "/", "Content-Length: 3")),
        413: (
            chunked + b"b\r\n",
            message("POST", "/", "Content-Length: 11"),
            chunked + chunks(b"x" * 6, b"x" * 6),
        ),
    }
    for status, requests in cases.items():
        for data in requests:
            with server.connect() as client:
                client.send(data)
                assert client.receive().status == status, data
    assert error_records(caplog) == []


def test_the_author_is_asked_about_the_parser_s_errors_alone(serve_by: Callable[..., Running]) -> None:
    asked: list[Exception] = []

    def translate_exception(self: Any, exc: Exception) -> HTTPException:
        asked.append(exc)
        return ImATeapot()

    def feed(feed_data: Any, data: bytes) -> None:
        if b"bad" in data:
            raise ParseError
        feed_data(data)

    server = serve_by(feed, parser_errors=(ParseError,), translate_exception=translate_exception)
    for data, status in [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (message("GET", "/bad"), 418),
        # What the policy minds comes first.
        (b"GET /bad HTTP/1.1\r\n\r\n", 400),
        (message("POST", "/", body=b"bad"), 418),
    ]:
        with server.connect() as client:
            assert client.request(data).status == status, data
    assert [type(exc) for exc in asked] == [ParseError, ParseError]


# Bugs


@pytest.mark.parametrize("where", ["head", "body", "chunked body", "a body that comes later"])
@pytest.mark.parametrize("fault", [TypeError, NotFound, RecursionError, StopIteration])
def test_a_bug_of_the_parser_is_a_500_with_its_traceback(
    serve_by: Callable[..., Running], where: str, fault: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    fed: list[bytes] = []

    def feed(feed_data: Any, data: bytes) -> None:
        fed.append(data)
        if where == "head" or len(fed) > 1:
            raise fault("secret")
        feed_data(data)

    data = {
        "head": message(),
        "body": message("POST", "/", body=b"body"),
        "chunked body": message("POST", "/", "Transfer-Encoding: chunked") + chunks(b"body"),
        "a body that comes later": message("POST", "/", "Content-Length: 4"),
    }[where]
    server = serve_by(feed, parser_errors=(ParseError,))
    if where == "a body that comes later":
        with server.connect() as client:
            client.send(data)
            client.send(b"bo")
            assert client.receive().status == 500
        [record] = error_records(caplog)
        assert isinstance(record.exc_info[1], fault)
    else:
        assert isinstance(check_500(server, data, caplog), fault)
    fed.clear()
    caplog.clear()
    # The next connection is served, as far as this parser goes.
    if where != "head":
        with server.connect() as client:
            assert client.request(message()).status == 200


def test_bug_is_not_hidden_by_the_retry_after_bad_input(
    serve_by: Callable[..., Running], caplog: pytest.LogCaptureFixture
) -> None:
    def feed(feed_data: Any, data: bytes) -> None:
        raise TypeError("secret")

    server = serve_by(feed, parser_errors=(ParseError,))
    # A method that a parser may not know.
    assert isinstance(check_500(server, message("PROPFIND"), caplog), TypeError)


@pytest.mark.parametrize("wrapper", [None, raises_its_own, raises_its_own_of_none])
def test_error_in_a_callback_is_a_500_with_its_traceback(
    serve_by: Callable[..., Running],
    base: type[HTTPProtocol],
    wrapper: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # A callback of the server's, as its module has it, with a bug.
    module = {"__name__": Parsing.__module__}
    exec("def on_url(self, url):\n    raise ZeroDivisionError('secret')", module)
    monkeypatch.setattr(Parsing, "on_url", module["on_url"])
    errors = {} if wrapper is None else {"parser_errors": (ParseError,)}
    exc: BaseException | None = check_500(serve_by(wrapper, **errors), message(), caplog)
    # Of llhttp's, it is the context.
    assert (type(exc) is HttpParserCallbackError) is (base is HttptoolsProtocol and wrapper is None)
    while exc is not None and not isinstance(exc, ZeroDivisionError):
        exc = exc.__cause__ or exc.__context__
    assert isinstance(exc, ZeroDivisionError)


def test_error_outside_the_parser_is_a_500_despite_its_class(
    serve_by: Callable[..., Running], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: object) -> None:
        raise ValueError("secret")

    monkeypatch.setattr("kyoukai.core.semantics.policy.accept", fail)
    check_500(serve_by(parser_errors=(ValueError, HttpParserError)), message(), caplog)


@pytest.mark.parametrize("fault", [ValueError, NotFound])
def test_receive_head_error_is_not_a_parser_error(
    serve_by: Callable[..., Running], fault: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    class Planning(Answering):
        plans_every_body = True

        def receive_head(self, environ: dict[str, Any]) -> None:
            raise fault("secret")

    async def answer(request: Any) -> Response:
        raise AssertionError("the application was called")

    server = serve_by(app=Planning(answer), parser_errors=(ValueError, HttpParserError))
    exc = check_500(server, message("POST", "/", body=b"x"), caplog)
    assert isinstance(exc.__cause__ or exc, fault)


@pytest.mark.parametrize(
    "translate",
    [lambda self, exc: 1 // 0, lambda self, exc: None, lambda self, exc: exc],
    ids=["raises", "None", "itself"],
)
def test_a_hook_that_is_wrong_is_a_500_with_its_traceback(
    serve_by: Callable[..., Running], translate: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def feed(feed_data: Any, data: bytes) -> None:
        raise ParseError("secret")

    check_500(serve_by(feed, parser_errors=(ParseError,), translate_exception=translate), message(), caplog)


# Going on after an upgrade


def test_a_parser_that_stops_for_an_upgrade_is_told_how_the_body_is_delimited(
    serve_by: Callable[..., Running], base: type[HTTPProtocol]
) -> None:
    asked: list[Any] = []

    def resume_parser(self: Any, exc: Exception, framing: Any) -> bool:
        asked.append((type(exc), framing))
        return base.resume_parser(self, exc, framing)

    server = serve_by(resume_parser=resume_parser)
    with server.connect() as client:
        assert client.request(message("GET", "/", *UPGRADE)).status == 200
        assert client.request(message("POST", "/", *UPGRADE, body=b"sized")).body == b"POST / sized"
        client.send(message("POST", "/", *UPGRADE, "Transfer-Encoding: chunked") + chunks(b"chunked"))
        assert client.receive().body == b"POST / chunked"
    stops = [(HttpParserUpgrade, None), (HttpParserUpgrade, (5, False)), (HttpParserUpgrade, (0, True))]
    assert asked == (stops if base is HttptoolsProtocol else [])


def test_hook_is_not_asked_about_refusals_or_within_a_head(
    serve_by: Callable[..., Running], caplog: pytest.LogCaptureFixture
) -> None:
    def resume_parser(self: Any, exc: Exception, framing: Any) -> bool:
        raise AssertionError(f"it was asked about {exc!r}")

    server = serve_by(resume_parser=resume_parser)
    for name, (status, data) in CASES.items():
        with server.connect() as client:
            client.send(data)
            assert client.receive().status == status, name
    assert error_records(caplog) == []


def test_raising_hook_is_a_500_with_its_traceback(
    serve_by: Callable[..., Running], caplog: pytest.LogCaptureFixture
) -> None:
    def feed(feed_data: Any, data: bytes) -> None:
        feed_data(data)
        raise ParseError("stopped")

    def resume_parser(self: Any, exc: Exception, framing: Any) -> bool:
        raise ValueError("secret")

    server = serve_by(feed, parser_errors=(ParseError, ValueError), resume_parser=resume_parser)
    exc = check_500(server, message("POST", "/", "Content-Length: 5"), caplog)
    assert isinstance(exc, ValueError)


# What a log at DEBUG says


def test_the_log_says_what_the_parser_raised(
    serve_by: Callable[..., Running], caplog: pytest.LogCaptureFixture
) -> None:
    def feed(feed_data: Any, data: bytes) -> None:
        raise ParseError("no such thing")

    caplog.set_level(logging.DEBUG, "kyoukai.protocol")
    with serve_by(feed, parser_errors=(ParseError,)).connect() as client:
        assert client.request(message()).status == 400
    told = [record.getMessage() for record in caplog.records if record.name == "kyoukai.protocol"]
    assert told == [
        "the parser refuses a request by ParseError('no such thing')",
        "refusing a request: 400 Bad Request: The request is malformed. (message-malformed)",
    ]
