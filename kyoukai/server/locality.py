"""Whether a request comes from this machine, for content that nobody else may see."""

import ipaddress
from collections.abc import Mapping
from typing import Any, Final

FORWARDED: Final = (
    "HTTP_FORWARDED",
    "HTTP_VIA",
    "HTTP_X_FORWARDED",
    "HTTP_X_REAL_IP",
    "HTTP_X_CLIENT_IP",
    "HTTP_CF_CONNECTING_IP",
    "HTTP_TRUE_CLIENT_IP",
)
"""Prefixes of the environ variables of fields that proxies add. With them, the peer is not the client."""


def comes_from_here(environ: Mapping[str, Any]) -> bool:
    """Return whether the client is on this machine, with no sign of a proxy in between.

    Before showing secrets, check the request's host too: a page of another site can make its own name resolve
    to this machine (DNS rebinding).
    """
    return (
        is_loopback(environ.get("REMOTE_ADDR", ""))
        # Require HTTP/1.1, which browsers use. A proxy may send HTTP/1.0, as nginx did by default for a long
        # time, with the server's own address as Host and no field about a client.
        and environ.get("SERVER_PROTOCOL") != "HTTP/1.0"
        and not any(field.startswith(FORWARDED) for field in environ)
    )


def is_loopback(address: str) -> bool:
    """Return whether only this machine can send from an address.

    :param address: as in ``REMOTE_ADDR``; empty on a Unix socket, where the client is usually a proxy.
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback
