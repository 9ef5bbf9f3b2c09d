"""What is a fault of the code that was called, and what ends a task or the process."""

import asyncio
import functools
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest

from kyoukai.core.faults import as_error, contained, is_cancelled, is_end, is_fault


class OddError(BaseException):
    """An exception of an application's own that is no Exception."""


def caught(function: Callable[..., object], *args: object) -> BaseException:
    """Return what a call raises."""
    try:
        function(*args)
    except BaseException as exc:
        return exc
    raise AssertionError("it raised nothing")


def raising(exc: BaseException) -> Callable[[], None]:
    """Return a function that raises ``exc``."""

    def function() -> None:
        raise exc

    return function


def interrupt(number: int, frame: FrameType | None) -> None:
    """Raise what Python's own handler raises: a handler of SIGINT."""
    raise KeyboardInterrupt


@pytest.fixture
def handle_interrupts() -> Iterator[Callable[[Any], None]]:
    """What sets the handler of SIGINT, until the test's end."""
    before = signal.getsignal(signal.SIGINT)
    yield lambda handler: signal.signal(signal.SIGINT, handler) and None
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(
    "exc",
    [ValueError(), SystemExit(2), OddError(), asyncio.CancelledError()],
    ids=repr,
)
def test_whatever_is_raised_is_a_fault(exc: BaseException) -> None:
    assert is_fault(exc)
    assert not is_end(exc)


def test_a_generator_exit_is_a_fault_of_a_call_and_the_end_of_a_coroutine() -> None:
    assert is_fault(GeneratorExit())
    assert is_end(GeneratorExit())


def test_the_cancellation_of_a_task_is_no_fault() -> None:
    seen: list[tuple[bool, bool]] = []

    async def waiting() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as exc:
            seen.append((is_cancelled(exc), is_fault(exc)))

    async def main() -> None:
        task = asyncio.ensure_future(waiting())
        await asyncio.sleep(0)
        task.cancel()
        await task

    asyncio.run(main())
    assert seen == [(True, False)]


def test_what_was_cancelled_is_a_fault_of_the_task_that_awaits_it() -> None:
    async def main() -> None:
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        with pytest.raises(asyncio.CancelledError) as raised:
            await future
        assert is_fault(raised.value)

    asyncio.run(main())


def test_a_callback_of_the_loop_has_no_task_to_be_cancelled() -> None:
    async def main() -> bool:
        seen = asyncio.get_running_loop().create_future()
        seen.get_loop().call_soon(lambda: seen.set_result(is_fault(asyncio.CancelledError())))
        return bool(await seen)

    assert asyncio.run(main())


def test_an_interrupt_ends_a_process_that_has_pythons_own_handler(
    handle_interrupts: Callable[[Any], None],
) -> None:
    handle_interrupts(signal.default_int_handler)
    assert not is_fault(KeyboardInterrupt())


def test_an_interrupt_that_a_handler_of_sigint_raised_ends_the_process(
    handle_interrupts: Callable[[Any], None],
) -> None:
    handle_interrupts(interrupt)
    assert not is_fault(caught(interrupt, signal.SIGINT, None))
    handle_interrupts(functools.partial(interrupt, 2))
    assert not is_fault(caught(interrupt, signal.SIGINT, None))


@pytest.mark.parametrize("handler", [interrupt, signal.SIG_IGN, signal.SIG_DFL])
def test_one_that_somebody_else_raised_is_a_fault(
    handle_interrupts: Callable[[Any], None], handler: Any
) -> None:
    handle_interrupts(handler)
    assert is_fault(caught(raising(KeyboardInterrupt())))


def test_no_signal_reaches_another_thread() -> None:
    seen: list[bool] = []
    thread = threading.Thread(target=lambda: seen.append(is_fault(KeyboardInterrupt())))
    thread.start()
    thread.join()
    assert seen == [True]


def test_a_fault_as_an_error_has_its_cause() -> None:
    error, exit_ = ValueError("no"), SystemExit(2)
    assert as_error(error, "a handler") is error
    made = as_error(exit_, "a handler")
    assert isinstance(made, RuntimeError)
    assert str(made) == "a handler raised SystemExit(2)"
    assert made.__cause__ is exit_


def test_a_contained_function_returns_what_it_returns() -> None:
    assert contained(max, "it")(1, 2) == 2

    async def double(number: int) -> int:
        return 2 * number

    assert asyncio.run(contained(double, "it")(2)) == 4


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("exc", [ValueError("no"), SystemExit(2), asyncio.CancelledError()], ids=repr)
def test_a_contained_function_raises_exceptions_alone(exc: BaseException, is_async: bool) -> None:
    async def wait() -> None:
        raise exc

    async def main() -> None:
        result = contained(wait if is_async else raising(exc), "it", (Exception,))()
        await result

    raised = caught(asyncio.run, main())
    assert raised is exc if isinstance(exc, Exception) else raised.__cause__ is exc


@pytest.mark.parametrize("is_async", [False, True])
def test_a_contained_function_lets_an_end_through(
    is_async: bool, handle_interrupts: Callable[[Any], None]
) -> None:
    exc = KeyboardInterrupt()

    async def wait() -> None:
        raise exc

    handle_interrupts(signal.default_int_handler)
    function = contained(wait if is_async else raising(exc), "it")
    assert caught(lambda: function().send(None)) is exc


def test_a_contained_function_raises_what_is_to_pass_as_it_is() -> None:
    exc = asyncio.CancelledError()
    assert caught(contained(raising(exc), "it")) is exc
