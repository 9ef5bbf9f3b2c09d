"""Refusals of requests that take too long or would wait too long."""

from typing import Final

from .entry import Group, Refusal

GROUP: Final = Group(
    "Time and waiting",
    (
        Refusal(
            "head-timeout",
            408,
            "The head of the request did not arrive in time.",
            wrong="""
                More than `head_timeout` seconds passed between the first byte of a request and the end of its
                head. Over HTTP/2, the connection ends with the error code ENHANCE_YOUR_CALM.
            """,
            senders="""
                Clients on very slow networks; scripts and `telnet` sessions typed by hand; load balancers
                that open connections early; slowloris attacks.
            """,
            client="Send the head in one piece, and end it with an empty line.",
            source="RFC 9110 section 15.5.9",
            server="Raise `head_timeout`.",
        ),
        Refusal(
            "body-timeout",
            408,
            "The body of the request did not arrive in time.",
            wrong="""
                No byte of the body came for `body_timeout` seconds, or the body was slower than
                `min_body_rate`.
            """,
            senders="""
                Mobile clients that lose their network; uploads over slow lines; a `Content-Length` that is
                too large; slow attacks.
            """,
            client="""
                Check that the client sends as many bytes as `Content-Length` says. Send large uploads in
                parts.
            """,
            source="RFC 9110 section 15.5.9",
            server="Raise `body_timeout`, or lower `min_body_rate` (0: any rate).",
        ),
        Refusal(
            "write-timeout",
            0,
            "The client does not read its answer.",
            wrong="""
                The client took no byte of an answer for `write_timeout` seconds. The connection is cut off.
                Over HTTP/2, if the client still takes other answers, only the stream of this answer is reset,
                with the error code CANCEL.
            """,
            senders="""
                Paused downloads and video players; clients that crashed or lost their network; slow-read
                attacks.
            """,
            client="""
                Read answers as they come, or close the connection. Resume downloads with a `Range` request.
            """,
            source="the setting `write_timeout`",
            server="Raise `write_timeout`.",
        ),
        Refusal(
            "threads-busy",
            503,
            "This server has too many requests to answer right now.",
            wrong="""
                All threads of a WSGI application are busy, and as many requests as `max_waiting` wait for
                one. The answer has `Retry-After`.
            """,
            senders="""
                Ordinary clients under a peak of load; handlers that wait for a slow database or service.
            """,
            client="Try again after the seconds of `Retry-After`.",
            source="RFC 9110 section 15.6.4",
            server="""
                Raise `threads` or `max_waiting` of the mount, add workers, or find what the handlers wait
                for.
            """,
        ),
    ),
)
