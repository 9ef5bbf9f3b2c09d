"""Which interface a callable is an application of: by its call, not by its names."""

import functools
import operator
from collections.abc import Callable, Generator, Iterator
from typing import Any
from unittest import mock

import flask
import pytest
from asgiref.compatibility import guarantee_single_callable
from asgiref.wsgi import WsgiToAsgi
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Request, Response

from kyoukai.core.errors import ConfigurationError
from kyoukai.interfaces import interface_of


async def asgi(scope: Any, receive: Any, send: Any) -> None: ...


async def asgi_of_other_names(connection: Any, inbox: Any, outbox: Any, *, debug: bool = False) -> None: ...


def passing_on(scope: Any, receive: Any, send: Any) -> Any:
    return asgi(scope, receive, send)


class ASGI:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...

    async def handle(self, scope: Any, receive: Any, send: Any) -> None: ...

    @staticmethod
    async def static(scope: Any, receive: Any, send: Any) -> None: ...


class AnyASGI:
    async def __call__(self, *args: Any) -> None: ...


class ASGIEndpoint:
    """As Starlette's HTTPEndpoint: an instance is what is awaited."""

    def __init__(self, scope: Any, receive: Any, send: Any) -> None: ...

    def __await__(self) -> Generator[Any, None, None]:
        yield


def wsgi(environ: Any, start_response: Any) -> list[bytes]:
    return []


def wsgi_of_other_names(env: Any, begin: Any, /, flag: bool = False) -> list[bytes]:
    return []


def wsgi_of_more(environ: Any, start_response: Any, *rest: Any) -> list[bytes]:
    return []


def wsgi_generator(environ: Any, start_response: Any) -> Iterator[bytes]:
    yield b""


class WSGI:
    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        return []

    def wsgi_app(self, environ: Any, start_response: Any) -> list[bytes]:
        return []


class WSGIClass:
    """PEP 3333's AppClass."""

    def __init__(self, environ: Any, start_response: Any) -> None: ...

    def __iter__(self) -> Iterator[bytes]:
        yield b""


def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return call


def as_wsgi(application: Callable[..., Any]) -> Callable[..., Any]:
    """A bridge that keeps the name of what it bridges to."""

    @functools.wraps(application)
    def call(environ: Any, start_response: Any) -> list[bytes]:
        return []

    return call


def configured(setting: int, scope: Any, receive: Any, send: Any) -> Any: ...


@pytest.mark.parametrize(
    "application",
    [
        asgi,
        asgi_of_other_names,
        passing_on,
        lambda scope, receive, send: asgi(scope, receive, send),
        ASGI(),
        ASGI().handle,
        ASGI.static,
        AnyASGI(),
        ASGIEndpoint,
        functools.partial(asgi),
        functools.partial(configured, 1),
        functools.partial(ASGI()),
        functools.partial(functools.partial(AnyASGI()), 1),
        decorated(asgi),
        decorated(decorated(ASGI().handle)),
        ASGIHandler.__new__(ASGIHandler),
        WsgiToAsgi(wsgi),
        guarantee_single_callable(lambda scope: ASGI().handle),
    ],
)
def test_applications_of_asgi_are_found_by_their_three_arguments(application: Any) -> None:
    assert interface_of(application) == "asgi"


@pytest.mark.parametrize(
    "application",
    [
        wsgi,
        wsgi_of_other_names,
        wsgi_of_more,
        wsgi_generator,
        lambda a, b: [],
        WSGI(),
        WSGI().wsgi_app,
        WSGIClass,
        functools.partial(wsgi),
        functools.partial(wsgi_of_other_names, flag=True),
        decorated(wsgi),
        as_wsgi(asgi),
        flask.Flask(__name__),
        flask.Flask(__name__).wsgi_app,
        ProxyFix(flask.Flask(__name__)),
        WSGIHandler.__new__(WSGIHandler),
    ],
)
def test_applications_of_wsgi_are_found_by_their_two_arguments(application: Any) -> None:
    assert interface_of(application) == "wsgi"


class Passing:
    def __call__(self, *args: Any) -> Any: ...


class Answering:
    """As applications that are called for something else, aiohttp's say."""

    def __call__(self) -> Any:
        return self


async def asynchronous(environ: Any, start_response: Any) -> None: ...


@pytest.mark.parametrize(
    "value",
    [
        None,
        7,
        "module:app",
        object(),
        lambda: None,
        lambda one: None,
        lambda one, two, three, four: None,
        lambda *args: None,
        lambda one, two=2, three=3: None,
        Passing(),
        Answering(),
        Answering,
        WSGI,
        ASGI,
        dict,
        asynchronous,
        mock.Mock(),
        operator.attrgetter("a"),
        getattr,
        # Werkzeug's hides that it takes two.
        Request.application(lambda request: Response()),
    ],
)
def test_callable_of_unknown_interface(value: Any) -> None:
    assert interface_of(value) is None


class Double:
    def __init__(self, scope: Any) -> None: ...

    async def __call__(self, receive: Any, send: Any) -> None: ...


class DoubleOfOtherName(Double):
    def __init__(self, connection: Any) -> None: ...


class DoubleObject:
    def __call__(self, scope: Any) -> Any: ...


def double(scope: Any) -> Any: ...


@pytest.mark.parametrize(
    "application",
    [Double, DoubleOfOtherName, DoubleObject(), double, functools.partial(double), decorated(double)],
)
def test_asgi_2_refusal_names_the_conversion_to_asgi_3(application: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"ASGI 2, called as .*guarantee_single_callable"):
        interface_of(application)
