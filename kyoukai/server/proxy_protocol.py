"""Parse headers of the PROXY protocol, versions 1 and 2, by which a proxy names its client.

The header is the first data on a connection, before TLS. Quotations are from the specification, "The PROXY
protocol Versions 1 & 2", by Willy Tarreau. Nothing in this module reads a socket.
"""

import ipaddress
import re
import struct
from typing import Final, NamedTuple

SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"
"""The signature of version 2."""

FIXED_SIZE: Final = 16
"""Bytes of version 2 before the addresses: signature, version and command, family, and length."""

MAX_LINE: Final = 107
"""Maximum length of version 1 in bytes, including CRLF: "a 108-byte buffer is always enough"."""

MAX_HEADER: Final = 4096
"""Maximum length of version 2 in bytes, including extensions. nginx has the same limit; the format allows
65,551."""

# "PROXY" SP ("TCP4" | "TCP6") SP source SP destination SP source port SP destination port
LINE: Final = re.compile(
    rb"PROXY (TCP4|TCP6) ([0-9A-Fa-f.:]+) ([0-9A-Fa-f.:]+) (0|[1-9][0-9]{0,4}) (0|[1-9][0-9]{0,4})"
)

LOCAL, PROXY = 0, 1
"""Commands."""

INET, INET6, UNIX = 1, 2, 3
"""Address families of version 2."""

SIZES: Final = {INET: 12, INET6: 36, UNIX: 216}
"""Bytes of the addresses and ports, by family."""


class ProxyHeaderError(ValueError):
    """The data is not a valid header of the PROXY protocol."""


class Proxied(NamedTuple):
    """The two ends of a client's connection, as the proxy describes them."""

    peer: tuple[str, int] | None = None
    """The client's address and port; ``None``: not given, or the client is the proxy itself."""
    server: tuple[str, int] | None = None
    """The address and port that the client connected to; ``None``: not given."""


def find_size(data: bytes) -> int | None:
    """Return the length of the header that begins with ``data``; ``None``: it extends beyond ``data``.

    :param data: the bytes received so far.
    :raises ProxyHeaderError: as soon as the bytes cannot begin a valid header.
    """
    if data[:12] == SIGNATURE[: len(data)]:
        # "the receiver must only accept this value" of the version, 2.
        if len(data) > 12 and data[12] >> 4 != 2:
            raise ProxyHeaderError("the version is not 2")
        if len(data) < FIXED_SIZE:
            return None
        size = FIXED_SIZE + int(struct.unpack_from("!H", data, 14)[0])
        if size > MAX_HEADER:
            raise ProxyHeaderError(f"its length is {size} bytes, more than {MAX_HEADER}")
        return size if size <= len(data) else None
    if data[:6] != b"PROXY "[: len(data)]:
        raise ProxyHeaderError(f"it begins with {data[:12]!r}")
    end = data.find(b"\r\n", 0, MAX_LINE)
    if end >= 0:
        return end + 2
    if len(data) >= MAX_LINE:
        raise ProxyHeaderError(f"the line is longer than {MAX_LINE} bytes")
    return None


def parse_header(header: bytes) -> Proxied:
    """Parse a complete header.

    :param header: bytes of the length that :func:`find_size` returned.
    :raises ProxyHeaderError: if it is malformed.
    """
    return _parse_binary(header) if header.startswith(SIGNATURE) else _parse_line(header[:-2])


def _parse_line(line: bytes) -> Proxied:
    # "UNKNOWN": "the receiver must ignore anything presented before the CRLF".
    if line == b"PROXY UNKNOWN" or line.startswith(b"PROXY UNKNOWN "):
        return Proxied()
    match = LINE.fullmatch(line)
    if match is None:
        raise ProxyHeaderError(f"malformed line {line!r}")
    family, source, destination, source_port, port = (group.decode("ascii") for group in match.groups())
    if int(source_port) > 65535 or int(port) > 65535:
        raise ProxyHeaderError(f"port above 65535 in the line {line!r}")
    kind = ipaddress.IPv4Address if family == "TCP4" else ipaddress.IPv6Address
    try:
        ends = [_name(kind(source)), _name(kind(destination))]
    except ValueError as error:
        raise ProxyHeaderError(f"malformed line {line!r}: {error}") from None
    return Proxied((ends[0], int(source_port)), (ends[1], int(port)))


def _parse_binary(header: bytes) -> Proxied:
    command, family, protocol = header[12] & 15, header[13] >> 4, header[13] & 15
    # "other values are unassigned": "receivers must drop connections presenting unexpected values here".
    if command not in (LOCAL, PROXY):
        raise ProxyHeaderError(f"unknown command {command}")
    if command == LOCAL:
        # "must use the real connection endpoints and discard the protocol block including the family".
        return Proxied()
    if family > UNIX or protocol > 2:
        raise ProxyHeaderError(f"unknown family {header[13]:#04x}")
    if not family or not protocol:
        return Proxied()
    # After the addresses follow types, lengths and values, which a receiver "may choose to skip".
    block = header[FIXED_SIZE : FIXED_SIZE + SIZES[family]]
    if len(block) < SIZES[family]:
        raise ProxyHeaderError("the header is shorter than its addresses")
    if family == UNIX:
        # For an unsupported family, a receiver may fall "back to the UNSPEC mode".
        return Proxied()
    # UDP: the client uses HTTP/3 to the proxy.
    half = 4 if family == INET else 16
    addresses = [_name(ipaddress.ip_address(block[at : at + half])) for at in (0, half)]
    source_port, port = struct.unpack_from("!HH", block, 2 * half)
    return Proxied((addresses[0], source_port), (addresses[1], port))


def _name(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """Return an address as text; an IPv4 address mapped into IPv6 as IPv4."""
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
