"""Who is told of answers, and the route that an application leaves for them."""

from types import SimpleNamespace
from typing import Any

from werkzeug.wrappers import Request

from kyoukai.core.serving.observing import route_of, told


def test_nobody_is_told_where_nobody_wants_to_know() -> None:
    assert told([]) is None


def test_all_are_told_in_their_order() -> None:
    notes: list[Any] = []
    tell = told([lambda *told: notes.append(("a", *told)), lambda *told: notes.append(("b", *told))])
    assert tell is not None
    tell(1, None, None)
    assert notes == [("a", 1, None, None), ("b", 1, None, None)]


def test_route_of_a_request() -> None:
    request: Any = Request({})
    assert route_of(None) is None
    assert route_of(request) is None
    request.matched_route = None
    assert route_of(request) is None
    request.matched_route = SimpleNamespace(rule=SimpleNamespace(rule="/a/<b>"))
    assert route_of(request) == "/a/<b>"


def test_one_that_promises_to_raise_nothing_is_called_as_it_is() -> None:
    def observe(exchange: Any, request: Any, response: Any) -> None:
        raise AssertionError("it is not called here")

    observe.is_contained = True  # type: ignore[attr-defined]
    assert told([observe]) is observe
