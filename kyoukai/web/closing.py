"""Closes unsent content: replaced responses, and bodies that no response was made from.

Some bodies have to be closed asynchronously: event streams, and others with ``aclose``. Werkzeug's
``Response.close`` does not do that.
"""

from collections.abc import AsyncIterable, AsyncIterator, Iterator
from typing import Any

from werkzeug.wrappers import Response

from kyoukai.core.exchange.closing import Former, close_stream
from kyoukai.core.serving.strands import strand_of


class Following:
    """An async body that may read another one, which is closed after it.

    :param body: the body that is sent.
    :param former: the body that it may read.
    """

    def __init__(self, body: AsyncIterable[Any], former: Any) -> None:
        self._bodies = (body, former)

    def __aiter__(self) -> AsyncIterator[Any]:
        return aiter(self._bodies[0])

    async def aclose(self) -> None:
        """Close both, even if closing the first raises."""
        body, former = self._bodies
        try:
            await _close_body(body)
        finally:
            await _close_body(former)


async def replace(response: Response, successor: Response) -> Response:
    """Return ``successor``, and close ``response``, which it replaces.

    This happens at once; or, if the successor's body may read the former one, when the successor is closed.
    """
    if successor.is_sequence:
        # A buffered response may be sent many times: it must not collect callbacks.
        await close_stream(response)
        return successor
    body: Any = response.response
    new: Any = successor.response
    if body is not new and hasattr(body, "aclose"):
        if isinstance(new, AsyncIterable):
            successor.response = Following(new, body)  # type: ignore[assignment]
        else:
            # Only an async body can read an async one.
            await close_stream(Response(body))
    # The successor may read the former body, so both are closed together: in threads, or in the event loop
    # if that reads the body.
    reads_in_loop = isinstance(new, AsyncIterable) and strand_of(body) is None
    successor.call_on_close(Former(response, in_loop=reads_in_loop))
    return successor


def note_unsent(error: Exception, value: Any) -> None:
    """Note on an exception the value of a handler or hook that no response was made from."""
    body = value[0] if isinstance(value, tuple) and value else value
    # Only bodies are handed over to be closed.
    if isinstance(body, Response | Iterator | AsyncIterable):
        vars(error)["unsent"] = body


async def close_unsent(error: BaseException) -> None:
    """Close the value that :func:`note_unsent` noted, if any."""
    body = vars(error).pop("unsent", None)
    if body is not None:
        await close_stream(body if isinstance(body, Response) else Response(body))


async def _close_body(body: Any) -> None:
    aclose = getattr(body, "aclose", None)
    if aclose is not None:
        await aclose()
