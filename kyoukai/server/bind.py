"""Parse the addresses to listen on.

::

    [http:// | https://]  HOST:PORT | [IPv6]:PORT | unix:PATH | fd:NUMBER | fd:NAME  [? option [& option]]

Options are ``proxy_protocol=required`` and, for a Unix socket, ``mode=0660``. Parsing opens no socket.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import parse_qsl

from kyoukai.core.errors import ConfigurationError
from kyoukai.core.limits import outline, suggest
from kyoukai.server.addresses import is_ipv6

FORMS: Final = "HOST:PORT, [IPV6]:PORT, unix:PATH, fd:NUMBER or fd:NAME; before it may be http:// or https://"

OPTIONS: Final = ["mode", "proxy_protocol"]


@dataclass(frozen=True)
class Bind:
    """An address to listen on."""

    host: str = ""
    port: int = 0
    path: str = ""
    """The path of a Unix socket."""
    inherited: str = ""
    """The number of an inherited descriptor, or its name in systemd."""
    secure: bool | None = None
    """Whether to use TLS; ``None``: if it is configured."""
    proxy_protocol: bool = False
    """Whether connections begin with a header of the PROXY protocol."""
    mode: int | None = None
    """Permissions of a Unix socket's file; ``None``: determined by the umask."""


def parse_bind(name: str, text: object, options: Mapping[str, Any] | None = None) -> Bind:
    """Parse an address to listen on.

    :param name: the name of the setting, for messages: ``bind``.
    :param text: the value.
    :param options: options given separately: ``proxy_protocol``, ``mode``.
    :raises ConfigurationError: if the value is invalid; the message says what would be right.
    """
    if not isinstance(text, str):
        raise ConfigurationError(f"{name} is {outline(text)}; it must be {FORMS}")
    address, _, query = text.partition("?")
    given: dict[str, Any] = dict(parse_qsl(query, keep_blank_values=True))
    given |= options or {}
    where = f"{name} is {text!r}"
    secure: bool | None = None
    for scheme, is_secure in (("http://", False), ("https://", True)):
        if address.lower().startswith(scheme):
            secure, address = is_secure, address[len(scheme) :]
    bind = _parse_address(where, address)
    for option in given:
        if option not in OPTIONS:
            raise ConfigurationError(f"{where}: unknown option {option!r}; {suggest(str(option), OPTIONS)}")
    if "mode" in given and not bind.path:
        raise ConfigurationError(f"{where}: mode is for Unix sockets, unix:PATH")
    return replace(
        bind,
        secure=secure,
        proxy_protocol=_parse_proxy_protocol(where, given.get("proxy_protocol")),
        mode=_parse_mode(where, given.get("mode")),
    )


def _parse_address(where: str, address: str) -> Bind:
    if address.startswith("unix:"):
        path = address.removeprefix("unix:")
        # The form of a URL: unix:///run/http.sock.
        path = path.removeprefix("//") if path.startswith("///") else path
        if not path or "\0" in path:
            raise ConfigurationError(f"{where}; after unix: must follow the path of a Unix socket")
        return Bind(path=path)
    if address.startswith("fd:"):
        inherited = address.removeprefix("fd:")
        # systemd.socket(5), FileDescriptorName=: printable ASCII without a colon.
        if re.fullmatch(r"[!-9;-~]{1,255}", inherited) is None:
            raise ConfigurationError(
                f"{where}; after fd: must follow a descriptor's number, or its name in systemd"
            )
        return Bind(inherited=inherited)
    if is_ipv6(address):
        raise ConfigurationError(f"{where}; an IPv6 address needs brackets and a port: [::1]:PORT")
    host, colon, port = address.removesuffix("/").rpartition(":")
    if not colon or not host:
        hint = "" if colon else "; the port is missing"
        hint = hint or "; all addresses are [::]:PORT, of IPv6 and IPv4, or 0.0.0.0:PORT"
        raise ConfigurationError(f"{where}; it must be {FORMS}{hint}")
    if ":" in host and not host.startswith("["):
        raise ConfigurationError(f"{where}; an IPv6 address needs brackets and a port: [::1]:PORT")
    if host.startswith("["):
        if not host.endswith("]") or not is_ipv6(host[1:-1]):
            raise ConfigurationError(f"{where}; in brackets must be an IPv6 address: [::1]:{port or 'PORT'}")
        host = host[1:-1]
    if re.fullmatch(r"[0-9]{1,5}", port, re.ASCII) is None or int(port) > 65535:
        raise ConfigurationError(f"{where}; the port must be a whole number from 0 to 65535")
    return Bind(host=host, port=int(port))


def _parse_proxy_protocol(where: str, value: object) -> bool:
    # YAML 1.1 reads off as false.
    if value in (None, "off", False):
        return False
    if value == "required":
        return True
    raise ConfigurationError(f"{where}: proxy_protocol is {value!r}; it must be 'required' or 'off'")


def _parse_mode(where: str, value: object) -> int | None:
    if value is None:
        return None
    # Require a string: YAML 1.1 reads the number 0660 in base 8, YAML 1.2 in base 10.
    if not isinstance(value, str) or re.fullmatch(r"0?[0-7]{3}", value) is None:
        raise ConfigurationError(f"{where}: mode is {value!r}; it must be octal digits, in quotes: '0660'")
    return int(value, 8)
