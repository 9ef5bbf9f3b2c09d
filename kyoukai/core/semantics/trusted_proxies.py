"""The proxies whose reports are trusted: addresses, networks, and peers on Unix sockets."""

import functools
import ipaddress
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from ..errors import ConfigurationError

IPAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

UNIX: Final = "unix"
"""Stands for peers on Unix sockets: they have no address; the permissions of the socket decide who
connects."""


class TrustedProxies:
    """The trusted proxies.

    :param entries: addresses, networks such as ``10.0.0.0/8``, or :data:`UNIX`.
    :raises ConfigurationError: if an entry is neither.
    """

    def __init__(self, entries: Any = ()) -> None:
        entries = (entries,) if isinstance(entries, str) else entries
        if not isinstance(entries, Sequence):
            raise ConfigurationError(
                f"trusted_proxies is {entries!r}; it must be a list of addresses, networks, or {UNIX!r}"
            )
        self.unix = UNIX in entries
        """Whether peers on Unix sockets are trusted."""
        self.networks = tuple(_read_network(entry) for entry in entries if entry != UNIX)
        # Bounded: a client that can choose its address may fill the cache.
        self._trusts = functools.lru_cache(maxsize=1024)(self._find)

    def __bool__(self) -> bool:
        return self.unix or bool(self.networks)

    def trust_peer(self, address: str | None) -> bool:
        """Return whether the peer of a connection is trusted.

        :param address: an IP address; ``None`` or empty for a Unix socket.
        """
        return self._trusts(address) if address else self.unix

    def trust(self, address: str) -> bool:
        """Return whether an IP address is that of a trusted proxy."""
        return self._trusts(address)

    def _find(self, address: str) -> bool:
        found = read_address(address)
        return found is not None and any(found in network for network in self.networks)


def read_address(text: str) -> IPAddress | None:
    """Return the IP address that ``text`` is, or ``None``.

    An IPv4 address mapped into IPv6 (RFC 4291 section 2.5.5.2) is returned as IPv4.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _read_network(entry: object) -> Network:
    where = f"trusted_proxies has {entry!r}"
    if entry == "*":
        raise ConfigurationError(f"{where}; to trust every peer, list '0.0.0.0/0', '::/0' and 'unix'")
    if isinstance(entry, str):
        try:
            return ipaddress.ip_network(entry)
        except ValueError:
            pass
        try:
            network = ipaddress.ip_network(entry, strict=False)
        except ValueError:
            pass
        else:
            raise ConfigurationError(f"{where}, which is an address in the network {network}")
    raise ConfigurationError(f"{where}; it must be an IP address, a network like '10.0.0.0/8', or {UNIX!r}")
