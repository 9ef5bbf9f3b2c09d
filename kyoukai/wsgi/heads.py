"""Heads of answers, from what an application calls ``start_response`` with.

An application has few kinds of answers, and gives the same ones again and again: what was made of one is
kept.
"""

from typing import Any, Final

from kyoukai.core.known import Known
from kyoukai.core.semantics.answer_head import AnswerHead
from kyoukai.core.semantics.serialize import read_head

MAX_KNOWN_SIZE: Final = 1024
"""Bytes of the longest field section that is kept for the next answer that has it."""

_heads: Known[Any, AnswerHead] = Known(512)


def find_head(status: str, fields: list[tuple[str, str]], size: int | None, method: str) -> AnswerHead:
    """Return the head of an answer.

    :param status: code and reason.
    :param fields: names and values, as they are sent.
    :param size: bytes of the content; ``None`` where it is a stream.
    :param method: of the request.
    :raises InvalidResponseError: if it cannot be sent.
    """
    key = (status, tuple(fields), size, method)
    head = _heads.get(key)
    if head is None:
        head = read_head(*key, as_sent=True)
        if len(head.lines) <= MAX_KNOWN_SIZE and _heads.is_wanted(key):
            _heads.keep(key, head)
    return head
