"""Hypothesis strategies for the grammar of :mod:`kyoukai.testing.generation`.

Hypothesis draws every choice of the grammar as one integer. So it shrinks a failing example choice by
choice: towards one request, no mutation, and the first of the alternatives. Hypothesis is installed with the
extra ``testing``; nothing else in this package needs it.
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
    """A :class:`~kyoukai.testing.choices.Source` whose choices are drawn by Hypothesis.

    :param draw: the function that Hypothesis passes to a composite strategy.
    """

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def randrange(self, stop: int, /) -> int:
        """Return a number from 0 to ``stop - 1``."""
        return self._draw(_below(stop))

    def choice(self, alternatives: Sequence[T], /) -> T:
        """Return one of the alternatives."""
        return alternatives[self.randrange(len(alternatives))]


@functools.lru_cache(maxsize=1024)
def _below(stop: int) -> st.SearchStrategy[int]:
    return st.integers(0, stop - 1)


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    """Return conversations of one or more requests, valid or nearly valid."""
    return generation.conversation(Drawn(draw))


@st.composite
def cut_conversations(draw: st.DrawFn) -> tuple[Conversation, list[Cutting]]:
    """Return conversations, each with two ways to send it: in one piece, and in several."""
    source = Drawn(draw)
    text = generation.conversation(source)
    return text, [generation.whole(text), generation.cutting(source, text)]
