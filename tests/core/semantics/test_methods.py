"""Methods: which are served, and which may be declared."""

import pytest

from kyoukai.core.errors import BadRequest, NotImplementedByServer
from kyoukai.core.semantics import methods
from kyoukai.core.semantics.methods import check_method, may_be_declared, served_methods

# fmt: off
SERVED = (
    "ACL", "BASELINE-CONTROL", "BIND", "CHECKIN", "CHECKOUT", "COPY", "DELETE", "GET", "HEAD", "LABEL",
    "LINK", "LOCK", "MERGE", "MKACTIVITY", "MKCALENDAR", "MKCOL", "MKREDIRECTREF", "MKWORKSPACE", "MOVE",
    "OPTIONS", "ORDERPATCH", "PATCH", "POST", "PROPFIND", "PROPPATCH", "PUT", "QUERY", "REBIND", "REPORT",
    "SEARCH", "TRACE", "UNBIND", "UNCHECKOUT", "UNLINK", "UNLOCK", "UPDATE", "UPDATEREDIRECTREF",
    "VERSION-CONTROL",
)
# fmt: on


@pytest.mark.parametrize("method", SERVED)
def test_a_registered_method(method: str) -> None:
    check_method(method.encode())
    assert may_be_declared(method)


def test_the_methods() -> None:
    assert {*SERVED, "CONNECT"} == methods.METHODS
    assert {*SERVED} == methods.REGISTERED
    assert {method.encode() for method in SERVED} == methods.SERVED_METHODS
    assert methods.USUAL_METHODS < methods.SERVED_METHODS


UNKNOWN = [
    pytest.param("get", id="RFC9110-9.1-case"),
    pytest.param("Get", id="RFC9110-9.1-first-letter"),
    pytest.param("PRI", id="RFC9113-3.4-reserved"),
    pytest.param("*", id="RFC9110-18.2-reserved"),
    pytest.param("A" * 33, id="longer-than-any"),
]

NO_TOKENS = [
    pytest.param("", id="RFC9110-9.1-empty"),
    pytest.param("GET ", id="RFC9110-9.1-space"),
    pytest.param("GET\n", id="RFC9110-9.1-line-end"),
    pytest.param("GE(T", id="RFC9110-9.1-delimiter"),
    pytest.param("G\xcbT", id="RFC9110-9.1-latin-1"),
]

DECLARABLE = [
    pytest.param("GETS", id="RFC9110-9.1-longer"),
    pytest.param("GE", id="RFC9110-9.1-shorter"),
    pytest.param("FOO", id="RFC9110-16.1.1-unregistered"),
    pytest.param("PURGE", id="RFC9110-16.1.1-purge"),
    pytest.param("M-SEARCH", id="RFC9110-16.1.1-m-search"),
    pytest.param("SUBSCRIBE", id="RFC9110-16.1.1-subscribe"),
    pytest.param("GET_PARAMETER", id="RFC7826-another-protocols"),
    pytest.param("!#$%&'*+-.^_`|~9", id="RFC9110-5.6.2-token"),
    pytest.param("A" * 32, id="as-long-as-any"),
]


@pytest.mark.parametrize("method", [*UNKNOWN, *DECLARABLE])
def test_unknown_method(method: str) -> None:
    with pytest.raises(NotImplementedByServer, match="does not know"):
        check_method(method.encode("latin-1"))


@pytest.mark.parametrize("method", NO_TOKENS)
def test_a_method_that_is_no_token(method: str) -> None:
    with pytest.raises(BadRequest) as caught:
        check_method(method.encode("latin-1"))
    assert caught.value.identifier == ("bare-cr" if "\r" in method else "method-malformed")


@pytest.mark.parametrize("method", DECLARABLE)
def test_a_method_that_is_declared(method: str) -> None:
    served = served_methods([method])
    check_method(method.encode(), served)
    check_method(b"GET", served)
    with pytest.raises(NotImplementedByServer, match="does not know"):
        check_method(b"BREW", served)


@pytest.mark.parametrize("method", DECLARABLE)
def test_every_method(method: str) -> None:
    check_method(method.encode(), served_methods(["*"]))


@pytest.mark.parametrize("method", [*UNKNOWN, *NO_TOKENS, "\u0100", "CONNECT"])
def test_methods_that_are_never_served(method: str) -> None:
    assert not may_be_declared(method)
    sent = method.encode("latin-1", "replace")
    for declared in ([method], ["*"], ["*", method]):
        with pytest.raises((BadRequest, NotImplementedByServer)):
            check_method(sent, served_methods(declared))


def test_non_bytes_are_not_a_method() -> None:
    assert "GET" not in served_methods(["*"])
    assert b"GET" in served_methods(["*"])


@pytest.mark.parametrize("declared", [(), ("*",)])
def test_no_tunnels(declared: tuple[str, ...]) -> None:
    # RFC 9110 section 9.3.6
    with pytest.raises(NotImplementedByServer, match="tunnels"):
        check_method(b"CONNECT", served_methods(declared))
