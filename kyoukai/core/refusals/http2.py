"""Refusals specific to HTTP/2, which reset a stream or end the connection."""

from typing import Final

from .entry import Group, Refusal

GROUP: Final = Group(
    "HTTP/2",
    (
        Refusal(
            "http2-only",
            505,
            "This server speaks HTTP/2 here, and nothing else.",
            wrong="An HTTP/1 request came to a port whose only backend is `h2`.",
            senders="""
                `curl` without `--http2-prior-knowledge`; browsers, which speak HTTP/2 over TLS only; health
                checks.
            """,
            client="""
                Speak HTTP/2: over TLS, agreed on by ALPN, or without TLS from the first byte on ("prior
                knowledge").
            """,
            source="RFC 9113 section 3.3",
            server="Serve both: `--backend h2 --backend httptools`.",
        ),
        Refusal(
            "http2-preface-malformed",
            0,
            "The connection does not begin with the preface of HTTP/2.",
            wrong="""
                The first bytes of the connection are neither HTTP/2 nor HTTP/1. It is closed without an
                answer.
            """,
            senders="TLS clients on a port without TLS; port scanners; probes for other protocols.",
            client="Check the port, and whether it expects TLS.",
            source="RFC 9113 section 3.4",
        ),
        Refusal(
            "http2-request-malformed",
            0,
            "The request is malformed by the rules of HTTP/2.",
            wrong="""
                The fields of a request or its trailers break RFC 9113: a pseudo-header field is missing,
                repeated or unknown; a name has capitals; a value has white space around it; or a field such
                as `Connection` or `Transfer-Encoding` is there. The stream is reset with PROTOCOL_ERROR.
            """,
            senders="""
                Proxies that forward HTTP/1 fields unchanged; HTTP/2 clients written by hand; smuggling
                attempts.
            """,
            client="""
                Use a current HTTP/2 library. Remove the fields of HTTP/1 connections, and write names in
                small letters.
            """,
            source="RFC 9113 section 8.1.1",
        ),
        Refusal(
            "http2-content-length-wrong",
            0,
            "The Content-Length field is not the size of the content.",
            wrong="""
                The DATA frames of a request carry another number of bytes than its `Content-Length`. The
                stream is reset with PROTOCOL_ERROR.
            """,
            senders="""
                Proxies that change a body and keep its length; clients that count characters; smuggling
                attempts.
            """,
            client="Omit `Content-Length`, or count the bytes of the encoded body.",
            source="RFC 9113 section 8.1.1",
        ),
        Refusal(
            "http2-stream-refused",
            0,
            "The request was not processed and may be sent again.",
            wrong="""
                The connection has more requests than `max_concurrent_streams`, or is about to end. The stream
                is reset with REFUSED_STREAM.
            """,
            senders="""
                Clients that ignore SETTINGS_MAX_CONCURRENT_STREAMS; proxies during a restart of this server.
            """,
            client="""
                Send the request again, on another connection. Most HTTP/2 libraries do so by themselves.
            """,
            source="RFC 9113 section 8.7",
            server="Raise the backend's option `max_concurrent_streams`.",
        ),
        Refusal(
            "http2-flood",
            0,
            "The client sends too many frames that carry no data of a request.",
            wrong="""
                The client exceeded one of the budgets of HTTP/2: resets, pings, settings, empty frames,
                CONTINUATION frames or other frames without content. The connection ends with a GOAWAY frame,
                which has the error code ENHANCE_YOUR_CALM and names the exceeded budget.
            """,
            senders="""
                Attacks (CVE-2023-44487, CVE-2024-28182 and others); clients that cancel very many requests.
            """,
            client="Cancel fewer requests, and send fewer pings.",
            source="RFC 9113 section 10.5",
            server="""
                Raise the option of the backend `h2` for these frames: `max_resets`, `max_pings` and so on.
            """,
        ),
        Refusal(
            "http2-frame-malformed",
            0,
            "A frame breaks the rules of HTTP/2.",
            wrong="""
                A frame is malformed, or its type is not allowed at this place. The connection ends with a
                GOAWAY frame that has the error code and a reason.
            """,
            senders="HTTP/2 libraries with bugs; fuzzers and scanners; proxies that mix up connections.",
            client="Update the HTTP/2 library.",
            source="RFC 9113 section 5.4.1",
        ),
        Refusal(
            "http2-frame-too-large",
            0,
            "A frame is larger than this server takes.",
            wrong="""
                A frame is larger than SETTINGS_MAX_FRAME_SIZE. The connection ends with FRAME_SIZE_ERROR.
            """,
            senders="""
                HTTP/2 libraries that ignore the server's settings; HTTP/1 or TLS data inside of a connection.
            """,
            client="Keep to SETTINGS_MAX_FRAME_SIZE, which is 16,384 bytes here.",
            source="RFC 9113 section 4.2",
        ),
        Refusal(
            "http2-window-exceeded",
            0,
            "The client sent more content than its window allows.",
            wrong="""
                A client sent more content than the flow-control window of the stream or of the connection has
                room for. The connection ends with FLOW_CONTROL_ERROR.
            """,
            senders="HTTP/2 libraries with bugs in flow control; attacks.",
            client="Wait for WINDOW_UPDATE before sending more.",
            source="RFC 9113 section 6.9.1",
        ),
        Refusal(
            "http2-head-coding",
            0,
            "A head cannot be decoded.",
            wrong="The compressed fields of a head break HPACK. The connection ends with COMPRESSION_ERROR.",
            senders="HTTP/2 libraries with bugs; proxies that mix up connections; attacks.",
            client="Update the HTTP/2 library.",
            source="RFC 9113 section 4.3",
        ),
    ),
)
