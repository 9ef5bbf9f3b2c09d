"""An answer that is looked at while it comes, piece by piece."""

from collections.abc import AsyncIterator

from werkzeug import wrappers
from werkzeug.datastructures import Headers
from werkzeug.sansio.response import Response


class StreamedResponse(Response):
    """The head of an answer, and its body as it comes, by ``async for``.

    Werkzeug's attributes of heads are there: ``status_code``, ``headers``, ``mimetype`` and others.

    :ivar request: what it answers.
    """

    default_mimetype = None

    def __init__(
        self, status: str, headers: Headers, request: wrappers.Request, pieces: AsyncIterator[bytes]
    ) -> None:
        super().__init__(status, headers)
        self.request = request
        self._pieces = pieces

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._pieces

    async def read(self) -> bytes:
        """Return all of the body that has not been looked at."""
        return b"".join([piece async for piece in self._pieces])

    async def read_until(self, mark: bytes) -> bytes:
        """Return the pieces up to the one with which ``mark`` has come, in a row.

        :raises EOFError: if the body ends before.
        """
        data = b""
        while mark not in data:
            try:
                data += await anext(self._pieces)
            except StopAsyncIteration:
                raise EOFError(f"the body ended with {data!r}") from None
        return data
