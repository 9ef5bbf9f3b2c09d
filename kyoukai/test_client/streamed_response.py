"""A response whose body is read while it arrives."""

from collections.abc import AsyncIterator

from werkzeug import wrappers
from werkzeug.datastructures import Headers
from werkzeug.sansio.response import Response


class StreamedResponse(Response):
    """The head of a response, and its body by ``async for`` as it arrives.

    It has Werkzeug's attributes of a head: ``status_code``, ``headers``, ``mimetype`` and others.

    :ivar request: the request that it answers.
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
        """Return the unread rest of the body."""
        return b"".join([piece async for piece in self._pieces])

    async def read_until(self, mark: bytes) -> bytes:
        """Return the joined pieces up to the one that completes ``mark``.

        :raises EOFError: if the body ends first.
        """
        data = b""
        while mark not in data:
            try:
                data += await anext(self._pieces)
            except StopAsyncIteration:
                raise EOFError(f"the body ended without {mark!r}: {data!r}") from None
        return data
