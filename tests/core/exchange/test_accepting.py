import pytest

from kyoukai.core.errors import BadRequest, NotImplementedByServer
from kyoukai.core.exchange.accepting import MAX_KNOWN_SIZE, accept_head
from kyoukai.core.limits import Limits
from kyoukai.core.semantics.request_head import RequestHead
from kyoukai.core.serving.server_state import Server

HOST = (b"host", b"a")

GET = RequestHead("GET", b"/a?b", "2", (HOST, (b"accept", b"*/*")))


def server(**limits: int) -> Server:
    return Server(Limits(**limits))


def test_repeated_head_is_accepted_once() -> None:
    serving = server()
    accepted = [accept_head(GET, serving) for _ in range(3)]
    assert accepted[0] == accepted[1] == accepted[2]
    assert accepted[1] is accepted[2]
    # Equal is enough: each connection makes its own.
    assert accept_head(RequestHead(*GET[:3], (*GET.fields,)), serving) is accepted[2]


@pytest.mark.parametrize(
    "other",
    [
        GET._replace(method="HEAD"),
        GET._replace(target=b"/a?c"),
        GET._replace(version="1.1"),
        GET._replace(fields=(HOST,)),
        GET._replace(body_size=5),
        GET._replace(body_size=None),
        GET._replace(body_size=None, expects_continue=True),
        GET._replace(upgrade="websocket"),
    ],
)
def test_different_heads_are_kept_apart(other: RequestHead) -> None:
    serving = server()
    for _ in range(3):
        accept_head(GET, serving)
    for _ in range(3):
        head = accept_head(other, serving).head
        assert head == accept_head(other, server()).head
        assert head != accept_head(GET, serving).head


@pytest.mark.parametrize(
    "sent",
    [
        GET._replace(fields=list(GET.fields)),
        GET._replace(fields=(HOST, (b"x", b"a" * MAX_KNOWN_SIZE))),
        # Its fault is an exception, which is one request's.
        GET._replace(method="POST", body_size=5, fields=(HOST, (b"content-encoding", b"zip"))),
    ],
    ids=["no tuple", "large", "with a fault"],
)
def test_uncached_heads(sent: RequestHead) -> None:
    serving = server()
    accepted = [accept_head(sent, serving) for _ in range(4)]
    assert len({id(one) for one in accepted}) == 4
    assert not serving.heads


def test_refused_head_is_refused_each_time() -> None:
    serving = server()
    for _ in range(3):
        with pytest.raises(BadRequest):
            accept_head(GET._replace(fields=()), serving)
        with pytest.raises(NotImplementedByServer):
            accept_head(GET._replace(method="BREW"), serving)
    assert not serving.heads
