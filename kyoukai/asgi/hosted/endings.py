"""Handling calls that end without a complete answer."""

import logging
from typing import Final

from werkzeug.exceptions import HTTPException

from kyoukai.core.exchange.body_stream import ClientGoneError

from .http import HTTPCall

logger: Final = logging.getLogger("kyoukai.asgi")


def note_failure(call: HTTPCall, exc: BaseException, is_opening: bool = False) -> None:
    """Raise an exception of the application, unless a lost client caused it.

    A client that has ended its side after a whole request may still wait for the answer. It gets a 500.

    :param is_opening: whether the request opens a WebSocket. Then a client that has ended its side expects no
        answer.
    :raises BaseException: the exception, to be logged, and answered with a 500 if nothing was sent.
    """
    exchange = call.exchange
    is_lost = is_opening or exchange.client.is_gone or not exchange.is_whole
    if call.was_told and (is_lost or call.is_over or exchange.status):
        logger.debug("an application failed, once it was told that its client is gone", exc_info=exc)
    elif exchange.client.is_gone and not exchange.is_answered:
        head = exchange.head
        text = "the application failed on %s %r (request id %s), whose client is gone"
        logger.error(text, head.method, head.path, exchange.request_id, exc_info=exc)
    elif isinstance(exc, HTTPException):
        # An HTTPException would become the answer. ASGI treats it like any other exception.
        raise RuntimeError("the application raised an HTTP error") from exc
    else:
        raise exc


def leave_unanswered(call: HTTPCall) -> None:
    """Raise the error for an application that has not finished its answer.

    :raises ClientGoneError: if the application was told that the client is gone.
    :raises RuntimeError: if it was not told so.
    """
    exchange = call.exchange
    if exchange.client.is_gone:
        return
    if not (call.was_told and exchange.client_ended):
        what = "begun its answer" if call.start is None else "ended its answer"
        raise RuntimeError(f"the application has returned, and has not {what}")
    raise ClientGoneError("the client is gone")
