import socket
import threading

import pytest

from kyoukai.testing import Action, RecordingApplication, Reply, converse_by_socket

GET = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
CLOSING = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


@pytest.fixture
def hold(serve):
    """Hold a conversation with a server."""

    def hold(*pieces, limits=None, **options):
        application = RecordingApplication()
        server = serve(application, limits=limits)
        outcome = converse_by_socket(server.component.address, application, pieces, **options)
        server.wait_until_empty()
        return outcome

    return hold


def test_a_connection_that_stays_open(hold):
    outcome = hold(GET, answers=1, closes=False)
    assert [answer.status for answer in outcome.answers] == [200]
    assert [seen.target for seen in outcome.seen] == ["/a"]
    assert (outcome.closed, outcome.faults) == (False, ())


def test_connection_expected_to_stay_open(hold):
    for request in (CLOSING, b"GET / HTTP/1.1\r\n\r\n"):
        outcome = hold(request, answers=1, closes=False)
        assert outcome.closed
        assert len(outcome.answers) == 1


def test_a_connection_that_closes(hold):
    outcome = hold(GET, CLOSING)
    assert outcome.closed
    assert [answer.closes for answer in outcome.answers] == [False, True]


def test_connection_expected_to_close(hold):
    outcome = hold(GET, patience=0.3)
    assert not outcome.closed
    assert len(outcome.answers) == 1


@pytest.mark.parametrize(
    "begun",
    [
        GET[:-2],
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc",
    ],
)
def test_a_connection_with_a_request_under_way_is_open(hold, begun):
    outcome = hold(GET, begun, answers=1, closes=False)
    assert not outcome.closed
    assert len(outcome.answers) == len(outcome.seen) == 1


def test_the_end_of_the_clients_side(hold):
    outcome = hold(GET, Action.END)
    assert outcome.closed
    assert len(outcome.answers) == 1


def test_a_reset(hold):
    outcome = hold(GET, Action.RESET, answers=1)
    assert outcome.closed
    assert len(outcome.answers) == 1


def test_continue(hold):
    head = b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
    outcome = hold(head, Action.PAUSE, b"abc", answers=1, closes=False)
    assert outcome.continued == 1
    assert outcome.seen[0].body == b"abc"


def test_a_reply(hold):
    outcome = hold(GET, reply=Reply(pieces=(b"a", b"b"), fails_after=1))
    [answer] = outcome.answers
    assert (answer.content, answer.complete) == (b"a", False)
    outcome = hold(b"GET / HTTP/1.0\r\n\r\n", reply=Reply(pieces=(b"a", b"b"), fails_after=1))
    [answer] = outcome.answers
    assert (answer.content, answer.complete) == (b"a", False)


def test_failing_reply_keeps_a_persistent_connection_open(hold):
    reply = Reply(pieces=(b"a",), fails_after=0, fields=(("Content-Length", "6"),))
    outcome = hold(GET.replace(b"GET", b"HEAD"), reply=reply, answers=1, closes=False)
    assert not outcome.closed
    assert [answer.status for answer in outcome.answers] == [200]


def test_what_happens_between_two_pieces(hold):
    calls = []
    hold(GET[:5], GET[5:], answers=1, closes=False, between=lambda: calls.append(None))
    assert len(calls) == 2


def answer_by_hand(*answers):
    """Serve one connection: each answer is sent after something was received."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve():
        connection, _ = listening.accept()
        with listening, connection:
            for answer in answers:
                connection.recv(65536)
                connection.sendall(answer)
            while connection.recv(65536):
                pass

    thread = threading.Thread(target=serve)
    thread.start()
    return listening.getsockname(), thread


OK = b"HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n"


def test_answer_to_the_probe_from_an_unaware_server():
    address, thread = answer_by_hand(OK, OK)
    outcome = converse_by_socket(address, RecordingApplication(), [GET], answers=1, closes=False)
    thread.join()
    assert not outcome.closed
    assert len(outcome.answers) == 1


def test_no_server_listens():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = listening.getsockname()
    with pytest.raises(ConnectionRefusedError):
        converse_by_socket(address, RecordingApplication(), [GET])


def test_a_unix_socket(serve, tmp_path):
    application = RecordingApplication()
    path = str(tmp_path / "s")
    serve(application, port=None, uds=path)
    assert len(converse_by_socket(path, application, [CLOSING]).answers) == 1
