"""HTTP/2 for the test kit: a client that sends one request."""

from collections.abc import Iterator, Sequence

from hpack import Decoder, Encoder
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from kyoukai.testing import WireAdapter, WireAnswer

from .differences import DIFFERENCES
from .engine import FIRST_WINDOW, MAX_FRAME_SIZE
from .preface import PREFACE

Fields = Sequence[tuple[str, str]]

STREAM = 1
"""The stream of the request."""


class H2Adapter(WireAdapter):
    """The client's side of a connection with one stream."""

    differences = DIFFERENCES

    def __init__(self) -> None:
        self.encoder = Encoder()
        self.unread = b""
        self.windows = {0: FIRST_WINDOW, STREAM: FIRST_WINDOW}
        """Bytes that the client may send: the windows of the connection and of the stream."""
        self.first_window = FIRST_WINDOW

    def encode_head(self, method: str, target: str, fields: Fields, size: int | None) -> bytes:
        """Return the preface, the settings and the head of a request."""
        if method == "CONNECT":
            # RFC 9113 section 8.5: the target is an authority, so a Host would repeat it.
            fields = [(name, value) for name, value in fields if name.lower() != "host"]
            return self._opening([(":method", method), (":authority", target)], fields, size)
        pairs = [(":method", method), (":scheme", "http"), (":path", target)]
        return self._opening(pairs, fields, size)

    def encode_tunnel(self, protocol: str, target: str, fields: Fields) -> bytes:
        """Return an extended CONNECT (RFC 8441 section 4)."""
        pairs = [(":method", "CONNECT"), (":protocol", protocol), (":scheme", "http"), (":path", target)]
        return self._opening(pairs, fields, None)

    def _opening(self, pseudo: list[tuple[str, str]], fields: Fields, size: int | None) -> bytes:
        regular = [(name.lower(), value) for name, value in fields]
        hosts = [pair for pair in regular if pair[0] == "host"]
        if len(hosts) == 1:
            pseudo.append((":authority", hosts[0][1]))
            regular.remove(hosts[0])
        if size:
            regular.append(("content-length", str(size)))
        block = self._encode([*pseudo, *regular])
        return PREFACE + SettingsFrame(0).serialize() + head_frames(block, ends=size == 0)

    def _encode(self, fields: Fields) -> bytes:
        # Without Huffman coding: the library's takes minutes for a field of megabytes.
        pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields]
        return bytes(self.encoder.encode(pairs, huffman=False))

    def encode_data(self, data: bytes) -> bytes:
        """Return content, in frames of the largest size."""
        for window in self.windows:
            self.windows[window] -= len(data)
        pieces = [data[start : start + MAX_FRAME_SIZE] for start in range(0, len(data), MAX_FRAME_SIZE)]
        return b"".join(DataFrame(STREAM, piece).serialize() for piece in pieces)

    def encode_end(self, trailers: Fields = ()) -> bytes:
        """Return the end of the stream, with any trailer fields."""
        if trailers:
            block = self._encode([(name.lower(), value) for name, value in trailers])
            return head_frames(block, ends=True)
        return DataFrame(STREAM, b"", flags=["END_STREAM"]).serialize()

    def reply(self, data: bytes) -> bytes:
        """Return acknowledgements of settings and pings, and updates that reopen the windows."""
        self.unread += data
        replies: list[Frame] = []
        for frame, rest in frames_of(self.unread):
            self.unread = rest
            if isinstance(frame, WindowUpdateFrame):
                self.windows[frame.stream_id] += frame.window_increment
            elif isinstance(frame, SettingsFrame) and "ACK" not in frame.flags:
                window = frame.settings.get(SettingsFrame.INITIAL_WINDOW_SIZE, self.first_window)
                self.windows[STREAM] += window - self.first_window
                self.first_window = window
                replies.append(SettingsFrame(0, flags=["ACK"]))
            elif isinstance(frame, PingFrame) and "ACK" not in frame.flags:
                replies.append(PingFrame(0, frame.opaque_data, flags=["ACK"]))
            elif isinstance(frame, DataFrame) and frame.data:
                size = len(frame.data)
                replies += [WindowUpdateFrame(0, size), WindowUpdateFrame(STREAM, size)]
        return b"".join(reply.serialize() for reply in replies)

    def room(self) -> int:
        """Return how many bytes the windows allow the client to send."""
        return min(self.windows.values())

    def decode_answer(self, data: bytes, ended: bool) -> WireAnswer | None:
        """Return the answer on the stream.

        :raises ValueError: if the server sends anything else on the stream.
        """
        answer = _Answer()
        for frame, _ in frames_of(data):
            if frame.stream_id == STREAM and not isinstance(frame, WindowUpdateFrame):
                answer.take(frame)
        return answer.result()


def head_frames(block: bytes, *, ends: bool) -> bytes:
    """Return the frames of a head, each of the largest size.

    :param ends: whether the head ends the stream.
    """
    pieces = [block[start : start + MAX_FRAME_SIZE] for start in range(0, len(block), MAX_FRAME_SIZE)]
    frames: list[HeadersFrame | ContinuationFrame] = [
        HeadersFrame(STREAM, pieces[0], flags=["END_STREAM"] if ends else []),
        *(ContinuationFrame(STREAM, piece) for piece in pieces[1:]),
    ]
    frames[-1].flags.add("END_HEADERS")
    return b"".join(frame.serialize() for frame in frames)


def frames_of(data: bytes) -> Iterator[tuple[Frame, bytes]]:
    """Yield each complete frame, and the bytes after it."""
    while len(data) >= 9:
        frame, size = Frame.parse_frame_header(memoryview(data[:9]), strict=True)
        if len(data) < 9 + size:
            return
        frame.parse_body(memoryview(data[9 : 9 + size]))
        data = data[9 + size :]
        yield frame, data


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


class _Answer:
    """An answer, assembled from its frames."""

    def __init__(self) -> None:
        self.decoder = Decoder()
        self.head: list[tuple[str, str]] | None = None
        self.interim: list[tuple[int, Fields]] = []
        self.content = b""
        self.trailers: Fields = ()
        self.is_whole = self.is_broken = False
        self.block = b""
        self.rest = b""
        self.ends = False

    def take(self, frame: Frame) -> None:
        if isinstance(frame, RstStreamFrame):
            # RFC 9113 section 8.1: after a complete answer, this asks the client to stop sending the request.
            self.is_broken = not self.is_whole
        elif self.is_whole or self.is_broken:
            self.rest += frame.serialize()
        elif isinstance(frame, DataFrame):
            if self.head is None:
                raise ValueError("content comes before the head")
            self.content += frame.data
            self.is_whole = "END_STREAM" in frame.flags
        elif isinstance(frame, HeadersFrame | ContinuationFrame):
            self.block += frame.data
            self.ends |= "END_STREAM" in frame.flags
            if "END_HEADERS" in frame.flags:
                block, self.block = self.block, b""
                fields = self.decoder.decode(block, raw=True)
                self.take_fields([(_text(name), _text(value)) for name, value in fields])
        else:
            raise ValueError(f"the server sent {frame!r}")

    def take_fields(self, fields: list[tuple[str, str]]) -> None:
        self.is_whole = self.ends
        if self.head is not None:
            if not self.ends:
                raise ValueError("a second head comes, which ends nothing")
            self.trailers = fields
        elif fields[0][0] != ":status":
            raise ValueError("a head has no status")
        elif fields[0][1].startswith("1"):
            self.interim.append((int(fields[0][1]), fields[1:]))
        else:
            self.head = fields

    def result(self) -> WireAnswer | None:
        if self.head is None:
            if not self.is_broken:
                return None
            return WireAnswer(0, (), b"", is_whole=False, interim=self.interim, is_broken=True)
        return WireAnswer(
            status=int(self.head[0][1]),
            fields=self.head[1:],
            content=self.content,
            is_whole=self.is_whole,
            trailers=self.trailers,
            interim=self.interim,
            is_broken=self.is_broken,
            rest=self.rest,
        )
