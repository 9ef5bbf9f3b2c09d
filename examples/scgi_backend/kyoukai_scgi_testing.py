"""The web server's side of SCGI, for Kyoukai's test kit."""

from collections.abc import Sequence

from kyoukai.testing import UnsayableError, WireAdapter, WireAnswer

Fields = Sequence[tuple[str, str]]


def variable_name(name: str) -> str:
    """Return the CGI variable of a header field (RFC 3875 section 4.1.18)."""
    if "_" in name:
        raise UnsayableError("a name with an underscore")
    name = name.upper().replace("-", "_")
    return name if name == "CONTENT_TYPE" else f"HTTP_{name}"


class SCGIAdapter(WireAdapter):
    """Encode one request, and decode its CGI response (RFC 3875 section 6)."""

    method = ""

    def encode_head(self, method: str, target: str, fields: Fields, size: int | None) -> bytes:
        self.method = method
        items = [("CONTENT_LENGTH", str(size)), ("SCGI", "1"), ("SERVER_PROTOCOL", "HTTP/1.1")]
        items += [("REQUEST_METHOD", method), ("REQUEST_URI", target)]
        items += [(variable_name(name), value) for name, value in fields]
        if [name for name, _ in items].count("CONTENT_TYPE") > 1:
            raise UnsayableError("Content-Type twice")
        content = "".join(f"{name}\0{value}\0" for name, value in items).encode("latin-1")
        return b"%d:%b," % (len(content), content)

    def decode_answer(self, data: bytes, ended: bool) -> WireAnswer | None:
        head, end, content = data.partition(b"\r\n\r\n")
        if not end:
            return None
        status, *lines = head.decode("latin-1").split("\r\n")
        if not status.startswith("Status: "):
            raise ValueError(f"an answer begins with {status!r}")
        fields = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
        size = next((int(value) for name, value in fields if name == "Content-Length"), len(content))
        if self.method == "HEAD" or status[8:11] in ("204", "304"):
            size = 0
        # The connection's end ends the answer, even if its size is known.
        is_whole = ended and len(content) >= size
        return WireAnswer(int(status[8:11]), fields, content[:size], is_whole, rest=content[size:])
