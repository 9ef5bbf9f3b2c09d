"""Comparing what a connection's parser reports of a message with what the server has read.

The server reads each message too. It gives the parser whole heads, and exactly the bytes of each body. The
parser must report the same. Two different readings end the connection: a proxy in front may have read the
message like either of them, and the next request would begin elsewhere.

:mod:`kyoukai.core.http1.states` defines the order of the parser's calls.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from ..faults import is_fault
from ..semantics.framing import NO_BODY
from ..semantics.methods import USUAL_METHODS
from ..semantics.request_head import RequestHead
from .message import Message, as_refused, tells_the_same
from .parser_errors import Disagreement, disagree, find_refusal, is_parser_error
from .receiver import ParserMaker
from .states import ARRIVING, BODY, IDLE, IN_HEAD, State

if TYPE_CHECKING:
    from ..contract.parser import BodyParser, RequestParser


class Parsing:
    """The parser of one connection, and what it has reported of the message being read.

    :param maker: makes the parser, which calls the ``on_*`` methods.
    """

    parser: "RequestParser | BodyParser"
    """The parser of the message being received."""

    def __init__(self, maker: ParserMaker) -> None:
        self._maker = maker
        self.state: State = IDLE
        """The parser's place in a message."""
        self.pieces: list[bytes] = []
        """Reported content that was not taken yet."""
        self.trailers: list[tuple[bytes, bytes]] = []
        """The reported trailer fields."""
        self.refused: RequestHead | None = None
        """What is known of a head that the parser refused or read differently."""
        self._begin: Callable[[RequestHead], None] | None = None  # for heads that the server has read
        self._is_new = True  # the head is new: the parser is asked for its method, version and persistence
        self._method = b""  # the method that the parser was given in place of one that it may not know
        self._told = b"", ""  # the parser's method and version
        self._is_spent = False  # the parser takes no message after this one, though the policy does
        self._target = b""
        self._fields: list[tuple[bytes, bytes]] = []
        self._section = self._fields  # the list that fields are added to

    # The parser's calls

    def on_message_begin(self) -> None:
        """Note the first byte of a request line."""
        self.state = self.state.message_begin
        self._target = b""
        self._fields = self._section = []

    def on_url(self, url: bytes) -> None:
        """Take the request target, or its next piece."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header field or, after the head, a trailer field."""
        self._section.append((name, value))

    def on_headers_complete(self) -> None:
        """Note the end of the head."""
        self.state = self.state.headers_complete
        self._section = self.trailers
        if self._is_new:
            parser: Any = self.parser
            self._told = parser.get_method(), parser.get_http_version()
            self._is_spent = not parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        if self.state is not BODY:
            raise Disagreement.between("has come to the end", "tells of a body")
        self.pieces.append(body)

    def on_message_complete(self) -> None:
        """Note the end of the message."""
        self.state = self.state.message_complete
        if self.trailers and self._begin is None:
            # Whatever the parser concludes: a trailer field does not change whether the connection persists.
            parser: Any = self.parser
            self._is_spent = not parser.should_keep_alive()

    # The reader's calls

    def make_parser(self) -> None:
        """Make a new parser for the messages to come."""
        self.parser = parser = self._maker.make_parser()
        self._begin = getattr(parser, "begin_message", None)
        self._is_spent = False

    def arrive(self) -> None:
        """Note that a request line has begun, and that its head is not complete."""
        self.state = self.state.begin

    def end(self) -> None:
        """Note that no further message will be read."""
        self.state = self.state.end

    def release(self) -> None:
        """Drop the parser and its maker: each of them and this object refer to one another."""
        self.__dict__.pop("parser", None)
        self._begin = None
        self._maker = None  # type: ignore[assignment]
        # A request whose connection was handed on still refers to this object.
        self._fields = self._section = []

    def read_head(self, data: bytes, message: Message) -> None:
        """Have the parser read a head, and compare its report with the server's reading.

        :param data: the head, as it was sent.
        :raises Disagreement: if the two differ.
        :raises Exception: the HTTP error for an exception of the parser; once the connection is gone, that
            exception.
        """
        if self._is_spent:
            self.make_parser()
        if self.state is not ARRIVING:
            self.state = self.state.begin
        self._is_new = message.told is None
        try:
            if self._begin is None:
                self.parser.feed_data(data)
            else:
                self._begin_message(message)
        except BaseException as exc:
            self._recover(exc, data, message)
        if not self._is_new:
            self._is_spent = message.parser_is_spent
        if self._fields != message.told or self._target != message.target:
            self._compare(message)

    def read_body(self, data: bytes) -> list[bytes]:
        """Have the parser read a part of a body, and return the content that it reports.

        :raises Exception: the HTTP error for an exception of the parser; once the connection is gone, that
            exception.
        """
        try:
            self.parser.feed_data(data)
        except BaseException as exc:
            self._fail(exc)
        pieces, self.pieces = self.pieces, []
        return pieces

    def check_end(self, message: Message, told: int) -> None:
        """Check that the parser, like the server, is at the end of a message.

        :param told: bytes of content that the parser reported.
        :raises Disagreement: if it is not.
        """
        if message.size == 0 and self.pieces:
            raise Disagreement.between("read that there is no body", "tells of one")
        if self.state is not IDLE:
            raise disagree(message.framing, None, f"waits for more after {told}")
        if self.trailers:
            raise Disagreement.between("read no trailer section", "tells of trailer fields")

    # Heads

    def _begin_message(self, message: Message) -> None:
        """Give the parser the head that the server has read. The parser is then fed the body only."""
        self.state = BODY if message.framing is not NO_BODY else IDLE
        self._section = []
        try:
            self._begin(message.head)  # type: ignore[misc]
        finally:
            # Drop what the parser reported: there is nothing to compare. Fields are trailers from here on.
            self._is_new, self._target, self._section = False, message.head.target, self.trailers
            message.told = self._fields = []

    def _recover(self, exc: BaseException, data: bytes, message: Message) -> None:
        """Continue after an exception that the parser raised in a head, or raise the HTTP error for it.

        Parsers such as llhttp know a fixed list of methods. The framing of a message does not depend on its
        method (RFC 9112 section 6.3), and the application decides what a method means. So for a method that
        the parser may not know, a new parser reads the head with ``POST`` in its place.
        """
        if self._goes_on(exc, message):
            return
        head = message.head
        is_new_method = self.state in IN_HEAD and head.method.encode() not in USUAL_METHODS
        if not (is_new_method and is_parser_error(exc, self._maker.parser_errors)):
            self._fail_in_head(exc, head)
        # Forget what the former parser reported.
        self.make_parser()
        self.state = ARRIVING
        self._method = b"POST"
        try:
            self.parser.feed_data(b"POST " + data.partition(b" ")[2])
        except BaseException as error:
            if not self._goes_on(error, message):
                self._fail_in_head(error, head)
        if not self._is_new:
            self._method = b""

    def _compare(self, message: Message) -> None:
        """Compare the parser's reading of a head with the server's.

        :raises Disagreement: if the two differ.
        """
        head, method = message.head, self._method or message.head.method.encode()
        self._method = b""
        how = ""
        if self.state in IN_HEAD:
            self.refused = as_refused(head)
            raise Disagreement.between("read a whole head", "has not come to its end")
        if self._is_new and self._told != (method, head.version):
            how = "has read another method, or another version"
        elif not tells_the_same(head, self._target, self._fields):
            how = "has read another target, or other fields"
        if how:
            self.refused = as_refused(head)
            raise Disagreement.between("has read one head", how)
        message.told = self._fields
        if self._is_new:
            message.parser_is_spent = self._is_spent

    def _fail_in_head(self, exc: BaseException, head: RequestHead) -> NoReturn:
        """Raise the HTTP error for an exception that the parser raised in a head."""
        is_refused = self.state in IN_HEAD or self._begin is not None
        self.refused = as_refused(head) if is_refused else head
        self._fail(exc)

    def _goes_on(self, exc: BaseException, message: Message) -> bool:
        """Return whether the parser stopped at the end of the head, and not for an error."""
        if self.state in IN_HEAD or not isinstance(exc, Exception) or find_refusal(exc) is not None:
            return False
        has_body = message.framing is not NO_BODY
        if not self._maker.resume_parser(exc, message.framing if has_body else None):
            return False
        if has_body and self.state is IDLE:
            # The parser stopped before the body, which another one takes.
            self.state = self.state.resume
        return True

    def _fail(self, exc: BaseException) -> NoReturn:
        """Raise the HTTP error for an exception of the parser."""
        # Once the connection is lost or handed on, a parser that continues may raise anything.
        error = self._maker.translate(exc) if is_fault(exc) and self._maker is not None else exc
        if error is exc:
            raise exc
        raise error from exc
