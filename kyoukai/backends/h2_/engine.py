"""The library's state machine of one connection, as this backend has it."""

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
"""Bytes of every window before anybody has said otherwise (section 6.9.2)."""

MAX_FRAME_SIZE: Final = 16 * 1024
"""Bytes of the largest payload that is taken: the least that a server may say (section 6.5.2)."""

# Heads are checked in heads.py, once, for the library makes connection errors of what are stream errors.
CONFIGURATION: Final = H2Configuration(
    client_side=False,
    header_encoding=None,
    validate_outbound_headers=False,
    normalize_outbound_headers=False,
    validate_inbound_headers=False,
    normalize_inbound_headers=False,
)

PRUNED_STREAMS: Final = 64
"""Streams after which the library looks for those that are closed."""


class H2Limits(NamedTuple):
    """The limits of a connection that HTTP/2 alone has. Sizes are in bytes."""

    max_concurrent_streams: int = 100
    stream_window: int = 128 * 1024
    connection_window: int = 1024 * 1024
    floods: FloodLimits = FloodLimits()


class Engine(H2Connection):
    """One connection: which frames may come, what they do to its streams, and what is to be written.

    :param limits: those of HTTP/2.
    :param max_head_size: bytes that a head may have.
    """

    MAX_CLOSED_STREAMS = 1024
    """Of how many streams the library keeps how they ended. Of 65,536, as by default, they are 8 MB."""

    def __init__(self, limits: H2Limits, max_head_size: int) -> None:
        super().__init__(CONFIGURATION)
        self.limits = limits
        self.encoder = KnowingEncoder()
        # What is larger than a head may be gets a 431; of what is much larger, as few bytes may stand for,
        # no more is decoded.
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
        self._begun = 0  # streams since the closed ones were looked for
        self._output: list[bytes | memoryview] = []

    def begin(self) -> None:
        """Take the client's preface as read, and write our own."""
        self.initiate_connection()
        if self.limits.connection_window > FIRST_WINDOW:
            self.increment_flow_control_window(self.limits.connection_window - FIRST_WINDOW)
        self.receive_data(PREFACE)

    @property
    def open_inbound_streams(self) -> int:
        """None, so that the library refuses no stream: it would end the connection.

        It asks for each new stream, and then looks at all streams that it knows: here it does now and then.
        """
        self._begun += 1
        if self._begun >= PRUNED_STREAMS:
            self._begun = 0
            super().open_inbound_streams  # noqa: B018 - it lets go of closed streams
        return 0

    def reset(self, stream_id: int, code: int) -> None:
        """Reset a stream, if it is not closed."""
        with suppress(ProtocolError):
            self.reset_stream(stream_id, code)

    def open_window(self, size: int, stream_id: int = 0) -> None:
        """Let the client send so many bytes more. The library knows nothing of the content that it replaces.

        :param stream_id: 0: of the connection.
        """
        self._output += [self.data_to_send(), FRAME_HEAD.pack(4 << 8 | WINDOW_UPDATE, 0, stream_id)]
        self._output.append(size.to_bytes(4))

    def stream_window(self, stream_id: int) -> int:
        """Return how many bytes the client takes of a stream, whatever it takes of the connection."""
        stream = self.streams.get(stream_id)
        return 0 if stream is None or stream.closed else int(stream.outbound_flow_control_window)

    def write_content(self, stream_id: int, content: bytes, begin: int, end: int) -> None:
        """Write DATA frames that do not end the stream, for whose content there is room.

        The library makes an object of each frame, goes through its states, and copies the content four times.
        Here is done what that does to the windows.

        :param content: of which the part from ``begin`` to ``end`` is written.
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
        """Write a GOAWAY. The streams there are go on, which the library's own way would not let them.

        :param last_stream_id: by default that of the last stream that has begun.
        """
        last = self.highest_inbound_stream_id if last_stream_id is None else last_stream_id
        frame = GoAwayFrame(0, last_stream_id=last, error_code=code, additional_data=reason)
        self._output += [self.data_to_send(), frame.serialize()]

    def take_output(self) -> bytes:
        """Return what is to be written."""
        data = self.data_to_send()
        if self._output:
            data = b"".join([*self._output, data])
            self._output.clear()
        return data
