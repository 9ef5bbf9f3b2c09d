"""All private names of other libraries that this package uses, and functions that wrap them.

A library may remove a private name in any release. :data:`PRIVATE_NAMES` lists them by owner, and
:data:`KNOWN_VERSIONS` the versions that have them; a test checks the installed ones. A few modules read
a name themselves, because a function call costs too much on the path of a request. They are listed, too.
"""

import asyncio
import concurrent.futures.thread
from asyncio import _get_running_loop
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from types import CodeType
from typing import TYPE_CHECKING, Any, Final

from asphalt.core import Context, resource
from asphalt.core.context import _current_context
from werkzeug.routing import Rule
from werkzeug.wrappers import Response

if TYPE_CHECKING:
    from werkzeug.test import Client

PRIVATE_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "asphalt.core.context": ("_current_context",),
    "asphalt.core.context.Context": (
        "_loop",
        "_parent",
        "_resource_factories",
        "_resource_factories_by_context_attr",
        "_resources",
        "_state",
        "_teardown_callbacks",
    ),
    "asyncio": ("_get_running_loop",),
    "asyncio.DefaultEventLoopPolicy": ("_local",),
    "asyncio.DefaultEventLoopPolicy._local": ("_loop",),
    "asyncio.selector_events._SelectorSocketTransport": ("_sendfile_compatible",),
    "asyncio.sslproto.SSLProtocol": ("_transport",),
    "asyncio.sslproto._SSLProtocolTransport": ("_ssl_protocol",),
    "concurrent.futures.thread": ("_worker",),
    "tempfile.SpooledTemporaryFile": ("_rolled",),
    "werkzeug.datastructures.Headers": ("_list",),
    "werkzeug.routing.Rule": ("_converters",),
    "werkzeug.test.Client": ("_add_cookies_to_wsgi", "_update_cookies_from_response"),
    "werkzeug.wrappers.Request": ("_cached_data", "_cached_json", "_get_file_stream", "_parsed_content_type"),
    "werkzeug.wrappers.Response": ("_on_close", "_status", "_status_code"),
}
"""The names by owner: a module, or a class whose instances have them."""

KNOWN_VERSIONS: Final = {"asphalt": "4.12", "python": "3.11 to 3.13", "werkzeug": "3.1"}
"""The versions that are known to have all of them."""

running_loop: Final[Callable[[], asyncio.AbstractEventLoop | None]] = _get_running_loop
"""Return the loop that runs in this thread, or ``None``."""

current_context_var: Final[ContextVar[Context | None]] = _current_context
"""Holds the current context, which ``async with`` sets and which becomes the parent of a new context.

A context without teardown callbacks needs nothing else to be entered and left: set this, then reset it.
"""

ResourceMarker: Final[type] = type(resource())
"""The class of the parameter defaults that Asphalt's ``@inject`` replaces by resources."""

WORKER_CODE: Final[CodeType] = concurrent.futures.thread._worker.__code__
"""The code that an idle worker thread of a pool runs."""


def policy_loop() -> asyncio.AbstractEventLoop | None:
    """Return the loop that the policy has for this thread, or ``None``, without making one."""
    local = getattr(asyncio.get_event_loop_policy(), "_local", None)
    loop: asyncio.AbstractEventLoop | None = getattr(local, "_loop", None)
    return loop


def close_callbacks(response: Response) -> list[Callable[[], Any]]:
    """Return the callbacks that ``call_on_close`` has added to a response."""
    return response._on_close


def has_rolled(stream: Any) -> bool | None:
    """Return whether a SpooledTemporaryFile is on disk; ``None`` for other streams."""
    rolled: bool | None = getattr(stream, "_rolled", None)
    return rolled


def refuses_sendfile(transport: asyncio.BaseTransport) -> bool:
    """Return whether ``loop.sendfile()`` would refuse a transport or a wrapper of one."""
    try:
        getattr(transport, "_sendfile_compatible", None)
    except asyncio.SendfileNotAvailableError:
        return True
    return False


def transport_below(transport: asyncio.BaseTransport) -> asyncio.WriteTransport | None:
    """Return the transport on which a transport over TLS writes; ``None`` for others, and for uvloop's."""
    below: asyncio.WriteTransport | None = getattr(
        getattr(transport, "_ssl_protocol", None), "_transport", None
    )
    return below


def has_converter(rule: Rule, variable: str) -> bool:
    """Return whether a rule has a variable, in the part that is compiled so far."""
    return variable in rule._converters


def add_cookies(client: "Client", environ: dict[str, Any]) -> None:
    """Put the cookies of a test client into the environ of its next request."""
    client._add_cookies_to_wsgi(environ)


def keep_cookies(client: "Client", host: str, path: str, fields: Iterable[str]) -> None:
    """Have a test client keep the cookies that an answer set.

    :param host: the host of the request's URL.
    :param path: the path of the request's URL.
    :param fields: the values of the answer's ``Set-Cookie``.
    """
    client._update_cookies_from_response(host, path, list(fields))
