"""Every step of a connection is in the table of states, whatever is sent."""

import pytest
from werkzeug.wrappers import Response

from kyoukai.backends.httptools_ import HttptoolsBackend
from kyoukai.backends.httptools_ import KyoukaiProtocol as HttptoolsProtocol
from kyoukai.backends.reference import KyoukaiProtocol as ReferenceProtocol
from kyoukai.backends.reference import ReferenceBackend
from kyoukai.core.http1.parsing import Parsing
from kyoukai.core.http1.reader import MessageReader
from kyoukai.core.http1.states import TABLE

from ..serving import Answering, chunks, message

STEPS = set()
FAULTS = []


class RecordedParsing(Parsing):
    """Notes every state that it takes."""

    _state = None

    @property
    def state(self):
        return self._state

    @state.setter
    def state(self, following):
        if self._state is not None:
            step = (self._state.name, following.name)
            STEPS.add(step)
            if step[1] not in TABLE[step[0]].values():
                FAULTS.append(step)
        self._state = following


class RecordedReader(MessageReader):
    def __init__(self, receiver, queue):
        super().__init__(receiver, queue)
        self.parsing = RecordedParsing(receiver)


class RecordedHttptools(HttptoolsProtocol):
    def __init__(self, *args):
        super().__init__(*args)
        self.reader = RecordedReader(self, self.queue)


class RecordedReference(ReferenceProtocol):
    def __init__(self, *args):
        super().__init__(*args)
        self.reader = RecordedReader(self, self.queue)


class RecordingHttptools(HttptoolsBackend):
    api_version = 1
    protocol_class = RecordedHttptools


class RecordingReference(ReferenceBackend):
    api_version = 1
    protocol_class = RecordedReference


RECORDING = {"httptools": "RecordingHttptools", "reference": "RecordingReference"}


@Answering
async def app(request):
    if request.path == "/fail":
        raise ZeroDivisionError
    if request.path == "/cut":
        return Response(1 / 0 for _ in range(1))
    if request.path == "/close":
        return Response("x", headers={"Connection": "close"})
    return Response(request.get_data() or iter(["a", "b"]))


CONVERSATIONS = [
    message(),
    message()
    + message("POST", body=b"body")
    + message("POST", "/", "Transfer-Encoding: chunked")
    + chunks(b"x"),
    message("POST", "/", "Expect: 100-continue", body=b"body"),
    message("GET", "/", "Connection: close") + message(),
    message("GET", "/close") + message(),
    message("GET", "/fail") + message("GET", "/cut") + message(),
    message("GET", "/", "Connection: Upgrade", "Upgrade: h2c") + message(),
    message("POST", "/", "Connection: Upgrade", "Upgrade: h2c", body=b"body") + message(),
    b"GET / HTTP/1.0\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n" + message(),
    b"\x16\x03\x01garbage\r\n\r\n",
    message("POST", "/", "Transfer-Encoding: chunked") + b"xyz\r\n" + message(),
    message("POST", "/", "Content-Length: 99999999") + bytes(100_000),
    message()[:20],
    message("POST", "/", "Content-Length: 9") + b"x",
    b"\r\n",
    b"",
]


@pytest.mark.parametrize("apart", [False, True])
def test_every_step_is_in_the_table(serve, backend, apart):
    STEPS.clear()
    FAULTS.clear()
    limits = {"head_timeout": 0.05, "body_timeout": 0.05, "linger_timeout": 0.05, "keep_alive_timeout": 0.05}
    server = serve(app, backend=f"{__name__}:{RECORDING[backend]}", limits=limits)
    for end in ("wait", "half", "reset"):
        for conversation in CONVERSATIONS:
            with server.connect() as client:
                try:
                    for position in range(0, len(conversation), 7 if apart else 100_000):
                        client.send(conversation[position : position + (7 if apart else 100_000)])
                    if end == "half":
                        client.end()
                    elif end == "reset":
                        client.reset()
                        continue
                    client.receive_rest()
                except (ConnectionResetError, BrokenPipeError):
                    pass
    server.wait_until_empty()
    assert FAULTS == []
    assert {
        ("idle", "arriving"),
        ("arriving", "head"),
        ("arriving", "ended"),
        ("head", "body"),
        ("body", "idle"),
        ("idle", "ended"),
        ("body", "ended"),
    } <= STEPS
