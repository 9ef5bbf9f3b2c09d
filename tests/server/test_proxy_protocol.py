"""The header of the PROXY protocol: what it says, and what is none."""

import ipaddress
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kyoukai.server.proxy_protocol import (
    FIXED_SIZE,
    MAX_HEADER,
    MAX_LINE,
    SIGNATURE,
    Proxied,
    ProxyHeaderError,
    find_size,
    parse_header,
)

UNSAID = Proxied()


def binary(command: int, family: int, block: bytes, size: int | None = None) -> bytes:
    """Return a header of version 2."""
    return SIGNATURE + struct.pack("!BBH", command, family, len(block) if size is None else size) + block


def addresses(source: str, destination: str, source_port: int = 1, port: int = 2) -> bytes:
    ends = b"".join(ipaddress.ip_address(end).packed for end in (source, destination))
    return ends + struct.pack("!HH", source_port, port)


V4 = addresses("192.0.2.1", "198.51.100.2", 50000, 443)
V6 = addresses("2001:db8::1", "2001:db8::2", 65535, 0)
MAPPED = addresses("::ffff:192.0.2.1", "2001:db8::2")
TLVS = b"\x04\x00\x03abc" + b"\x02\x00\x07example" + b"\x20\xff"
V4_SAID = Proxied(("192.0.2.1", 50000), ("198.51.100.2", 443))
V6_SAID = Proxied(("2001:db8::1", 65535), ("2001:db8::2", 0))

READ: dict[str, tuple[bytes, Proxied]] = {
    "TCP4": (b"PROXY TCP4 192.0.2.1 198.51.100.2 50000 443\r\n", V4_SAID),
    "TCP6": (b"PROXY TCP6 2001:db8::1 2001:DB8:0::2 65535 0\r\n", V6_SAID),
    "TCP6 with IPv4 in it": (
        b"PROXY TCP6 ::ffff:192.0.2.1 ::2 1 2\r\n",
        Proxied(("192.0.2.1", 1), ("::2", 2)),
    ),
    "UNKNOWN": (b"PROXY UNKNOWN\r\n", UNSAID),
    "UNKNOWN with addresses": (b"PROXY UNKNOWN ffff:f::ffff ffff::ffff 65535 65535\r\n", UNSAID),
    "the longest line": (b"PROXY UNKNOWN " + b"x" * (MAX_LINE - 16) + b"\r\n", UNSAID),
    "v2 TCP4": (binary(0x21, 0x11, V4), V4_SAID),
    "v2 UDP4": (binary(0x21, 0x12, V4), V4_SAID),
    "v2 TCP6": (binary(0x21, 0x21, V6), V6_SAID),
    "v2 UDP6": (binary(0x21, 0x22, V6), V6_SAID),
    "v2 TCP6 with IPv4 in it": (binary(0x21, 0x21, MAPPED), Proxied(("192.0.2.1", 1), ("2001:db8::2", 2))),
    "v2 TCP4 with TLVs": (binary(0x21, 0x11, V4 + TLVS), V4_SAID),
    "v2 TCP6 with TLVs": (binary(0x21, 0x21, V6 + TLVS), V6_SAID),
    "v2 as long as it may be": (binary(0x21, 0x11, V4 + bytes(MAX_HEADER - FIXED_SIZE - 12)), V4_SAID),
    "v2 LOCAL": (binary(0x20, 0x00, b""), UNSAID),
    "v2 LOCAL with a block": (binary(0x20, 0x11, V4), UNSAID),
    "v2 LOCAL of no family": (binary(0x20, 0xFF, b"abc"), UNSAID),
    "v2 of an unknown family": (binary(0x21, 0x00, b""), UNSAID),
    "v2 of an unknown protocol": (binary(0x21, 0x10, V4), UNSAID),
    "v2 Unix stream": (binary(0x21, 0x31, bytes(216)), UNSAID),
    "v2 Unix datagram": (binary(0x21, 0x32, bytes(216) + TLVS), UNSAID),
}

REFUSED: dict[str, bytes] = {
    "HTTP": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "an empty line": b"\r\nPROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
    "small letters": b"proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
    "nothing but the name": b"PROXY\r\n",
    "no family": b"PROXY \r\n",
    "another family": b"PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
    "UNKNOWN with more behind it": b"PROXY UNKNOWNS\r\n",
    "no ports": b"PROXY TCP4 192.0.2.1 192.0.2.2\r\n",
    "one port": b"PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n",
    "three ports": b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
    "a port that is too large": b"PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n",
    "a port with a zero before it": b"PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n",
    "a port with a sign": b"PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n",
    "two spaces": b"PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n",
    "a tab": b"PROXY TCP4\t192.0.2.1 192.0.2.2 1 2\r\n",
    "a space at the end": b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n",
    "a bare LF": b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n" + b"x" * 80 + b"\r\n",
    "a bare CR": b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\rx\r\n",
    "IPv6 for TCP4": b"PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
    "IPv4 for TCP6": b"PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
    "an address of three numbers": b"PROXY TCP4 192.0.2 192.0.2.2 1 2\r\n",
    "an address with a zero before it": b"PROXY TCP4 192.0.02.1 192.0.2.2 1 2\r\n",
    "an address out of range": b"PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n",
    "an address with a zone": b"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
    "brackets": b"PROXY TCP6 [::1] [::1] 1 2\r\n",
    "a name": b"PROXY TCP4 localhost 192.0.2.2 1 2\r\n",
    "a NUL": b"PROXY TCP4 192.0.2.1\0 192.0.2.2 1 2\r\n",
    "a line that is too long": b"PROXY UNKNOWN " + b"x" * (MAX_LINE - 15) + b"\r\n",
    "v2 of version 1": binary(0x11, 0x11, V4),
    "v2 of version 3": binary(0x31, 0x11, V4),
    "v2 of another command": binary(0x22, 0x11, V4),
    "v2 of another family": binary(0x21, 0x41, V4),
    "v2 of another protocol": binary(0x21, 0x13, V4),
    "v2 shorter than IPv4": binary(0x21, 0x11, V4[:11]),
    "v2 shorter than IPv6": binary(0x21, 0x21, V6[:35]),
    "v2 shorter than Unix": binary(0x21, 0x31, bytes(215)),
    "v2 without a block": binary(0x21, 0x11, b""),
    "v2 that is too long": binary(0x21, 0x11, V4, size=MAX_HEADER - FIXED_SIZE + 1),
    "v2 of the greatest length": binary(0x21, 0x11, V4, size=65535),
    "a signature with one byte wrong": b"\r\n\r\n\0\r\nQUIT\r" + binary(0x21, 0x11, V4)[12:],
}


def read(data: bytes) -> tuple[Proxied, bytes]:
    """Return what a header says that comes whole, and what is behind it."""
    size = find_size(data)
    assert size is not None
    return parse_header(data[:size]), data[size:]


@pytest.mark.parametrize("case", READ)
@pytest.mark.parametrize("rest", [b"", b"GET /", b"\r\n", b"PROXY "])
def test_header_names_the_client(case: str, rest: bytes) -> None:
    header, said = READ[case]
    assert read(header + rest) == (said, rest)


@pytest.mark.parametrize("case", READ)
def test_a_header_is_not_whole_before_its_last_byte(case: str) -> None:
    header, _ = READ[case]
    assert {find_size(header[:end]) for end in range(len(header))} == {None}


@pytest.mark.parametrize("case", REFUSED)
def test_invalid_header_is_refused(case: str) -> None:
    with pytest.raises(ProxyHeaderError):
        read(REFUSED[case])


@pytest.mark.parametrize(
    "data", [b"G", b"PROXI", b"\r\n\r\n\0\r\nQUIT\r", b"\n", SIGNATURE + b"\x11", b"PROXYTCP4"]
)
def test_impossible_header_is_refused_at_the_first_wrong_byte(data: bytes) -> None:
    with pytest.raises(ProxyHeaderError):
        find_size(data)


FIRSTS = st.sampled_from([SIGNATURE, SIGNATURE[:5], b"PROXY ", b"PROXY TCP4 ", b"PROXY UNKNOWN", b""])


@given(FIRSTS, st.binary(max_size=400))
@example(b"", b"")
def test_anything_is_read_or_refused(first: bytes, rest: bytes) -> None:
    data = first + rest
    try:
        size = find_size(data)
        if size is None:
            # No more is ever held.
            assert len(data) < MAX_HEADER
        else:
            assert 0 < size <= len(data)
            said = parse_header(data[:size])
            assert (said.peer is None) is (said.server is None)
    except ProxyHeaderError:
        pass


IPV4 = st.ip_addresses(v=4).map(str)
PORTS = st.integers(0, 65535)


@given(IPV4, IPV4, PORTS, PORTS, st.binary(max_size=64), st.binary(max_size=64))
def test_both_versions_say_the_same(
    source: str, destination: str, source_port: int, port: int, tlvs: bytes, rest: bytes
) -> None:
    line = f"PROXY TCP4 {source} {destination} {source_port} {port}\r\n".encode()
    block = addresses(source, destination, source_port, port)
    said = Proxied((source, source_port), (destination, port))
    assert read(line + rest) == (said, rest)
    assert read(binary(0x21, 0x11, block + tlvs) + rest) == (said, rest)
