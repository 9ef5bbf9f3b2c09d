"""Refusals of request bodies."""

from typing import Final

from .entry import Group, Refusal

GROUP: Final = Group(
    "Bodies",
    (
        Refusal(
            "body-too-large",
            413,
            "The request body is larger than this server takes.",
            wrong="""
                The body exceeds `max_body_size`, or the limit of its route: by its `Content-Length`, by the
                sum of its chunks, or once its content coding is removed.
            """,
            senders="""
                Uploads of photographs and videos; backups and imports; compressed bodies that expand (zip
                bombs); attacks.
            """,
            client="Send less, or in parts.",
            source="RFC 9110 section 15.5.14",
            server="""
                Raise `max_body_size` for the route, or for the server. Stream large bodies (`stream=True`).
            """,
        ),
        Refusal(
            "body-incomplete",
            400,
            "The body is not whole.",
            wrong="""
                The client ended its side before the end of the body, or sent another number of bytes than
                announced.
            """,
            senders="""
                Users who cancel an upload; mobile clients that lose their network; proxies with a shorter
                timeout.
            """,
            client="""
                Send the whole body, with its size in bytes as `Content-Length`. Send it again after a lost
                connection.
            """,
            source="RFC 9112 section 8",
            server="If a proxy cuts bodies off, raise its timeouts.",
        ),
        Refusal(
            "request-incomplete",
            400,
            "The request is not whole.",
            wrong="The client ended its side before the end of the request's head.",
            senders="""
                Port scanners and health checks that connect and leave; clients that lose their network.
            """,
            client="Send the whole head, with the empty line at its end. Make health checks send a request.",
            source="RFC 9112 section 8",
        ),
        Refusal(
            "request-abandoned",
            400,
            "The client has not waited for the answer.",
            wrong="""
                The client closed its sending side while a mounted ASGI application waited for more from the
                client, and the application gave up.
            """,
            senders="Clients that half-close their connection after the request; users who cancel.",
            client="Keep the connection open until the answer is there.",
            source="ASGI, `http.disconnect`",
        ),
        Refusal(
            "content-coding-unknown",
            415,
            "The request body has a content coding that this server does not know.",
            wrong="""
                `Content-Encoding` is not `gzip`, `x-gzip`, `deflate` or `identity`, or names several codings.
            """,
            senders="""
                Clients that compress with `br` or `zstd`; clients that confuse `Content-Encoding` with a
                charset.
            """,
            client="""
                Send the body uncompressed or as `gzip`. The answer's `Accept-Encoding` lists what is taken.
            """,
            source="RFC 9110 section 8.4",
        ),
        Refusal(
            "content-coding-corrupt",
            400,
            "The body cannot be decoded by its Content-Encoding.",
            wrong="The body cannot be decoded as its `Content-Encoding` says, or its checksum is wrong.",
            senders="""
                Clients that set `Content-Encoding: gzip` and send plain text; raw deflate data without the
                zlib header as `deflate`; proxies that decompress and keep the field.
            """,
            client="""
                Remove `Content-Encoding`, or compress the body. `deflate` means the zlib format (RFC 1950).
            """,
            source="RFC 9110 section 8.4.1",
        ),
        Refusal(
            "content-coding-incomplete",
            400,
            "The compressed body is incomplete.",
            wrong="""
                The compressed data is cut: the message is whole, and the gzip or deflate stream in it is not.
            """,
            senders="""
                Clients that do not flush or close their compressor; files that were cut before they were
                sent.
            """,
            client="Finish the compressor (`close()`, `Z_FINISH`) before sending its last bytes.",
            source="RFC 9110 section 8.4.1",
        ),
        Refusal(
            "content-coding-excess",
            400,
            "The body continues after the end of its content coding.",
            wrong="""
                There are bytes behind the end of the deflate stream, or a gzip body has very many members
                with little data in each.
            """,
            senders="Clients that append text to compressed data; attacks with many empty gzip members.",
            client="Compress the whole body as one stream.",
            source="RFC 1950 section 2.2; RFC 1952 section 2.2",
        ),
    ),
)
