"""The hosts to listen on, and their addresses."""

import asyncio
import ipaddress
import socket
from typing import Any, Final, TypeAlias

from kyoukai.core.errors import ConfigurationError

Address: TypeAlias = tuple[int, int, Any]
"""A family, a protocol and a socket address, as returned by getaddrinfo."""

ALL_OF_IPV4: Final = "0.0.0.0"  # noqa: S104 - Only who asks for all addresses gets them.


def check_hosts(host: Any) -> tuple[str, ...]:
    """Return the names and addresses in ``host``.

    :raises ConfigurationError: if it is neither a name or address nor a list of them.
    """
    hosts = (host,) if isinstance(host, str) else host
    if not isinstance(hosts, list | tuple) or not all(isinstance(name, str) for name in hosts) or not hosts:
        raise ConfigurationError(
            f"host is {host!r}; it must be a host name or an IP address, or a list of them"
        )
    for name in hosts:
        if not name:
            # Refuse an empty string: an unset variable must not make the server listen on all addresses.
            raise ConfigurationError(
                "host is ''; it must be a host name or an IP address; '::' means all IPv6 and IPv4 addresses"
            )
        if name.startswith("[") and name.endswith("]"):
            raise ConfigurationError(f"host is {name!r}; write the address without brackets: {name[1:-1]!r}")
        if ":" in name and not is_ipv6(name):
            raise ConfigurationError(
                f"host is {name!r}; it must be a host name or an IP address; the port is a separate setting"
            )
    return tuple(hosts)


async def look_up(host: str, port: int) -> list[Address]:
    """Return the addresses of a host.

    ``::`` gives two addresses, one for each IP version. On a single socket for both, IPv4 clients would
    appear with IPv6 addresses.

    :raises OSError: if the name is unknown.
    :raises UnicodeError: if the name is invalid.
    """
    loop = asyncio.get_running_loop()
    found: list[Address] = []
    for name in (host, ALL_OF_IPV4) if is_all_of_ipv6(host) else (host,):
        infos = await loop.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        found += [(family, protocol, address) for family, _, protocol, _, address in infos]
    return found


def is_all_of_ipv6(host: str) -> bool:
    """Return whether ``host`` is the unspecified IPv6 address (RFC 4291 section 2.5.2), in any spelling."""
    return is_ipv6(host) and ipaddress.IPv6Address(host).is_unspecified


def is_ipv6(host: str) -> bool:
    """Return whether ``host`` is an IPv6 address, with or without a zone."""
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return True


def join(host: str, port: int) -> str:
    """Return ``host:port``, with an IPv6 address in brackets (RFC 3986 section 3.2.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
