"""Telling the causes of a parser's exception apart: a refusal by the server, a client's fault, or a bug.

A parser calls the server, so exceptions of the server pass through it: unchanged, or as the cause or the
context of an exception of the parser's own. They are found here before a backend's author is asked.
"""

import logging
from collections.abc import Callable, Iterator
from typing import Final

from werkzeug.exceptions import HTTPException, InternalServerError

from ..contract.parser import CALLBACKS
from ..errors import BadRequest, ProtocolError, identified
from ..faults import is_fault
from ..semantics.framing import Framing

logger: Final = logging.getLogger("kyoukai.protocol")

MAX_LINKED: Final = 64
"""The most linked exceptions that are examined; a longer chain does not come from wrapping."""


class Disagreement(BadRequest):
    """400: the parser and the server find different ends of a message."""

    description = "It is not certain where the message ends."
    identifier = "message-end-uncertain"
    # For the log only. Class attributes, because copying an exception calls it without arguments.
    server = ""
    parser = ""

    @classmethod
    def between(cls, server: str, parser: str) -> "Disagreement":
        """Return a disagreement with both readings for the log.

        :param server: what the server read.
        :param parser: what the parser reported.
        """
        error = cls()
        error.server, error.parser = server, parser
        return error


def disagree(framing: Framing, content_size: int | None, parser: str) -> Disagreement:
    """Return the refusal of a message whose end the server and the parser place differently.

    :param framing: the message's.
    :param content_size: bytes of content before the end that the server found; ``None`` if it has not found
        the end of a chunked body.
    :param parser: what the parser reported.
    """
    if not framing.chunked:
        server = f"read that it ends after {framing.content_length} bytes of content"
    elif content_size is None:
        server = "has not come to its last chunk"
    else:
        server = f"read its last chunk after {content_size} bytes of content"
    return Disagreement.between(server, parser)


def linked(exc: BaseException) -> Iterator[BaseException]:
    """Yield an exception and its causes and contexts, each once, the nearest first."""
    found, seen = [exc], {id(exc)}
    for each in found:
        yield each
        for other in (each.__cause__, each.__context__):
            if other is not None and id(other) not in seen and len(found) < MAX_LINKED:
                seen.add(id(other))
                found.append(other)


def find_refusal(exc: BaseException) -> ProtocolError | None:
    """Return the server's own refusal among ``exc`` and its causes, or ``None``."""
    return next((each for each in linked(exc) if isinstance(each, ProtocolError)), None)


def is_of_a_callback(exc: BaseException) -> bool:
    """Return whether ``exc`` was raised in a callback of the server, or because of one that was."""
    return any(_passed_a_callback(each) for each in linked(exc))


def _passed_a_callback(exc: BaseException) -> bool:
    traceback = exc.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        if frame.f_code.co_name in CALLBACKS and frame.f_globals.get("__name__", "").startswith("kyoukai."):
            return True
        traceback = traceback.tb_next
    return False


def is_parser_error(exc: BaseException, parser_errors: tuple[type[Exception], ...]) -> bool:
    """Return whether ``exc`` reports bad input, and did not originate in the server."""
    return isinstance(exc, parser_errors) and find_refusal(exc) is None and not is_of_a_callback(exc)


def translate(
    exc: BaseException,
    parser_errors: tuple[type[Exception], ...],
    translate_exception: Callable[[Exception], HTTPException],
) -> HTTPException:
    """Return the HTTP error for an exception that a parser raised, and log a bug or a refusal.

    :param parser_errors: the classes that the parser raises for bad input.
    :param translate_exception: the author's translation, called for these classes only.
    :return: the server's own refusal, if ``exc`` is one or was caused by one; 500 for a bug, whose traceback
        is logged.
    """
    refusal = find_refusal(exc)
    if refusal is not None:
        return refusal
    if not isinstance(exc, parser_errors) or is_of_a_callback(exc):
        return internal_error("the parser, or what it calls, failed", exc)
    try:
        error: object = translate_exception(exc)
    except BaseException as failure:
        if not is_fault(failure):
            raise
        return internal_error(f"translate_exception raised for {exc!r}", failure)
    if not (isinstance(error, HTTPException) and (error.response is not None or is_status(error.code))):
        text = "translate_exception returned %r for %r; it must return an HTTPException with a status"
        return internal_error(text % (error, exc), exc)
    if error.code == InternalServerError.code:
        logger.error("the parser failed", exc_info=exc)
    else:
        logger.debug("the parser refuses a request by %r", exc)
    return error


def internal_error(what: str, exc: BaseException) -> InternalServerError:
    """Log a bug with its traceback, and return a 500.

    :param what: the log message.
    """
    logger.error("%s", what, exc_info=exc)
    return identified(InternalServerError(), "backend-failed")


def is_status(code: object) -> bool:
    """Return whether ``code`` is an HTTP status of an error."""
    return isinstance(code, int) and 400 <= code <= 599
