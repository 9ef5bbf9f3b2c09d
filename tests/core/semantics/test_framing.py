"""How messages are delimited: one row for every case that RFC 9110 and RFC 9112 tell apart."""

import itertools
from typing import Any

import pytest

from kyoukai.core.errors import BadRequest, NotImplementedByServer, ProtocolError
from kyoukai.core.semantics.answer_head import AnswerHead, answer_size
from kyoukai.core.semantics.framing import (
    CHUNKED,
    CONTENT_LENGTH,
    NO_BODY,
    TRANSFER_CODING,
    Framing,
    ResponseFraming,
    frame_answer,
    request_framing,
)
from kyoukai.core.semantics.variables import field_variables


def frame(
    method: str, version: str, status: int, size: int | None, declared: int | None, *, close: bool
) -> ResponseFraming:
    """Return how the answer to a request is delimited."""
    length, has_content = answer_size(method, status, size, declared)
    head = AnswerHead(str(status), size=length, has_content=has_content)
    return frame_answer(head, version, close)


def read(*fields: tuple[bytes, bytes], version: str = "1.1") -> Framing:
    """Return how fields say that the body of a request is delimited."""
    variables = field_variables(fields, 10)
    return request_framing(variables.get("CONTENT_LENGTH"), variables.get("HTTP_TRANSFER_ENCODING"), version)


def refusal(*fields: tuple[bytes, bytes], version: str = "1.1") -> tuple[type[ProtocolError], int | None]:
    """Have fields refused, and return the error's class and status."""
    with pytest.raises(ProtocolError) as caught:
        read(*fields, version=version)
    return type(caught.value), caught.value.code


def test_the_constants() -> None:
    assert NO_BODY == (0, False)
    assert CHUNKED == (0, True)


# method, version, status, size, declared; and of the answer: Content-Length, chunked, body, close
@pytest.mark.parametrize(
    ("method", "version", "status", "size", "declared", "expected"),
    [
        # No content, and a length that says so.
        pytest.param("GET", "1.1", 205, 5, 5, (0, False, False, False), id="RFC9110-15.3.6-sized"),
        pytest.param("GET", "1.1", 205, None, None, (0, False, False, False), id="RFC9110-15.3.6-stream"),
        # A length that is known.
        pytest.param("GET", "1.1", 200, 5, None, (5, False, True, False), id="RFC9110-8.6-known"),
        pytest.param("GET", "1.0", 200, 5, None, (5, False, True, False), id="RFC9110-8.6-known-1.0"),
        pytest.param("GET", "1.1", 200, 0, None, (0, False, False, False), id="RFC9110-8.6-empty"),
        pytest.param("GET", "1.0", 200, 0, None, (0, False, False, False), id="RFC9110-8.6-empty-1.0"),
        pytest.param("POST", "1.1", 201, 5, None, (5, False, True, False), id="RFC9110-8.6-post"),
        pytest.param("GET", "1.1", 200, 5, 7, (5, False, True, False), id="RFC9110-8.6-declared-wrongly"),
        pytest.param("GET", "1.1", 200, 0, 7, (0, False, False, False), id="RFC9110-8.6-declared-of-none"),
        pytest.param("GET", "1.1", 500, 5, None, (5, False, True, False), id="RFC9110-15.6-error"),
        # A stream.
        pytest.param("GET", "1.1", 200, None, None, (None, True, True, False), id="RFC9112-7.1-chunked"),
        pytest.param("GET", "1.2", 200, None, None, (None, True, True, False), id="RFC9110-2.5-minor"),
        pytest.param("GET", "1.0", 200, None, None, (None, False, True, True), id="RFC9112-6.3-until-close"),
        pytest.param("GET", "1.1", 200, None, 7, (7, False, True, False), id="RFC9112-6.2-declared"),
        pytest.param("GET", "1.0", 200, None, 7, (7, False, True, False), id="RFC9112-6.2-declared-1.0"),
        pytest.param("GET", "1.1", 200, None, 0, (0, False, True, False), id="RFC9112-6.2-declared-0"),
        # HEAD: what GET would have had, and no body.
        pytest.param("HEAD", "1.1", 200, 5, None, (5, False, False, False), id="RFC9110-9.3.2-known"),
        pytest.param("HEAD", "1.1", 200, None, 7, (7, False, False, False), id="RFC9110-9.3.2-declared"),
        pytest.param("HEAD", "1.1", 200, 0, 7, (7, False, False, False), id="RFC9110-9.3.2-empty-declared"),
        pytest.param("HEAD", "1.1", 200, None, 0, (0, False, False, False), id="RFC9110-9.3.2-declared-0"),
        pytest.param("HEAD", "1.1", 200, None, None, (None, False, False, False), id="RFC9110-9.3.2-stream"),
        pytest.param("HEAD", "1.0", 200, None, None, (None, False, False, False), id="RFC9110-9.3.2-1.0"),
        pytest.param("HEAD", "1.1", 404, 5, None, (5, False, False, False), id="RFC9110-9.3.2-error"),
        # 304 likewise; an empty body says nothing of the one that GET would have had.
        pytest.param("GET", "1.1", 304, None, 7, (7, False, False, False), id="RFC9110-15.4.5-declared"),
        pytest.param("GET", "1.1", 304, 0, 7, (7, False, False, False), id="RFC9110-15.4.5-empty-declared"),
        pytest.param("GET", "1.1", 304, 0, None, (None, False, False, False), id="RFC9110-15.4.5-empty"),
        pytest.param("GET", "1.1", 304, None, None, (None, False, False, False), id="RFC9110-15.4.5-stream"),
        pytest.param("GET", "1.0", 304, None, None, (None, False, False, False), id="RFC9110-15.4.5-1.0"),
        # 1xx and 204: neither a body nor a length.
        pytest.param("GET", "1.1", 204, 0, None, (None, False, False, False), id="RFC9110-15.3.5"),
        pytest.param("GET", "1.1", 204, 5, 5, (None, False, False, False), id="RFC9110-15.3.5-with-body"),
        pytest.param("HEAD", "1.1", 204, None, 7, (None, False, False, False), id="RFC9110-15.3.5-head"),
        pytest.param("GET", "1.0", 204, None, None, (None, False, False, False), id="RFC9110-15.3.5-1.0"),
        pytest.param("GET", "1.1", 100, 0, None, (None, False, False, False), id="RFC9110-8.6-100"),
        pytest.param("GET", "1.1", 199, 5, 5, (None, False, False, False), id="RFC9110-8.6-199"),
    ],
)
def test_response(
    method: str,
    version: str,
    status: int,
    size: int | None,
    declared: int | None,
    expected: tuple[int | None, bool, bool, bool],
) -> None:
    framing = frame(method, version, status, size, declared, close=False)
    assert framing == ResponseFraming(*expected)
    # Another reason to close changes that and nothing else.
    closing = frame(method, version, status, size, declared, close=True)
    assert closing == ResponseFraming(*expected[:3], True)


METHODS = ("GET", "HEAD", "POST")
STATUSES = (100, 199, 200, 204, 206, 304, 404, 500, 599, 999)
LENGTHS = (None, 0, 5)


@pytest.mark.parametrize("close", [False, True])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_no_combination_is_ambiguous(version: str, close: bool) -> None:
    """Whatever is asked, a client can tell where the answer ends: RFC 9112 section 6.3."""
    for method, status, size, declared in itertools.product(METHODS, STATUSES, LENGTHS, LENGTHS):
        framing = frame(method, version, status, size, declared, close=close)
        case = (method, status, size, declared, framing)
        bodiless = method == "HEAD" or status < 200 or status in (204, 304)
        assert not (framing.chunked and framing.content_length is not None), case
        assert not (framing.chunked and version == "1.0"), case
        # Section 6.3, rule 8: only the end of the connection delimits it, which therefore has to come.
        is_delimited = framing.chunked or framing.content_length is not None
        assert framing.open_ended == (framing.send_body and not is_delimited), case
        assert framing.close or not framing.open_ended, case
        if bodiless:
            assert not framing.send_body, case
            assert not framing.chunked, case
        elif not framing.chunked and framing.content_length is None:
            assert framing.close, case
        if status < 200 or status == 204:
            assert framing.content_length is None, case
        if close:
            assert framing.close, case


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_the_application_wants_the_connection_to_end(version: str) -> None:
    head = AnswerHead("200 OK", size=5, has_content=True)
    assert not frame_answer(head, version, False).close
    head.closes = True
    assert frame_answer(head, version, False) == ResponseFraming(5, False, True, True)


# Requests, by Content-Length: RFC 9112 section 6.3


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize(
    ("value", "length"),
    [
        pytest.param(b"0", 0, id="RFC9110-8.6-0"),
        pytest.param(b"5", 5, id="RFC9110-8.6-5"),
        pytest.param(b"1000", 1000, id="RFC9110-8.6-1000"),
        pytest.param(b"005", 5, id="RFC9110-8.6-zeros"),
        pytest.param(b" \t5 ", 5, id="RFC9112-5.1-white-space"),
        pytest.param(b"0" * 18 + b"7", 7, id="RFC9110-8.6-19-digits"),
    ],
)
def test_content_length(value: bytes, length: int, version: str) -> None:
    assert read((b"Content-Length", value), version=version) == Framing(length, False)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"", id="RFC9110-8.6-empty"),
        pytest.param(b" ", id="RFC9110-8.6-blank"),
        pytest.param(b"five", id="RFC9110-8.6-word"),
        pytest.param(b"-5", id="RFC9110-8.6-minus"),
        pytest.param(b"+5", id="CVE-2023-47627-plus"),
        pytest.param(b"+10", id="CVE-2022-24761-plus"),
        pytest.param(b"1_0", id="CVE-2023-47627-underscore"),
        pytest.param(b"0x5", id="CVE-2023-47627-hex"),
        pytest.param(b"5, 5", id="RFC9112-6.3-list-of-equal"),
        pytest.param(b"5,6", id="CVE-2019-16792-list"),
        pytest.param(b"5,", id="RFC9112-6.3-list-end"),
        pytest.param(b"5 5", id="RFC9110-8.6-inner-space"),
        pytest.param(b"5.0", id="RFC9110-8.6-fraction"),
        pytest.param(b"5e1", id="RFC9110-8.6-exponent"),
        pytest.param(b"5;a", id="RFC9110-8.6-parameter"),
        pytest.param(b'"5"', id="RFC9110-8.6-quotes"),
        pytest.param(b"\xb2", id="CVE-2025-69224-superscript"),
        pytest.param(b"5\xb9", id="CVE-2025-69224-superscript-after"),
        pytest.param(b"\xa05", id="RFC9110-5.6.3-no-break-space"),
        pytest.param(b"\x0b5", id="CVE-2019-16789-vertical-tab"),
        pytest.param(b"5\x85", id="CVE-2026-44546-next-line"),
        pytest.param(b"5\n", id="RFC9110-5.5-line-feed"),
        pytest.param(b"5\0", id="RFC9110-5.5-NUL"),
        pytest.param(b"1" * 20, id="RFC9110-8.6-overflow"),
        pytest.param(b"18446744073709551621", id="RFC9110-8.6-5-in-64-bits"),
        pytest.param(b"0" * 350, id="RFC9110-8.6-endless"),
    ],
)
def test_bad_content_length(value: bytes, version: str) -> None:
    assert refusal((b"Content-Length", value), version=version) == (BadRequest, 400)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([b"5", b"5"], id="RFC9112-6.3-equal"),
        pytest.param([b"5", b"6"], id="CVE-2020-10108"),
        pytest.param([b"6", b"5"], id="CVE-2019-16792"),
        pytest.param([b"0", b"5"], id="RFC9112-6.3-zero-first"),
        pytest.param([b"5", b""], id="RFC9112-6.3-empty"),
        pytest.param([b"5", b"5", b"5"], id="RFC9112-6.3-three"),
    ],
)
def test_several_content_lengths(values: list[bytes]) -> None:
    names = (b"Content-Length", b"content-length", b"CONTENT-LENGTH")
    assert refusal(*zip(names, values, strict=False)) == (BadRequest, 400)


def test_no_content_length() -> None:
    # RFC 9112 section 6.3, rule 7: a request without either has no body.
    for version in ("1.0", "1.1"):
        assert read(version=version) == NO_BODY


# Requests, by Transfer-Encoding: RFC 9112 sections 6.1 and 6.3


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([b"chunked"], id="RFC9112-7.1"),
        pytest.param([b"Chunked"], id="RFC9112-7-case"),
        pytest.param([b"CHUNKED"], id="RFC9112-7-upper"),
        pytest.param([b"\t chunked "], id="RFC9112-5.1-white-space"),
    ],
)
def test_chunked(values: list[bytes]) -> None:
    for version in ("1.1", "1.2"):
        assert read(*((b"Transfer-Encoding", value) for value in values), version=version) == CHUNKED


BAD_CODINGS = [
    pytest.param([b""], 400, id="RFC9112-6.1-empty"),
    pytest.param([b"gzip"], 400, id="RFC9112-6.3-not-final"),
    pytest.param([b"identity"], 400, id="RFC9112-7-identity"),
    pytest.param([b"chunked, gzip"], 400, id="RFC9112-6.3-chunked-before"),
    pytest.param([b"chunked, identity"], 400, id="RFC9112-6.3-identity-after"),
    pytest.param([b"chunked, chunked"], 400, id="RFC9112-6.1-twice"),
    pytest.param([b"Chunked,CHUNKED"], 400, id="RFC9112-6.1-twice-case"),
    pytest.param([b"chunked", b"chunked"], 400, id="GHSA-753j-mpmx-qq6g-two-fields"),
    pytest.param([b"chunked", b"gzip"], 400, id="CVE-2024-1135-conflict"),
    pytest.param([b"chunked", b"identity"], 400, id="CVE-2024-1135-identity"),
    pytest.param([b"chunked", b"xchunked"], 400, id="CVE-2024-1135-unknown"),
    pytest.param([b"chunked", b""], 400, id="CVE-2024-1135-empty"),
    pytest.param([b"gzip", b"gzip"], 400, id="RFC9112-6.3-neither-is-chunked"),
    pytest.param([b"xchunked"], 400, id="CVE-2024-6827-before"),
    pytest.param([b"chunkedx"], 400, id="CVE-2024-6827-after"),
    pytest.param([b"chunk"], 400, id="CVE-2024-6827-shorter"),
    pytest.param([b"chunked;a=b"], 400, id="RFC9112-7.1-parameter"),
    pytest.param([b"chunked ; a"], 400, id="RFC9112-7.1-parameter-spaced"),
    pytest.param([b"chunked chunked"], 400, id="CVE-2022-32213-space"),
    pytest.param([b"chunked,"], 400, id="CVE-2022-32213-comma-after"),
    pytest.param([b",chunked"], 400, id="CVE-2022-32213-comma-before"),
    pytest.param([b"gzip,, chunked"], 400, id="CVE-2022-32213-two-commas"),
    pytest.param([b'"chunked"'], 400, id="CVE-2022-32213-quotes"),
    pytest.param([b"'chunked'"], 400, id="CVE-2022-32213-apostrophes"),
    pytest.param([b"chunked:"], 400, id="CVE-2022-32213-colon"),
    pytest.param([b"gzip chunked"], 400, id="CVE-2022-32213-no-comma"),
    pytest.param([b"\x0bchunked"], 400, id="CVE-2019-16789-vertical-tab"),
    pytest.param([b"\x0cchunked"], 400, id="CVE-2026-44546-form-feed"),
    pytest.param([b"chunked\x1c"], 400, id="CVE-2026-44546-file-separator"),
    pytest.param([b"chunked\x85"], 400, id="CVE-2026-44546-next-line"),
    pytest.param([b"\xa0chunked"], 400, id="GHSA-753j-mpmx-qq6g-no-break-space"),
    pytest.param([b"gzip, \xa0chunked"], 400, id="GHSA-753j-mpmx-qq6g-in-a-list"),
    pytest.param([b"chunked\0"], 400, id="RFC9110-5.5-NUL"),
    pytest.param([b"chunked\n"], 400, id="CVE-2022-32215-line-feed"),
    pytest.param([b"chunked\r\n , identity"], 400, id="CVE-2022-32215-folded"),
    pytest.param([b'gzip;a="b, chunked"'], 400, id="RFC9110-10.1.4-quoted"),
    pytest.param([b"gzip, chunked"], 501, id="CVE-2019-16786"),
    pytest.param([b"GZIP,Chunked"], 501, id="CVE-2019-16786-case"),
    pytest.param([b"gzip \t,\t chunked"], 501, id="RFC9110-5.6.1-white-space"),
    pytest.param([b"gzip", b"chunked"], 501, id="RFC9110-5.3-two-fields"),
    pytest.param([b"deflate, gzip, chunked"], 501, id="RFC9112-6.1-three"),
    pytest.param([b"identity, chunked"], 501, id="RFC9112-7-identity-before"),
    pytest.param([b"gzip;level=9, chunked"], 501, id="RFC9110-10.1.4-parameter"),
    pytest.param([b"!#$%&'*+-.^_`|~9, chunked"], 501, id="RFC9110-5.6.2-token"),
]


@pytest.mark.parametrize(("values", "status"), BAD_CODINGS)
def test_bad_transfer_encoding(values: list[bytes], status: int) -> None:
    error = {400: BadRequest, 501: NotImplementedByServer}[status]
    assert refusal(*((b"Transfer-Encoding", value) for value in values)) == (error, status)


@pytest.mark.parametrize("values", [param.values[0] for param in BAD_CODINGS] + [[b"chunked"]], ids=repr)
def test_http_1_0_has_no_transfer_encoding(values: list[bytes]) -> None:
    # RFC 9112 section 6.1: its framing is faulty, even with a Content-Length.
    fields = [(b"Transfer-Encoding", value) for value in values]
    assert refusal(*fields, version="1.0") == (BadRequest, 400)
    assert refusal(*fields, (b"Content-Length", b"5"), version="1.0") == (BadRequest, 400)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize(
    ("length", "coding"),
    [
        pytest.param(b"5", b"chunked", id="CVE-2023-47641"),
        pytest.param(b"0", b"chunked", id="CVE-2020-10109"),
        pytest.param(b"5", b"identity", id="RFC9112-6.3-identity"),
        pytest.param(b"5", b"xchunked", id="CVE-2024-6827-falls-back-to-length"),
        pytest.param(b"5", b"", id="RFC9112-6.3-empty-coding"),
        pytest.param(b"", b"chunked", id="RFC9112-6.3-empty-length"),
        pytest.param(b"five", b"chunked", id="RFC9112-6.3-bad-length"),
        pytest.param(b"5", b"gzip, chunked", id="RFC9112-6.3-unknown-coding"),
    ],
)
def test_content_length_and_transfer_encoding(length: bytes, coding: bytes, version: str) -> None:
    fields = [(b"Content-Length", length), (b"Transfer-Encoding", coding)]
    assert refusal(*fields, version=version) == (BadRequest, 400)
    assert refusal(*reversed(fields), version=version) == (BadRequest, 400)


# Were one of these matched in quadratic time, it would take many seconds.
@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        pytest.param(TRANSFER_CODING, "gzip" + ";a=b" * 15000 + ",", id="transfer-coding"),
        pytest.param(TRANSFER_CODING, "gzip" + " " * 60000, id="transfer-coding-and-space"),
        pytest.param(CONTENT_LENGTH, "1" * 60000, id="content-length"),
    ],
)
def test_no_match_is_found_in_linear_time(pattern: Any, text: Any) -> None:
    assert pattern.fullmatch(text) is None
