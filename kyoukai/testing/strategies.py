"""Strategies for Hypothesis: the grammar of :mod:`kyoukai.testing.generation`, with choices that shrink.

Every choice that the grammar makes is drawn from Hypothesis, one integer each, so what fails is
shrunk choice by choice: towards one request, no mutation, and the first of all alternatives.
Hypothesis comes with the extra ``testing``; nothing else of this package needs it.
"""

import functools
from collections.abc import Sequence
from typing import TypeVar

from hypothesis import strategies as st

from . import generation
from .chunking import Cutting
from .generation import Conversation

T = TypeVar("T")


class Drawn:
    """A :class:`~kyoukai.testing.choices.Source` whose choices Hypothesis makes.

    :param draw: what a composite strategy is given.
    """

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def randrange(self, stop: int, /) -> int:
        """Return a number from 0 to ``stop - 1``."""
        return self._draw(_below(stop))

    def choice(self, alternatives: Sequence[T], /) -> T:
        """Return one of several alternatives."""
        return alternatives[self.randrange(len(alternatives))]


@functools.lru_cache(maxsize=1024)
def _below(stop: int) -> st.SearchStrategy[int]:
    return st.integers(0, stop - 1)


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    """Return conversations: one request or several, right or nearly so."""
    return generation.conversation(Drawn(draw))


@st.composite
def cut_conversations(draw: st.DrawFn) -> tuple[Conversation, list[Cutting]]:
    """Return conversations, each with two ways to send it: whole, and in pieces."""
    source = Drawn(draw)
    text = generation.conversation(source)
    return text, [generation.whole(text), generation.cutting(source, text)]
