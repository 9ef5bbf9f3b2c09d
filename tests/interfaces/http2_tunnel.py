"""The client of a WebSocket by HTTP/2: an extended CONNECT (RFC 8441)."""

import socket

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings

from ..serving import PATIENCE

CONFIGURATION = h2.config.H2Configuration(client_side=True, header_encoding="latin-1")


class HTTP2Tunnel:
    """A stream that carries bytes both ways, once the server has answered.

    :param port: that of 127.0.0.1 which is listened on.
    :param path: the target of the handshake.
    :param fields: its fields.
    """

    def __init__(self, port: int, path: str, fields: tuple[str, ...]) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.engine = h2.connection.H2Connection(CONFIGURATION)
        self.engine.initiate_connection()
        self.engine.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 2**24})
        self.engine.increment_flow_control_window(2**24)
        self.status = 0
        self.pairs: list[list[str]] = []
        self.buffer = b""
        self.has_ended = False
        self.flush()
        while not self.engine.remote_settings.enable_connect_protocol:
            self.take()
        pairs = [field.partition(":") for field in fields]
        head = [
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            (":scheme", "http"),
            (":path", path),
            (":authority", "localhost"),
            *((name.lower(), value.strip()) for name, _, value in pairs),
        ]
        self.engine.send_headers(1, head)
        self.flush()
        while not self.status and not self.has_ended:
            self.take()

    def __enter__(self) -> "HTTP2Tunnel":
        return self

    def __exit__(self, *exc: object) -> None:
        self.socket.close()

    def flush(self) -> None:
        """Send what the library has to send."""
        self.socket.sendall(self.engine.data_to_send())

    def take(self) -> None:
        """Receive once."""
        data = self.socket.recv(65536)
        self.has_ended = self.has_ended or not data
        for event in self.engine.receive_data(data):
            if isinstance(event, h2.events.ResponseReceived):
                self.pairs = [[str(name), str(value)] for name, value in event.headers]
                self.status = int(self.pairs.pop(0)[1])
            elif isinstance(event, h2.events.DataReceived):
                self.buffer += event.data
                self.engine.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded | h2.events.StreamReset):
                self.has_ended = True
        self.flush()

    def send(self, data: bytes) -> None:
        """Send all of ``data``, as far as the server takes it."""
        while data and not self.has_ended:
            size = min(
                len(data), self.engine.local_flow_control_window(1), self.engine.max_outbound_frame_size
            )
            if not size:
                self.take()
                continue
            self.engine.send_data(1, data[:size])
            data = data[size:]
            self.flush()

    def receive_exactly(self, size: int) -> bytes:
        """Return the next ``size`` bytes."""
        while len(self.buffer) < size and not self.has_ended:
            self.take()
        if len(self.buffer) < size:
            raise EOFError(f"the server ended the stream after {self.buffer!r}")
        found, self.buffer = self.buffer[:size], self.buffer[size:]
        return found

    def receive_rest(self) -> bytes:
        """Return everything up to the end of the stream."""
        while not self.has_ended:
            self.take()
        return self.buffer
