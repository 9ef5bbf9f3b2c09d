"""The options of ``kyoukai run`` for proxies: rows of the table in :mod:`kyoukai.commands.options`."""

from typing import Final

from kyoukai.commands.kinds import choice, several, switch, text
from kyoukai.commands.option import Option, component
from kyoukai.core.semantics.forwarding import FORWARDED, X_FORWARDED

PROXIES: Final[tuple[Option, ...]] = (
    component(
        "trusted_proxies",
        several(text("PROXY", "an IP address, a network, or 'unix'")),
        "Trust these proxies: an IP address, a network such as 10.0.0.0/8, or 'unix' for clients of a "
        "Unix socket. May be given several times.",
        singular="trusted_proxy",
    ),
    component(
        "forwarded",
        choice(X_FORWARDED, FORWARDED),
        "The header fields in which trusted proxies name the client: X-Forwarded-*, or Forwarded (RFC 7239).",
    ),
    component(
        "forwarded_host",
        switch(),
        "Use X-Forwarded-Host and X-Forwarded-Port. Only for a proxy that sets or removes them itself.",
        "false",
    ),
    component(
        "forwarded_prefix",
        switch(),
        "Use X-Forwarded-Prefix as the path that the application is mounted at. Only for a proxy that "
        "sets or removes this field itself.",
        "false",
    ),
)
