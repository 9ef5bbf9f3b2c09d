"""Running the steps of a stop, so that one that fails does not skip the others."""

from collections.abc import Awaitable, Callable, Iterable

Step = Callable[[], Awaitable[object]]


async def run_all(steps: Iterable[Step], failure: str) -> None:
    """Run all steps one after the other, and raise errors at the end.

    :param failure: the message of the group, if several steps fail.
    :raises BaseException: the error of one step, or a group of several.
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
