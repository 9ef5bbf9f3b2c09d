"""Whole connections: every HTTP/1.1 backend has the same outcome, however the input is cut.

An input is two bytes of choices, and the bytes to send. Every backend gets it whole and cut in two, and
:mod:`kyoukai.testing.comparison` compares the outcomes. All code that reads the bytes is instrumented, except
    llhttp.
"""

import asyncio
import functools
from typing import Final

from kyoukai.core.contract.registry import registrations
from kyoukai.testing.chunking import Action, Cutting, cut, with_actions
from kyoukai.testing.comparison import Comparison
from kyoukai.testing.generation import Conversation, whole
from kyoukai.testing.servers import Servers
from kyoukai.testing.subject import Subject
from kyoukai.testing.vocabulary import LIMITS

from . import FindingError

CHOSEN_LIMITS: Final = ((), *LIMITS)


@functools.cache
def _comparison() -> tuple[asyncio.Runner, Comparison]:
    """Return the comparison, which lives until the end of the process."""
    runner = asyncio.Runner()
    names = [registration.name for registration in registrations()]
    backends = [name for name in names if Subject(name).is_http]
    return runner, Comparison(backends, runner.run(Servers().__aenter__()))


def check(data: bytes) -> None:
    """Check one input.

    :raises FindingError: if the backends differ, or a conversation fails.
    """
    choices, text = data[:2], data[2:]
    if len(choices) < 2 or not text:
        return
    ending = Action.END if choices[0] >= 128 else None
    conversation = Conversation(text, CHOSEN_LIMITS[choices[0] % len(CHOSEN_LIMITS)], ending)
    position = choices[1] * len(text) // 256
    pieces = with_actions(cut(text, (position,)), None, ending)
    runner, comparison = _comparison()
    finding = runner.run(
        comparison.find(conversation, [whole(conversation), Cutting("cut in two", pieces, 1)])
    )
    if finding is not None:
        raise FindingError(str(finding))
