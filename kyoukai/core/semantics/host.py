"""The Host field: the syntax of a host (RFC 3986 section 3.2.2), and when the field is required."""

import functools
import ipaddress
import re
from typing import Final

from ..errors import refused

# RFC 3986 section 3.2.2 and 3.2.3:
#   host = IP-literal / IPv4address / reg-name        port = *DIGIT
HOST: Final = re.compile(
    r"(?:\[(?:(?P<ipv6>[0-9A-Fa-f:.]+)|[vV][0-9A-Fa-f]+\.[A-Za-z0-9._~!$&'()*+,;=:-]+)\]"
    r"|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+)"
    r"(?::[0-9]{0,5})?"
)


def check_host(host: str | None, version: str) -> None:
    """Check the Host field, or its absence (``None``).

    RFC 9112 section 3.2: 400 for HTTP/1.1 without Host, and for an invalid Host. A client sends an empty one
    if its target has no authority, which is useless to an HTTP origin.

    :raises BadRequest: if it is missing or malformed.
    """
    if host is None:
        if version != "1.0":
            raise refused("host-missing")
    elif not valid_host(host):
        raise refused("host-malformed")


@functools.lru_cache(maxsize=256)
def valid_host(host: str) -> bool:
    """Return whether ``host`` is ``uri-host [ ":" port ]`` (RFC 9110 section 7.2)."""
    match = HOST.fullmatch(host)
    return match is not None and (match["ipv6"] is None or is_ipv6(match["ipv6"]))


def is_ipv6(address: str) -> bool:
    """Return whether ``address`` is an IPv6 address (RFC 3986 section 3.2.2)."""
    try:
        ipaddress.IPv6Address(address)
    except ValueError:
        return False
    return True
