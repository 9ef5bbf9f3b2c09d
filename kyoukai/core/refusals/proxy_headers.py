"""Connections of a listener with `proxy_protocol` that are closed without an answer."""

from typing import Final

from .entry import Group, Refusal

GROUP: Final = Group(
    "Headers of the PROXY protocol",
    (
        Refusal(
            "proxy-not-trusted",
            0,
            "The peer may not send a header of the PROXY protocol.",
            wrong="""
                The listener has the setting `proxy_protocol`, and the peer is not in `trusted_proxies`. The
                connection is closed. The log has a line at DEBUG on `kyoukai.server`.
            """,
            senders="Clients that connect past the proxy; a proxy with a new address.",
            client="Connect to the proxy.",
            source="The PROXY protocol, section 2",
            server="Add the proxy's address to `trusted_proxies`.",
        ),
        Refusal(
            "proxy-header-malformed",
            0,
            "The connection does not begin with a valid header of the PROXY protocol.",
            wrong="""
                The listener has the setting `proxy_protocol`, and the header is malformed, or not complete
                in time. The connection is closed. The log has a line at DEBUG on `kyoukai.server`.
            """,
            senders="A proxy that does not send the header; health checks that connect without it.",
            client="Have the proxy send the header, in health checks too.",
            source="The PROXY protocol, section 2",
            server="If no proxy sends the header, remove `proxy_protocol` from the listener.",
        ),
    ),
)
