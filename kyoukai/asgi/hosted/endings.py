"""What an application has left undone when its call ends."""

import logging
from typing import Final

from werkzeug.exceptions import HTTPException

from kyoukai.core.exchange.body_stream import ClientGoneError

from .http import HTTPCall

logger: Final = logging.getLogger("kyoukai.asgi")


def note_failure(call: HTTPCall, exc: BaseException, is_opening: bool = False) -> None:
    """Pass on what an application raised, unless it comes of a client that is gone.

    Who has ended its side, and its request is whole, may wait for its answer, and gets a 500.

    :param is_opening: whether the request opens a WebSocket: who has ended its side has no use for one.
    :raises BaseException: what is to be logged and, where nothing has been sent, answered with 500.
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
        # It would be the answer. To ASGI it is an exception like any other.
        raise RuntimeError("the application raised an HTTP error") from exc
    else:
        raise exc


def leave_unanswered(call: HTTPCall) -> None:
    """Judge an application that has not ended its answer.

    :raises ClientGoneError: if it was told that its client waits for none.
    :raises RuntimeError: if it was not.
    """
    exchange = call.exchange
    if exchange.client.is_gone:
        return
    if not (call.was_told and exchange.client_ended):
        what = "begun its answer" if call.start is None else "ended its answer"
        raise RuntimeError(f"the application has returned, and has not {what}")
    raise ClientGoneError("the client is gone")
