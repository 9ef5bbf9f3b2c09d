"""What an exception out of a parser means, without a parser, a connection or a socket."""

import copy
import itertools
import logging
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.exceptions import BadRequestKeyError, HTTPException, InternalServerError, NotFound
from werkzeug.wrappers import Response

from kyoukai.core.errors import BadRequest, ContentTooLarge, ProtocolError, RequestTimeout, URITooLong
from kyoukai.core.http1 import parser_errors
from kyoukai.core.http1.parser_errors import (
    MAX_LINKED,
    Disagreement,
    disagree,
    find_refusal,
    is_of_a_callback,
    is_parser_error,
    linked,
    translate,
)
from kyoukai.core.semantics.framing import CHUNKED, NO_BODY, Framing


class ParseError(Exception):
    """What a parser raises for bad input."""


class StrictParseError(ParseError):
    """One of several kinds."""


ERRORS = (ParseError,)


def raised(function: Callable[[], Any]) -> BaseException:
    """Return what ``function`` raises, with its traceback."""
    try:
        function()
    except BaseException as exc:
        return exc
    raise AssertionError("nothing was raised")


def chained(*chain: BaseException, by: str = "__context__") -> BaseException:
    """Return the first of some exceptions, of which each came of the next."""
    for exc, other in itertools.pairwise(chain):
        setattr(exc, by, other)
    return chain[0]


def never(exc: Exception) -> HTTPException:
    """Stand for an author who must not be asked."""
    raise AssertionError(f"the author was asked about {exc!r}")


def bad_request(exc: Exception) -> HTTPException:
    """Stand for an author to whom everything is the client's fault."""
    return BadRequest()


def callback_of_the_server(name: str) -> Callable[[], Any]:
    """Return a function that fails as a callback of this name in the server's code does."""
    names: dict[str, Any] = {"__name__": "kyoukai.core.http1.anything"}
    exec(f"def {name}():\n    raise ParseError('in a callback')", names | {"ParseError": ParseError}, names)
    names[name].__globals__["__name__"] = "kyoukai.core.http1.anything"
    function: Callable[[], Any] = names[name]
    return function


# Which exceptions came before one


def test_an_exception_by_itself_is_linked_with_nothing() -> None:
    exc = ValueError()
    assert list(linked(exc)) == [exc]


def test_causes_and_contexts_are_linked_each_once() -> None:
    root, cause, context, exc = KeyError(), TypeError(), ValueError(), ParseError()
    exc.__cause__, exc.__context__ = cause, context
    cause.__context__ = context.__context__ = root
    assert list(linked(exc)) == [exc, cause, context, root]


@pytest.mark.parametrize("by", ["__cause__", "__context__"])
def test_a_circle_of_exceptions_comes_to_an_end(by: str) -> None:
    first, second = ValueError(), KeyError()
    chained(first, second, first, by=by)
    assert list(linked(first)) == [first, second]
    assert find_refusal(first) is None


def test_a_long_chain_is_followed_so_far() -> None:
    chain = [ValueError() for _ in range(2 * MAX_LINKED)]
    chained(*chain)
    assert list(linked(chain[0])) == chain[:MAX_LINKED]


# The server's own refusals


@pytest.mark.parametrize("refusal", [BadRequest(), ContentTooLarge(), RequestTimeout(), URITooLong()])
@pytest.mark.parametrize("by", ["__cause__", "__context__"])
@pytest.mark.parametrize("depth", [0, 1, 2, 5])
def test_a_refusal_is_found_wherever_it_is(refusal: ProtocolError, by: str, depth: int) -> None:
    exc = chained(*[ParseError() for _ in range(depth)], refusal, by=by)
    assert find_refusal(exc) is refusal
    assert translate(exc, ERRORS, never) is refusal
    assert is_parser_error(exc, ERRORS) is False


def test_a_refusal_is_found_where_the_parser_hides_it() -> None:
    refusal = ContentTooLarge()

    def parse() -> None:
        try:
            raise refusal
        except ProtocolError:
            raise ParseError from None

    assert find_refusal(raised(parse)) is refusal


def test_the_nearest_refusal_counts() -> None:
    near, far = ContentTooLarge(), BadRequest()
    assert find_refusal(chained(ParseError(), near, far)) is near


@pytest.mark.parametrize("exc", [NotFound(), BadRequestKeyError(), ValueError(), ParseError()])
def test_exceptions_without_a_refusal(exc: Exception) -> None:
    # An HTTP error of Werkzeug's is none of the server's.
    assert find_refusal(exc) is None


# The parser's errors


@pytest.mark.parametrize("exc", [ParseError("bad"), StrictParseError("bad")])
def test_parser_error_is_translated_by_the_hook(exc: Exception, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    asked: list[Exception] = []
    error = NotFound()

    def hook(exc: Exception) -> HTTPException:
        asked.append(exc)
        return error

    assert translate(exc, ERRORS, hook) is error
    assert asked == [exc]
    [record] = caplog.records
    assert record.levelno == logging.DEBUG
    assert repr(exc) in record.getMessage()


@pytest.mark.parametrize("exc", [ValueError(), TypeError(), NotFound(), RecursionError()])
@pytest.mark.parametrize("errors", [ERRORS, ()])
def test_anything_else_is_a_bug(
    exc: Exception, errors: tuple[type[Exception], ...], caplog: pytest.LogCaptureFixture
) -> None:
    assert type(translate(exc, errors, never)) is InternalServerError
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert record.exc_info[1] is exc


def test_a_fault_that_ends_processes_is_a_bug_too(caplog: pytest.LogCaptureFixture) -> None:
    assert type(translate(SystemExit(0), ERRORS, never)) is InternalServerError
    assert len(caplog.records) == 1


@pytest.mark.parametrize("name", ["on_message_begin", "on_url", "on_header", "on_body"])
def test_callback_failure_of_any_class_is_a_bug(name: str, caplog: pytest.LogCaptureFixture) -> None:
    exc = raised(callback_of_the_server(name))
    assert isinstance(exc, ParseError)
    assert is_of_a_callback(exc)
    assert type(translate(exc, ERRORS, never)) is InternalServerError
    [record] = caplog.records
    assert record.exc_info is not None


def test_callback_failure_is_found_within_a_parser_error() -> None:
    def parse() -> None:
        try:
            callback_of_the_server("on_header")()
        except ParseError as exc:
            raise StrictParseError from exc

    exc = raised(parse)
    assert is_of_a_callback(exc)
    assert not is_parser_error(exc, ERRORS)


def test_internal_calls_of_the_parser_are_not_callbacks() -> None:
    # Its own functions may have the same names; and other code of the server's may be on the stack.
    def on_header() -> None:
        raise ParseError

    for function in (on_header, callback_of_the_server("feed_head")):
        exc = raised(function)
        assert not is_of_a_callback(exc)
        assert is_parser_error(exc, ERRORS)


def test_a_parser_s_error_may_have_a_cause_of_its_own() -> None:
    def parse() -> None:
        try:
            int(b"x")
        except ValueError as exc:
            raise ParseError from exc

    assert translate(raised(parse), ERRORS, bad_request).code == 400


# The author's hook


@pytest.mark.parametrize("failure", [TypeError("the author's"), SystemExit(1), StopIteration()])
def test_a_hook_that_raises_is_a_bug(failure: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    def hook(exc: Exception) -> HTTPException:
        raise failure

    assert type(translate(ParseError("bad"), ERRORS, hook)) is InternalServerError
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert record.exc_info[1] is failure
    assert "translate_exception raised for ParseError('bad')" in record.getMessage()


def test_a_hook_passes_on_what_ends_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parser_errors, "is_fault", lambda exc: False)

    def hook(exc: Exception) -> HTTPException:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        translate(ParseError(), ERRORS, hook)


class Redirect(HTTPException):
    """It is no error."""

    code = 302


@pytest.mark.parametrize("result", [None, 400, "400", ParseError(), BadRequest, HTTPException(), Redirect()])
def test_a_hook_that_returns_no_http_error_is_a_bug(result: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert type(translate(ParseError("bad"), ERRORS, lambda exc: result)) is InternalServerError
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert repr(result) in record.getMessage()
    assert "ParseError('bad')" in record.getMessage()


def test_a_hook_may_return_an_error_with_a_whole_response() -> None:
    error = HTTPException(response=Response("bad", 400))
    assert translate(ParseError(), ERRORS, lambda exc: error) is error


def test_a_500_of_the_hook_s_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    exc, error = ParseError(), InternalServerError()
    assert translate(exc, ERRORS, lambda exc: error) is error
    [record] = caplog.records
    assert record.exc_info is not None
    assert record.exc_info[1] is exc


# Disagreements


@pytest.mark.parametrize(
    ("framing", "content_size", "server"),
    [
        (NO_BODY, None, "read that it ends after 0 bytes of content"),
        (Framing(5, False), None, "read that it ends after 5 bytes of content"),
        (Framing(5, False), 5, "read that it ends after 5 bytes of content"),
        (CHUNKED, None, "has not come to its last chunk"),
        (CHUNKED, 6, "read its last chunk after 6 bytes of content"),
    ],
)
def test_a_disagreement_knows_both_ends(framing: Framing, content_size: int | None, server: str) -> None:
    error = disagree(framing, content_size, "ends it after 3")
    assert (error.code, error.server, error.parser) == (400, server, "ends it after 3")
    # What the client is told has neither.
    assert error.description == "It is not certain where the message ends."
    # An application that answers refusals is told a copy.
    copied = copy.copy(error)
    assert isinstance(copied, Disagreement)
    assert copied.description == error.description
