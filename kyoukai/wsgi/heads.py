"""Building the head of an answer from the arguments of ``start_response``.

An application has few kinds of heads and repeats them, so built heads are cached.
"""

from typing import Any, Final

from kyoukai.core.known import Known
from kyoukai.core.semantics.answer_head import AnswerHead
from kyoukai.core.semantics.serialize import read_head

MAX_KNOWN_SIZE: Final = 1024
"""The longest header section that is cached, in bytes."""

_heads: Known[Any, AnswerHead] = Known(512)


def find_head(status: str, fields: list[tuple[str, str]], size: int | None, method: str) -> AnswerHead:
    """Return the head of an answer.

    :param status: code and reason.
    :param fields: names and values, as they are sent.
    :param size: bytes of the content, or ``None`` for a stream.
    :param method: of the request.
    :raises InvalidResponseError: if the head cannot be sent.
    """
    key = (status, tuple(fields), size, method)
    head = _heads.get(key)
    if head is None:
        head = read_head(*key, as_sent=True)
        if len(head.lines) <= MAX_KNOWN_SIZE and _heads.is_wanted(key):
            _heads.keep(key, head)
    return head
