"""Whether a request comes from this machine, for what is to be shown to nobody else."""

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
"""What the variables of fields begin with that proxies add: the client is not who it seems to be."""


def comes_from_here(environ: Mapping[str, Any]) -> bool:
    """Return whether the client is on this machine, with no proxy between that says so.

    Whoever shows secrets checks the name that was asked for besides: a page of another site can have its
    own name lead to this machine.
    """
    return (
        is_loopback(environ.get("REMOTE_ADDR", ""))
        # Browsers speak HTTP/1.1. A proxy may ask by 1.0, as nginx has long done unless it was told
        # otherwise, with the server's own address for Host and no field that tells of a client.
        and environ.get("SERVER_PROTOCOL") != "HTTP/1.0"
        and not any(field.startswith(FORWARDED) for field in environ)
    )


def is_loopback(address: str) -> bool:
    """Return whether an address is one that only this machine can send from.

    :param address: as in ``REMOTE_ADDR``; a client by a Unix socket, mostly a proxy, has none.
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback
