"""When a client is asked whether it is there, and when it is given up."""

from kyoukai.websocket.presence import Presence, Step


def steps(presence: Presence, *times: float, is_held: bool = False) -> list[str]:
    return [presence.decide(time, is_held=is_held).value for time in times]


def test_silent_peer():
    presence = Presence(20, 10, 0)
    assert steps(presence, 0, 19, 20, 29, 30) == ["nothing", "nothing", "ping", "nothing", "give up"]


def test_answering_peer():
    presence = Presence(20, 10, 0)
    assert steps(presence, 20) == ["ping"]
    presence.heard = 20  # By the clock that was read last.
    assert steps(presence, 21, 30, 39, 40) == ["nothing", "nothing", "nothing", "ping"]


def test_sending_peer_is_not_pinged():
    presence = Presence(20, 10, 0)
    for time in range(0, 100, 10):
        presence.heard = time
        assert presence.decide(time, is_held=False) is Step.NOTHING


def test_unread_peer_is_pinged_and_kept():
    presence = Presence(20, 10, 0)
    assert steps(presence, 20) == ["ping"]
    assert steps(presence, 30, 39, 40, 59, 60, is_held=True) == [
        "nothing",
        "nothing",
        "ping",
        "nothing",
        "ping",
    ]
    assert steps(presence, 79, 80, 89, 90) == ["nothing", "ping", "nothing", "give up"]


def test_never():
    presence = Presence(None, 10, 0)
    assert steps(presence, 1e9) == ["nothing"]
