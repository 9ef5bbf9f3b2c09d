"""Conditional requests and ranges for files: RFC 9110 sections 13 and 14, where Werkzeug falls short.

Werkzeug parses the fields, compares validators and computes ranges. This module decides which fields it gets,
so that the order of section 13.2.2 holds, a range that need not be served is ignored instead of refused, and
``If-Range`` is compared according to section 13.1.5.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from werkzeug.exceptions import PreconditionFailed
from werkzeug.http import parse_date, parse_etags, parse_range_header, quote_etag, remove_entity_headers
from werkzeug.wrappers import Response

READ_HERE: Final = ("HTTP_RANGE", "HTTP_IF_RANGE", "HTTP_IF_MATCH")
"""Fields that Werkzeug does not get, or not at first."""


def apply_conditions(response: Response, environ: Mapping[str, Any], size: int | None) -> None:
    """Apply the conditions and the range of a request to a response.

    It becomes a 304 without the fields of a body; or a 206 whose ``content_range`` is the part, and whose
    Werkzeug ``response`` is to be replaced; or it stays unchanged.

    :param response: a 200, with its ``ETag`` and ``Last-Modified``, if any.
    :param environ: the environ of the request, which is not changed.
    :param size: the size of the whole in bytes; ``None`` if unknown: no range can be served.
    :raises werkzeug.exceptions.PreconditionFailed: if a precondition fails.
    :raises werkzeug.exceptions.RequestedRangeNotSatisfiable: if the range is outside of the whole.
    """
    has_date = "Date" in response.headers
    if not is_wanted(environ, response.get_etag(), response.last_modified):
        raise PreconditionFailed
    # RFC 9110 section 13.2.2: conditions come first; Werkzeug would evaluate the range first.
    whole = {name: value for name, value in environ.items() if name not in READ_HERE}
    response.make_conditional(whole)
    if response.status_code == 304:
        # RFC 9110 section 15.4.5: no fields that describe unsent content.
        remove_entity_headers(response.headers)
    elif size is not None:
        asked = wanted_range(environ, response.get_etag(), response.last_modified, size)
        if asked is not None:
            whole["HTTP_RANGE"] = asked
        response.make_conditional(whole, accept_ranges=True, complete_length=size)
    if not has_date:
        # Drop Werkzeug's Date: the server has its own clock, and caches equal heads.
        response.headers.pop("Date", None)


def wanted_range(
    environ: Mapping[str, Any],
    etag: tuple[str, bool] | tuple[None, None],
    modified: datetime | None,
    size: int,
) -> str | None:
    """Return the ``Range`` of a request if it is to be served or refused, else ``None``.

    :param etag: the current entity tag, and whether it is weak.
    :param modified: the modification time.
    :param size: the size of the whole in bytes.
    """
    value: str | None = environ.get("HTTP_RANGE")
    # RFC 9110 section 14.2: ranges are for GET. An unknown unit must be ignored. A malformed field may be,
    # and so may several ranges, which cost more than the whole.
    if value is None or environ.get("REQUEST_METHOD") != "GET":
        return None
    parsed = parse_range_header(value)
    if parsed is None or parsed.units != "bytes" or len(parsed.ranges) != 1:
        return None
    condition = environ.get("HTTP_IF_RANGE")
    if condition is not None and not is_same(condition, etag, modified):
        return None
    # RFC 9110 section 14.1.2: a suffix longer than the whole is the whole.
    return "bytes=0-" if parsed.ranges[0][0] < -size else value


def is_same(condition: str, etag: tuple[str, bool] | tuple[None, None], modified: datetime | None) -> bool:
    """Return whether the current representation matches ``If-Range`` (RFC 9110 section 13.1.5).

    A tag must be equal and strong; a date must be equal.
    """
    date = parse_date(condition)
    if date is not None:
        return date == modified
    tag, is_weak = etag
    return tag is not None and not is_weak and condition.strip() == quote_etag(tag)


def is_wanted(
    environ: Mapping[str, Any], etag: tuple[str, bool] | tuple[None, None], modified: datetime | None
) -> bool:
    """Return whether the preconditions ``If-Match`` and ``If-Unmodified-Since`` hold.

    Werkzeug does not know ``If-Match: *``, skips ``If-None-Match`` if ``If-Match`` is there, and ignores
    ``If-Unmodified-Since``.
    """
    tags = parse_etags(environ.get("HTTP_IF_MATCH"))
    if tags:
        # RFC 9110 section 13.1.1: "*" matches any representation; the comparison is strong.
        tag, is_weak = etag
        return tags.star_tag or (tag is not None and not is_weak and tags.is_strong(tag))
    # RFC 9110 section 13.1.4: it applies if there is no If-Match and it is a valid date.
    date = parse_date(environ.get("HTTP_IF_UNMODIFIED_SINCE"))
    return date is None or modified is None or modified <= date
