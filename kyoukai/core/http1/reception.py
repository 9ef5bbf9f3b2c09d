"""The receiving side of an HTTP/1 connection: from a parser's calls to exchanges.

The parser calls the ``on_*`` methods of this object, which fill an :class:`Exchange`; when its
message is whole, :meth:`Reception.enqueue` takes it over. The order of the calls is that of
:mod:`kyoukai.core.http1.states`.
"""

import abc
import logging
from io import SEEK_END, BytesIO
from typing import TYPE_CHECKING, ClassVar, Final, NoReturn, cast

from werkzeug.exceptions import HTTPException

from ..connection.connection import Connection
from ..errors import BadRequest, ContentTooLarge, UnsupportedMediaType
from ..exchange.environ import head_environ
from ..exchange.exchange import AcceptedHead, Exchange
from ..exchange.request_body import BodyStream
from ..faults import is_fault
from ..limits import MOST
from ..semantics import policy
from ..semantics.framing import NO_BODY
from ..semantics.methods import USUAL_METHODS
from ..serving.server_state import NEVER
from .parser_errors import disagree, find_refusal, is_parser_error, translate
from .readers import MAX_KNOWN_HEAD, read_exchange
from .states import ARRIVING, BODY, CLOSED, IN_HEAD

if TYPE_CHECKING:
    from asphalt.core import Context

    from ..contract.parser import RequestParser
    from ..semantics.framing import Framing
    from ..serving.application import Component

logger: Final = logging.getLogger("kyoukai.protocol")

NO_EXCHANGE: Final = cast(Exchange, None)
"""Between two messages. It has no attributes, so a parser that calls out of order is found out."""


class Reception(Connection, abc.ABC):
    """The receiving side. Parameters are those of :class:`Connection`."""

    parser_errors: ClassVar[tuple[type[Exception], ...]] = ()
    """What the parser raises for bad input. Such a request is refused with 400, or with what
    :meth:`translate_exception` says. Any other exception is a bug: 500, and its traceback is logged."""
    parser: "RequestParser"
    """Made when the connection is, so that a subclass's constructor has run."""
    content_size: int | None = None
    """Bytes of content of the body being received; ``None`` until its end has been read."""
    _method = b""  # that of the head, where the parser is given another
    stream: BodyStream | None = None
    """That of the body being received, where the application gets it as it comes."""

    def __init__(
        self,
        component: "Component",
        parent_context: "Context",
        server_ip: str,
        server_port: int,
    ) -> None:
        super().__init__(component, parent_context, server_ip, server_port)
        self.receive_head = getattr(component.app, "receive_head", None)
        """Says how a body is read: see :class:`~kyoukai.core.serving.application.PlanningApplication`."""
        self.parser_is_spent = False
        """Whether the parser takes no message after this one, though the policy does."""
        self._head = b""  # the one that the parser is being given
        self._accepted: AcceptedHead | None = None
        self.exchange: Exchange = NO_EXCHANGE
        """The exchange whose request is being received."""
        self.exchanges: list[Exchange] = []
        """Those whose request is whole, or refused, in order; the first is being answered."""
        self._fields: list[tuple[bytes, bytes]] = []
        self._is_answering = False

    @property
    def tells_refusals(self) -> bool:
        """Whether the application answers refusals of bodies.

        See :class:`~kyoukai.core.serving.application.RefusingApplication`.
        """
        return hasattr(self.component.app, "process_refusal")

    @abc.abstractmethod
    def make_parser(self) -> "RequestParser":
        """Return a new parser that calls this object's ``on_*`` methods."""

    def translate_exception(self, exc: Exception) -> HTTPException:
        """Return the HTTP error that one of :attr:`parser_errors` means: by default 400.

        Nothing else comes here. What it raises, or returns that is no HTTP error, is logged, and a 500.
        """
        return BadRequest()

    def translate(self, exc: BaseException) -> HTTPException:
        """Return the HTTP error that an exception out of the parser means, and log what there is to log."""
        return translate(exc, self.parser_errors, self.translate_exception)

    def resume_parser(self, exc: Exception, framing: "Framing | None") -> bool:
        """Go on parsing after an exception that is no error, and return whether it was none.

        Only a parser that stops for an upgrade needs it: the default returns ``False``. The parser
        stopped at the end of a head. If a body follows, :attr:`parser` must be one that takes it.

        :param exc: what ``feed_data`` raised; never a refusal of the server's own.
        :param framing: how the body that follows is delimited; ``None`` where none does.
        """
        return False

    @abc.abstractmethod
    def handle_parser_exception(self, exc: Exception) -> None:
        """Refuse the request being received."""

    @abc.abstractmethod
    def enqueue(self, exchange: Exchange) -> None:
        """Take over an exchange whose request is whole, or refused."""

    @abc.abstractmethod
    def answer_queued(self) -> None:
        """Begin to answer what has been queued."""

    @abc.abstractmethod
    def send_continue(self) -> None:
        """Let the client that waits for it send its body."""

    @abc.abstractmethod
    def end_stream(self, exchange: Exchange) -> None:
        """Take note that a streamed body is whole."""

    # Heads, to the parser

    def feed_head(self, head: bytes) -> None:
        """Give the parser a head that is whole and right, and whose method is served."""
        self._head, self._accepted = head, self.server.heads.get(head)
        try:
            self.parser.feed_data(head)
            return
        except BaseException as exc:
            if self._goes_on(exc):
                return
            is_new_method = self.state in IN_HEAD and head[: head.index(b" ")] not in USUAL_METHODS
            if not (is_new_method and is_parser_error(exc, self.parser_errors)):
                self._ask_policy(head, exc)
                self.fail(exc)
        self._feed_as_post(head)

    def _feed_as_post(self, head: bytes) -> None:
        """Give a new parser ``POST`` in the place of a method that the last one may not know.

        Parsers such as llhttp know a list of methods. A message's framing is the same for all (RFC 9112
        section 6.3), and what a method means is the application's affair.
        """
        self._method, _, rest = head.partition(b" ")
        # What the last one has called is forgotten with it.
        self.parser, self.state = self.make_parser(), ARRIVING
        try:
            self.parser.feed_data(b"POST " + rest)
        except BaseException as exc:
            if not self._goes_on(exc):
                self._ask_policy(head, exc)
                self.fail(exc)
        finally:
            del self._method

    def _goes_on(self, exc: BaseException) -> bool:
        """Return whether the parser stopped at the end of the head for something that is no error."""
        if self.state in IN_HEAD or not isinstance(exc, Exception) or find_refusal(exc) is not None:
            return False
        framing = self.exchange.framing if self.state is BODY else NO_BODY
        return self.resume_parser(exc, None if framing is NO_BODY else framing)

    def _ask_policy(self, head: bytes, exc: BaseException) -> None:
        """Raise what the policy minds in a head that the parser refuses, which comes before why that does."""
        if self.state in IN_HEAD and is_parser_error(exc, self.parser_errors):
            # Of what is refused anyway, no body larger than the server's own limit is asked about.
            self.exchange = read_exchange(head)
            policy.accept(self.exchange, self.limits)

    def fail(self, exc: BaseException) -> NoReturn:
        """Raise the HTTP error that an exception out of the parser means."""
        # Once the connection is gone, or another protocol's, nothing is right for a parser that goes on.
        error = self.translate(exc) if is_fault(exc) and self.state is not CLOSED else exc
        if error is exc:
            raise exc
        raise error from exc

    # The parser's calls

    def on_message_begin(self) -> None:
        """Begin an exchange: the first byte of a request line has come."""
        self.state = self.state.message_begin
        self.exchange = exchange = Exchange()
        self._fields = exchange.fields

    def on_url(self, url: bytes) -> None:
        """Take the request target, or the next piece of it."""
        self.exchange.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header field, or after the head a trailer field."""
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        """Accept the head, or refuse the request.

        :raises ProtocolError: if the policy refuses it.
        """
        exchange, accepted = self.exchange, self._accepted
        if accepted is None or accepted.fields != exchange.fields or accepted.target != exchange.target:
            self._judge(exchange)
        else:
            # The parser has told the same as before, as it has to.
            exchange.method = accepted.method
            exchange.version = accepted.version
            exchange.keep_alive = accepted.keep_alive
            exchange.environ = accepted.environ
            exchange.framing = accepted.framing
            exchange.expect_continue = accepted.expect_continue
            self.parser_is_spent = accepted.parser_is_spent
        self._head, self._accepted = b"", None
        self.state = self.state.headers_complete
        self._fields = exchange.trailers
        if exchange.expect_continue and not self.exchanges and self.receive_head is None:
            self.send_continue()

    def _judge(self, exchange: Exchange) -> None:
        """Have the policy accept a head that it has not seen, and keep what came of it."""
        parser = self.parser
        exchange.method = (self._method or parser.get_method()).decode("latin-1")
        exchange.version = parser.get_http_version()
        try:
            # Where the application is asked, it may let a larger body pass.
            policy.accept(exchange, self.limits, None if self.receive_head is None else MOST)
        except (ContentTooLarge, UnsupportedMediaType):
            # The head is accepted, and what is refused is the body: for the application to answer.
            exchange.environ = head_environ(exchange, self.server.server_field)
            self.state = self.state.headers_complete
            raise
        exchange.environ = head_environ(exchange, self.server.server_field)
        self.parser_is_spent = not parser.should_keep_alive()
        if exchange.decoder is not None or exchange.upgrade:
            return
        head, heads = self._head, self.server.heads
        if 0 < len(head) <= MAX_KNOWN_HEAD and heads.is_wanted(head):
            heads.keep(head, AcceptedHead(exchange, self.parser_is_spent))

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body.

        :raises ContentTooLarge: if there is more of it than ``max_body_size``, once decoded.
        :raises BadRequest: if it is not of the content coding that it claims.
        """
        exchange = self.exchange
        exchange.body_size += len(body)
        if self.stream is not None:
            self.stream.feed(body)
            return
        if exchange.decoder is not None:
            body = exchange.decoder.decode(body)
        content = exchange.content
        if content is None:
            # It takes these bytes as they are, and copies them if there are more.
            exchange.content = BytesIO(body)
        elif type(content) is BytesIO:
            content.seek(0, SEEK_END)
            content.write(body)

    def on_message_complete(self) -> None:
        """Queue the exchange: its request is whole.

        :raises BadRequest: if its content coding is not, or the parser finds another end for the
            message than the connection does.
        """
        exchange = self.exchange
        if exchange.framing is not NO_BODY:
            if not exchange.body_size and self.parser.should_upgrade():
                # The parser stopped short of the body; resume_parser brings one that takes it.
                return
            if exchange.body_size != self.content_size:
                raise disagree(exchange, self.content_size, f"ends it after {exchange.body_size}")
            if exchange.trailers:
                # RFC 9112 section 5.1: white space around a value is no part of it. And a trailer
                # field does not say whether the connection persists, whatever the parser thinks.
                exchange.trailers = [(name, value.strip(b" \t")) for name, value in exchange.trailers]
                self.parser_is_spent = not self.parser.should_keep_alive()
            if self.stream is not None:
                self.end_stream(exchange)
                return
            if exchange.decoder is not None:
                exchange.decoder.finish()
        self.state = self.state.message_complete
        if not exchange.keep_alive or self.server.stopping:
            self.state = self.state.end
        self.exchange = NO_EXCHANGE
        # It is whole; what may be late now is a handler.
        self.deadline = NEVER
        self.enqueue(exchange)
