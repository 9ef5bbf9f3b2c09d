from datetime import UTC, datetime
from typing import Any

import pytest
from werkzeug.exceptions import PreconditionFailed, RequestedRangeNotSatisfiable
from werkzeug.wrappers import Response

from kyoukai.web.conditional_requests import apply_conditions, is_same, is_wanted, wanted_range

MODIFIED = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
DATE = "Mon, 06 May 2024 07:08:09 GMT"
EARLIER = "Mon, 06 May 2024 07:08:08 GMT"
LATER = "Mon, 06 May 2024 07:08:10 GMT"


def environ(method: str = "GET", **fields: str) -> dict[str, Any]:
    return {"REQUEST_METHOD": method, **{f"HTTP_{name.upper()}": value for name, value in fields.items()}}


def applied(size: int | None = 10, method: str = "GET", **fields: str) -> Response:
    response = Response([b"0123456789"], direct_passthrough=True)
    response.set_etag("tag")
    response.last_modified = MODIFIED
    response.content_length = 10
    asked = environ(method, **fields)
    before = dict(asked)
    apply_conditions(response, asked, size)
    assert asked == before
    assert "Date" not in response.headers
    return response


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 200),
        ({"if_none_match": '"tag"'}, 304),
        ({"if_none_match": 'W/"tag"'}, 304),
        ({"if_none_match": '"a", "tag"'}, 304),
        ({"if_none_match": "*"}, 304),
        ({"if_none_match": '"other"'}, 200),
        ({"if_modified_since": DATE}, 304),
        ({"if_modified_since": LATER}, 304),
        ({"if_modified_since": EARLIER}, 200),
        ({"if_modified_since": "yesterday"}, 200),
        # RFC 9110 section 13.1.3: If-Modified-Since is ignored beside If-None-Match.
        ({"if_none_match": '"other"', "if_modified_since": DATE}, 200),
        ({"if_match": '"tag"'}, 200),
        ({"if_match": "*"}, 200),
        ({"if_unmodified_since": DATE}, 200),
        ({"if_unmodified_since": "tomorrow"}, 200),
        # RFC 9110 section 13.1.4: likewise beside If-Match.
        ({"if_match": '"tag"', "if_unmodified_since": EARLIER}, 200),
        ({"range": "bytes=2-4"}, 206),
        ({"range": "bytes=2-4", "if_match": '"tag"'}, 206),
        ({"if_match": '"tag"', "if_none_match": '"tag"'}, 304),
        ({"if_match": '"tag"', "if_modified_since": DATE}, 304),
        # Section 13.2.2: the range comes last.
        ({"range": "bytes=2-4", "if_none_match": '"tag"'}, 304),
        ({"range": "bytes=2-4", "if_none_match": '"other"'}, 206),
    ],
)
def test_the_status(fields: dict[str, str], status: int) -> None:
    assert applied(**fields).status_code == status


@pytest.mark.parametrize(
    "fields",
    [
        {"if_match": '"other"'},
        {"if_match": 'W/"tag"'},
        {"if_unmodified_since": EARLIER},
        {"if_match": '"other"', "range": "bytes=2-4"},
    ],
)
def test_a_precondition_that_fails(fields: dict[str, str]) -> None:
    with pytest.raises(PreconditionFailed):
        applied(**fields)


def test_not_modified_describes_no_body() -> None:
    names = {name.lower() for name, _ in applied(if_none_match='"tag"').headers}
    assert names == {"etag"}


def test_a_part_says_which() -> None:
    response = applied(range="bytes=-3")
    assert (response.headers["Content-Range"], response.content_length) == ("bytes 7-9/10", 3)


def test_a_range_beyond_the_end() -> None:
    with pytest.raises(RequestedRangeNotSatisfiable) as info:
        applied(range="bytes=10-")
    assert ("Content-Range", "bytes */10") in info.value.get_headers()


def test_no_range_without_a_known_size() -> None:
    response = applied(None, range="bytes=2-4")
    assert response.status_code == 200
    assert "Accept-Ranges" not in response.headers


@pytest.mark.parametrize(
    ("value", "method", "is_wanted"),
    [
        ("bytes=0-4", "GET", True),
        ("bytes=4-", "GET", True),
        ("bytes=-4", "GET", True),
        ("BYTES=0-4", "GET", True),
        ("bytes=900-", "GET", True),
        ("bytes=0-4", "HEAD", False),
        ("bytes=0-4", "POST", False),
        ("bytes=0-1,4-5", "GET", False),
        ("lines=0-4", "GET", False),
        ("bytes=4-2", "GET", False),
        ("bytes=-0", "GET", False),
        ("bytes=a-b", "GET", False),
        ("bytes=", "GET", False),
        ("0-4", "GET", False),
    ],
)
def test_requested_ranges(value: str, method: str, is_wanted: bool) -> None:
    expected = value if is_wanted else None
    assert wanted_range(environ(method, range=value), ("tag", False), MODIFIED, 10) == expected


def test_more_of_the_end_than_there_is() -> None:
    assert wanted_range(environ(range="bytes=-11"), ("tag", False), MODIFIED, 10) == "bytes=0-"
    assert wanted_range(environ(range="bytes=-10"), ("tag", False), MODIFIED, 10) == "bytes=-10"


def test_no_range() -> None:
    assert wanted_range(environ(), ("tag", False), MODIFIED, 10) is None


@pytest.mark.parametrize(
    ("condition", "is_that"),
    [
        ('"tag"', True),
        ('W/"tag"', False),
        ('"other"', False),
        ("tag", False),
        (DATE, True),
        (LATER, False),
        (EARLIER, False),
        ("", False),
    ],
)
def test_if_range(condition: str, is_that: bool) -> None:
    assert is_same(condition, ("tag", False), MODIFIED) is is_that
    asked = environ(range="bytes=0-4", if_range=condition)
    assert (wanted_range(asked, ("tag", False), MODIFIED, 10) is not None) is is_that


def test_a_weak_tag_is_the_same_as_none() -> None:
    assert not is_same('"tag"', ("tag", True), None)
    assert not is_same('W/"tag"', ("tag", True), None)
    assert not is_same('"tag"', (None, None), None)
    assert not is_same(DATE, (None, None), None)


def test_if_unmodified_since_without_a_known_date() -> None:
    assert is_wanted(environ(if_unmodified_since=EARLIER), (None, None), None)


def test_if_match_without_a_strong_tag() -> None:
    assert not is_wanted(environ(if_match='"tag"'), ("tag", True), MODIFIED)
    assert not is_wanted(environ(if_match='"tag"'), (None, None), MODIFIED)
    assert is_wanted(environ(if_match="*"), (None, None), MODIFIED)
