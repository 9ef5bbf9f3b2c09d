# region: start
"""A backend for SCGI, the protocol in which nginx, Apache and lighttpd pass requests on."""

from collections.abc import Sequence
from typing import Any

from werkzeug.exceptions import BadRequest, HTTPException, RequestHeaderFieldsTooLarge

from kyoukai import AnswerHead, Backend, Exchange, ExchangeConnection, Feature, RequestHead


# region: netstring
def split_netstring(data: bytes, max_size: int) -> tuple[bytes, bytes] | None:
    """Return the content of a netstring and the bytes after it, or ``None`` if it is incomplete."""
    digits, colon, rest = data.partition(b":")
    if not digits.isdigit() or len(digits) > 9:
        raise BadRequest("The request does not begin with a netstring.")
    size = int(digits)
    if size > max_size:
        raise RequestHeaderFieldsTooLarge
    if not colon or len(rest) <= size:
        return None
    if rest[size : size + 1] != b",":
        raise BadRequest("The netstring does not end with a comma.")
    return rest[:size], rest[size + 1 :]


# region: head
# These describe the client's connection to the web server, or are sent in another variable.
NOT_FIELDS = {b"HTTP_CONNECTION", b"HTTP_KEEP_ALIVE", b"HTTP_TRANSFER_ENCODING", b"HTTP_UPGRADE"}
NOT_FIELDS |= {b"HTTP_CONTENT_LENGTH", b"HTTP_CONTENT_TYPE"}


def read_head(content: bytes) -> tuple[RequestHead, dict[str, str]]:
    """Return the head of a request, and the CGI variables (RFC 3875) that it came from."""
    *items, last = content.split(b"\0")
    pairs = list(zip(items[::2], items[1::2], strict=False))
    variables = {name.decode("latin-1"): value.decode("latin-1") for name, value in pairs}
    if last or len(items) % 2 or "SCGI" not in variables or pairs[0][0] != b"CONTENT_LENGTH":
        raise BadRequest("The head is not that of an SCGI request.")
    # nginx before 2026, with scgi_request_buffering off, puts the size received so far into CONTENT_LENGTH.
    size = variables.get("HTTP_CONTENT_LENGTH", variables["CONTENT_LENGTH"])
    if not size.isdecimal() or len(size) > 19:
        raise BadRequest("CONTENT_LENGTH is not one decimal number.")
    fields = [
        (name[5:].replace(b"_", b"-"), value)
        for name, value in pairs
        if name.startswith(b"HTTP_") and name not in NOT_FIELDS
    ]
    if variables.get("CONTENT_TYPE"):
        fields.append((b"Content-Type", variables["CONTENT_TYPE"].encode("latin-1")))
    head = RequestHead(
        method=variables.get("REQUEST_METHOD", ""),
        target=variables.get("REQUEST_URI", "").encode("latin-1"),
        version=variables.get("SERVER_PROTOCOL", "HTTP/1.0").removeprefix("HTTP/"),
        fields=fields,
        body_size=int(size),
    )
    return head, variables


# region: exchange
class SCGIExchange(Exchange):
    """One request and its answer. Writes the answer."""

    owner: "SCGIConnection"

    def send_head(self, head: AnswerHead) -> None:
        if head.has_content and head.size is None:
            self.owner.note_open_end(True)  # The end of the connection ends it, so a cut must be a reset.
        lines = [f"Status: {head.status}", *(f"{name}: {value}" for name, value in self.answer_fields(head))]
        self.owner.raw_write("\r\n".join([*lines, "", ""]).encode("latin-1"))

    def send_data(self, data: bytes) -> None:
        self.owner.raw_write(data)

    def send_end(self, data: bytes = b"", trailers: Sequence[tuple[str, str]] = ()) -> None:
        self.owner.raw_write(data)
        self.owner.note_open_end(False)

    def reset(self) -> None:
        self.owner.reset()

    def pause_client(self) -> None:
        self.owner.transport.pause_reading()

    def resume_client(self) -> None:
        self.owner.transport.resume_reading()

    def answered(self) -> None:
        self.owner.close_after(self)


# region: connection
class SCGIConnection(ExchangeConnection):
    """One connection, which carries one request. Reads the request."""

    exchange: SCGIExchange
    head: bytes | None = b""  # the part of the head that has arrived; None: the head is complete
    left = 0  # bytes of the body that are missing

    def data_received(self, data: bytes) -> None:
        if self.is_ending:
            self.discard(len(data))
            return
        if self.head is not None:
            if not self.exchanges:
                self.exchange = self.begin(SCGIExchange(self, self.client))
            data = self.receive_head(self.head + data)
        data = data[: self.left]
        if data:
            self.left -= len(data)
            self.exchange.receive_body(data)
        if not self.left:
            self.exchange.receive_end()

    def receive_head(self, data: bytes) -> bytes:
        """Read the head once it is complete, and return the bytes after it."""
        self.head = data
        try:
            parts = split_netstring(data, self.limits.max_head_size + 4096)  # room for what nginx adds
            if parts is None:
                return b""
            head, variables = read_head(parts[0])
        except HTTPException as error:
            self.head = None
            self.exchange.refuse(error)
            return b""
        self.head, self.left = None, head.body_size or 0
        names = ("REMOTE_ADDR", "REMOTE_PORT", "SERVER_NAME", "SERVER_PORT")
        self.environ |= {name: variables[name] for name in names if variables.get(name)}
        self.environ["wsgi.url_scheme"] = "https" if variables.get("HTTPS") in ("on", "1") else "http"
        self.exchange.receive(head)
        return parts[1]


# region: backend
class SCGIBackend(Backend):
    """A backend for SCGI, behind a web server. It has no options."""

    api_version = 1
    features = frozenset({Feature.GRACEFUL_SHUTDOWN})
    alpn_protocols = ()
    testing_adapter = "kyoukai_scgi_testing:SCGIAdapter"

    def create_protocol(
        self, component: Any, parent_context: Any, server_ip: str, server_port: int
    ) -> SCGIConnection:
        return SCGIConnection(component, parent_context, server_ip, server_port)
