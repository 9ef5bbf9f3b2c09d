"""The backend of an HTTP/1 connection: a class that names another one."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from kyoukai import HTTP1_FEATURES, BackendOptionError, Feature, HTTP1Backend, HTTPProtocol
from kyoukai.core.contract.registry import create_backend
from kyoukai.core.errors import NotABackendError
from kyoukai.core.serving.server_state import Server


class ThisProtocol(HTTPProtocol):
    """A connection whose parser is never asked for."""

    def make_parser(self) -> Any:
        raise NotImplementedError


class ThisBackend(HTTP1Backend):
    """All that an author writes."""

    api_version = 1
    protocol_class = ThisProtocol


def test_each_connection_is_a_new_object_of_the_class() -> None:
    component: Any = SimpleNamespace(app=None, server=Server())
    context: Any = object()
    backend = ThisBackend()
    first, second = (backend.create_protocol(component, context, "127.0.0.1", 80) for _ in range(2))
    assert type(first) is type(second) is ThisProtocol
    assert first is not second
    assert (first.component, first.parent_context) == (component, context)
    assert (first.server_ip, first.server_port) == ("127.0.0.1", 80)


def test_features_default_to_those_of_http1() -> None:
    class Fewer(ThisBackend):
        """Its parser gives no trailers."""

        features = HTTP1_FEATURES - {Feature.TRAILERS}

    assert ThisBackend.features == HTTP1_FEATURES
    assert Fewer().features == HTTP1_FEATURES - {"trailers"}


class OfNothing(HTTP1Backend):
    """It names no class of connections."""

    api_version = 1


class OfSomething(OfNothing):
    """It names something else."""

    protocol_class = asyncio.Protocol  # type: ignore[assignment]


class OfHalf(OfNothing):
    """It names a class that is not finished."""

    protocol_class = HTTPProtocol


@pytest.mark.parametrize(
    ("backend", "said"),
    [
        (OfNothing, "OfNothing.protocol_class is None; it must be a subclass of kyoukai.HTTPProtocol"),
        (
            OfSomething,
            "OfSomething.protocol_class is <class 'asyncio.protocols.Protocol'>; "
            "it must be a subclass of kyoukai.HTTPProtocol",
        ),
        (OfHalf, "OfHalf.protocol_class is abstract: HTTPProtocol does not define make_parser"),
    ],
)
def test_a_class_that_cannot_be_used_is_refused_before_there_is_a_socket(
    backend: type[HTTP1Backend], said: str
) -> None:
    name = f"{__name__}:{backend.__name__}"
    with pytest.raises(NotABackendError) as caught:
        create_backend(name)
    assert str(caught.value) == f"backend {name!r}: {said}"


def test_it_has_no_options() -> None:
    with pytest.raises(BackendOptionError, match="'colour'"):
        ThisBackend(colour="red")
