"""Bodies that the application is given as they come: the connection's part in them.

When a head was accepted that announces a body, the application may say what becomes of it. One that is
streamed is queued at the head's end, so that a request is answered while its body is still being read.
Everything else about the body is as ever: what is read of it goes through the parser, and limits and
deadlines hold, but for the time in which nobody reads what has come.
"""

import abc
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from werkzeug.exceptions import HTTPException

from ..errors import BadRequest, ContentTooLarge, ProtocolError
from ..exchange.exchange import Exchange
from ..exchange.request_body import BodyStream, ClientGoneError
from ..limits import MOST
from ..serving.server_state import NEVER
from .parser_errors import Disagreement, disagree
from .readers import read_exchange
from .reception import NO_EXCHANGE, Reception
from .states import BODY, CLOSED, IDLE, IN_HEAD

if TYPE_CHECKING:
    from ..serving.application import BodyPlan
    from ..serving.data_rate import BodyPace

DRAIN_SIZE: Final = 64 * 1024
"""Bytes of a body that are read over after the answer, so that the connection persists; where more are
to come, a new connection is the cheaper. nginx and Node.js read over whatever comes; Go 256 KiB."""


class Streaming(Reception, abc.ABC):
    """The receiving side of streamed bodies. Parameters are those of :class:`Connection`."""

    environ: dict[str, Any]
    receive_head: "Callable[[dict[str, Any]], BodyPlan | None] | None"

    def plan_body(self, exchange: Exchange, pace: "BodyPace") -> int:
        """Ask the application how the body that ``exchange`` announces is read, and begin.

        :param pace: of the body.
        :return: the most bytes that it may have.
        :raises ContentTooLarge: if it announces more.
        """
        most, plan = self.limits.max_body_size, None
        if self.receive_head is not None:
            try:
                plan = self.receive_head(exchange.environ | self.environ)
            except HTTPException as exc:
                if isinstance(exc, ProtocolError):
                    raise
                # It must not raise: this is no refusal of the server's.
                raise RuntimeError("receive_head raised an HTTP error") from exc
        if plan is not None:
            most = most if plan.max_size is None else plan.max_size
            # Of a body that nobody wants no more is read than of any that comes after the last answer.
            most = MOST if plan.refused else most
        if exchange.framing.content_length > most:
            raise ContentTooLarge
        if exchange.decoder is not None:
            exchange.decoder.max_size = most
        if plan is not None and (plan.stream or plan.refused):
            note_fault = None if exchange.decoder is None else exchange.refuse
            self.stream = stream = BodyStream(self.want_body, exchange.decoder, note_fault)
            stream.pace = pace
            exchange.content = None if plan.refused else stream
            self.enqueue(exchange)
        elif self.receive_head is not None and exchange.expect_continue and not self.exchanges:
            self.send_continue()
        return most

    def await_body(self, exchange: Exchange, pace: "BodyPace") -> None:
        """Set the deadline of a body of which more is to come, or make the client wait."""
        pace.client_waits = exchange.expect_continue and not pace.received
        if self.stream is not None and self.stream.is_full:
            if not pace.is_held:
                pace.hold(self.server.clock)
            self.deadline = NEVER
            self.transport.pause_reading()
        else:
            self.deadline = NEVER if pace.client_waits else pace.deadline(self.limits)

    def want_body(self) -> None:
        """Let the client go on: what has come of the streamed body has been read.

        :raises RuntimeError: if it waits for ``100 Continue``, and has got the head of the answer instead.
        """
        if self.stream is None or self.state is not BODY:
            return
        exchange = self.exchange
        if exchange.expect_continue and not exchange.body_size:
            if exchange.status:
                raise RuntimeError("the answer has begun, and a client that has it does not send its body")
            self.send_continue()
        self._let_go(self.stream.pace)

    def end_stream(self, exchange: Exchange) -> None:
        """Note that a streamed body is whole."""
        stream = self._leave_stream()
        self.state = self.state.message_complete
        if not exchange.keep_alive or self.server.stopping:
            self.state = self.state.end
        self.exchange = NO_EXCHANGE
        self.deadline = NEVER
        stream.end(exchange.trailers)
        if self.exchanges:
            return
        # The answer was there before: nothing else will say what comes now.
        if self.state is IDLE:
            self.deadline = self.server.clock + self.limits.keep_alive_timeout
        else:
            self.loop.call_soon(self.close)

    def break_stream(self, exchange: Exchange, error: HTTPException) -> None:
        """Note that the rest of a streamed body is not coming; the state has changed already.

        A request that nobody has begun to answer is refused, as it would be without a stream.
        """
        exchange.error = error
        self._leave_stream().fail(error)
        if not self.exchanges:
            # It has its answer.
            self.end_after(exchange)

    def can_drain(self, exchange: Exchange) -> bool:
        """Return whether what is to come of the body is so little that it is read over."""
        left = exchange.framing.content_length - exchange.body_size
        client_waits = exchange.expect_continue and not exchange.body_size
        return self.state is BODY and not client_waits and 0 < left <= DRAIN_SIZE

    def drain_body(self) -> None:
        """Note that the request is answered before its body is whole: what comes of it is dropped."""
        if self.stream is not None:
            self.stream.fail(RuntimeError("the request is answered, and its body is not read any more"))
            self._let_go(self.stream.pace)

    def lose_stream(self) -> None:
        """Let a reader know that the connection is gone."""
        stream, self.stream = self.stream, None
        if stream is not None:
            stream.fail(ClientGoneError("the client is gone"))

    def disagreement(self) -> ProtocolError:
        """Return the refusal of a message that has ended for the server, and not for the parser."""
        if self.state in IN_HEAD:
            # The parser may not have told what the logs say of a request.
            self.exchange = read_exchange(self._head)
            return Disagreement.between("read a whole head", "has not come to its end")
        exchange = self.exchange
        if exchange is NO_EXCHANGE:
            # The connection has been closed, or handed on, in the middle of the message.
            return BadRequest()
        return disagree(exchange, self.content_size, f"waits for more after {exchange.body_size}")

    @abc.abstractmethod
    def end_after(self, exchange: Exchange) -> None:
        """Close after the last answer."""

    def _leave_stream(self) -> BodyStream:
        """Return the stream, which is none of the connection's any more; it goes on reading."""
        stream, self.stream = self.stream, None
        if stream is None:
            raise RuntimeError("no body is being streamed")
        self._let_go(stream.pace)
        return stream

    def _let_go(self, pace: "BodyPace") -> None:
        """Let a client go on that is made to wait."""
        if pace.is_held and self.state is not CLOSED:
            pace.let_go(self.server.clock)
            if self.state is BODY:
                self.deadline = pace.deadline(self.limits)
            self.transport.resume_reading()
