import asyncio
import functools
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from asphalt.core import inject, resource
from werkzeug.wrappers import Response

from kyoukai.core.errors import ConfigurationError
from kyoukai.web.calling import as_coroutine_function, check_call, describe, short_name


async def coroutine_function(x: int) -> tuple[int, int]:
    return x, threading.get_ident()


def plain_function(x: int) -> tuple[int, int]:
    return x, threading.get_ident()


class Methods:
    async def asynchronous(self, x: int) -> tuple[int, int]:
        return x, threading.get_ident()

    def plain(self, x: int) -> tuple[int, int]:
        return x, threading.get_ident()


class AsynchronousCallable:
    async def __call__(self, x: int) -> tuple[int, int]:
        return x, threading.get_ident()


class PlainCallable:
    def __call__(self, x: int) -> tuple[int, int]:
        return x, threading.get_ident()


@pytest.mark.parametrize(
    "function",
    [
        coroutine_function,
        Methods().asynchronous,
        AsynchronousCallable(),
        functools.partial(coroutine_function),
        functools.partial(functools.partial(AsynchronousCallable())),
    ],
)
def test_coroutine_function_is_awaited_in_the_loop(function: Any) -> None:
    assert as_coroutine_function(function) is function
    assert asyncio.run(function(3)) == (3, threading.get_ident())


@pytest.mark.parametrize(
    "function",
    [
        plain_function,
        Methods().plain,
        PlainCallable(),
        functools.partial(plain_function),
        functools.partial(PlainCallable()),
    ],
)
def test_anything_else_runs_in_a_thread(function: Any) -> None:
    value, thread = asyncio.run(as_coroutine_function(function)(3))  # type: ignore[arg-type]
    assert value == 3
    assert thread != threading.get_ident()


def test_an_awaitable_from_a_plain_function_is_awaited_in_the_loop() -> None:
    function = as_coroutine_function(lambda x: coroutine_function(x))
    assert asyncio.run(function(3)) == (3, threading.get_ident())  # type: ignore[arg-type]


def test_generator_functions_are_called_where_they_are() -> None:
    def generator() -> Iterator[int]:
        yield 1

    async def asynchronous_generator() -> AsyncIterator[int]:
        yield threading.get_ident()

    async def main() -> tuple[list[int], list[int]]:
        plain = await as_coroutine_function(generator)()
        asynchronous = await as_coroutine_function(asynchronous_generator)()
        return list(plain), [value async for value in asynchronous]

    assert asyncio.run(main()) == ([1], [threading.get_ident()])


def test_stop_iteration_in_a_thread_is_an_error_and_no_deadlock() -> None:
    function = as_coroutine_function(lambda: next(iter(())))

    async def main() -> None:
        await asyncio.wait_for(function(), 5)

    with pytest.raises(RuntimeError, match="raised StopIteration"):
        asyncio.run(main())


def returned(kind: str, closed: threading.Event) -> Any:
    """Return what a plain function may return, which says when it is closed."""

    class Pieces:
        def __iter__(self) -> Any:
            return self

        def __next__(self) -> bytes:
            return b""

        close = staticmethod(closed.set)

    if kind == "iterator":
        return Pieces()
    response = Response()
    response.call_on_close(closed.set)
    return (response, 201) if kind == "tuple" else response


@pytest.mark.parametrize("kind", ["response", "tuple", "iterator"])
@pytest.mark.parametrize("is_late", [False, True])
def test_result_without_a_receiver_is_closed(kind: str, is_late: bool) -> None:
    begun, closed, go_on, returns = (threading.Event() for _ in range(4))

    def function() -> Any:
        begun.set()
        go_on.wait(20)
        value = returned(kind, closed)
        returns.set()
        return value

    async def main() -> None:
        task = asyncio.ensure_future(as_coroutine_function(function)())
        assert await asyncio.to_thread(begun.wait, 20)
        if not is_late:
            # It is there before the loop has come to know of it.
            go_on.set()
            returns.wait(20)
        for _ in range(2):
            task.cancel()
            await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert closed.is_set()

    asyncio.run(main())


def test_coroutine_without_a_receiver_is_closed() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def function() -> Any:
        begun.set()
        go_on.wait(20)
        return asyncio.sleep(0)

    async def main() -> None:
        task = asyncio.ensure_future(as_coroutine_function(function)())
        assert await asyncio.to_thread(begun.wait, 20)
        task.cancel()
        await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    # One that was never awaited would warn of it.
    asyncio.run(main())


def test_pending_call_without_a_receiver_is_dropped() -> None:
    called = []
    go_on = threading.Event()

    async def main() -> None:
        with ThreadPoolExecutor(1) as pool:
            blocking = asyncio.ensure_future(as_coroutine_function(lambda: go_on.wait(20), pool)())
            waiting = asyncio.ensure_future(as_coroutine_function(lambda: called.append(1), pool)())
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            go_on.set()
            await blocking

    asyncio.run(main())
    assert not called


def test_names() -> None:
    assert describe(coroutine_function) == f"{__name__}.coroutine_function"
    assert describe(functools.partial(Methods().plain)) == f"{__name__}.Methods.plain"
    assert describe(PlainCallable()) == f"{__name__}.PlainCallable"
    assert short_name(functools.partial(Methods().plain)) == "plain"
    assert short_name(PlainCallable()) == "PlainCallable"


def test_check_call() -> None:
    check_call("a hook", plain_function, ("x",))
    check_call("a hook", dict, ("x",))  # Its signature cannot be known.
    with pytest.raises(ConfigurationError, match="a hook must be a function, not 3"):
        check_call("a hook", 3, ())
    with pytest.raises(ConfigurationError, match=r"plain_function is called with \(ctx, y=...\): .*'y'|'x'"):
        check_call("a hook", plain_function, ("ctx",), ("y",))


def test_resource_without_a_provider() -> None:
    async def asks(ctx: Any, text: str = resource()) -> None: ...

    def plain(ctx: Any, *, text: str = resource("named")) -> None: ...

    for function in (asks, plain, functools.partial(asks)):
        with pytest.raises(ConfigurationError, match=r"asks for the resource 'text', .*@inject"):
            check_call("a hook", function, ("ctx",))
    check_call("a hook", inject(asks), ("ctx",))
