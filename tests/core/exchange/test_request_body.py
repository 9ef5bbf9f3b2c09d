"""The body of one request while it comes: how much of it there may be, its end, and its pace."""

import asyncio
import gzip
from io import BytesIO
from typing import Any

import pytest
from werkzeug.exceptions import HTTPException

from kyoukai.core.errors import BadRequest, ContentTooLarge, RequestTimeout
from kyoukai.core.exchange.body_stream import HIGH_WATER, BodyStream
from kyoukai.core.exchange.request_body import RequestBody, raise_cut_short
from kyoukai.core.limits import MOST, Limits
from kyoukai.core.semantics.request_head import RequestHead
from kyoukai.core.serving.application import BodyPlan
from kyoukai.core.serving.server_state import NEVER
from tests.core.wires import run

LIMITS = Limits(body_timeout=10, min_body_rate=100)

PLAIN = RequestHead("POST", b"/", body_size=None)
CODED = RequestHead("POST", b"/", body_size=None, coding="GZip")
STREAMED = BodyPlan(stream=True)


class Asked:
    """Keeps what a body asks for."""

    def __init__(self) -> None:
        self.wanted = 0
        self.faults: list[HTTPException] = []

    def want(self) -> None:
        self.wanted += 1

    def note_fault(self, error: HTTPException) -> None:
        self.faults.append(error)


def make(
    head: RequestHead = PLAIN, plan: BodyPlan | None = None, max_size: int = 1000, asked: Asked | None = None
) -> RequestBody:
    body, asked = RequestBody(head, max_size), asked or Asked()
    body.plan(plan, asked.want, asked.note_fault)
    return body


def streamed(body: RequestBody) -> BodyStream:
    stream = body.stream
    assert stream is not None
    return stream


def test_initial_state() -> None:
    body = make()
    assert (body.size, body.max_size, body.decoder, body.content, body.stream) == (0, 1000, None, None, None)
    assert (body.trailers, body.is_whole, body.is_refused, body.deadline) == ((), False, False, NEVER)
    assert body.rate is None


# In memory


def test_pieces_are_put_together() -> None:
    body = make()
    for piece in (b"one ", b"two ", b"three"):
        body.take(piece)
    body.finish(None, [(b"X-Sum", b"1")])
    assert isinstance(body.content, BytesIO)
    assert body.content.getvalue() == b"one two three"
    assert (body.size, body.trailers, body.is_whole) == (13, [(b"X-Sum", b"1")], True)


def test_one_piece_is_not_copied() -> None:
    piece, body = bytes(1000), make()
    body.take(piece)
    assert isinstance(body.content, BytesIO)
    assert body.content.getvalue() is piece


def test_one_of_which_nothing_came() -> None:
    body = make()
    body.finish(None, ())
    assert (body.content, body.is_whole) == (None, True)
    body = make()
    body.finish(0, ())
    assert body.is_whole


@pytest.mark.parametrize("sizes", [[1001], [1000, 1], [1] * 1001])
def test_one_that_is_too_large(sizes: list[int]) -> None:
    body = make()
    for size in sizes[:-1]:
        body.take(bytes(size))
    with pytest.raises(ContentTooLarge):
        body.take(bytes(sizes[-1]))


def test_a_content_coding_is_removed() -> None:
    body, coded = make(CODED), gzip.compress(b"hello", mtime=0)
    for octet in coded:
        body.take(bytes([octet]))
    body.finish(len(coded), ())
    assert isinstance(body.content, BytesIO)
    assert body.content.getvalue() == b"hello"
    assert body.decoder is not None
    assert (body.decoder.size, body.size) == (5, len(coded))


def test_what_few_bytes_stand_for_is_held_to_the_limit() -> None:
    body = make(CODED)
    with pytest.raises(ContentTooLarge):
        body.take(gzip.compress(bytes(1001), mtime=0))
    make(CODED).take(gzip.compress(bytes(1000), mtime=0))


def test_a_content_coding_that_is_broken() -> None:
    with pytest.raises(BadRequest):
        make(CODED).take(b"no gzip at all")
    body = make(CODED)
    body.take(gzip.compress(b"hello", mtime=0)[:-1])
    with pytest.raises(BadRequest):
        body.finish(None, ())
    assert not body.is_whole


@pytest.mark.parametrize("plan", [None, STREAMED])
@pytest.mark.parametrize(("announced", "came"), [(5, 4), (5, 6), (5, 0), (0, 1)])
def test_one_that_is_not_as_long_as_announced(announced: int, came: int, plan: BodyPlan | None) -> None:
    body = make(plan=plan)
    if came:
        body.take(bytes(came))
    with pytest.raises(BadRequest, match="is not whole"):
        body.finish(announced, ())
    assert not body.is_whole


def test_the_error_of_one_that_is_cut_short() -> None:
    with pytest.raises(BadRequest, match="is not whole"):
        raise_cut_short()


# By plan


def test_a_plan_that_says_nothing() -> None:
    body = make(plan=BodyPlan())
    assert (body.max_size, body.stream) == (1000, None)


@pytest.mark.parametrize("head", [PLAIN, CODED], ids=["plain", "coded"])
def test_a_plan_may_have_a_limit_of_its_own(head: RequestHead) -> None:
    for size in (5, 5000, 0):
        body = make(head, BodyPlan(max_size=size))
        assert body.max_size == size
        assert body.decoder is None or body.decoder.max_size == size


def test_one_that_is_streamed() -> None:
    async def main() -> None:
        asked = Asked()
        body = make(plan=STREAMED, asked=asked)
        stream = streamed(body)
        assert body.content is stream
        body.take(b"abc")
        body.take(b"def")
        assert asked.wanted == 0
        assert await anext(stream) == b"abcdef"
        assert asked.wanted == 1
        body.finish(6, [(b"X-Sum", b"1")])
        assert await stream.read() == b""
        assert stream.trailers == [(b"X-Sum", b"1")]
        assert asked.faults == []

    run(main)


def test_a_stream_that_is_too_large() -> None:
    body = make(plan=BodyPlan(stream=True, max_size=5))
    body.take(b"12345")
    with pytest.raises(ContentTooLarge):
        body.take(b"6")


def test_a_stream_whose_coding_is_broken() -> None:
    async def main() -> None:
        asked = Asked()
        body = make(CODED, STREAMED, asked=asked)
        # It shows when it is removed.
        body.take(b"no gzip at all")
        body.finish(None, ())
        with pytest.raises(BadRequest):
            await streamed(body).read()
        assert [type(error) for error in asked.faults] == [BadRequest]

    run(main)


def test_one_that_nobody_wants() -> None:
    asked = Asked()
    body = make(plan=BodyPlan(refused=True, max_size=5), asked=asked)
    assert (body.content, body.max_size) == (None, MOST)
    assert body.stream is not None
    body.take(bytes(5000))
    assert body.content is None


# What goes wrong


def test_what_came_of_one_that_failed_is_dropped() -> None:
    body = make()
    body.take(b"abc")
    body.deadline = 5.0
    body.fail(BadRequest())
    assert (body.content, body.deadline, body.is_whole) == (None, NEVER, False)


def test_who_reads_one_that_failed_is_told() -> None:
    async def main() -> None:
        body = make(plan=STREAMED)
        body.take(b"abc")
        body.fail(RequestTimeout())
        body.fail(BadRequest())
        for _ in range(2):
            with pytest.raises(RequestTimeout):
                await streamed(body).read()

    run(main)


@pytest.mark.parametrize("plan", [None, STREAMED, BodyPlan(refused=True)])
def test_one_whose_refusal_an_application_answers(plan: BodyPlan | None) -> None:
    async def main() -> None:
        body = make(CODED, plan)
        error = ContentTooLarge()
        body.fail(error)
        body.break_for(error)
        assert body.content is body.stream
        assert (body.decoder, body.is_refused) == (None, True)
        with pytest.raises(ContentTooLarge):
            await streamed(body).read()

    run(main)


# Its pace


def test_one_that_came_along_with_its_head_has_no_pace() -> None:
    body = make()
    body.note_received(1000, 5)
    assert not body.await_more(1000, LIMITS, False)
    assert body.deadline == NEVER
    assert not body.let_go(1000, LIMITS)


def test_its_deadline() -> None:
    body = make()
    body.begin(1000)
    assert not body.await_more(1000, LIMITS, False)
    assert body.deadline == 1010
    body.note_received(1005, 100_000)
    body.take(b"x")
    assert not body.await_more(1005, LIMITS, False)
    assert body.deadline == 1015
    body.finish(None, ())
    assert body.deadline == NEVER


def test_one_that_comes_slowly_is_late() -> None:
    body = make()
    body.begin(1000)
    body.note_received(1009, 100)
    body.await_more(1009, LIMITS, False)
    # It would have until 1019 if it came as fast as it has to.
    assert body.deadline == 1011


def test_time_does_not_run_while_a_client_waits_for_continue() -> None:
    body = make()
    body.begin(1000)
    assert not body.await_more(1000, LIMITS, True)
    assert body.deadline == NEVER
    # It sends without having waited.
    body.note_received(2000, 5)
    body.await_more(2000, LIMITS, True)
    assert body.deadline == 2010


def test_a_client_is_paused_while_too_much_lies_unread() -> None:
    async def main() -> None:
        body = make(plan=STREAMED, max_size=MOST)
        body.begin(1000)
        body.take(bytes(HIGH_WATER))
        assert not body.await_more(1000, LIMITS, False)
        body.take(b"x")
        body.note_received(1001, HIGH_WATER + 1)
        assert body.await_more(1001, LIMITS, False)
        assert body.deadline == NEVER
        # Whoever sends all the same is told again, and the time of the first counts.
        assert body.await_more(1002, LIMITS, False)
        await streamed(body).read(1)
        assert body.let_go(2001, LIMITS)
        assert body.deadline == 2011
        assert not body.let_go(2001, LIMITS)

    run(main)


def test_a_client_that_has_sent_all_is_not_let_go() -> None:
    body = make(plan=STREAMED, max_size=MOST)
    body.begin(1000)
    body.take(bytes(HIGH_WATER + 1))
    assert body.await_more(1000, LIMITS, False)
    body.finish(None, ())
    assert not body.let_go(1001, LIMITS)
    assert body.deadline == NEVER


def test_a_misspelt_attribute_is_an_error() -> None:
    body: Any = make()
    with pytest.raises(AttributeError):
        body.tariler = []


def test_reading_waits_for_what_is_to_come() -> None:
    async def main() -> None:
        asked = Asked()
        body = make(plan=STREAMED, asked=asked)
        reader = asyncio.ensure_future(streamed(body).read())
        await asyncio.sleep(0)
        assert asked.wanted == 1
        body.take(b"abc")
        await asyncio.sleep(0)
        body.finish(None, ())
        assert await reader == b"abc"

    run(main)
