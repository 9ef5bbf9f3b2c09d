"""The private names of other libraries are still there: a release may take each of them away."""

import asyncio
import io
import platform
import socket
import ssl
import tempfile
from asyncio import sslproto
from collections.abc import Callable
from importlib import import_module, metadata
from typing import Any, Final

import pytest
from asphalt.core import Context
from werkzeug.datastructures import Headers
from werkzeug.routing import Map, Rule
from werkzeug.test import Client
from werkzeug.wrappers import Request, Response

from kyoukai.private_names import (
    KNOWN_VERSIONS,
    PRIVATE_NAMES,
    close_callbacks,
    has_rolled,
    policy_loop,
    refuses_sendfile,
    running_loop,
)


def read_request() -> Request:
    """Return a request that has noted all that it notes of its body."""
    request = Request.from_values(data="{}", content_type="application/json")
    request.get_data()
    request.get_json()
    return request


def bound_rule() -> Rule:
    rule = Rule("/<x>")
    Map([rule])
    return rule


def ssl_protocol() -> Any:
    """Return what asyncio makes of a connection over TLS."""
    loop = asyncio.new_event_loop()
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        protocol = sslproto.SSLProtocol(loop, asyncio.Protocol(), context, None, server_side=True)
        protocol._app_transport.close()
        return protocol
    finally:
        loop.close()


# Objects that have their attributes only once they are made; the rest is found by its name.
MAKERS: Final[dict[str, Callable[[], Any]]] = {
    "asphalt.core.context.Context": Context,
    "asyncio.DefaultEventLoopPolicy": asyncio.DefaultEventLoopPolicy,
    "asyncio.DefaultEventLoopPolicy._local": lambda: vars(asyncio.DefaultEventLoopPolicy())["_local"],
    "asyncio.sslproto.SSLProtocol": ssl_protocol,
    "asyncio.sslproto._SSLProtocolTransport": lambda: ssl_protocol()._app_transport,
    "werkzeug.datastructures.Headers": Headers,
    "werkzeug.routing.Rule": bound_rule,
    "werkzeug.test.Client": lambda: Client(Response()),
    "werkzeug.wrappers.Request": read_request,
    "werkzeug.wrappers.Response": Response,
}


def missing(owner: str, name: str) -> str | None:
    """Return why ``owner`` does not have ``name``, with all that is needed to look for it; else nothing."""
    if owner in MAKERS:
        found = MAKERS[owner]()
    else:
        try:
            found = import_module(owner)
        except ImportError:
            module, _, attribute = owner.rpartition(".")
            found = getattr(import_module(module), attribute)
    if hasattr(found, name):
        return None
    library = owner.partition(".")[0]
    library = library if library in KNOWN_VERSIONS else "python"
    version = platform.python_version() if library == "python" else metadata.version(library)
    return (
        f"{library} {version} has no {name} in {owner}, which kyoukai.private_names was written for"
        f" in {library} {KNOWN_VERSIONS[library]}"
    )


@pytest.mark.parametrize(
    ("owner", "name"), [(owner, name) for owner, names in PRIVATE_NAMES.items() for name in names]
)
def test_the_installed_version_has_the_name(owner: str, name: str) -> None:
    assert missing(owner, name) is None


def test_a_name_that_is_gone_is_told_with_its_version() -> None:
    version = metadata.version("werkzeug")
    assert missing("werkzeug.wrappers.Response", "_gone") == (
        f"werkzeug {version} has no _gone in werkzeug.wrappers.Response, which kyoukai.private_names was"
        " written for in werkzeug 3.1"
    )
    assert str(missing("asyncio", "_gone")).startswith(
        f"python {platform.python_version()} has no _gone in asyncio"
    )


def test_the_installed_versions_are_known() -> None:
    """A new release of a library is looked at before its version is put into the table."""
    for library in ("asphalt", "werkzeug"):
        assert metadata.version(library).startswith(f"{KNOWN_VERSIONS[library]}.")
    first, _, last = KNOWN_VERSIONS["python"].partition(" to ")
    known = [tuple(map(int, version.split("."))) for version in (first, last)]
    assert known[0] <= tuple(map(int, platform.python_version_tuple()[:2])) <= known[1]


def test_the_loop_of_the_policy_is_seen_and_not_made() -> None:
    asyncio.set_event_loop(None)
    assert policy_loop() is None
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        asyncio.set_event_loop(loop)
        assert policy_loop() is loop
        asyncio.set_event_loop(None)


def test_the_running_loop_is_seen_and_not_demanded() -> None:
    async def main() -> None:
        assert running_loop() is asyncio.get_running_loop()

    assert running_loop() is None
    asyncio.run(main())


def test_the_callbacks_of_a_response_are_its_own_list() -> None:
    response = Response()
    response.call_on_close(print)
    assert close_callbacks(response) == [print]
    close_callbacks(response)[0] = repr
    assert close_callbacks(response) == [repr]


def test_whether_a_file_is_on_a_disk() -> None:
    with tempfile.SpooledTemporaryFile(max_size=4) as file:
        file.write(b"1234")
        assert has_rolled(file) is False
        file.write(b"5")
        assert has_rolled(file) is True
    assert has_rolled(io.BytesIO()) is None


def test_a_transport_may_refuse_sendfile() -> None:
    class Refusing(asyncio.Transport):
        @property
        def _sendfile_compatible(self) -> object:
            raise asyncio.SendfileNotAvailableError

    async def main() -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=ours)
            assert not refuses_sendfile(transport)
            transport.close()

    asyncio.run(main())
    assert refuses_sendfile(Refusing())
