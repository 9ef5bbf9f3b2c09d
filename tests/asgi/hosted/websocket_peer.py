"""A client of WebSockets by hand, over HTTP/1.1 or HTTP/2: what it sends and reads are frames."""

import socket
from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.settings

from ...http2 import GOAWAY
from ...serving import PATIENCE, Client, Running, message
from ...websocket.frames import Read, receive_frame

KEY, ACCEPT = "dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

HANDSHAKE = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    f"Sec-WebSocket-Key: {KEY}",
)


class Peer:
    """One client, which has sent its handshake.

    :param target: path and query.
    :param fields: those of the handshake besides.
    """

    status: int
    fields: dict[str, str]

    def __init__(self, server: Running, target: str, fields: tuple[str, ...]) -> None:
        raise NotImplementedError

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *exc: object) -> None:
        self.leave()

    def send(self, data: bytes) -> None:
        """Send bytes of the tunnel."""
        raise NotImplementedError

    def carried(self, size: int) -> bytes:
        """Return the next bytes of the tunnel."""
        raise NotImplementedError

    def receive(self) -> Read:
        """Return the next frame."""
        return receive_frame(self.carried)

    def receive_rest(self) -> bytes:
        """Return what comes up to the server's end."""
        raise NotImplementedError

    def receive_body(self) -> bytes:
        """Return the content of an answer that is no WebSocket."""
        raise NotImplementedError

    def leave(self) -> None:
        """Close the socket, without a close."""
        raise NotImplementedError


class HTTP1Peer(Peer):
    """By HTTP/1.1."""

    def __init__(self, server: Running, target: str, fields: tuple[str, ...]) -> None:
        self.client = Client(server.component.address)
        self.client.send(message("GET", target, *HANDSHAKE, *fields))
        self.head = self.client.receive_head()
        self.status, self.fields = self.head.status, self.head.fields

    def send(self, data: bytes) -> None:
        self.client.send(data)

    def carried(self, size: int) -> bytes:
        return self.client.receive_exactly(size)

    def receive_rest(self) -> bytes:
        return self.client.receive_rest()

    def receive_body(self) -> bytes:
        if "content-length" in self.fields:
            return self.client.receive_exactly(int(self.fields["content-length"]))
        return self.client.receive_chunks()

    def leave(self) -> None:
        self.client.socket.close()


class HTTP2Peer(Peer):
    """By HTTP/2, as RFC 8441 has it."""

    def __init__(self, server: Running, target: str, fields: tuple[str, ...]) -> None:
        self.socket = socket.create_connection(server.component.address, PATIENCE)
        self.engine = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="latin-1"))
        self.engine.initiate_connection()
        self.buffer = self.received = b""
        self.has_ended, self.status = False, 0
        self.flush()
        while not self.engine.remote_settings.enable_connect_protocol:
            self.pump()
        pairs = [
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            (":scheme", "http"),
            (":path", target),
            (":authority", "localhost"),
            ("sec-websocket-version", "13"),
        ]
        for line in fields:
            name, _, value = line.partition(": ")
            pairs.append((name.lower(), value))
        self.engine.send_headers(1, pairs)
        self.flush()
        while not self.status:
            self.pump()

    def flush(self) -> None:
        self.socket.sendall(self.engine.data_to_send())

    def pump(self) -> None:
        """Take what comes next."""
        data = self.socket.recv(65536)
        if not data:
            raise EOFError("the server has closed")
        self.received += data
        while len(self.received) >= max(9, end := 9 + int.from_bytes(self.received[:3])):
            piece, self.received = self.received[:end], self.received[end:]
            # For the library a GOAWAY would be the end of all streams.
            for event in () if piece[3] == GOAWAY else self.engine.receive_data(piece):
                self.take(event)
        self.flush()

    def take(self, event: Any) -> None:
        if isinstance(event, h2.events.ResponseReceived):
            pairs = dict(event.headers)
            self.status = int(str(pairs.pop(":status")))
            self.fields = {str(name): str(value) for name, value in pairs.items()}
        elif isinstance(event, h2.events.DataReceived):
            self.buffer += event.data
            if event.flow_controlled_length:
                self.engine.acknowledge_received_data(event.flow_controlled_length, 1)
        elif isinstance(event, h2.events.StreamEnded | h2.events.StreamReset):
            self.has_ended = True

    def send(self, data: bytes) -> None:
        while data:
            while not self.engine.local_flow_control_window(1):
                self.pump()
            size = min(self.engine.local_flow_control_window(1), self.engine.max_outbound_frame_size)
            self.engine.send_data(1, data[:size])
            self.flush()
            data = data[size:]

    def carried(self, size: int) -> bytes:
        while len(self.buffer) < size:
            if self.has_ended:
                raise EOFError("the server has ended the tunnel")
            self.pump()
        found, self.buffer = self.buffer[:size], self.buffer[size:]
        return found

    def receive_rest(self) -> bytes:
        while not self.has_ended:
            self.pump()
        return self.buffer

    receive_body = receive_rest

    def leave(self) -> None:
        self.socket.close()
