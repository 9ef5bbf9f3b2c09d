"""An application's settings for WebSockets: limits, deadlines, compression."""

import dataclasses
from collections.abc import Sequence
from typing import Final

from kyoukai.core.errors import ConfigurationError

ANY: Final = "*"
"""Among ``origins``: every origin."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class WebSocketSettings:
    """Limits and deadlines of the WebSockets of a route.

    :ivar max_message_size: the largest message in bytes, both as sent and as inflated; a larger one is
        refused with 1009.
    :ivar max_frame_size: the largest frame in bytes, as sent; ``None``: as for a message.
    :ivar max_unread_size: when messages of this many bytes wait for the handler, the server stops reading.
    :ivar compression: whether permessage-deflate is accepted if the client offers it.
    :ivar window_bits: the window size of both compressors, as a power of two: 9 to 15.
    :ivar min_compressed_size: the size in bytes below which messages are sent uncompressed.
    :ivar ping_interval: seconds without a byte from the client before a ping is sent; ``None``: no pings.
    :ivar ping_timeout: seconds to wait for an answer to a ping before the connection is aborted.
    :ivar close_timeout: seconds to wait for an answer to a close.
    :ivar origins: the origins whose pages may connect, such as ``https://example.org``; ``None``: only the
        origin of the requested host; ``"*"``: all origins. A client without an Origin field is not a browser,
        and may connect.
    :raises ConfigurationError: if a value cannot be used.
    """

    max_message_size: int = 1024 * 1024
    max_frame_size: int | None = None
    max_unread_size: int = 64 * 1024
    compression: bool = False
    window_bits: int = 12
    min_compressed_size: int = 64
    ping_interval: float | None = 20
    ping_timeout: float = 20
    close_timeout: float = 10
    origins: Sequence[str] | None = None

    def __post_init__(self) -> None:
        for name in ("max_message_size", "max_frame_size", "max_unread_size", "min_compressed_size"):
            value = getattr(self, name)
            if name == "max_frame_size" and value is None:
                continue
            if type(value) is not int or value < (name != "min_compressed_size"):
                raise ConfigurationError(f"{name} is {value!r}; it must be a number of bytes")
        for name in ("ping_interval", "ping_timeout", "close_timeout"):
            value = getattr(self, name)
            if name == "ping_interval" and value is None:
                continue
            if type(value) not in (int, float) or not 0 < value < float("inf"):
                raise ConfigurationError(f"{name} is {value!r}; it must be a number of seconds above 0")
        if type(self.compression) is not bool:
            raise ConfigurationError(f"compression is {self.compression!r}; it must be True or False")
        if type(self.window_bits) is not int or not 9 <= self.window_bits <= 15:
            raise ConfigurationError(f"window_bits is {self.window_bits!r}; it must be 9 to 15")
        self._check_origins()

    def _check_origins(self) -> None:
        origins = self.origins
        if origins is None or origins == ANY:
            return
        if isinstance(origins, str) or not isinstance(origins, Sequence):
            raise ConfigurationError(f"origins is {origins!r}; it must be a list of origins, or {ANY!r}")
        for origin in origins:
            scheme, separator, rest = origin.partition("://") if isinstance(origin, str) else ("", "", "")
            if not (scheme and separator and rest) or "/" in rest or origin != origin.lower():
                raise ConfigurationError(
                    f"origins has {origin!r}; an origin is written as in 'https://example.org'"
                )
