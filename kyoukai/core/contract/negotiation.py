"""Choosing which of several backends serves a connection, by pure functions.

Over TLS, the client and the server have agreed on a protocol (ALPN, RFC 7301). In cleartext, the client's
first bytes decide: HTTP/2 has a preface with which no HTTP/1 request can begin (RFC 9113 section 3.4).
"""

from collections.abc import Collection, Iterable, Mapping
from itertools import combinations
from typing import Any, Final

from ..errors import BackendListError, NotABackendError
from .backend import Backend
from .selection import Selected

UNNEGOTIATED: Final = "http/1.1"
"""The assumed protocol of a TLS client that agreed on none: HTTP/2 has to be agreed on (RFC 9113 section
3.2). A backend that offers no protocol takes such clients too."""


def offered_protocols(backends: Iterable[Backend]) -> tuple[str, ...]:
    """Return the names to offer by ALPN, the preferred first."""
    return tuple(dict.fromkeys(name for backend in backends for name in backend.alpn_protocols))


def by_protocol(backends: Selected) -> dict[str, str]:
    """Return the name of the backend for each protocol that a TLS connection may agree on.

    :return: names of backends; the one under :data:`UNNEGOTIATED` serves if nothing was agreed on.
    :raises BackendListError: if two backends cannot be told apart.
    :raises NotABackendError: if ``alpn_protocols`` of a backend cannot be used.
    """
    chosen: dict[str, str] = {}
    for name, backend in backends.items():
        protocols: Any = backend.alpn_protocols
        if not isinstance(protocols, tuple) or not all(isinstance(protocol, str) for protocol in protocols):
            raise NotABackendError(
                f"backend {name!r}: alpn_protocols is {protocols!r}; it must be a tuple of str"
            )
        for protocol in protocols or (UNNEGOTIATED,):
            other = chosen.setdefault(protocol, name)
            if other != name:
                raise BackendListError(
                    f"backends {other!r} and {name!r} cannot be told apart over TLS: both are for clients "
                    f"that agree on {protocol!r} by ALPN{_or_nothing(protocol)}; leave one of them out"
                )
    return chosen


def _or_nothing(protocol: str) -> str:
    return ", or on nothing" if protocol == UNNEGOTIATED else ""


def by_preface(backends: Selected) -> dict[bytes, str]:
    """Return the name of the backend for each preface of a connection in cleartext.

    :return: names of backends; the one under the empty preface takes connections that no other takes.
    :raises BackendListError: if two backends cannot be told apart.
    :raises NotABackendError: if ``preface`` of a backend cannot be used.
    """
    for name, backend in backends.items():
        preface: Any = backend.preface
        if not isinstance(preface, bytes):
            raise NotABackendError(f"backend {name!r}: preface is {preface!r}; it must be bytes")
    for (one, first), (other, second) in combinations(backends.items(), 2):
        if not first.preface and not second.preface:
            raise BackendListError(
                f"backends {one!r} and {other!r} cannot be told apart in cleartext: neither has a preface "
                "that its connections begin with; leave one of them out"
            )
        if first.preface and second.preface and _is_start(first.preface, second.preface):
            raise BackendListError(
                f"backends {one!r} and {other!r} cannot be told apart in cleartext: connections begin with "
                f"{first.preface!r} and with {second.preface!r}; leave one of them out"
            )
    return {backend.preface: name for name, backend in backends.items()}


def _is_start(one: bytes, other: bytes) -> bool:
    return one.startswith(other) or other.startswith(one)


def choose_by_protocol(choices: Mapping[str, Any], agreed: str | None) -> Any:
    """Return the choice for a TLS connection, or ``None``.

    :param choices: by the protocol that each is for.
    :param agreed: the protocol that ALPN agreed on, or ``None``.
    """
    found = choices.get(agreed or UNNEGOTIATED)
    # The setting ssl may offer a protocol that no backend has.
    return choices.get(UNNEGOTIATED) if found is None else found


def find_preface(prefaces: Collection[bytes], data: bytes) -> bytes | None:
    """Return the preface that a connection begins with; empty: none of them; ``None``: more data is needed.

    :param prefaces: none is the start of another.
    :param data: the data received so far.
    """
    may_follow = False
    for preface in prefaces:
        if preface and data.startswith(preface):
            return preface
        may_follow = may_follow or preface.startswith(data)
    return None if may_follow else b""
