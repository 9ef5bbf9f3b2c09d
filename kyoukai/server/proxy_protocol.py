"""The header of the PROXY protocol, versions 1 and 2: who the client of a proxy is.

It comes before anything else that is sent on a connection, before TLS too. What is quoted is the
specification, "The PROXY protocol Versions 1 & 2", by Willy Tarreau. Nothing here reads a socket.
"""

import ipaddress
import re
import struct
from typing import Final, NamedTuple

SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"
"""What version 2 begins with."""

FIXED_SIZE: Final = 16
"""Bytes of version 2 before the addresses: signature, version and command, family, and a length."""

MAX_LINE: Final = 107
"""Most bytes of version 1, with its CRLF: "a 108-byte buffer is always enough"."""

MAX_HEADER: Final = 4096
"""Most bytes of version 2, with all that it says besides. nginx takes as many; there is room for 65,551."""

# "PROXY" SP ("TCP4" | "TCP6") SP source SP destination SP source port SP destination port
LINE: Final = re.compile(
    rb"PROXY (TCP4|TCP6) ([0-9A-Fa-f.:]+) ([0-9A-Fa-f.:]+) (0|[1-9][0-9]{0,4}) (0|[1-9][0-9]{0,4})"
)

LOCAL, PROXY = 0, 1
"""Commands."""

INET, INET6, UNIX = 1, 2, 3
"""Address families of version 2."""

SIZES: Final = {INET: 12, INET6: 36, UNIX: 216}
"""Bytes of the addresses and ports of a family."""


class ProxyHeaderError(ValueError):
    """It is no header of the PROXY protocol."""


class Proxied(NamedTuple):
    """Who connected to whom, as the proxy has it."""

    peer: tuple[str, int] | None = None
    """The client's address and port; ``None``: it is not told, or is the proxy itself."""
    server: tuple[str, int] | None = None
    """The address and port that the client connected to; ``None``: it is not told."""


def find_size(data: bytes) -> int | None:
    """Return how long a header is that begins with ``data``; ``None``: all of ``data`` is of it, and no end.

    :param data: what has come, as much of it as there is.
    :raises ProxyHeaderError: as soon as it can be none.
    """
    if data[:12] == SIGNATURE[: len(data)]:
        # "the receiver must only accept this value" of the version, 2.
        if len(data) > 12 and data[12] >> 4 != 2:
            raise ProxyHeaderError("its version is not 2")
        if len(data) < FIXED_SIZE:
            return None
        size = FIXED_SIZE + int(struct.unpack_from("!H", data, 14)[0])
        if size > MAX_HEADER:
            raise ProxyHeaderError(f"it has {size} bytes, more than {MAX_HEADER}")
        return size if size <= len(data) else None
    if data[:6] != b"PROXY "[: len(data)]:
        raise ProxyHeaderError(f"it begins with {data[:12]!r}")
    end = data.find(b"\r\n", 0, MAX_LINE)
    if end >= 0:
        return end + 2
    if len(data) >= MAX_LINE:
        raise ProxyHeaderError(f"its line is longer than {MAX_LINE} bytes")
    return None


def parse_header(header: bytes) -> Proxied:
    """Return what a whole header says.

    :param header: as long as :func:`find_size` says.
    :raises ProxyHeaderError: if it is malformed.
    """
    return _parse_binary(header) if header.startswith(SIGNATURE) else _parse_line(header[:-2])


def _parse_line(line: bytes) -> Proxied:
    # "UNKNOWN": "the receiver must ignore anything presented before the CRLF".
    if line == b"PROXY UNKNOWN" or line.startswith(b"PROXY UNKNOWN "):
        return Proxied()
    match = LINE.fullmatch(line)
    if match is None:
        raise ProxyHeaderError(f"its line is {line!r}")
    family, source, destination, source_port, port = (group.decode("ascii") for group in match.groups())
    if int(source_port) > 65535 or int(port) > 65535:
        raise ProxyHeaderError(f"its line is {line!r}, and has no such port")
    kind = ipaddress.IPv4Address if family == "TCP4" else ipaddress.IPv6Address
    try:
        ends = [_name(kind(source)), _name(kind(destination))]
    except ValueError as error:
        raise ProxyHeaderError(f"its line is {line!r}: {error}") from None
    return Proxied((ends[0], int(source_port)), (ends[1], int(port)))


def _parse_binary(header: bytes) -> Proxied:
    command, family, protocol = header[12] & 15, header[13] >> 4, header[13] & 15
    # "other values are unassigned": "receivers must drop connections presenting unexpected values here".
    if command not in (LOCAL, PROXY):
        raise ProxyHeaderError(f"its command is {command}")
    if command == LOCAL:
        # "must use the real connection endpoints and discard the protocol block including the family".
        return Proxied()
    if family > UNIX or protocol > 2:
        raise ProxyHeaderError(f"its family is {header[13]:#04x}")
    if not family or not protocol:
        return Proxied()
    # What comes behind the addresses are types, lengths and values, which a receiver "may choose to skip".
    block = header[FIXED_SIZE : FIXED_SIZE + SIZES[family]]
    if len(block) < SIZES[family]:
        raise ProxyHeaderError("it is shorter than its addresses")
    if family == UNIX:
        # A receiver may fall "back to the UNSPEC mode" for what it does not support.
        return Proxied()
    # UDP is how a client of HTTP/3 has come to the proxy.
    half = 4 if family == INET else 16
    addresses = [_name(ipaddress.ip_address(block[at : at + half])) for at in (0, half)]
    source_port, port = struct.unpack_from("!HH", block, 2 * half)
    return Proxied((addresses[0], source_port), (addresses[1], port))


def _name(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """Return an address as text: one of IPv4 within one of IPv6 as one of IPv4."""
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
