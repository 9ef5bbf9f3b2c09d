"""The steps of a stop, of which one that fails skips no other."""

from collections.abc import Awaitable, Callable, Iterable

Step = Callable[[], Awaitable[object]]


async def run_all(steps: Iterable[Step], failure: str) -> None:
    """Call all of them, one after the other, and raise only then.

    :param failure: the message where several fail.
    :raises BaseException: what one of them raised, or the group of what several did.
    """
    errors: list[BaseException] = []
    for step in steps:
        try:
            await step()
        except BaseException as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise BaseExceptionGroup(failure, errors)
