"""The interface of a connection that its reader and its parsing use."""

from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from werkzeug.exceptions import HTTPException

from ..semantics.framing import Framing

if TYPE_CHECKING:
    from ..contract.parser import BodyParser, RequestParser
    from ..exchange.exchange import Exchange
    from ..serving.server_state import Server


class ParserMaker(Protocol):
    """Makes parsers, and knows their errors. An ``HTTPProtocol`` is one."""

    parser_errors: ClassVar[tuple[type[Exception], ...]]
    """The exceptions that the parser raises for bad input."""

    def make_parser(self) -> "RequestParser | BodyParser":
        """Return a new parser."""

    def resume_parser(self, exc: Exception, framing: Framing | None) -> bool:
        """Return whether parsing continues after an exception."""

    def translate(self, exc: BaseException) -> HTTPException:
        """Return the HTTP error for an exception of the parser."""


class Receiver(ParserMaker, Protocol):
    """The connection that is read for. :class:`~kyoukai.core.http1.protocol.HTTPProtocol` is one."""

    server: "Server"

    @property
    def app(self) -> Any:
        """The application."""

    exchange_class: ClassVar[Any]
    """Makes an exchange from the receiver and a message."""

    def handle_parser_exception(self, exc: Exception) -> None:
        """Refuse the request being received."""

    def note_message_end(self, exchange: "Exchange") -> None:
        """Note the end of a message that may have been answered already."""
