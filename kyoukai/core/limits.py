"""The limits and deadlines that a user can set, each with its unit, meaning and precedent.

Sizes are in bytes, times in seconds. Creating a :class:`Limits` checks it: a value of the wrong type or out
of range raises a :class:`ConfigurationError` that names the limit.
"""

import dataclasses
import difflib
from collections.abc import Mapping
from typing import Any, Final, Self

from .errors import ConfigurationError

MOST: Final = 2**53
"""The largest allowed number of bytes or seconds. It excludes infinity and NaN."""


def _setting(default: float, unit: str, meaning: str, precedent: str, least: float = 1) -> Any:
    metadata = {"unit": unit, "meaning": meaning, "precedent": precedent, "least": least}
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits and deadlines of one server.

    :raises ConfigurationError: if a value is not a number of its type, or out of range.
    """

    max_target_size: int = _setting(
        8 * 1024,
        "bytes",
        "longest request target; longer: 414",
        "RFC 9112 section 3 asks for 8000 octets; Apache LimitRequestLine 8190",
        least=256,
    )
    max_head_size: int = _setting(
        64 * 1024,
        "bytes",
        "largest head (request line and header fields together), and largest trailer section; larger: 431",
        "nginx large_client_header_buffers, 4 times 8 KiB; HAProxy 16 KiB; Jetty 8 KiB",
        least=1024,
    )
    max_field_size: int = _setting(
        16 * 1024,
        "bytes",
        "longest field, name and value together; longer: 431",
        "Node.js limits the whole head to 16 KiB; Apache LimitRequestFieldSize 8190",
        least=256,
    )
    max_fields: int = _setting(
        100,
        "fields",
        "largest number of header fields of a request, and, counted apart, of its trailer fields; more: 431",
        "Apache LimitRequestFields 100",
    )
    max_body_size: int = _setting(
        12 * 1024 * 1024,
        "bytes",
        "largest request body, without its chunked framing; larger: 413",
        "nginx client_max_body_size 1 MiB; Django keeps 2.5 MiB in memory; a phone's photo has 4 to 12 MiB",
        least=0,
    )
    max_pipelined: int = _setting(
        16,
        "requests",
        "largest number of requests of one connection that may wait for their answer. When it is reached,"
        " the server reads no more from that connection",
        "HAProxy answers one at a time; browsers never sent more than 8",
    )
    head_timeout: float = _setting(
        10.0,
        "seconds",
        "longest time from the first byte of a request to the end of its header fields; longer: 408",
        "Apache RequestReadTimeout header=20; HAProxy's manual suggests 5 to 10",
        least=0.01,
    )
    keep_alive_timeout: float = _setting(
        75.0,
        "seconds",
        "longest time that a connection may be idle; then it is closed",
        "nginx keepalive_timeout 75",
        least=0.01,
    )
    body_timeout: float = _setting(
        30.0,
        "seconds",
        "longest pause between two pieces of a request body; longer: 408",
        "Apache RequestReadTimeout body=20; nginx client_body_timeout 60",
        least=0.01,
    )
    min_body_rate: float = _setting(
        240.0,
        "bytes per second",
        "lowest average rate of a request body, checked once body_timeout has passed. A slower body gets a"
        " 408. 0: any rate",
        "Kestrel MinRequestBodyDataRate 240; Apache RequestReadTimeout MinRate=500",
        least=0,
    )
    write_timeout: float = _setting(
        30.0,
        "seconds",
        "if a client reads nothing of its answer for this long, the connection is cut off",
        "nginx send_timeout 60; Apache Timeout 60",
        least=0.01,
    )
    linger_timeout: float = _setting(
        2.0,
        "seconds",
        "longest time to keep reading after the last answer, so that no TCP reset destroys that answer. The"
        " time begins when the answer was written; on Linux, when it has arrived at the client",
        "Apache SecondsToLinger 2; nginx lingering_timeout 5",
        least=0.01,
    )
    max_linger_size: int = _setting(
        64 * 1024 * 1024,
        "bytes",
        "most bytes to read and discard after the last answer (see linger_timeout). Never less than the"
        " largest allowed body",
        "nginx and Apache limit only the time; a proxy may send a whole body before it reads the answer",
        least=0,
    )
    shutdown_timeout: float = _setting(
        30.0,
        "seconds",
        "longest time that the server, when it stops, waits for requests under way",
        "Kubernetes terminationGracePeriodSeconds 30; gunicorn graceful_timeout 30",
        least=0,
    )
    background_timeout: float = _setting(
        5.0,
        "seconds",
        "longest time that a stopping server waits for background tasks of the application, after its wait "
        "for requests under way",
        "Quart BACKGROUND_TASK_SHUTDOWN_TIMEOUT 5",
        least=0,
    )

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            _check(field, getattr(self, field.name))

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> Self:
        """Return the defaults, replaced by the values of ``mapping``.

        :raises ConfigurationError: if a name is unknown or a value is invalid.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        for name in mapping:
            if name not in known:
                raise ConfigurationError(f"unknown limit {name!r}; {suggest(str(name), known)}")
        return cls(**mapping)

    @property
    def small_head_size(self) -> int:
        """The largest size of a head in which no field can pass ``max_field_size``."""
        return min(self.max_head_size, self.max_field_size)

    @property
    def sweep_interval(self) -> float:
        """Seconds between two checks of the deadlines: 1, or half the smallest timeout if that is less."""
        least = min(
            self.head_timeout,
            self.keep_alive_timeout,
            self.body_timeout,
            self.write_timeout,
            self.linger_timeout,
        )
        return min(1.0, least / 2)

    def linger_size(self, largest_body: int) -> int:
        """Return how many bytes to discard at most after the last answer.

        A proxy may send a whole body before it reads the answer.

        :param largest_body: the most bytes of a body on any route of the application.
        """
        largest = max(largest_body, self.max_body_size)
        # Add an eighth for the size lines of chunked bodies. Even chunks of 64 bytes need no more.
        return max(self.max_linger_size, largest + largest // 8)

    def body_deadline(self, began: float, progress: float, received: int) -> float:
        """Return the time at which a body counts as late: no progress, or too slow on average.

        :param began: time at which the body began.
        :param progress: time at which its latest bytes arrived.
        :param received: bytes received.
        """
        late = progress + self.body_timeout
        if self.min_body_rate:
            late = min(late, began + self.body_timeout + received / self.min_body_rate)
        return late


def _check(field: "dataclasses.Field[Any]", value: object) -> None:
    whole = field.type in (int, "int")
    unit, least = field.metadata["unit"], field.metadata["least"]
    kind = "a whole number" if whole else "a number"
    accepted = (int,) if whole else (int, float)
    if not isinstance(value, accepted) or isinstance(value, bool) or not abs(value) <= MOST:
        raise ConfigurationError(f"{field.name} is {value!r}; it must be {kind} of {unit}")
    if value < least:
        raise ConfigurationError(f"{field.name} is {value!r} {unit}; it must be at least {least}")


def outline(value: object) -> str:
    """Return a value as text for a message: a mapping's keys only, and no parts of a list.

    The parts may be secrets.
    """
    if value and isinstance(value, Mapping):
        return f"a mapping of {', '.join(map(repr, value))}"
    return "a list" if value and isinstance(value, list | tuple) else repr(value)


def suggest(name: str, known: list[str]) -> str:
    """Return the hint for a message about an unknown name: the nearest known name, and all known names."""
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    return f"{hint}known: {', '.join(sorted(known)) or 'none'}"
