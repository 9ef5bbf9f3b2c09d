import asyncio

import pytest

from kyoukai import Backend
from kyoukai.asphalt import BACKEND_VARIABLE
from kyoukai.testing import Action, Reply, converse, serving
from kyoukai.testing.conversation import QUIET_TURNS
from kyoukai.testing.settings import SCALE_VARIABLE

GET = b"GET /a?b HTTP/1.1\r\nHost: a\r\n\r\n"
CLOSING = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


def hold(backend, *pieces, limits=None, **options):
    """Return the outcome of one conversation, after which nothing may be left."""

    async def run():
        problems = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: problems.append(context))
        async with serving(backend, limits) as (component, ctx):
            outcome = await converse(component, ctx, pieces, **options)
            assert not component.server.connections
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert not problems
        return outcome

    return asyncio.run(run())


def test_an_answered_request(backend):
    outcome = hold(backend, GET)
    [answer], [seen] = outcome.answers, outcome.seen
    assert (answer.status, answer.reason, answer.content, answer.complete) == (200, "OK", b"ok", True)
    assert (seen.method, seen.target, seen.path, seen.query) == ("GET", "/a?b", "/a", "b")
    assert seen.fields == {"host": "a"}
    assert (outcome.closed, outcome.continued, outcome.faults) == (False, 0, ())


def test_the_cut_makes_no_difference(backend):
    outcome = hold(backend, GET + CLOSING)
    assert outcome.closed
    assert [answer.closes for answer in outcome.answers] == [False, True]
    for turns in range(3):
        assert hold(backend, *(bytes([byte]) for byte in GET + CLOSING), turns=turns) == outcome
    assert hold(backend, CLOSING, CLOSING) != outcome


def test_a_refusal(backend):
    outcome = hold(backend, b"GET / HTTP/1.1\r\n\r\n", b"more", b"and more")
    assert [answer.status for answer in outcome.answers] == [400]
    assert outcome.seen == ()
    assert outcome.closed


def test_a_refusal_of_head(backend):
    [answer] = hold(backend, b"HEAD / HTTP/1.1\r\n\r\n").answers
    assert (answer.status, answer.content, answer.complete) == (400, b"", True)


def test_a_request_that_does_not_end(backend):
    outcome = hold(backend, GET[:-2])
    assert (outcome.answers, outcome.seen, outcome.closed) == ((), (), False)


def test_the_end_of_the_clients_side(backend):
    outcome = hold(backend, GET, Action.END)
    assert outcome.closed
    assert [answer.complete for answer in outcome.answers] == [True]
    assert hold(backend, Action.END).closed


def test_a_reset(backend):
    outcome = hold(backend, GET, Action.RESET, answers=1, closes=True)
    assert outcome.closed
    assert [answer.complete for answer in outcome.answers] == [True]
    outcome = hold(backend, GET[:-2], Action.RESET)
    assert (outcome.answers, outcome.closed, outcome.faults) == ((), True, ())


def test_continue(backend):
    head = b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
    outcome = hold(backend, head, Action.PAUSE, b"abc")
    assert outcome.continued == 1
    assert outcome.seen[0].body == b"abc"
    assert [answer.status for answer in outcome.answers] == [200]


def test_replies(backend):
    outcome = hold(backend, GET, reply=Reply(404, (("X", "1"),), b"none", close=True))
    assert outcome.closed
    assert (outcome.answers[0].status, outcome.answers[0].get("x")) == (404, "1")
    outcome = hold(backend, GET, reply=Reply(pieces=(b"a", b"b")))
    assert outcome.answers[0].get("transfer-encoding") == "chunked"
    assert outcome.answers[0].content == b"ab"
    outcome = hold(backend, GET, reply=Reply(raises=True))
    assert [answer.status for answer in outcome.answers] == [500]
    assert len(outcome.seen) == 1


def test_a_cut_answer(backend):
    for request in (GET, b"GET / HTTP/1.0\r\n\r\n"):
        outcome = hold(backend, request, reply=Reply(pieces=(b"a", b"b"), fails_after=1), closes=True)
        [answer] = outcome.answers
        assert (answer.content, answer.complete) == (b"a", False)
        assert outcome.closed


def test_waiting_for_a_deadline(backend):
    limits = {"head_timeout": 0.05}
    outcome = hold(backend, GET[:-2], limits=limits, closes=True)
    assert [answer.status for answer in outcome.answers] == [408]
    assert outcome.closed
    # Nobody waits where nobody said so.
    assert hold(backend, GET[:-2], limits=limits).answers == ()


def test_patience_ends(backend):
    outcome = hold(backend, GET, answers=2, patience=0.01)
    assert len(outcome.answers) == 1
    assert not hold(backend, GET, closes=True, patience=0.01).closed


def test_many_conversations_on_one_component(backend):
    async def run():
        async with serving(backend) as (component, ctx):
            outcomes = [await converse(component, ctx, [GET + CLOSING]) for _ in range(50)]
        assert len(outcomes[0].answers) == 2
        assert outcomes == [outcomes[0]] * 50

    asyncio.run(run())


def test_the_environment_does_not_choose_the_backend(monkeypatch):
    monkeypatch.setenv(BACKEND_VARIABLE, "no-such-backend")
    assert len(hold("reference", GET).answers) == 1


def test_display_of_an_outcome():
    text = repr(hold("reference", GET.replace(b"\r\n\r\n", b"\r\nX: " + b"a" * 9000 + b"\r\n\r\n")))
    assert "answer 200 OK" in text
    assert "seen GET '/a?b' HTTP/1.1" in text
    assert len(text) < 1000
    broken = hold(f"{__name__}:Shouting", GET)
    assert "fault not the start of an answer: b'HELLO'" in repr(broken)
    cut = repr(hold("reference", GET, reply=Reply(pieces=(b"a",), fails_after=1), closes=True))
    assert "b'a' (cut)" in cut


# Backends that know nothing of Kyoukai's connection, and keep none of its rules


class Echo(asyncio.Protocol):
    """What the backends below speak."""

    def connection_made(self, transport):
        self.transport = transport


class Odd(Backend):
    """Makes connections of a class."""

    api_version = 1
    protocol = Echo

    def create_protocol(self, component, parent_context, server_ip, server_port):
        assert (server_ip, server_port) == ("127.0.0.1", 80)
        return self.protocol()


class Shouting(Odd):
    class protocol(Echo):  # noqa: N801
        def data_received(self, data):
            self.transport.write(b"HELLO")


class Failing(Odd):
    class protocol(Echo):  # noqa: N801
        def data_received(self, data):
            raise ValueError("a fault")


class Staying(Odd):
    class protocol(Echo):  # noqa: N801
        def eof_received(self):
            return True


class Slow(Odd):
    class protocol(Echo):  # noqa: N801
        def data_received(self, data):
            self.turns = 0
            self.take_a_turn()

        def take_a_turn(self):
            self.turns += 1
            if self.turns < QUIET_TURNS - 2:
                asyncio.get_running_loop().call_soon(self.take_a_turn)
            else:
                self.transport.write(
                    b"HTTP/1.1 204 No Content\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n"
                )


def test_a_protocol_of_any_kind_is_driven():
    outcome = hold(f"{__name__}:Odd", GET)
    assert (outcome.answers, outcome.closed, outcome.faults) == ((), False, ())


def test_an_answer_that_takes_some_turns():
    assert [answer.status for answer in hold(f"{__name__}:Slow", GET).answers] == [204]


def test_a_protocol_that_raises():
    async def run():
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        async with serving(f"{__name__}:Failing") as (component, ctx):
            return await converse(component, ctx, [GET])

    outcome = asyncio.run(run())
    assert outcome.closed
    assert outcome.faults == ("the protocol raised ValueError('a fault')",)


@pytest.mark.parametrize("pieces", [[GET], [GET, Action.END]])
def test_a_connection_that_is_kept(pieces):
    outcome = hold(f"{__name__}:Staying", *pieces, patience=0.01)
    assert not outcome.closed
    assert outcome.faults == ("the server does not close a connection that the client has closed",)


def test_patience_is_scaled(monkeypatch):
    # What is waited for never comes; unscaled, this would end in days.
    monkeypatch.setenv(SCALE_VARIABLE, "1e-9")
    outcome = hold("reference", GET, answers=2, patience=1e6)
    assert [answer.status for answer in outcome.answers] == [200]
