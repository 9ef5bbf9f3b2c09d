"""What ``kyoukai run`` can be told of proxies: rows of the table in :mod:`kyoukai.commands.options`."""

from typing import Final

from kyoukai.commands.kinds import choice, several, switch, text
from kyoukai.commands.option import Option, component
from kyoukai.core.semantics.forwarding import FORWARDED, X_FORWARDED

PROXIES: Final[tuple[Option, ...]] = (
    component(
        "trusted_proxies",
        several(text("PROXY", "an IP address, a network, or 'unix'")),
        "Believe these proxies: an IP address, a network such as 10.0.0.0/8, or 'unix' for who comes by "
        "a Unix socket. May be given several times.",
        singular="trusted_proxy",
    ),
    component(
        "forwarded",
        choice(X_FORWARDED, FORWARDED),
        "By which fields trusted proxies name the client: X-Forwarded-*, or Forwarded of RFC 7239.",
    ),
    component(
        "forwarded_host",
        switch(),
        "Take X-Forwarded-Host and X-Forwarded-Port: only of a proxy that writes them itself.",
        "false",
    ),
    component(
        "forwarded_prefix",
        switch(),
        "Take X-Forwarded-Prefix for the path that the application is mounted at: likewise.",
        "false",
    ),
)
