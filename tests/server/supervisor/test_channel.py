"""Messages between a supervisor and a worker, with descriptors beside them."""

import os
import socket

import pytest

from kyoukai.server.supervisor.channel import VARIABLE, Channel, inherited, pair


@pytest.fixture
def channels() -> tuple[Channel, Channel]:
    ours, theirs = pair()
    return ours, Channel(theirs)


def test_messages_come_one_by_one(channels: tuple[Channel, Channel]) -> None:
    ours, theirs = channels
    assert theirs.receive() is None
    assert ours.send("drain", leave=True)
    assert ours.send("serve")
    assert theirs.receive() == ("drain", {"leave": True}, [])
    assert theirs.receive() == ("serve", {}, [])
    assert theirs.receive() is None
    ours.close()
    theirs.close()


def test_descriptors_come_with_their_message_and_are_not_inherited(channels: tuple[Channel, Channel]) -> None:
    ours, theirs = channels
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ours.send("beat")
        assert ours.send("sockets", [listening.fileno()], counts=[1])
        beat, sockets = theirs.receive(), theirs.receive()
        assert beat is not None
        assert beat.descriptors == []
        assert sockets is not None
        [descriptor] = sockets.descriptors
        assert not os.get_inheritable(descriptor)
        with socket.socket(fileno=descriptor) as received:
            assert received.getsockname() == listening.getsockname()
    ours.close()
    theirs.close()


def test_the_end_of_one_side_is_the_end_of_file_of_the_other(channels: tuple[Channel, Channel]) -> None:
    ours, theirs = channels
    ours.send("drain", leave=False)
    ours.close()
    assert theirs.receive() == ("drain", {"leave": False}, [])
    with pytest.raises(EOFError):
        theirs.receive()
    assert not theirs.send("beat")
    theirs.close()


def test_unread_channel_does_not_block_its_sender(channels: tuple[Channel, Channel]) -> None:
    ours, theirs = channels
    sent = 0
    while ours.send("beat", lag=0.0, requests=0):
        sent += 1
    assert sent > 10
    assert theirs.receive() is not None
    assert ours.send("beat", lag=0.0, requests=0)
    ours.close()
    theirs.close()


def test_a_worker_takes_its_end_from_the_environment_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert inherited() is None
    ours, theirs = pair()
    os.set_inheritable(theirs.fileno(), True)
    monkeypatch.setenv(VARIABLE, str(theirs.detach()))
    channel = inherited()
    assert channel is not None
    assert not os.get_inheritable(channel.fileno())
    # What the application starts is no worker.
    assert VARIABLE not in os.environ
    assert inherited() is None
    ours.send("serve")
    assert channel.receive() == ("serve", {}, [])
    ours.close()
    channel.close()
