"""Which cases other servers are asked, and whether they keep them.

What is compared is what every server owes, whatever its limits, its application and its other
protocols are: whether a request is served or refused, how many answers there are, that a refused
connection ends, and the method, path, query and body that the application saw.
"""

from collections.abc import Iterable

from conversation import Outcome

from kyoukai.testing import Case
from kyoukai.testing.recorder import Reply

OTHER_STATUSES = frozenset({413, 414, 417, 431})
"""Statuses of limits, of which a server may have others, and of expectations, which it may ignore."""

MAX_SIZE = 4096
"""The longest case, in bytes: a longer one may pass a limit of another server."""

OTHER_SECTIONS = frozenset({"Answers", "Content codings", "Limits", "Time"})
"""What is a matter of the application, of a feature that a server need not have, or of settings."""

COMPARED = ("method", "path", "query", "body")

INPUTS = {
    "host-missing": "HTTP/1.1 without Host",
    "host-twice-equal": "two Host fields",
    "request-line-ends-in-lf": "a request line that ends in LF alone",
    "line-ends-in-lf": "a field line that ends in LF alone",
    "cve-2023-30589-cr-before-a-length": "a CR alone, then `Content-Length`",
    "cve-2021-22959-space-before-the-colon": "a space before the colon of a framing field",
    "fold-with-space": "a folded field",
    "value-nul": "NUL in a value",
    "target-nul": "NUL in the target",
    "target-absolute": "a target in absolute form",
    "version-2.0": "`GET / HTTP/2.0`",
    "cve-2019-16792-two-lengths": "two lengths that differ",
    "cve-2023-47627-length-with-plus": "a length with a sign",
    "length-list-unequal": "a length that is a list",
    "cve-2023-47641-chunked-before-length": "both `chunked` and a length",
    "coding-in-1.0": "`chunked` in HTTP/1.0",
    "coding-chunked-not-last": "`chunked, gzip`",
    "cve-2024-1135-conflicting-transfer-encodings": "two Transfer-Encoding fields that conflict",
    "cve-2023-47627-chunk-size-with-underscore": "a chunk size with an underscore",
    "cve-2022-24761-chunk-size-0x01": "a chunk size with `0x`",
    "chunk-size-of-seventeen-digits": "a chunk size beyond 64 bits",
    "chunk-line-bare-lf": "a chunk size line that ends in LF alone",
    "cve-2025-43859-chunk-data-and-two-other-bytes": "chunk data that no CRLF follows",
    "cve-2024-52304-newline-in-extension": "LF in a chunk extension",
    "cve-2025-53643-request-in-trailer-section": "a request in the trailer section",
    "uvicorn-2722-upgrade-with-a-body": "an upgrade offered with a chunked body, then a request",
    "refused-then-request": "a request behind a refused one",
    "end-after-request": "a client that ends its side after its request",
}
"""The inputs whose statuses are shown one by one: cases, in words."""


def chosen(corpus: Iterable[Case]) -> list[Case]:
    """Return the cases that every server is asked."""
    return [case for case in corpus if is_fair(case)]


def is_fair(case: Case) -> bool:
    """Return whether a case asks for nothing that a server may do otherwise."""
    return (
        case.group not in OTHER_SECTIONS
        and not case.limits
        and case.ending is None
        and case.reply == Reply()
        and len(case.data) <= MAX_SIZE
        and not OTHER_STATUSES.intersection(answer.status for answer in case.answers)
        and not is_for_others(case)
    )


def is_for_others(case: Case) -> bool:
    """Return whether a case is of a protocol, or a rule, that a server may leave to others or take up."""
    data = case.data.lower()
    refused = not all(answer.application for answer in case.answers)
    return (
        # Some of them speak WebSocket and HTTP/2, and are right to; or decode contents, or do not.
        b"\nupgrade:" in data
        or data.startswith(b"pri *")
        or b"\ncontent-encoding:" in data
        # Which methods there are, WSGI and ASGI leave to the application.
        or (b"\ntransfer-encoding:" not in data and any(answer.status == 501 for answer in case.answers))
        # A server may wait for the end of a head before it refuses it.
        or (refused and b"\r\n\r\n" not in data)
    )


def is_kept(case: Case, outcome: Outcome) -> bool:
    """Return whether a server did with a case what it must.

    Any refusal will do for another, and a server may close a connection that it might have kept.
    """
    if len(outcome.replies) != len(case.answers) or (case.closed and not outcome.closed):
        return False
    if case.continued is False and outcome.continued:
        return False
    # A body that comes with its head needs no 100 Continue (RFC 9110 section 10.1.1).
    if case.continued and case.pause_at == len(case.data) and not outcome.continued:
        return False
    for expected, reply in zip(case.answers, outcome.replies, strict=True):
        if not expected.application:
            if reply.seen is not None or reply.status < 400:
                return False
            continue
        if reply.seen is None:
            return False
        wanted = {name: value for name, value in expected.seen.items() if name in COMPARED}
        if any(_text(value) != _text(reply.seen[name]) for name, value in wanted.items()):
            return False
        if expected.body_size is not None and len(reply.seen["body"]) != expected.body_size:
            return False
    return True


def _text(value: object) -> str:
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    # What stands for no path is a matter of WSGI and ASGI.
    return "" if text in ("/", "*", "/*") else text
