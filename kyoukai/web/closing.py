"""Closing what is not sent: responses that another took the place of, and bodies that made none.

A body may have to be closed asynchronously, an event stream or any other that has ``aclose``; Werkzeug's
``Response.close`` knows nothing of that.
"""

from collections.abc import AsyncIterable, AsyncIterator, Iterator
from typing import Any

from werkzeug.wrappers import Response

from kyoukai.core.exchange.closing import Former, close_stream
from kyoukai.core.serving.strands import strand_of


class Following:
    """An asynchronous body that may read another, which is closed after it.

    :param body: the one that is sent.
    :param former: the one that it may read.
    """

    def __init__(self, body: AsyncIterable[Any], former: Any) -> None:
        self._bodies = (body, former)

    def __aiter__(self) -> AsyncIterator[Any]:
        return aiter(self._bodies[0])

    async def aclose(self) -> None:
        """Close both, whatever the first raises."""
        body, former = self._bodies
        try:
            await _close_body(body)
        finally:
            await _close_body(former)


async def replace(response: Response, successor: Response) -> Response:
    """Return ``successor``, and close ``response``, whose place it takes.

    That is done at once, or, where the successor may read the former's body, when it is closed itself.
    """
    if successor.is_sequence:
        # It is in memory, and may be one that is sent time and again, which must gather nothing.
        await close_stream(response)
        return successor
    body: Any = response.response
    new: Any = successor.response
    if body is not new and hasattr(body, "aclose"):
        if isinstance(new, AsyncIterable):
            successor.response = Following(new, body)  # type: ignore[assignment]
        else:
            # What is no asynchronous body reads none.
            await close_stream(Response(body))
    # The successor may read the body of the former, so that both are closed at once: in the same threads, or
    # in the loop where that reads it.
    reads_in_loop = isinstance(new, AsyncIterable) and strand_of(body) is None
    successor.call_on_close(Former(response, in_loop=reads_in_loop))
    return successor


def note_unsent(error: Exception, value: Any) -> None:
    """Let an exception know which value of a handler's or a hook's no response was made of."""
    body = value[0] if isinstance(value, tuple) and value else value
    # What is no body is nothing that anybody handed over to be closed.
    if isinstance(body, Response | Iterator | AsyncIterable):
        vars(error)["unsent"] = body


async def close_unsent(error: BaseException) -> None:
    """Close what :func:`note_unsent` noted, if that is anything."""
    body = vars(error).pop("unsent", None)
    if body is not None:
        await close_stream(body if isinstance(body, Response) else Response(body))


async def _close_body(body: Any) -> None:
    aclose = getattr(body, "aclose", None)
    if aclose is not None:
        await aclose()
