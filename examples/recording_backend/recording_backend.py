"""A backend of the lower storey alone: it records what crosses the wire, and another one speaks.

    kyoukai run hello.py --backend recording_backend:RecordingBackend --backend-option to=reference

Every piece goes to the logger ``recording_backend`` at level INFO, with the connection's number and
the direction: ``3 < b'GET / HTTP/1.1...'`` has come in, ``3 > b'HTTP/1.1 200 OK...'`` goes out.
"""

import asyncio
import itertools
import logging
from collections.abc import Iterable
from typing import Any

from asphalt.core import Context

from kyoukai import Backend, BackendError, BackendOptionError, ServerComponent
from kyoukai.core.contract.registry import create_backend

logger = logging.getLogger("recording_backend")


class RecordingTransport:
    """The transport of a connection, as the inner protocol has it: what is written is recorded."""

    def __init__(self, transport: Any, recorder: "Recorder") -> None:
        self._transport = transport
        self._recorder = recorder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    @property
    def _sendfile_compatible(self) -> Any:
        # What loop.sendfile() asks a transport for, and Kyoukai too. Bytes that the kernel sends nobody
        # sees, so they are told that it cannot, and files are written like anything else.
        raise asyncio.SendfileNotAvailableError("what is sent is recorded")

    def write(self, data: bytes) -> None:
        self._recorder.record(">", data)
        self._transport.write(data)

    def writelines(self, pieces: Iterable[bytes]) -> None:
        self.write(b"".join(pieces))

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._recorder.inner

    def set_protocol(self, protocol: asyncio.Protocol) -> None:
        # How an upgrade leaves HTTP: the other protocol is recorded as well.
        self._recorder.inner = protocol


class Recorder(asyncio.Protocol):
    """One connection: tells the inner protocol all that the event loop tells it.

    It is not on the server's list of connections: deadlines and stopping are the inner protocol's.
    """

    def __init__(self, inner: asyncio.Protocol, number: int) -> None:
        self.inner = inner
        self.number = number

    def record(self, direction: str, data: object) -> None:
        logger.info("%d %s %r", self.number, direction, data)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        recording: Any = RecordingTransport(transport, self)
        self.inner.connection_made(recording)

    def data_received(self, data: bytes) -> None:
        self.record("<", data)
        self.inner.data_received(data)

    def eof_received(self) -> bool | None:
        self.record("<", "end")
        return self.inner.eof_received()

    def pause_writing(self) -> None:
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        self.inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self.record("<", exc or "closed")
        self.inner.connection_lost(exc)


class RecordingBackend(Backend):
    """Hands each connection to another backend, and records it.

    :param to: the name of the other backend, or ``module:attribute``.
    :param to_options: its options, by their names.
    """

    api_version = 1

    def __init__(
        self, *, to: str = "httptools", to_options: dict[str, Any] | None = None, **options: Any
    ) -> None:
        super().__init__(**options)
        if not (to_options is None or isinstance(to_options, dict)):
            raise BackendOptionError(f"to_options is {to_options!r}; it must be options by their names")
        try:
            self.inner = create_backend(to, to_options)
        except BackendError as error:
            raise BackendOptionError(f"to is {to!r}: {error}") from error
        # It can do what the other one can.
        self.features = self.inner.features
        self.alpn_protocols = self.inner.alpn_protocols
        self.numbers = itertools.count(1)

    def create_protocol(
        self, component: ServerComponent, parent_context: Context, server_ip: str, server_port: int
    ) -> Recorder:
        protocol = self.inner.create_protocol(component, parent_context, server_ip, server_port)
        return Recorder(protocol, next(self.numbers))
