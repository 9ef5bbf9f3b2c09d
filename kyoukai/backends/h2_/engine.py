"""The state machine of one connection: the h2 library, adapted for this backend."""

from contextlib import suppress
from typing import Final, NamedTuple

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.exceptions import ProtocolError, StreamClosedError
from h2.settings import SettingCodes, Settings
from hyperframe.frame import GoAwayFrame

from .compression import BlockDecoder, KnowingEncoder
from .floods import DATA, WINDOW_UPDATE, FloodLimits
from .frames import FRAME_HEAD
from .preface import PREFACE

FIRST_WINDOW: Final = 65535
"""Initial size of every window in bytes (section 6.9.2)."""

MAX_FRAME_SIZE: Final = 16 * 1024
"""Largest accepted payload of a frame in bytes: the smallest allowed setting (section 6.5.2)."""

# heads.py checks heads. The library would report connection errors for what are stream errors.
CONFIGURATION: Final = H2Configuration(
    client_side=False,
    header_encoding=None,
    validate_outbound_headers=False,
    normalize_outbound_headers=False,
    validate_inbound_headers=False,
    normalize_inbound_headers=False,
)

PRUNED_STREAMS: Final = 64
"""Number of new streams after which the library removes closed ones."""


class H2Limits(NamedTuple):
    """The limits of a connection that are specific to HTTP/2. Sizes are in bytes."""

    max_concurrent_streams: int = 100
    stream_window: int = 128 * 1024
    connection_window: int = 1024 * 1024
    floods: FloodLimits = FloodLimits()


class Engine(H2Connection):
    """State of one connection: checks frames, updates streams, and collects output.

    :param limits: the limits specific to HTTP/2.
    :param max_head_size: largest size of a head in bytes.
    """

    MAX_CLOSED_STREAMS = 1024
    """Number of closed streams that the library remembers. Its default, 65,536, takes 8 MB."""

    def __init__(self, limits: H2Limits, max_head_size: int) -> None:
        super().__init__(CONFIGURATION)
        self.limits = limits
        self.encoder = KnowingEncoder()
        # A head above the limit gets a 431. Stop decoding far above it, since a few bytes can expand to a
        # huge head.
        self.decoder = BlockDecoder(4 * max_head_size)
        self.local_settings = Settings(
            client=False,
            initial_values={
                SettingCodes.MAX_CONCURRENT_STREAMS: limits.max_concurrent_streams,
                SettingCodes.INITIAL_WINDOW_SIZE: limits.stream_window,
                SettingCodes.MAX_FRAME_SIZE: MAX_FRAME_SIZE,
                SettingCodes.MAX_HEADER_LIST_SIZE: max_head_size,
                SettingCodes.ENABLE_CONNECT_PROTOCOL: 1,
            },
        )
        self.max_inbound_frame_size = MAX_FRAME_SIZE
        self._begun = 0  # new streams since closed ones were last removed
        self._output: list[bytes | memoryview] = []

    def begin(self) -> None:
        """Mark the client's preface as read, and write the server's."""
        self.initiate_connection()
        if self.limits.connection_window > FIRST_WINDOW:
            self.increment_flow_control_window(self.limits.connection_window - FIRST_WINDOW)
        self.receive_data(PREFACE)

    @property
    def open_inbound_streams(self) -> int:
        """Always 0, so the library refuses no stream: its refusal would end the connection.

        The library asks for it at each new stream, and its own version goes through all streams. Here that
        happens only now and then.
        """
        self._begun += 1
        if self._begun >= PRUNED_STREAMS:
            self._begun = 0
            super().open_inbound_streams  # noqa: B018 - it lets go of closed streams
        return 0

    def reset(self, stream_id: int, code: int) -> None:
        """Reset a stream unless it is closed."""
        with suppress(ProtocolError):
            self.reset_stream(stream_id, code)

    def open_window(self, size: int, stream_id: int = 0) -> None:
        """Let the client send ``size`` more bytes, in place of content that the library has not seen.

        :param stream_id: 0: the connection.
        """
        self._output += [self.data_to_send(), FRAME_HEAD.pack(4 << 8 | WINDOW_UPDATE, 0, stream_id)]
        self._output.append(size.to_bytes(4))

    def stream_window(self, stream_id: int) -> int:
        """Return the send window of a stream in bytes, regardless of the connection's window."""
        stream = self.streams.get(stream_id)
        return 0 if stream is None or stream.closed else int(stream.outbound_flow_control_window)

    def write_content(self, stream_id: int, content: bytes, begin: int, end: int) -> None:
        """Write DATA frames that do not end the stream. The windows must have room for them.

        The library would create an object for each frame, run its states, and copy the content four times.
        This method makes only the changes to the windows.

        :param content: the part from ``begin`` to ``end`` is written.
        :raises StreamClosedError: if the client has reset the stream.
        """
        stream = self.streams[stream_id]
        if stream.closed:
            raise StreamClosedError(stream_id)
        size, view, output = self.max_outbound_frame_size, memoryview(content), self._output
        output.append(self.data_to_send())
        for position in range(begin, end, size):
            piece = view[position : min(position + size, end)]
            output.append(FRAME_HEAD.pack(len(piece) << 8 | DATA, 0, stream_id))
            output.append(piece)
        stream.outbound_flow_control_window -= end - begin
        self.outbound_flow_control_window -= end - begin

    def say_goodbye(self, code: int = 0, last_stream_id: int | None = None, reason: bytes = b"") -> None:
        """Write a GOAWAY. Open streams continue, unlike with the library's own method.

        :param last_stream_id: by default, the last stream that the client has begun.
        """
        last = self.highest_inbound_stream_id if last_stream_id is None else last_stream_id
        frame = GoAwayFrame(0, last_stream_id=last, error_code=code, additional_data=reason)
        self._output += [self.data_to_send(), frame.serialize()]

    def take_output(self) -> bytes:
        """Return the bytes to write."""
        data = self.data_to_send()
        if self._output:
            data = b"".join([*self._output, data])
            self._output.clear()
        return data
