"""An HTTP/2 client that tests use like an HTTP/1.1 client.

It is a gateway in place of a socket. With it, one test of an application and its client covers every wire.
"""

import http
import re
import socket
from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings

# Fields of an HTTP/1 connection. HTTP/2 requests do not have them.
CONNECTION_FIELDS = {"connection", "keep-alive", "transfer-encoding", "upgrade", "host"}

GOAWAY = 7

CONFIGURATION = h2.config.H2Configuration(
    client_side=True,
    header_encoding="latin-1",
    validate_outbound_headers=False,
    normalize_outbound_headers=False,
)


def encoded(pairs: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Return the fields in the form that HTTP/2 sends."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs]


class Stream:
    """One request and the received part of its answer."""

    def __init__(self, number: int, method: str, closes: bool) -> None:
        self.number = number
        self.method = method
        self.closes = closes
        self.rendered = b""
        self.is_chunked = False
        self.is_answered = self.is_broken = False

    def render_head(self, pairs: Any, is_interim: bool) -> None:
        """Render the head of an answer in the form of HTTP/1.1."""
        fields = [(str(name), str(value)) for name, value in pairs]
        status = int(fields[0][1])
        names = [name for name, _ in fields]
        has_content = not (is_interim or self.method == "HEAD" or status in (204, 304))
        self.is_chunked = has_content and "content-length" not in names
        lines = [f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}"]
        lines += [f"{name.title()}: {value}" for name, value in fields[1:]]
        if self.is_chunked:
            lines.append("Transfer-Encoding: chunked")
        self.rendered += "\r\n".join([*lines, "", ""]).encode("latin-1")

    def render_data(self, data: bytes) -> None:
        """Render a piece of content."""
        self.rendered += b"%x\r\n%b\r\n" % (len(data), data) if self.is_chunked and data else data

    def render_end(self, trailers: Any = ()) -> None:
        """Render the end of the content."""
        self.is_answered = True
        if self.is_chunked:
            lines = ["0", *(f"{name.title()}: {value}" for name, value in trailers), "", ""]
            self.rendered += "\r\n".join(lines).encode("latin-1")


class Gateway:
    """A socket that translates between HTTP/1.1 for the test and HTTP/2 on the network.

    :param sock: a connected socket.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.engine = h2.connection.H2Connection(CONFIGURATION)
        self.engine.initiate_connection()
        # Receive as much as the system buffers, like an HTTP/1 client.
        self.engine.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 2**31 - 1})
        self.engine.increment_flow_control_window(2**31 - 1 - 65535)
        self.received = self.unsent = b""
        self.left: int | None = 0
        """Bytes left of the request's body; ``None`` for a chunked body."""
        self.streams: list[Stream] = []
        """The requests whose answers are not complete."""
        self.sending: Stream | None = None
        """The stream whose body is being sent."""
        self.has_ended = self.is_shut = False
        self.goodbyes: list[int] = []
        """The error code of each GOAWAY."""
        self.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sock, name)

    # Out

    def flush(self) -> None:
        data = self.engine.data_to_send()
        if data and not self.is_shut:
            self.sock.sendall(data)

    def shutdown(self, how: int) -> None:
        """End our side after all requests in progress."""
        self.flush()
        self.is_shut = True
        self.sock.shutdown(how)

    def sendall(self, data: bytes) -> None:
        """Send requests as the bytes arrive."""
        self.unsent += data
        while self._send_some():
            pass
        self.flush()

    def send(self, data: bytes) -> int:
        """Send requests, and return the number of bytes taken."""
        self.sendall(data)
        return len(data)

    def _send_some(self) -> bool:
        if self.sending is None:
            head, found, rest = self.unsent.partition(b"\r\n\r\n")
            if found:
                self.unsent = rest
                self._send_head(head.decode("latin-1"))
            return bool(found)
        if self.left is None:
            return self._send_chunk()
        if not self.unsent:
            return False
        data, self.unsent = self.unsent[: self.left], self.unsent[self.left :]
        self.left -= len(data)
        self._send_data(data, ends=not self.left)
        return True

    def _send_head(self, head: str) -> None:
        request_line, *lines = head.split("\r\n")
        method, target, _ = request_line.split(" ")
        fields = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        known = dict(fields)
        pairs = [(":method", method), (":scheme", "http"), (":path", target)]
        if "host" in known:
            pairs.append((":authority", known["host"]))
        pairs += [(name, value) for name, value in fields if name not in CONNECTION_FIELDS]
        stream = Stream(
            self.engine.get_next_available_stream_id(), method, "close" in known.get("connection", "")
        )
        is_chunked = "transfer-encoding" in known
        self.left = None if is_chunked else int(known.get("content-length", "0"))
        self.streams.append(stream)
        self.engine.send_headers(stream.number, encoded(pairs), end_stream=self.left == 0)
        if self.left != 0:
            self.sending = stream

    def _send_chunk(self) -> bool:
        match = re.match(rb"([0-9a-fA-F]+)\r\n", self.unsent)
        if match is None:
            return False
        size, start = int(match[1], 16), match.end()
        if size:
            if len(self.unsent) < start + size + 2:
                return False
            data, self.unsent = self.unsent[start : start + size], self.unsent[start + size + 2 :]
            self._send_data(data, ends=False)
            return True
        section, found, rest = self.unsent[start - 2 :].partition(b"\r\n\r\n")
        if not found:
            return False
        self.unsent = rest
        lines = section.decode("latin-1").split("\r\n")[1:]
        pairs = [line.partition(":") for line in lines]
        trailers = [(name.lower(), value.strip()) for name, _, value in pairs]
        stream, self.sending, self.left = self.sending, None, 0
        assert stream is not None
        if not self._is_closed(stream):
            if trailers:
                self.engine.send_headers(stream.number, encoded(trailers), end_stream=True)
            else:
                self.engine.end_stream(stream.number)
        return True

    def _is_closed(self, stream: Stream) -> bool:
        return stream.is_broken or self.has_ended

    def _send_data(self, data: bytes, *, ends: bool) -> None:
        stream = self.sending
        assert stream is not None
        while not self._is_closed(stream):
            try:
                window = self.engine.local_flow_control_window(stream.number)
                part = data[: min(window, self.engine.max_outbound_frame_size)]
                if part or not data:
                    data = data[len(part) :]
                    self.engine.send_data(stream.number, part, end_stream=ends and not data)
            except h2.exceptions.StreamClosedError:
                break
            self.flush()
            if not data:
                break
            if not part:
                self._receive()
        if ends:
            self.sending, self.left = None, 0

    # In

    def recv(self, size: int, *flags: int) -> bytes:
        """Return bytes of the answers in the order of their requests, or ``b""`` at the end."""
        while True:
            if self.streams:
                stream = self.streams[0]
                if stream.rendered:
                    data, stream.rendered = stream.rendered[:size], stream.rendered[size:]
                    return data
                if stream.is_answered:
                    if stream.closes:
                        return b""
                    self.streams.pop(0)
                    continue
                if stream.is_broken:
                    return b""
            if self.has_ended:
                return b""
            self._receive()

    def _receive(self) -> None:
        data = self.sock.recv(65536)
        if not data:
            self.has_ended = True
            return
        self.received += data
        while len(self.received) >= max(9, end := 9 + int.from_bytes(self.received[:3])):
            frame, self.received = self.received[:end], self.received[end:]
            if frame[3] == GOAWAY:
                # The library would end all streams.
                self.goodbyes.append(int.from_bytes(frame[13:17]))
                continue
            for event in self.engine.receive_data(frame):
                self._take(event)
        self.flush()

    def _take(self, event: h2.events.Event) -> None:
        number = getattr(event, "stream_id", None)
        stream = next((stream for stream in self.streams if stream.number == number), None)
        if isinstance(event, h2.events.DataReceived):
            self.engine.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        if stream is None:
            return
        if isinstance(event, h2.events.ResponseReceived):
            stream.render_head(event.headers, False)
        elif isinstance(event, h2.events.InformationalResponseReceived):
            stream.render_head(event.headers, True)
        elif isinstance(event, h2.events.DataReceived):
            stream.render_data(event.data)
        elif isinstance(event, h2.events.TrailersReceived):
            stream.render_end(event.headers)
        elif isinstance(event, h2.events.StreamEnded) and not stream.is_answered:
            stream.render_end()
        elif isinstance(event, h2.events.StreamReset):
            stream.is_broken = True
