"""K1: what every backend must do, whatever protocol it speaks."""

import asyncio
import re
from typing import Any, Final

from kyoukai.core.contract.backend import Backend
from kyoukai.core.contract.registry import create_backend
from kyoukai.core.errors import BackendOptionError, BackendVersionError
from kyoukai.core.features import Feature

from ..subject import Subject
from ..wire_client import HOST, shown
from . import RuleBroken, check

NAMESPACED: Final = re.compile(r"[a-z0-9_-]+(?:[.:/][A-Za-z0-9._:/-]+)+")
"""A feature defined by another package: the package's name, a separator, and the feature's name."""

BEGUN_REQUEST: Final = re.compile(
    rb"(?:\r?\n)*\r?(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+(?: (?:[!-~\x80-\xff]+"
    rb"(?: (?:H|HT|HTT|HTTP|HTTP/|HTTP/1.*)?)?)?)?)?",
    re.DOTALL,
)
"""Matches every beginning of an HTTP/1 request line (RFC 9112 section 3)."""

UNKNOWN_OPTION: Final = "no_backend_has_this_option"

GET: Final = b"GET /get HTTP/1.1\r\nHost: a\r\n\r\n"


@check("K1.1")
async def loads(subject: Subject) -> None:
    """Load the class, and create a backend without options."""
    try:
        create_backend(subject.name)
    except BackendVersionError:
        # Rule K1.2 reports this.
        return
    except Exception as error:
        raise RuleBroken(
            str(error), expected="a concrete subclass of Backend that needs no options"
        ) from None


@check("K1.2")
async def api_version(subject: Subject) -> None:
    """Check the version of the contract."""
    try:
        found = subject.backend_class
    except BackendVersionError as error:
        raise RuleBroken(str(error), expected="a version that this release supports") from None
    if not any("api_version" in vars(base) for base in found.__mro__ if issubclass(base, Backend)):
        raise RuleBroken("the backend does not define api_version", expected="an int in its class")


@check("K1.3")
async def features(subject: Subject) -> None:
    """Check the features of the class and of an instance."""
    known = frozenset(Feature)
    for backend in (subject.backend_class, create_backend(subject.name)):
        found: Any = backend.features
        if not isinstance(found, frozenset):
            raise RuleBroken(f"features is a {type(found).__name__}", expected="a frozenset")
        for feature in found:
            if not isinstance(feature, str) or (feature not in known and not NAMESPACED.fullmatch(feature)):
                raise RuleBroken(f"{feature!r} is not a feature", expected="a known one or `package.feature`")


@check("K1.4")
async def alpn_protocols(subject: Subject) -> None:
    """Check the protocols to offer in TLS."""
    found: Any = subject.backend_class.alpn_protocols
    if not isinstance(found, tuple) or not all(isinstance(name, str) for name in found):
        raise RuleBroken(f"alpn_protocols is {found!r}", expected="a tuple of str")
    if not all(0 < len(name.encode()) < 256 for name in found):
        raise RuleBroken(f"alpn_protocols is {found!r}", expected="names of 1 to 255 bytes (RFC 7301)")


@check("K1.12")
async def preface(subject: Subject) -> None:
    """Check the first bytes of connections, and that a client sends them."""
    found: Any = create_backend(subject.name).preface
    if not isinstance(found, bytes):
        raise RuleBroken(f"preface is {found!r}", expected="bytes")
    if not found:
        return
    if BEGUN_REQUEST.fullmatch(found):
        expected = "bytes with which no HTTP/1 request begins"
        raise RuleBroken(f"an HTTP/1 request may begin with the preface {found!r}", found, expected)
    if subject.speechless is None and subject.adapter is not None:
        sent = subject.adapter().encode_head("GET", "/", (HOST,), 0)
        if not sent.startswith(found):
            raise RuleBroken("a client does not begin with the preface", sent, f"{found!r}")


@check("K1.5")
async def options(subject: Subject) -> None:
    """Create a backend with an option that it cannot know."""
    options: dict[str, Any] = {UNKNOWN_OPTION: 1}
    expected = f"a BackendOptionError that names {UNKNOWN_OPTION}"
    try:
        subject.backend_class(**options)
    except BackendOptionError as error:
        if UNKNOWN_OPTION not in str(error):
            raise RuleBroken(f"the error about an unknown option is: {error}", expected=expected) from None
        return
    except Exception as error:
        raise RuleBroken(f"an unknown option raises {error!r}", expected=expected) from None
    raise RuleBroken("an unknown option is accepted", expected=expected)


@check("K1.6")
async def new_protocol(subject: Subject) -> None:
    """Create two connections."""
    async with subject.serve() as stage:
        first, second = stage.line().protocol, stage.line().protocol
        for protocol in (first, second):
            if not isinstance(protocol, asyncio.BaseProtocol):
                raise RuleBroken(f"create_protocol returns {protocol!r}", expected="an asyncio.Protocol")
        if first is second:
            raise RuleBroken("create_protocol returns one object twice", expected="a new object each time")


@check("K1.7")
async def unix_socket(subject: Subject) -> None:
    """Connect through a Unix socket."""
    async with subject.serve() as stage:
        try:
            line = stage.line(address=("/run/kyoukai.sock", 0))
        except Exception as error:
            message = f"create_protocol raises {error!r} for the path of a Unix socket and port 0"
            raise RuleBroken(message, expected="an asyncio.Protocol") from None
        if subject.speechless is not None:
            line.connect()
        else:
            client = subject.client(stage, line)
            answer = await client.ask()
            if answer is None or answer.status != 200:
                raise client.broken(f"a request through a Unix socket got {shown(answer)}", "200")
        line.transport.feed_reset()
        await line.quiet()
        if line.transport.failure is not None:
            message = f"on a Unix socket the protocol raises {line.transport.failure!r}"
            raise RuleBroken(message, line.sent, "no exception")


@check("K1.8")
async def independent(subject: Subject) -> None:
    """Serve with two backends at once."""
    async with subject.serve() as first, subject.serve() as second:
        for stage, other in ((first, second), (second, first)):
            stage.seen.clear()
            other.seen.clear()
            client = subject.client(stage)
            await client.ask()
            if len(stage.seen) != 1 or other.seen:
                message = "a request did not reach the application of its component"
                raise client.broken(message, "each request reaches its own application")


@check("K1.9")
async def documented(subject: Subject) -> None:
    """Look for a docstring."""
    if not (vars(subject.backend_class).get("__doc__") or "").strip():
        raise RuleBroken("the class has no docstring", expected="a sentence that describes the backend")
