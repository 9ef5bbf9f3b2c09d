"""What a connection is to what reads for it."""

from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from werkzeug.exceptions import HTTPException

from ..semantics.framing import Framing

if TYPE_CHECKING:
    from ..contract.parser import BodyParser, RequestParser
    from ..exchange.exchange import Exchange
    from ..serving.server_state import Server


class ParserMaker(Protocol):
    """What makes the parsers, and knows their errors. An ``HTTPProtocol`` does."""

    parser_errors: ClassVar[tuple[type[Exception], ...]]
    """What the parser raises for bad input."""

    def make_parser(self) -> "RequestParser | BodyParser":
        """Return a new parser."""

    def resume_parser(self, exc: Exception, framing: Framing | None) -> bool:
        """Go on parsing after an exception that is no error."""

    def translate(self, exc: BaseException) -> HTTPException:
        """Return the HTTP error that an exception out of the parser means."""


class Receiver(ParserMaker, Protocol):
    """What the reader reads for. :class:`~kyoukai.core.http1.protocol.HTTPProtocol` is one."""

    server: "Server"

    @property
    def app(self) -> Any:
        """The application."""

    exchange_class: ClassVar[Any]
    """Makes an exchange of the receiver and a message."""

    def handle_parser_exception(self, exc: Exception) -> None:
        """Refuse the request being received."""

    def note_message_end(self, exchange: "Exchange") -> None:
        """Note that a message has been read whose answer may be gone already."""
