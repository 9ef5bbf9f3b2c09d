"""A client that sends one request on a connection in memory; an adapter encodes and decodes it."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from .adapter import Fields, WireAdapter, WireAnswer
from .rule_errors import RuleBroken
from .stage import Line

Pairs = Iterable[tuple[str, str]]

HOST: Final = ("Host", "localhost")

PIECE_SIZE: Final = 16 * 1024
"""Bytes sent at once by a client with a lot to send."""


class WireClient:
    """The client of one connection, which sends one request.

    :param line: the connection.
    :param adapter: the adapter for its wire format.
    """

    def __init__(self, line: Line, adapter: WireAdapter) -> None:
        self.line = line
        self.adapter = adapter
        self._replied = 0  # how many received bytes were passed to the adapter's reply()

    # Sending

    def send_head(
        self,
        method: str = "GET",
        target: str = "/",
        fields: Pairs = (),
        size: int | None = 0,
    ) -> None:
        """Send the head of a request. The parameters are those of :meth:`WireAdapter.encode_head`.

        :param fields: ``Host`` is added if missing.
        """
        fields = tuple(fields)
        host = () if any(name == HOST[0] for name, _ in fields) else (HOST,)
        self.line.send(self.adapter.encode_head(method, target, (*host, *fields), size))

    def send_data(self, data: bytes) -> None:
        """Send a piece of the body."""
        self.line.send(self.adapter.encode_data(data))

    def send_end(self, trailers: Fields = ()) -> None:
        """Send the end of the body."""
        self.line.send(self.adapter.encode_end(trailers))

    def send(
        self,
        method: str = "GET",
        target: str = "/",
        fields: Pairs = (),
        body: bytes = b"",
    ) -> None:
        """Send a whole request."""
        self.send_head(method, target, fields, len(body))
        if body:
            self.send_data(body)
            self.send_end()

    async def ask(
        self,
        method: str = "GET",
        target: str = "/",
        fields: Pairs = (),
        body: bytes = b"",
    ) -> WireAnswer | None:
        """Send a whole request, wait until nothing more happens, and return the answer."""
        self.send(method, target, fields, body)
        await self.settle()
        return self.answer

    def send_tunnel(self, protocol: str, target: str = "/", early: bytes = b"") -> None:
        """Send a request that offers another protocol.

        :param early: tunnel data sent together with the request; may be empty.
        """
        data = self.adapter.encode_tunnel(protocol, target, (HOST,))
        self.line.send(data + (self.adapter.encode_data(early) if early else b""))

    def end_tunnel(self) -> None:
        """End the client's side of a tunnel."""
        end = self.adapter.encode_end()
        if end:
            self.line.send(end)
        else:
            self.line.transport.feed_eof()

    def may_send(self) -> bool:
        """Return whether the server accepts more of the body: it is reading, and has granted credit."""
        room = self.adapter.room()
        return self.line.transport.is_reading() and (room is None or room >= PIECE_SIZE)

    async def send_some(self, data: bytes, start: int = 0) -> int:
        """Send ``data`` from ``start`` while the server accepts it; return the position reached."""
        while start < len(data) and self.may_send():
            self.send_data(data[start : start + PIECE_SIZE])
            start = min(start + PIECE_SIZE, len(data))
            await self.settle()
        return start

    # Receiving

    async def settle(self) -> None:
        """Wait until nothing more happens; send what clients of this wire format send automatically.

        :raises RuleBroken: if the connection's protocol raises.
        """
        while True:
            await self.line.quiet()
            self.check_failure()
            if not self._reply():
                return

    def _reply(self) -> bool:
        """Pass new data to the adapter and send its reply; return whether there was one."""
        received = bytes(self.line.transport.received)
        news, self._replied = received[self._replied :], len(received)
        if news and (reply := self.adapter.reply(news)):
            self.line.send(reply)
        return bool(news)

    def check_failure(self) -> None:
        """Raise if the protocol has failed, which explains every other fault.

        :raises RuleBroken: if the connection's protocol has raised.
        """
        failure = self.line.transport.failure
        if failure is not None:
            message = f"the connection's protocol raised {failure!r}"
            raise RuleBroken(message, self.line.sent, root=repr(failure)) from failure

    @property
    def answer(self) -> WireAnswer | None:
        """The answer as far as it was received; ``None`` while its head is incomplete.

        :raises RuleBroken: if the adapter cannot read it.
        """
        return self._decode(self.adapter.decode_answer)

    @property
    def tunnel(self) -> WireAnswer | None:
        """The answer to the offer of another protocol; ``None`` while its head is incomplete.

        :raises RuleBroken: if the adapter cannot read it.
        """
        return self._decode(self.adapter.decode_tunnel)

    def _decode(self, decode: Callable[[bytes, bool], WireAnswer | None]) -> WireAnswer | None:
        transport = self.line.transport
        received = bytes(transport.received)
        try:
            return decode(received, transport.ended and not transport.aborted)
        except Exception as error:
            message = f"the adapter raised {error!r} for {received[:200]!r}"
            raise RuleBroken(
                message, self.line.sent, "data that the adapter can decode", repr(error)
            ) from error

    async def until_answered(self) -> WireAnswer | None:
        """Wait for an answer that is expected, and return it as far as it was received."""

        def is_there() -> bool:
            answer = self.answer
            return self.line.transport.ended or (answer is not None and answer.is_whole)

        await self.line.until(is_there)
        await self.settle()
        return self.answer

    async def until(self, condition: Any) -> bool:
        """Wait for an expected event, and return whether it happened."""

        def is_there() -> bool:
            # The adapter learns from received data how much the client may send.
            self._reply()
            return bool(condition())

        found = await self.line.until(is_there)
        await self.settle()
        return found

    def broken(self, message: str, expected: str) -> RuleBroken:
        """Return the error for a broken rule; an underlying cause comes first in its message."""
        self.check_failure()
        line = self.line
        if line.faults:
            return RuleBroken(message, line.sent, expected).because(line.faults[0])
        first = "".join(line.problems[:1])
        root = "".join(line.raised[:1])
        return RuleBroken(f"{first}; {message}" if first else message, line.sent, expected, root)


def shown(answer: WireAnswer | None) -> str:
    """Return an answer in one line, for a message."""
    if answer is None:
        return "no answer"
    content = f"{answer.content[:60]!r}{'...' if len(answer.content) > 60 else ''}"
    more = "" if answer.is_whole else ", incomplete"
    return f"{answer.status} with {content}{more}"
