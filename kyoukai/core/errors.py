"""The tree of errors that a caller may catch. Errors that answer a request have a status.

::

    KyoukaiError
    ├── ConfigurationError              a setting is invalid; raised before a socket is opened
    │   └── BackendError                the named backend cannot be used
    │       ├── UnknownBackendError     no installed backend has that name
    │       ├── BackendConflictError    several distributions register the name
    │       ├── BackendLoadError        importing it failed
    │       ├── NotABackendError        it loads, but is not a Backend
    │       ├── BackendVersionError     it needs another version of the contract
    │       ├── BackendListError        it cannot serve together with others of the list
    │       └── BackendOptionError      an option or its value is invalid
    ├── ListenError                     the server cannot listen on the address
    └── ProtocolError                   a request is refused; also a werkzeug HTTPException
        ├── BadRequest                  400
        ├── RequestTimeout              408
        ├── ContentTooLarge             413
        ├── URITooLong                  414
        ├── UnsupportedMediaType        415
        ├── ExpectationFailed           417
        ├── HeaderFieldsTooLarge        431
        ├── NotImplementedByServer      501
        └── VersionNotSupported         505

``kyoukai.web.SessionError``, for a session that cannot be stored, also derives from the root.

The first two branches stop the start of the server: the process exits with status 1. The third refuses one
request: ``code`` is the status of its answer, ``description`` the sentence in its body, and ``identifier``
names its entry in the table of refusals, :mod:`kyoukai.core.refusals`.
"""

from typing import Any, Final, TypeVar

from click import ClickException
from werkzeug import exceptions
from werkzeug.exceptions import HTTPException

AnyError = TypeVar("AnyError", bound=HTTPException)


class KyoukaiError(Exception):
    """Base class of every error that Kyoukai raises on purpose."""


class ConfigurationError(ClickException, KyoukaiError, ValueError):
    """A setting is wrong. The message names the setting, its value, and a correct value.

    It is a ``ClickException``: the command lines of Asphalt and Kyoukai use Click, which prints such an
    exception as one line instead of a traceback.
    """


class BackendError(ConfigurationError):
    """The named backend cannot be used."""


class UnknownBackendError(BackendError):
    """No installed distribution registers a backend with that name."""


class BackendConflictError(BackendError):
    """Several distributions register a backend with that name."""


class BackendLoadError(BackendError):
    """Importing the backend failed. The original exception is the ``__cause__``."""


class NotABackendError(BackendError):
    """The entry point does not lead to a usable :class:`~kyoukai.core.contract.backend.Backend`."""


class BackendVersionError(BackendError):
    """The backend needs a version of the contract that this server does not support."""


class BackendListError(BackendError):
    """Several backends cannot serve together: one is named twice, or two cannot be told apart."""


class BackendOptionError(BackendError):
    """The backend does not know an option, or does not accept its value."""


class ListenError(KyoukaiError, OSError):
    """The server cannot listen on an address: in use, not permitted, or not an address of this machine."""


class ProtocolError(KyoukaiError, HTTPException):
    """A request is refused. Its connection is closed after the answer.

    Each subclass also derives from Werkzeug's exception with the same status, so an error handler for that
    class handles it. :func:`refused` creates an error with an identifier. An error created without it has the
    identifier of its class.

    :param description: one sentence for the client. It must not repeat what the client sent.
    """

    identifier: str = "message-malformed"
    """Its entry in the table of refusals, such as ``host-missing``. Answers and logs carry it."""


class BadRequest(ProtocolError, exceptions.BadRequest):
    """400 (RFC 9110 section 15.5.1): the request is malformed."""

    code = 400
    identifier = "message-malformed"
    description = "The request is malformed."


class RequestTimeout(ProtocolError, exceptions.RequestTimeout):
    """408 (RFC 9110 section 15.5.9): the request did not arrive in time."""

    code = 408
    identifier = "body-timeout"
    description = "The request did not arrive in time."


class ContentTooLarge(ProtocolError, exceptions.RequestEntityTooLarge):
    """413 (RFC 9110 section 15.5.14): the body is larger than ``max_body_size``."""

    code = 413
    identifier = "body-too-large"
    description = "The request body is larger than this server takes."


class URITooLong(ProtocolError, exceptions.RequestURITooLarge):
    """414 (RFC 9110 section 15.5.15): the target is longer than ``max_target_size``."""

    code = 414
    identifier = "target-too-long"
    description = "The request target is longer than this server takes."


class UnsupportedMediaType(ProtocolError, exceptions.UnsupportedMediaType):
    """415 (RFC 9110 section 15.5.16): the content coding is unknown."""

    code = 415
    identifier = "content-coding-unknown"
    description = "The request body has a content coding that this server does not know."

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """Return the header fields of the answer.

        RFC 9110 section 12.5.3: an answer that refuses a content coding should name the supported ones in
        Accept-Encoding.
        """
        return [*super().get_headers(*args, **kwargs), ("Accept-Encoding", "gzip, deflate")]


class ExpectationFailed(ProtocolError, exceptions.ExpectationFailed):
    """417 (RFC 9110 section 15.5.18): ``Expect`` asks for something other than 100-continue."""

    code = 417
    identifier = "expectation-unknown"
    description = "The only expectation this server meets is 100-continue."


class HeaderFieldsTooLarge(ProtocolError, exceptions.RequestHeaderFieldsTooLarge):
    """431 (RFC 6585 section 5): the head, one field, or the number of fields exceeds its limit."""

    code = 431
    identifier = "head-too-large"
    description = "The request's header fields are larger than this server takes."


class NotImplementedByServer(ProtocolError, exceptions.NotImplemented):
    """501 (RFC 9110 section 15.6.2): the method or transfer coding is not implemented."""

    code = 501
    identifier = "not-implemented"
    description = "This server does not implement what the request asks for."


class VersionNotSupported(ProtocolError, exceptions.HTTPVersionNotSupported):
    """505 (RFC 9110 section 15.6.6): the major version is not 1."""

    code = 505
    identifier = "version-unknown"
    description = "This server speaks HTTP/1.1 and HTTP/1.0."


CLASSES: Final[dict[int, type[ProtocolError]]] = {
    error_class.code: error_class
    for error_class in (
        BadRequest,
        RequestTimeout,
        ContentTooLarge,
        URITooLong,
        UnsupportedMediaType,
        ExpectationFailed,
        HeaderFieldsTooLarge,
        NotImplementedByServer,
        VersionNotSupported,
    )
}
"""The error class for each status."""


def refused(identifier: str) -> ProtocolError:
    """Return the error for an entry in the table of refusals.

    ``raise refused("host-missing")`` answers with the status and sentence of that entry, and closes the
    connection. A backend uses it to map the errors of its parser to refusals.

    :param identifier: of the entry in the table of refusals.
    :raises KeyError: if the table has no such entry, or no error class has its status.
    """
    from .refusals.table import TABLE

    return identified(CLASSES[TABLE[identifier].status](), identifier)


def identified(error: AnyError, identifier: str) -> AnyError:
    """Give an HTTP error the identifier and sentence of an entry in the table, and return the error.

    Use it for answers that leave the connection open, such as the 403 of a WebSocket handshake.

    :param identifier: of the entry in the table of refusals.
    :raises KeyError: if the table has no such entry.
    """
    from .refusals.table import TABLE

    error.description = TABLE[identifier].sentence
    vars(error)["identifier"] = identifier
    return error


def identifier_of(error: BaseException) -> str:
    """Return the identifier of a refusal; empty for an error of the application.

    The application's errors may have an attribute of this name for something else, which no answer may show.
    """
    identifier = getattr(error, "identifier", "")
    if not identifier or not isinstance(identifier, str):
        return ""
    if isinstance(error, ProtocolError):
        return identifier
    from .refusals.table import TABLE

    return identifier if identifier in TABLE else ""
