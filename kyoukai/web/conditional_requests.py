"""What a request asks of a file besides to have it: RFC 9110 sections 13 and 14, where Werkzeug needs help.

Werkzeug reads the fields, compares validators and works out ranges. What is decided here is what it is
given to read, so that the order of section 13.2.2 holds, a range that need not be served is ignored in
place of refused, and ``If-Range`` is compared as section 13.1.5 has it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from werkzeug.exceptions import PreconditionFailed
from werkzeug.http import parse_date, parse_etags, parse_range_header, quote_etag, remove_entity_headers
from werkzeug.wrappers import Response

READ_HERE: Final = ("HTTP_RANGE", "HTTP_IF_RANGE", "HTTP_IF_MATCH")
"""What Werkzeug is not given to read, or not at first."""


def apply_conditions(response: Response, environ: Mapping[str, Any], size: int | None) -> None:
    """Let a response be what the request's conditions and range make of it.

    It becomes a 304 without the fields that describe a body, or a 206 whose ``content_range`` says the
    part and whose ``response`` is Werkzeug's to be replaced; or it stays as it is.

    :param response: a 200 with its ``ETag`` and ``Last-Modified``, where it has them.
    :param environ: of the request, which is left alone.
    :param size: bytes of the whole; ``None`` where nobody knows, and no range can be served.
    :raises werkzeug.exceptions.PreconditionFailed: if a condition for any answer does not hold.
    :raises werkzeug.exceptions.RequestedRangeNotSatisfiable: if the range has nothing of the whole.
    """
    has_date = "Date" in response.headers
    if not is_wanted(environ, response.get_etag(), response.last_modified):
        raise PreconditionFailed
    # RFC 9110 section 13.2.2: the conditions come first; Werkzeug would look at the range before.
    whole = {name: value for name, value in environ.items() if name not in READ_HERE}
    response.make_conditional(whole)
    if response.status_code == 304:
        # RFC 9110 section 15.4.5: nothing that describes what is not sent.
        remove_entity_headers(response.headers)
    elif size is not None:
        asked = wanted_range(environ, response.get_etag(), response.last_modified, size)
        if asked is not None:
            whole["HTTP_RANGE"] = asked
        response.make_conditional(whole, accept_ranges=True, complete_length=size)
    if not has_date:
        # Werkzeug sets it; the server has a clock of its own, and keeps heads that are the same.
        response.headers.pop("Date", None)


def wanted_range(
    environ: Mapping[str, Any],
    etag: tuple[str, bool] | tuple[None, None],
    modified: datetime | None,
    size: int,
) -> str | None:
    """Return the ``Range`` of a request, if there is one to be served or refused, else ``None``.

    :param etag: of what there is: the tag, and whether it is weak.
    :param modified: when it was modified.
    :param size: bytes of the whole.
    """
    value: str | None = environ.get("HTTP_RANGE")
    # RFC 9110 section 14.2: ranges are for GET; a unit that is not known must be ignored, what cannot
    # be read may be, and so may several ranges at once, which cost more than the whole.
    if value is None or environ.get("REQUEST_METHOD") != "GET":
        return None
    parsed = parse_range_header(value)
    if parsed is None or parsed.units != "bytes" or len(parsed.ranges) != 1:
        return None
    condition = environ.get("HTTP_IF_RANGE")
    if condition is not None and not is_same(condition, etag, modified):
        return None
    # RFC 9110 section 14.1.2: of what is shorter than that, the last bytes are all of them.
    return "bytes=0-" if parsed.ranges[0][0] < -size else value


def is_same(condition: str, etag: tuple[str, bool] | tuple[None, None], modified: datetime | None) -> bool:
    """Return whether what there is, is what ``If-Range`` speaks of (RFC 9110 section 13.1.5).

    A tag must be the very one, and strong; a date the very one too.
    """
    date = parse_date(condition)
    if date is not None:
        return date == modified
    tag, is_weak = etag
    return tag is not None and not is_weak and condition.strip() == quote_etag(tag)


def is_wanted(
    environ: Mapping[str, Any], etag: tuple[str, bool] | tuple[None, None], modified: datetime | None
) -> bool:
    """Return whether a request wants any answer of what there is: ``If-Match``, ``If-Unmodified-Since``.

    Werkzeug knows no ``If-Match: *``, lets that field hide ``If-None-Match``, and reads the other not.
    """
    tags = parse_etags(environ.get("HTTP_IF_MATCH"))
    if tags:
        # RFC 9110 section 13.1.1: any is enough for "*", and the comparison is the strong one.
        tag, is_weak = etag
        return tags.star_tag or (tag is not None and not is_weak and tags.is_strong(tag))
    # RFC 9110 section 13.1.4: it counts where there is no If-Match, and it is a date.
    date = parse_date(environ.get("HTTP_IF_UNMODIFIED_SINCE"))
    return date is None or modified is None or modified <= date
