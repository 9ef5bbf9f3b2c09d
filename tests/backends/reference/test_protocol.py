"""The connection over the parser in Python: what it makes, and what an exception means."""

from types import SimpleNamespace
from typing import Any

import pytest
from werkzeug.exceptions import ImATeapot, InternalServerError

from kyoukai.backends.reference import KyoukaiProtocol, ReferenceBackend, RequestParser
from kyoukai.core.errors import BadRequest, ContentTooLarge
from kyoukai.core.http1.states import ARRIVING
from kyoukai.core.limits import Limits
from kyoukai.core.serving.server_state import Server


def make_protocol(limits: Limits | None = None) -> KyoukaiProtocol:
    component: Any = SimpleNamespace(app=None, server=Server(limits))
    context: Any = None
    return ReferenceBackend().create_protocol(component, context, "127.0.0.1", 80)


def test_the_backend_makes_its_protocol() -> None:
    protocol = make_protocol()
    assert type(protocol) is KyoukaiProtocol
    assert (protocol.server_ip, protocol.server_port) == ("127.0.0.1", 80)


def test_each_parser_is_new() -> None:
    protocol = make_protocol()
    first, second = protocol.make_parser(), protocol.make_parser()
    assert type(first) is RequestParser
    assert first is not second


def test_the_parser_keeps_to_the_server_s_limits() -> None:
    protocol = make_protocol(Limits(max_head_size=1024))
    protocol.parser = protocol.make_parser()
    protocol.reader.parsing.state = ARRIVING
    protocol.parser.feed_data(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    with pytest.raises(BadRequest):
        protocol.parser.feed_data(b"5;" + b"a" * 2000 + b"\r\n")


def test_how_large_a_body_is_was_decided_before() -> None:
    protocol = make_protocol(Limits(max_body_size=4))
    told: list[bytes] = []
    protocol.reader.parsing.on_body = told.append  # type: ignore[method-assign]
    protocol.parser = protocol.make_parser()
    protocol.reader.parsing.state = ARRIVING
    protocol.parser.feed_data(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    protocol.parser.feed_data(b"5\r\nhello\r\n")
    assert b"".join(told) == b"hello"


@pytest.mark.parametrize("exc", [BadRequest("why"), ContentTooLarge()])
def test_refusal_is_not_translated(exc: Exception) -> None:
    assert make_protocol().translate(exc) is exc


@pytest.mark.parametrize("exc", [ValueError("x"), AttributeError("x"), KeyError("x"), ImATeapot()])
def test_any_other_exception_is_an_error_of_the_server(exc: Exception) -> None:
    assert type(make_protocol().translate(exc)) is InternalServerError
