"""The shapes in which fields come, and those in which they do not."""

import pytest
from werkzeug.datastructures import Headers, MultiDict

from kyoukai.core.semantics.field_pairs import read_pairs
from kyoukai.core.semantics.serialize import InvalidResponseError

PAIRS = [("A", "1"), ("A", "2")]


@pytest.mark.parametrize("fields", [PAIRS, iter(PAIRS), {"A": ["1", "2"]}, Headers(PAIRS), MultiDict(PAIRS)])
def test_shapes(fields):
    assert read_pairs("trailers", fields) == PAIRS


@pytest.mark.parametrize("fields", [[("A", "1\r\nB: 2")], [(5, "1")], [("A",)], 5, ["Abc"]])
def test_invalid_pairs(fields):
    with pytest.raises(InvalidResponseError, match="trailers must be pairs of name and value"):
        read_pairs("trailers", fields)
