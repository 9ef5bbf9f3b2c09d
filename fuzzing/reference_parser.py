"""The reference parser by itself: its result does not depend on how the bytes are cut.

An input is two bytes of choices, and the bytes to send. The parser gets it whole, cut in two, and byte by
byte. Each time:

1. The calls are the same, except for the cuts of a body, and so is the error after them.
2. The calls come in the order of :mod:`kyoukai.core.contract.parser`.
3. The parser raises only a :class:`~kyoukai.core.errors.ProtocolError`, and again for each further feed.
4. The arguments of the calls keep to the limits.
"""

from typing import Final, NamedTuple

from kyoukai.backends.reference.parser import RequestParser
from kyoukai.core.contract.parser import ParserCallbacks
from kyoukai.core.errors import ProtocolError
from kyoukai.core.limits import Limits
from kyoukai.core.semantics import policy
from kyoukai.core.semantics.request_head import RequestHead

from . import FindingError

LIMITS: Final = (
    Limits(),
    Limits(max_body_size=40, max_fields=4),
    Limits(max_target_size=256, max_head_size=1024, max_field_size=256),
    Limits(max_target_size=256, max_head_size=1024, max_field_size=600, max_body_size=0),
)

# The calls that may follow each call, from kyoukai.core.contract.parser.
ORDER: Final = {
    "": {"message_begin"},
    "message_begin": {"url"},
    "url": {"url", "header", "headers_complete"},
    "header": {"header", "headers_complete"},
    "headers_complete": {"body", "trailer", "message_complete"},
    "body": {"body", "trailer", "message_complete"},
    "trailer": {"trailer", "message_complete"},
    "message_complete": {"message_begin"},
}


class Outcome(NamedTuple):
    """The result of feeding a parser in one way."""

    calls: tuple[tuple[object, ...], ...]
    error: tuple[str, str | None] | None


class Recorder(ParserCallbacks):
    """Records the calls of a parser, and checks their order and their sizes.

    :param limits: the limits of the calls' arguments.
    :param is_policed: whether the policy checks heads, as on a connection.
    """

    def __init__(self, limits: Limits, is_policed: bool) -> None:
        self.limits = limits
        self.is_policed = is_policed
        self.parser = RequestParser(self, limits)
        self.calls: list[tuple[object, ...]] = []
        self._last = ""
        self._fields: list[tuple[bytes, bytes]] = []
        self._target = b""
        self._body_size = 0
        self._in_head = True

    def on_message_begin(self) -> None:
        """Record the call."""
        self._fields, self._target, self._body_size, self._in_head = [], b"", 0, True
        self._record("message_begin")

    def on_url(self, url: bytes) -> None:
        """Record the call."""
        self._target += url
        self._record("url", url)
        self._check(len(self._target) <= self.limits.max_target_size, "the target is too long")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Record the call: a field of the head or of the trailer section."""
        self._fields.append((name, value))
        self._record("header" if self._in_head else "trailer", name, value)
        limits = self.limits
        self._check(len(self._fields) <= limits.max_fields, "there are too many fields")
        self._check(len(name) + len(value) <= limits.max_field_size, "a field is too long")
        size = sum(len(name) + len(value) + 3 for name, value in self._fields)
        self._check(size + len(self._target) <= limits.max_head_size, "the fields are too large")
        self._check(name != b"" and value == value.strip(b" \t"), "a field has white space around it")

    def on_headers_complete(self) -> None:
        """Record the call, and the parser's attributes of the head."""
        parser = self.parser
        method, version = parser.get_method(), parser.get_http_version()
        self._record("headers_complete", method, version, parser.should_keep_alive())
        self._in_head = False
        if self.is_policed:
            sent = RequestHead(method.decode("ascii"), self._target, version, self._fields)
            if (fault := policy.accept(sent, self.limits).fault) is not None:
                raise fault
        self._fields, self._target = [], b""

    def on_body(self, body: bytes) -> None:
        """Record the call, joined with the call before if that had a piece of the body too."""
        if self._last == "body":
            body = bytes(self.calls.pop()[1]) + body  # type: ignore[call-overload]
        self._record("body", body)
        self._check(len(body) > 0, "a piece of the body is empty")
        if self.is_policed:
            self._check(len(body) <= self.limits.max_body_size, "the body is too large")

    def on_message_complete(self) -> None:
        """Record the call."""
        self._record("message_complete")

    def _record(self, name: str, *details: object) -> None:
        self._check(name in ORDER[self._last], f"{name} is called after {self._last or 'nothing'}")
        self._last = name
        self.calls.append((name, *details))

    def _check(self, is_right: bool, fault: str) -> None:
        if not is_right:
            raise FindingError(fault)


def feed(pieces: list[bytes], limits: Limits, is_policed: bool) -> Outcome:
    """Feed these pieces to a new parser, up to its error.

    :raises FindingError: if it breaks the order, passes a limit, or continues after its error.
    """
    recorder = Recorder(limits, is_policed)
    parser = recorder.parser
    error: ProtocolError | None = None
    for piece in pieces:
        try:
            parser.feed_data(piece)
        except ProtocolError as exc:
            error = exc
            break
    if error is None:
        return Outcome(tuple(recorder.calls), None)
    count = len(recorder.calls)
    try:
        parser.feed_data(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    except ProtocolError as exc:
        if exc is not error or len(recorder.calls) != count:
            raise FindingError("it goes on after its error") from exc
    else:
        raise FindingError("it forgets its error")
    return Outcome(tuple(recorder.calls), (type(error).__name__, error.description))


def check(data: bytes) -> None:
    """Check one input.

    :raises FindingError: if the parser has a fault.
    :raises Exception: any unexpected exception of the parser.
    """
    choices, text = data[:2], data[2:]
    if len(choices) < 2 or not text:
        return
    limits = LIMITS[choices[0] % len(LIMITS)]
    is_policed = choices[0] < 128
    position = choices[1] * len(text) // 256
    whole = feed([text], limits, is_policed)
    for label, pieces in (
        ("cut in two", [text[:position], text[position:]]),
        ("byte by byte", [text[at : at + 1] for at in range(len(text))]),
    ):
        outcome = feed([piece for piece in pieces if piece], limits, is_policed)
        if outcome != whole:
            raise FindingError(f"{label} it is not as whole: {outcome} and {whole}")
