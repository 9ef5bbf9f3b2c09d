"""Backends whose connections break rules: what they override, they override wrongly."""

import asyncio
import contextvars
import logging
from types import SimpleNamespace
from typing import Any, ClassVar

from werkzeug.exceptions import HTTPException

from kyoukai import HTTPProtocol
from kyoukai.backends.httptools_ import KyoukaiProtocol as HttptoolsProtocol
from kyoukai.backends.reference import KyoukaiProtocol
from kyoukai.core.errors import BadRequest
from kyoukai.core.http1.queue import ExchangeQueue
from kyoukai.core.http1.reader import MessageReader

from .lower import Sound


def mutant(protocol: type[HTTPProtocol]) -> type[Sound]:
    """Return a backend whose connections are of this class."""
    return type(protocol.__name__, (Sound,), {"protocol_class": protocol, "__doc__": protocol.__doc__})


@mutant
class MakesOneParser(KyoukaiProtocol):
    """It has one parser."""

    only: Any = None

    def make_parser(self) -> Any:
        self.only = self.only or super().make_parser()
        return self.only

    def connection_lost(self, exc: Exception | None) -> None:
        self.only = None
        super().connection_lost(exc)


@mutant
class OverridesACallback(KyoukaiProtocol):
    """It takes the target itself."""

    def on_url(self, url: bytes) -> None:
        super().on_url(url)


@mutant
class IsLostTwice(KyoukaiProtocol):
    """It tells the server twice that it is lost."""

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.server.lost(self, exc)


@mutant
class KeepsHints(KyoukaiProtocol):
    """It sends no hints."""

    def send_early_hints(self, fields: Any) -> bool:
        return False


@mutant
class DropsTrailers(KyoukaiProtocol):
    """It has no trailers behind its answers."""

    def write_response(self, response: Any, fake_environ: dict[str, Any]) -> Any:
        vars(response).pop("trailers", None)
        return super().write_response(response, fake_environ)


@mutant
class HidesItself(KyoukaiProtocol):
    """It puts another object into the environ."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.environ["kyoukai.protocol"] = object()


@mutant
class RaisesInTranslate(KyoukaiProtocol):
    """It raises for what its parser raises."""

    parser_errors = (ValueError,)

    def translate_exception(self, exc: Exception) -> HTTPException:
        raise exc


@mutant
class SaysBadRequest(HttptoolsProtocol):
    """It makes a 400 of all that it is asked about: that is no fault."""

    def translate_exception(self, exc: Exception) -> HTTPException:
        return BadRequest()


@mutant
class TakesBugsForBadInput(KyoukaiProtocol):
    """It says that every exception is the client's fault."""

    parser_errors = (Exception,)


@mutant
class SaysNothing(KyoukaiProtocol):
    """It closes, and does not answer what it refuses."""

    def handle_parser_exception(self, exc: Exception) -> None:
        self.close()


@mutant
class Complains(KyoukaiProtocol):
    """It logs each fault of a client's as its own."""

    def handle_parser_exception(self, exc: Exception) -> None:
        logging.getLogger("kyoukai.mutant").error("the parser failed", exc_info=exc)
        super().handle_parser_exception(exc)


@mutant
class LosesUnreadBytes(KyoukaiProtocol):
    """It keeps what it has not read."""

    def take_unread(self) -> bytes:
        return b""


@mutant
class StaysTheProtocol(KyoukaiProtocol):
    """It stays the one that the transport calls."""

    def replace(self, *args: Any, **kwargs: Any) -> Any:
        protocol = super().replace(*args, **kwargs)
        self.transport.set_protocol(self)
        return protocol


@mutant
class ResumesWhoWasPaused(KyoukaiProtocol):
    """It reads on, whatever the other protocol says."""

    def replace(self, *args: Any, **kwargs: Any) -> Any:
        protocol = super().replace(*args, **kwargs)
        self.transport.resume_reading()
        return protocol


@mutant
class AnswersAfterReplace(KyoukaiProtocol):
    """It answers, though the connection is another's."""

    def replace(self, *args: Any, **kwargs: Any) -> Any:
        protocol = super().replace(*args, **kwargs)
        self.transport.write(b"HTTP/1.1 500 Internal Server Error\r\n\r\n")
        return protocol


@mutant
class StaysOpen(KyoukaiProtocol):
    """It does not mind a stop."""

    def shutdown(self) -> None:
        """Do nothing."""


@mutant
class CutsOffAtOnce(KyoukaiProtocol):
    """It waits for nobody."""

    def shutdown(self) -> None:
        if self.queue.waiting:
            self.abort()
        else:
            super().shutdown()


@mutant
class LetsHandlersRun(KyoukaiProtocol):
    """It closes, and its handler goes on."""

    def abort(self) -> None:
        if self.first is not None:
            self.first.task = None
        super().abort()


@mutant
class SharesABody(KyoukaiProtocol):
    """What comes of any body belongs to the connection that began last."""

    current: ClassVar[Any] = None

    def make_parser(self) -> Any:
        parser: Any = super().make_parser()
        parser._protocol = _Shared(self)
        return parser


class _Shared:
    def __init__(self, protocol: Any) -> None:
        self.protocol = protocol

    def __getattr__(self, name: str) -> Any:
        return getattr(self.protocol, name)

    def on_message_begin(self) -> None:
        _Shared.current = self.protocol
        self.protocol.on_message_begin()

    def on_body(self, body: bytes) -> None:
        _Shared.current.on_body(body)

    def on_message_complete(self) -> None:
        _Shared.current = None
        self.protocol.on_message_complete()


@mutant
class AnswersOutOfOrder(KyoukaiProtocol):
    """It answers the third of those that wait before the second."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.queue = _OutOfOrder(self.limits.max_pipelined)
        self.reader = MessageReader(self, self.queue)


class _OutOfOrder(ExchangeQueue):
    def add(self, exchange: Any, may_fill: bool = True) -> None:
        super().add(exchange, may_fill)
        if len(self.waiting) == 3:
            self.waiting[1], self.waiting[2] = self.waiting[2], self.waiting[1]


@mutant
class SharesContext(KyoukaiProtocol):
    """A request goes on in the context of the one before it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.last = self.server.context
        self.server = _Instead(self.server, context=SimpleNamespace(copy=self.go_on))  # type: ignore[assignment]

    def go_on(self) -> contextvars.Context:
        self.last = self.last.copy()
        return self.last


class _Instead:
    """All of a server, but for what is given instead."""

    def __init__(self, server: Any, **instead: Any) -> None:
        self.__dict__.update(instead, _server=server)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._server, name)


@mutant
class IgnoresFullQueue(KyoukaiProtocol):
    """It never pauses reading."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.pause_reading = lambda: None  # type: ignore[attr-defined]
        super().connection_made(transport)


@mutant
class IgnoresPause(KyoukaiProtocol):
    """It writes on."""

    def pause_writing(self) -> None:
        """Do nothing."""


@mutant
class LeaksOnReset(KyoukaiProtocol):
    """It forgets the task that streams."""

    def connection_lost(self, exc: Exception | None) -> None:
        if self.first is not None:
            self.first.task = None
        super().connection_lost(exc)


@mutant
class RemembersConnections(KyoukaiProtocol):
    """It remembers every connection."""

    all: ClassVar[list[Any]] = []

    def connection_lost(self, exc: Exception | None) -> None:
        self.all.append(self)
        super().connection_lost(exc)
