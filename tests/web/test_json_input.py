"""JSON of requests is read as the standard library reads it."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import BadRequest
from werkzeug.test import EnvironBuilder

from kyoukai import Request
from kyoukai.web import json_input

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
AROUND = st.text(" \t\n\r", max_size=3)


def outcome(loads: Any, data: Any, **options: Any) -> object:
    """Return what comes of ``data``, or the error."""
    try:
        # NaN is not equal to itself.
        return repr(loads(data, **options))
    except (ValueError, TypeError) as exc:
        return type(exc), exc.args


@settings(deadline=None)
@given(DOCUMENTS, ENCODINGS, AROUND, AROUND)
def test_a_document_is_what_json_reads(value: Any, encoding: str, before: str, behind: str) -> None:
    data = f"{before}{json.dumps(value, ensure_ascii=False)}{behind}".encode(encoding, "surrogatepass")
    assert outcome(json_input.loads, data) == outcome(json.loads, data)


@settings(deadline=None)
@given(st.binary(max_size=8) | st.text('[]{}",:a0 \n\\\0\x0b', max_size=8).map(str.encode))
@example(b"")
@example(b"{")
@example(b"[]")
@example(b"[\0]\0")
@example(b"[\0\0\0]\0\0\0")
@example(b"{} []")
@example(b"{}\x0b")
@example(b"[1,]")
@example(b'["\xff"]')
@example(b'["\xed\xa0\x80"]')
def test_invalid_documents_are_refused_as_by_json(data: bytes) -> None:
    assert outcome(json_input.loads, data) == outcome(json.loads, data)


@pytest.mark.parametrize(
    "data", ['{"a": 1.5}', bytearray(b'{"a": 1.5}'), b'{"a": 1.5}', memoryview(b"{}"), None]
)
def test_accepted_types_are_those_of_json(data: Any) -> None:
    assert outcome(json_input.loads, data) == outcome(json.loads, data)
    assert outcome(json_input.loads, data, parse_float=str) == outcome(json.loads, data, parse_float=str)


def test_output_equals_that_of_json() -> None:
    assert json_input.dumps is json.dumps


@pytest.mark.parametrize("data", [b"[" * 100_000, "[" * 100_000, b'{"a":' * 100_000, b" " + b"[" * 100_000])
def test_a_document_that_is_nested_too_deeply_is_refused_as_any_other(data: bytes | str) -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        json_input.loads(data)


def test_a_client_that_sends_one_is_told_that_its_request_is_bad() -> None:
    builder = EnvironBuilder(method="POST", data=b"[" * 100_000, content_type="application/json")
    with pytest.raises(BadRequest):
        Request(builder.get_environ()).get_json()
