"""Trailer fields as handlers give them."""

import pytest
from werkzeug.wrappers import Response

from kyoukai import Kyoukai, add_trailers


@pytest.mark.parametrize("kind", [Response, Kyoukai.response_class])
def test_function_returns_the_same_response(kind):
    response = kind(iter([b"x"]))
    assert add_trailers(response, {"A": ["1", "2"]}) is response
    assert response.trailers == [("A", "1"), ("A", "2")]
    assert add_trailers(response, dict).trailers is dict


@pytest.mark.parametrize("trailers", [{"Set-Cookie": "a=b"}, {"A": "1\n"}, {"A B": "1"}, 5])
def test_unsendable_trailers(trailers):
    with pytest.raises(ValueError, match=r"."):
        add_trailers(Response(iter([])), trailers)
