"""Which of several backends serves a connection, and which of them cannot be told apart."""

from typing import Any

import pytest

from kyoukai.core.contract.backend import Backend
from kyoukai.core.contract.negotiation import (
    by_preface,
    by_protocol,
    choose_by_protocol,
    find_preface,
    offered_protocols,
)
from kyoukai.core.errors import BackendListError, NotABackendError

HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def speaking(protocols: Any = ("http/1.1",), preface: Any = b"") -> Backend:
    """Return a backend that offers these protocols, and whose connections begin with the preface."""

    class Speaking(Backend):
        api_version = 1

        def create_protocol(self, *args: Any) -> Any:
            """Make nothing: nobody connects."""

    backend = Speaking()
    backend.alpn_protocols, backend.preface = protocols, preface
    return backend


def test_a_backend_has_no_preface_unless_it_says_so() -> None:
    assert Backend.preface == b""


@pytest.mark.parametrize(
    ("protocols", "offered"),
    [
        ([("h2",), ("http/1.1",)], ("h2", "http/1.1")),
        ([("http/1.1", "http/1.0"), ("h2",)], ("http/1.1", "http/1.0", "h2")),
        ([("h2",), ()], ("h2",)),
        ([("h2",), ("h2", "http/1.1")], ("h2", "http/1.1")),
    ],
)
def test_protocols_are_offered_in_order_of_preference(protocols: Any, offered: tuple[str, ...]) -> None:
    assert offered_protocols(map(speaking, protocols)) == offered


def test_by_protocol() -> None:
    backends = {"one": speaking(("h2", "h3")), "two": speaking(), "three": speaking(("line",))}
    assert by_protocol(backends) == {"h2": "one", "h3": "one", "http/1.1": "two", "line": "three"}


def test_backend_without_alpn_takes_clients_without_a_protocol() -> None:
    assert by_protocol({"one": speaking(("h2",)), "two": speaking(())}) == {"h2": "one", "http/1.1": "two"}


@pytest.mark.parametrize(
    ("one", "two", "what"),
    [
        (("h2",), ("http/1.1", "h2"), "'h2' by ALPN; leave"),
        (("http/1.1",), ("http/1.1",), "'http/1.1' by ALPN, or on nothing; leave"),
        (("http/1.1",), (), "'http/1.1' by ALPN, or on nothing; leave"),
        ((), (), "'http/1.1' by ALPN, or on nothing; leave"),
    ],
)
def test_indistinguishable_backends_over_tls(one: Any, two: Any, what: str) -> None:
    with pytest.raises(BackendListError) as caught:
        by_protocol({"one": speaking(one), "two": speaking(two)})
    assert str(caught.value) == (
        "backends 'one' and 'two' cannot be told apart over TLS: both are for clients that agree on "
        f"{what} one of them out"
    )


@pytest.mark.parametrize("protocols", ["h2", ["h2"], (b"h2",), None])
def test_invalid_protocols(protocols: Any) -> None:
    with pytest.raises(NotABackendError) as caught:
        by_protocol({"one": speaking(), "two": speaking(protocols)})
    assert str(caught.value) == f"backend 'two': alpn_protocols is {protocols!r}; it must be a tuple of str"


@pytest.mark.parametrize(
    ("agreed", "choice"),
    [("h2", 2), ("http/1.1", 1), (None, 1), ("line", 1)],
    ids=["HTTP/2", "HTTP/1.1", "nothing", "what the setting ssl offers besides"],
)
def test_the_choice_over_tls(agreed: str | None, choice: int) -> None:
    assert choose_by_protocol({"h2": 2, "http/1.1": 1}, agreed) == choice


def test_no_choice_over_tls() -> None:
    assert choose_by_protocol({"h2": 2, "line": 3}, None) is None


def test_by_preface() -> None:
    backends = {"one": speaking(preface=HTTP2), "two": speaking(), "three": speaking(preface=b"LINE")}
    assert by_preface(backends) == {HTTP2: "one", b"": "two", b"LINE": "three"}


@pytest.mark.parametrize(
    ("one", "two", "what"),
    [
        (b"", b"", "neither has a preface that its connections begin with"),
        (b"PRI", b"PRI", "connections begin with b'PRI' and with b'PRI'"),
        (b"PRI", b"PRI *", "connections begin with b'PRI' and with b'PRI *'"),
        (b"PRI *", b"P", "connections begin with b'PRI *' and with b'P'"),
    ],
)
def test_indistinguishable_backends_in_cleartext(one: bytes, two: bytes, what: str) -> None:
    with pytest.raises(BackendListError) as caught:
        by_preface({"one": speaking(preface=one), "two": speaking(preface=two)})
    assert str(caught.value) == (
        f"backends 'one' and 'two' cannot be told apart in cleartext: {what}; leave one of them out"
    )


@pytest.mark.parametrize("preface", ["PRI", None, bytearray(b"PRI")])
def test_invalid_preface(preface: Any) -> None:
    with pytest.raises(NotABackendError) as caught:
        by_preface({"one": speaking(), "two": speaking(preface=preface)})
    assert str(caught.value) == f"backend 'two': preface is {preface!r}; it must be bytes"


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"P", None),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r", None),
        (HTTP2, HTTP2),
        (HTTP2 + b"more", HTTP2),
        (b"LIN", None),
        (b"LINE", b"LINE"),
        (b"G", b""),
        (b"POST", b""),
        (b"PRI * HTTP/1.1", b""),
        (b"LINK /", b""),
        (b"\r\n", b""),
    ],
)
@pytest.mark.parametrize("rest", [[b""], []], ids=["with one for the rest", "with none"])
def test_the_preface_of_a_connection(data: bytes, found: bytes | None, rest: list[bytes]) -> None:
    assert find_preface([HTTP2, *rest, b"LINE"], data) == found
