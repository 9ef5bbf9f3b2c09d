"""Who is told of answers, and the route that an application leaves for them."""

from types import SimpleNamespace
from typing import Any

from werkzeug.wrappers import Request

from kyoukai.core.serving.observing import TunnelEnd, route_of, told, told_of_ends


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


class OfEnds:
    """An observer that wants to know of the ends of tunnels."""

    def __init__(self, fails: bool = False) -> None:
        self.fails = fails
        self.ends: list[Any] = []

    def __call__(self, exchange: Any, request: Any, response: Any) -> None:
        """Do nothing."""

    def tunnel_ended(self, exchange: Any, request: Any, end: Any) -> None:
        if self.fails:
            raise LookupError("a bug")
        self.ends.append((exchange, request, end))


def test_those_who_want_to_know_are_told_of_the_end_of_a_tunnel(caplog: Any) -> None:
    first, second = OfEnds(fails=True), OfEnds()
    tell: Any = told_of_ends([first, print, second])
    end = TunnelEnd("websocket", 1000, 1, 2, 3, 4)
    tell("exchange", "request", end)
    assert second.ends == [("exchange", "request", end)]
    assert "an observer of answers failed" in caplog.text


def test_nobody_is_told_of_an_end_where_nobody_wants_to_know() -> None:
    assert told_of_ends([print]) is None
