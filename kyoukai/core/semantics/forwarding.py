"""Reading what trusted proxies report of a client: ``X-Forwarded-*``, or ``Forwarded`` (RFC 7239).

One policy for every wire. It changes the environ of a request whose peer is trusted. Each proxy appends on
the right, so a list is read from the right. Everything left of the first untrusted address comes from the
client itself. A value that is malformed or not an address changes nothing. Werkzeug's ProxyFix counts proxies
instead, and does not check their values.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from ..errors import ConfigurationError
from .grammar import TOKEN
from .host import valid_host
from .trusted_proxies import TrustedProxies, read_address

X_FORWARDED: Final = "x-forwarded"
FORWARDED: Final = "forwarded"

UNNAMED: Final = "kyoukai.client_unnamed"
"""The environ key that is set when a proxy has connected for a client that it does not name."""

DEFAULT_PORTS: Final = {"http": "80", "https": "443"}
"""Default ports by the accepted schemes."""

# [IPv6] or IPv4, with or without a port (RFC 7239 section 6).
NODE: Final = re.compile(r"(?:\[(?P<ipv6>[^\]]*)\]|(?P<ipv4>[0-9.]+))(?::(?P<port>[0-9]{1,5}))?")

# RFC 7239 section 4. Addresses and hosts need no quoted-pair.
PAIR: Final = re.compile(rf'(?P<name>{TOKEN.decode()})=(?:(?P<token>{TOKEN.decode()})|"(?P<quoted>[^"\\]*)")')

# A path as it is sent (RFC 3986 section 3.3), without an authority and without dot segments.
PREFIX: Final = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~!$&'()*+,;=:@-]+)+")

HOST_PORT: Final = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(?::([0-9]*))?")


class Node(NamedTuple):
    """An address, and the port if it is known."""

    address: str
    port: str = ""


class Said(NamedTuple):
    """The reports of trusted proxies; an empty value was not reported."""

    client: Node | None = None
    scheme: str = ""
    host: str = ""
    port: str = ""
    prefix: str = ""


class Forwarding:
    """Applies the reports of trusted proxies.

    :param proxies: the trusted proxies.
    :param fields: :data:`X_FORWARDED` or :data:`FORWARDED`.
    :param host: whether to use ``X-Forwarded-Host`` and ``X-Forwarded-Port``. A proxy that does not set them
        passes on those of its client.
    :param prefix: whether to use ``X-Forwarded-Prefix``.
    :raises ConfigurationError: if ``fields`` is neither, or no proxy is trusted.
    """

    def __init__(
        self, proxies: TrustedProxies, fields: object, *, host: bool = False, prefix: bool = False
    ) -> None:
        if fields not in (X_FORWARDED, FORWARDED):
            raise ConfigurationError(f"forwarded is {fields!r}; it must be {X_FORWARDED!r} or {FORWARDED!r}")
        if not proxies:
            raise ConfigurationError(f"forwarded is {fields!r}, but trusted_proxies names no proxy")
        self.proxies = proxies
        self._host = host
        self._prefix = prefix
        self._read: Callable[[dict[str, Any]], Said] = (
            self._read_forwarded if fields == FORWARDED else self._read_x_forwarded
        )

    def apply(self, environ: dict[str, Any]) -> None:
        """Update the environ of a request from the proxies' fields, if its peer is trusted."""
        if UNNAMED in environ or not self.proxies.trust_peer(environ.get("REMOTE_ADDR")):
            return
        said = self._read(environ)
        if said.client is not None:
            environ["REMOTE_ADDR"], port = said.client
            if port:
                environ["REMOTE_PORT"] = port
            else:
                environ.pop("REMOTE_PORT", None)
        if said.scheme:
            environ["wsgi.url_scheme"] = said.scheme
        if said.host or said.port:
            _set_host(environ, said.host or environ.get("HTTP_HOST", ""), said.port)
        if said.prefix:
            environ["SCRIPT_NAME"] = said.prefix

    def _read_x_forwarded(self, environ: dict[str, Any]) -> Said:
        client = None
        for entry in _split(environ.get("HTTP_X_FORWARDED_FOR", "")):
            node = read_node(entry, bare=True)
            if node is None:
                break
            client = node
            if not self.proxies.trust(node.address):
                break
        prefix = _last(environ, "HTTP_X_FORWARDED_PREFIX") if self._prefix else ""
        prefix = prefix.removesuffix("/")
        return Said(
            client,
            _check_scheme(_last(environ, "HTTP_X_FORWARDED_PROTO")),
            _check_host(_last(environ, "HTTP_X_FORWARDED_HOST")) if self._host else "",
            _check_port(_last(environ, "HTTP_X_FORWARDED_PORT")) if self._host else "",
            prefix if PREFIX.fullmatch(prefix) else "",
        )

    def _read_forwarded(self, environ: dict[str, Any]) -> Said:
        client, scheme, host = None, "", ""
        for element in split_elements(environ.get("HTTP_FORWARDED", "")):
            pairs = read_element(element)
            if pairs is None:
                break
            # The proxy nearest to the client takes precedence.
            scheme = _check_scheme(pairs.get("proto", "")) or scheme
            host = _check_host(pairs.get("host", "")) or host
            node = read_node(pairs.get("for", ""))
            if node is None:
                break
            client = node
            if not self.proxies.trust(node.address):
                break
        return Said(client, scheme, host)


def read_node(text: str, *, bare: bool = False) -> Node | None:
    """Return the address that a proxy reports; ``None`` for ``unknown``, ``_hidden`` and anything else.

    :param bare: whether an IPv6 address may lack its brackets.
    """
    if bare and text.count(":") > 1 and not text.startswith("["):
        ipv6, port = text, ""
    else:
        match = NODE.fullmatch(text)
        if match is None:
            return None
        ipv6, port = match["ipv6"], match["port"] or ""
        if ipv6 is None:
            address = read_address(match["ipv4"])
            return None if address is None or not _fits(port) else Node(str(address), port)
    # A zone is meaningful only on the proxy's machine, and IPv4 has no brackets.
    address = read_address(ipv6) if ":" in ipv6 and "%" not in ipv6 else None
    return None if address is None or not _fits(port) else Node(str(address), port)


def read_element(text: str) -> dict[str, str] | None:
    """Return the parameters of one element of ``Forwarded``, by names in lower case.

    :return: ``None`` if it is malformed, or has a parameter twice (RFC 7239 section 4).
    """
    pairs: dict[str, str] = {}
    for part in _split_outside_quotes(text, ";"):
        match = PAIR.fullmatch(part)
        name = "" if match is None else match["name"].lower()
        if match is None or name in pairs:
            return None
        pairs[name] = match["quoted"] if match["token"] is None else match["token"]
    return pairs


def split_elements(text: str) -> Iterator[str]:
    """Yield the elements of ``Forwarded`` from the right.

    From the right, so that a client's unclosed quotation mark cannot hide what a proxy has added.
    """
    yield from _split_outside_quotes(text, ",")


def _split_outside_quotes(text: str, separator: str) -> Iterator[str]:
    end, is_quoted = len(text), False
    for at in range(len(text) - 1, -1, -1):
        if text[at] == '"':
            is_quoted = not is_quoted
        elif text[at] == separator and not is_quoted:
            yield text[at + 1 : end].strip(" \t")
            end = at
    yield text[:end].strip(" \t")


def _split(text: str) -> Iterator[str]:
    """Yield the entries of a list from the right, without empty ones (RFC 9110 section 5.6.1.2)."""
    for entry in reversed(text.split(",")):
        if stripped := entry.strip(" \t"):
            yield stripped


def _last(environ: dict[str, Any], name: str) -> str:
    """Return the last entry of a list, which the nearest proxy has written."""
    return str(environ.get(name, "")).rpartition(",")[2].strip(" \t")


def _check_scheme(text: str) -> str:
    scheme = text.lower()
    return scheme if scheme in DEFAULT_PORTS else ""


def _check_host(text: str) -> str:
    """Return a host that passes the checks of the Host field, or an empty string."""
    return text if text and valid_host(text) else ""


def _check_port(text: str) -> str:
    return text if re.fullmatch(r"[1-9][0-9]{0,4}", text) and _fits(text) else ""


def _fits(port: str) -> bool:
    return not port or int(port) <= 65535


def _set_host(environ: dict[str, Any], host: str, port: str) -> None:
    """Set the variables for the host that the client asked for.

    :param host: a checked host; empty if none is known.
    :param port: replaces the port in ``host``; empty to keep that.
    """
    default = DEFAULT_PORTS[environ["wsgi.url_scheme"]]
    match = HOST_PORT.fullmatch(host)
    name, own = (match[1], match[2] or "") if match is not None else ("", "")
    port = port or own or default
    environ["SERVER_PORT"] = port
    if name:
        environ["SERVER_NAME"] = name
        environ["HTTP_HOST"] = name if port == default else f"{name}:{port}"
