"""Refusals of WebSocket handshakes."""

from typing import Final

from .entry import Group, Refusal

GROUP: Final = Group(
    "WebSockets",
    (
        Refusal(
            "websocket-required",
            426,
            "This URL is that of a WebSocket.",
            wrong="A plain HTTP request came for the URL of a WebSocket route.",
            senders="""
                Browsers with the URL typed into the address bar; health checks; proxies that drop `Upgrade`
                and `Connection` (nginx without `proxy_set_header Upgrade $http_upgrade`).
            """,
            client="""
                Open the URL by a WebSocket client (`new WebSocket("wss://...")`). In a proxy, forward both
                fields.
            """,
            source="RFC 9110 section 15.5.22",
        ),
        Refusal(
            "websocket-version-unknown",
            426,
            "The version of WebSocket that is spoken here is 13.",
            wrong="`Sec-WebSocket-Version` is another version than 13, the only one of RFC 6455.",
            senders="Very old browsers and libraries (drafts of 2010 and 2011); scanners.",
            client="Use a client that speaks RFC 6455.",
            source="RFC 6455 section 4.2.2",
        ),
        Refusal(
            "websocket-handshake-malformed",
            400,
            "The WebSocket's handshake is malformed.",
            wrong="""
                A field of the handshake is missing or malformed: `Sec-WebSocket-Key` is not 16 bytes in
                base64, or `Sec-WebSocket-Extensions` or `Sec-WebSocket-Protocol` cannot be parsed.
            """,
            senders="""
                Handshakes written by hand with `curl`; proxies that drop or change `Sec-WebSocket-*` fields.
            """,
            client="Use a WebSocket library. Let proxies forward all `Sec-WebSocket-*` fields unchanged.",
            source="RFC 6455 section 4.2.1",
        ),
        Refusal(
            "origin-not-allowed",
            403,
            "Pages of this origin may not connect.",
            wrong="""
                The `Origin` of the page that opens the WebSocket is not allowed. By default, only pages of
                the requested host itself are allowed.
            """,
            senders="""
                Pages of another host, port or scheme, such as a development server; servers behind a proxy
                that changes `Host` or does not tell the scheme; foreign pages that use a visitor's cookies.
            """,
            client="Open the WebSocket from a page of the same origin.",
            source="RFC 6455 section 10.2",
            server="Add the origin to the route's setting `origins`. Behind a proxy, set `trusted_proxies`.",
        ),
        Refusal(
            "websocket-not-accepted",
            403,
            "The WebSocket was not accepted.",
            wrong="The application's handler ended or closed the WebSocket before accepting it.",
            senders="""
                Clients that the application rejects, for example because they are not logged in; handlers
                that forget `accept`.
            """,
            client="Log in first, or send what the application asks for.",
            source="RFC 6455 section 4.2.2",
            server="Have the handler call `accept()`, or return an answer that says why not.",
        ),
        Refusal(
            "websocket-not-served",
            501,
            "This URL is for WebSockets, but this server cannot open WebSockets.",
            wrong="The backend cannot open WebSockets, or the library that they need is not installed.",
            senders="Ordinary WebSocket clients.",
            client="Nothing: the server must change.",
            source="RFC 9110 section 15.6.2",
            server="""
                Choose a backend with the feature `tunnel`, and install the extra: `pip install
                'kyoukai[websocket]'`.
            """,
        ),
        Refusal(
            "protocol-not-served",
            501,
            "This server does not know the protocol.",
            wrong="""
                An extended `CONNECT` (a request of HTTP/2 to switch to another protocol) asks for a protocol
                that this server does not offer, such as `h2c`.
            """,
            senders="""
                HAProxy, which turns `Upgrade: h2c` into an extended `CONNECT`; clients of MASQUE and
                WebTransport.
            """,
            client="""
                Use `websocket`, or plain requests. With curl: `--http2-prior-knowledge` or `--http1.1`, not
                `--http2`.
            """,
            source="RFC 8441 section 4",
        ),
    ),
)
