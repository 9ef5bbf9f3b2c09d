"""A client that sends frames, and reads them: what it sends need not be HTTP/2."""

import socket
from types import TracebackType
from typing import Any

from hpack import Decoder, Encoder
from hyperframe.frame import (
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from kyoukai.backends.h2_.preface import PREFACE

from ...serving import PATIENCE, Running

GET = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "localhost")]
POST = [(":method", "POST"), *GET[1:]]


def head(target: str = "/", method: str = "GET", *fields: tuple[str, str]) -> list[tuple[str, str]]:
    """Return the fields of a request."""
    return [(":method", method), (":scheme", "http"), (":path", target), GET[3], *fields]


class FrameClient:
    """One connection.

    :param receive_buffer: bytes that the system keeps for it.
    :param settings: what it sends as its settings; ``None``: nothing at all, not the preface either.
    """

    def __init__(
        self,
        server: Running,
        settings: dict[int, int] | None = {},  # noqa: B006 - nobody changes it
        receive_buffer: int | None = None,
    ) -> None:
        self.socket = socket.socket()
        self.socket.settimeout(PATIENCE)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect(server.component.address)
        self.encoder, self.decoder = Encoder(), Decoder()
        self.buffer = b""
        self.resets: list[int] = []
        """The streams that the server has reset."""
        self.goodbyes: list[GoAwayFrame] = []
        """Those that came while something else was awaited: the server may send them before an answer."""
        if settings is not None:
            self.socket.sendall(PREFACE)
            self.send(SettingsFrame(0, settings=settings))

    def __enter__(self) -> "FrameClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    # Out

    def send(self, *frames: Frame) -> None:
        """Send frames, in one piece."""
        self.socket.sendall(b"".join(frame.serialize() for frame in frames))

    def head(self, stream: int, fields: Any, ends: bool = True) -> HeadersFrame:
        """Return the head of a request, or its trailers."""
        flags = ["END_HEADERS", *(["END_STREAM"] if ends else [])]
        return HeadersFrame(stream, self.encoder.encode(fields), flags=flags)

    def request(self, stream: int, fields: Any = GET, ends: bool = True) -> None:
        """Send the head of a request."""
        self.send(self.head(stream, fields, ends))

    def data(self, stream: int, data: bytes, ends: bool = False) -> None:
        """Send content, in one frame."""
        self.send(DataFrame(stream, data, flags=["END_STREAM"] if ends else []))

    def open(self, size: int, *streams: int) -> None:
        """Open windows."""
        self.send(*(WindowUpdateFrame(stream, size) for stream in streams))

    # In

    def receive(self) -> Frame | None:
        """Return the next frame, heads decoded; ``None``: the server has ended its side."""
        while len(self.buffer) < max(9, end := 9 + int.from_bytes(self.buffer[:3])):
            received = self.socket.recv(65536)
            if not received:
                assert not self.buffer
                return None
            self.buffer += received
        frame, _ = Frame.parse_frame_header(memoryview(self.buffer[:9]), strict=True)
        frame.parse_body(memoryview(self.buffer[9:end]))
        self.buffer = self.buffer[end:]
        if isinstance(frame, RstStreamFrame):
            self.resets.append(frame.stream_id)
        if isinstance(frame, HeadersFrame):
            frame.fields = dict(self.decoder.decode(frame.data))  # type: ignore[attr-defined]
        return frame

    def receive_a(self, kind: type[Frame], stream: int | None = None) -> Any:
        """Return the next frame of a kind, and drop what comes before it; acknowledgements are none."""
        while (frame := self.receive()) is not None:
            if isinstance(frame, kind) and "ACK" not in frame.flags and stream in (None, frame.stream_id):
                return frame
            if isinstance(frame, GoAwayFrame):
                self.goodbyes.append(frame)
        raise EOFError(f"the server has ended its side, and no {kind.__name__} came")

    def answer(self, stream: int = 1) -> tuple[dict[str, str], bytes]:
        """Return the fields and the content of an answer."""
        found: Any = self.receive_a(HeadersFrame, stream)
        fields, content = found.fields, b""
        while "END_STREAM" not in found.flags:
            found = self.receive_a(Frame, stream)
            assert isinstance(found, DataFrame | HeadersFrame), found
            if isinstance(found, DataFrame):
                content += found.data
            else:
                fields = {**fields, **found.fields}  # type: ignore[attr-defined]
        return fields, content

    def reset_code(self, stream: int = 1) -> int:
        """Return the code of the RST_STREAM that comes."""
        return int(self.receive_a(RstStreamFrame, stream).error_code)

    def goodbye(self) -> tuple[int, int]:
        """Return the code, and the last stream, of the GOAWAY that comes."""
        frame = self.goodbyes.pop(0) if self.goodbyes else self.receive_a(GoAwayFrame)
        return int(frame.error_code), int(frame.last_stream_id)

    def receive_until_over(self) -> bool:
        """Return that the server ends its side, and drop what comes before."""
        while self.receive() is not None:
            pass
        return True

    def is_over(self) -> bool:
        """Return that nothing more comes than the end of the server's side."""
        return self.receive() is None

    def ping(self) -> None:
        """Wait until the server has read what was sent."""
        self.send(PingFrame(0, b"are you?"))
        while True:
            frame = self.receive()
            assert frame is not None
            if isinstance(frame, PingFrame) and "ACK" in frame.flags:
                return
