"""Refusals of messages whose end is wrong or ambiguous."""

from typing import Final

from .entry import Group, Refusal

GROUP: Final = Group(
    "Framing",
    (
        Refusal(
            "content-length-malformed",
            400,
            "The Content-Length field is not one decimal number.",
            wrong="""
                The value of `Content-Length` is empty, negative, hexadecimal, a list, too large, or has a
                sign, a space or an underscore.
            """,
            senders="""
                Scripts that compute the length as text; proxies that join two fields with a comma; request
                smuggling attempts.
            """,
            client="Send the number of bytes of the body in decimal digits, or let the HTTP library send it.",
            source="RFC 9112 section 6.3, rule 5",
        ),
        Refusal(
            "content-length-repeated",
            400,
            "The Content-Length field came more than once.",
            wrong="""
                The request has more than one `Content-Length` field. Equal values are refused too: a client
                or proxy that sends the field twice may send different values in the next request.
            """,
            senders="""
                HTTP libraries that add the field next to the caller's own (`curl -H 'Content-Length: ...'`
                with data); proxies that add fields; request smuggling attempts.
            """,
            client="Do not set `Content-Length` by hand. The HTTP library sends it.",
            source="RFC 9112 section 6.3, rule 5",
        ),
        Refusal(
            "content-length-not-body-size",
            400,
            "The Content-Length field is not the size of the body.",
            wrong="""
                `Content-Length` differs from the size of the body that arrived over HTTP/2, SCGI or ASGI.
            """,
            senders="""
                Proxies that change a body and keep its `Content-Length`; clients that count characters, not
                bytes.
            """,
            client="Count the bytes of the encoded body, or omit the field.",
            source="RFC 9113 section 8.1.1",
        ),
        Refusal(
            "content-length-and-transfer-encoding",
            400,
            "Content-Length and Transfer-Encoding exclude each other.",
            wrong="""
                The request has both fields. A proxy and this server could see different ends of the message.
            """,
            senders="""
                Clients that set `Content-Length` by hand and stream the body; proxies that change to chunked
                and keep the old field; request smuggling attempts.
            """,
            client="Send one of the two. Most HTTP libraries choose by themselves.",
            source="RFC 9112 section 6.3, rule 3",
        ),
        Refusal(
            "transfer-encoding-in-http-1-0",
            400,
            "HTTP/1.0 has no Transfer-Encoding.",
            wrong="An HTTP/1.0 request has a `Transfer-Encoding` field, which that version does not know.",
            senders="""
                Proxies that forward as HTTP/1.0 (nginx without `proxy_http_version 1.1`) and keep fields;
                smuggling attempts.
            """,
            client="Send HTTP/1.1, or a `Content-Length`.",
            source="RFC 9112 section 6.1",
        ),
        Refusal(
            "transfer-encoding-malformed",
            400,
            "The Transfer-Encoding field is malformed.",
            wrong="The value of `Transfer-Encoding` is not a list of codings.",
            senders="""
                Scripts that write requests by hand; request smuggling attempts (`Transfer-Encoding:
                "chunked"`).
            """,
            client="Send `Transfer-Encoding: chunked`.",
            source="RFC 9112 section 6.1",
        ),
        Refusal(
            "chunked-not-last",
            400,
            "The last transfer coding must be chunked, and chunked must occur only once.",
            wrong="`chunked` is not the last coding of `Transfer-Encoding`, comes twice, or has parameters.",
            senders="Clients that send `Transfer-Encoding: identity` or `gzip`; request smuggling attempts.",
            client="Send `Transfer-Encoding: chunked`. To compress a body, use `Content-Encoding: gzip`.",
            source="RFC 9112 section 6.3, rule 4",
        ),
        Refusal(
            "transfer-coding-unknown",
            501,
            "The only transfer coding this server knows is chunked.",
            wrong="`Transfer-Encoding` names another coding before `chunked`, such as `gzip`.",
            senders="""
                `curl --tr-encoding` towards some proxies; clients that mean `Content-Encoding`; smuggling
                attempts.
            """,
            client="""
                Send `Transfer-Encoding: chunked` alone. To compress a body, use `Content-Encoding: gzip`.
            """,
            source="RFC 9112 section 6.1",
        ),
        Refusal(
            "chunk-size-malformed",
            400,
            "A chunk size is not a hexadecimal number.",
            wrong="""
                The line before a chunk does not begin with one to sixteen hexadecimal digits. It may be
                empty, or have a sign, `0x` or white space.
            """,
            senders="""
                Clients that announce `chunked` and send the body without chunks; clients whose chunk was
                longer or shorter than its size; request smuggling attempts.
            """,
            client="Let the HTTP library write the chunks, or send the body with a `Content-Length`.",
            source="RFC 9112 section 7.1",
        ),
        Refusal(
            "chunk-extension-malformed",
            400,
            "A chunk extension is malformed.",
            wrong="""
                The text after a chunk size is not of the form `;name` or `;name=value`, or it has white
                space around these parts.
            """,
            senders="""
                Proxies that sign chunks in a form of their own; clients that pad sizes with spaces; smuggling
                attempts.
            """,
            client="Send no chunk extensions. No white space may stand behind the size.",
            source="RFC 9112 section 7.1.1",
        ),
        Refusal(
            "chunk-extensions-too-large",
            400,
            "The chunk extensions are larger than this server takes.",
            wrong="The extensions of all chunks of one body together exceed `max_head_size`.",
            senders="""
                Attacks (CVE-2024-22019); clients that sign each small chunk (AWS Signature V4 streaming).
            """,
            client="Send no chunk extensions, or fewer and larger chunks.",
            source="RFC 9112 section 7.1.1",
            server="Raise `max_head_size`.",
        ),
        Refusal(
            "chunk-end-missing",
            400,
            "The data of a chunk is not followed by CRLF.",
            wrong="A chunk has more bytes than its size says, or its end is not CRLF.",
            senders="""
                Clients that count characters and not bytes; clients that end chunks with LF; smuggling
                attempts.
            """,
            client="Count the bytes of each chunk, and write CRLF behind its data.",
            source="RFC 9112 section 7.1",
        ),
        Refusal(
            "message-end-uncertain",
            400,
            "It is not certain where the message ends.",
            wrong="""
                The server and the parser of the backend read different ends, or different fields, of one
                message. A proxy in front could see yet another one, so the connection ends. The log has both
                readings at WARNING.
            """,
            senders="Request smuggling attempts; a backend with a bug.",
            client="Send the request by a current HTTP library.",
            source="RFC 9112 section 11.2",
            server="Run `kyoukai check` on the backend, and report the request to its author.",
        ),
        Refusal(
            "message-malformed",
            400,
            "The request is malformed.",
            wrong="""
                The parser of the backend refused the message, and its error does not say why. The log has
                that error at DEBUG.
            """,
            senders="Scripts that write requests by hand; scanners; request smuggling attempts.",
            client="Send the request by a current HTTP library.",
            source="RFC 9110 section 15.5.1",
            server="""
                Run with `--log-level debug`, or with `--trace`, to see the parser's error and the bytes.
            """,
        ),
        Refusal(
            "not-implemented",
            501,
            "This server does not implement what the request asks for.",
            wrong=(
                "The request needs something that the backend does not implement. The backend's error "
                "does not name it."
            ),
            senders=(
                "Clients that are made for another server, one that implements what they ask for; scanners."
            ),
            client="Ask for less: another method, no transfer coding.",
            source="RFC 9110 section 15.6.2",
            server="Choose a backend with more features: `kyoukai backends` lists them.",
        ),
    ),
)
