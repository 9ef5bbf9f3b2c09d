"""Validates the host names of blueprints and routes."""

import re
from typing import Final

from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Request

from kyoukai.core.errors import ConfigurationError, identified

# RFC 1123 section 2.1, and the underscore, which some names contain.
NAME: Final = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]")
VARIABLE: Final = re.compile(r"<[^<>]*>")


def check_host(what: str, host: object, *, variables: bool = True) -> str | None:
    """Return ``host`` if it is a valid host or part of one, or ``None``.

    :param variables: whether it may contain variables.
    :raises ConfigurationError: if it is not valid.
    """
    if host is None:
        return None
    if not isinstance(host, str) or not NAME.fullmatch(VARIABLE.sub("x" if variables else "<", host)):
        example = "'api.example.com' or '<tenant>.example.com'" if variables else "'example.com'"
        raise ConfigurationError(
            f"{what} must be a name in lower case and ASCII, without a port, such as {example}, not {host!r}"
        )
    return host


def check_hosts(what: str, host: object, subdomain: object) -> tuple[str | None, str | None]:
    """Return ``host`` and ``subdomain``, of which at most one is not ``None``.

    :param what: their owner, for the message.
    :raises ConfigurationError: if both are given, or one cannot be used.
    """
    if host is not None and subdomain is not None:
        raise ConfigurationError(f"{what} takes a host or a subdomain, not both: {host!r}, {subdomain!r}")
    return check_host(f"the host of {what}", host), check_host(f"the subdomain of {what}", subdomain)


def join_host(what: str, subdomain: str, domain: str | None) -> str:
    """Return the host ``subdomain.domain``.

    :param what: its owner, for the message.
    :raises ConfigurationError: if there is no domain.
    """
    if domain is None:
        raise ConfigurationError(
            f"{what} has the subdomain {subdomain!r}, but no host; give the"
            " application a server_name, or a blueprint above it a host"
        )
    return f"{subdomain}.{domain}"


def host_of(request: Request) -> str:
    """Return the host of a request, as it appears in URLs.

    :raises werkzeug.exceptions.BadRequest: if Werkzeug cannot make URLs with it. RFC 3986 section 3.2.2
        allows characters that names in use do not contain, such as a comma.
    """
    host = request.host
    if not host and request.environ.get("HTTP_HOST"):
        raise identified(BadRequest(), "host-not-in-urls")
    return host
