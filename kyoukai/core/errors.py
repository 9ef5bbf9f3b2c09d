"""The error tree. Every error a caller may want to catch is here, and each one knows its status.

::

    KyoukaiError
    ├── ConfigurationError              a setting that cannot be used; raised before a socket is opened
    │   └── BackendError                the backend that was named cannot be used
    │       ├── UnknownBackendError     no such name is installed
    │       ├── BackendConflictError    two distributions claim the name
    │       ├── BackendLoadError        importing it failed
    │       ├── NotABackendError        it loads, and is no Backend
    │       ├── BackendVersionError     it was written for a contract we do not speak
    │       ├── BackendListError        it cannot be told from another one of the list
    │       └── BackendOptionError      it refuses an option
    ├── ListenError                     the address cannot be listened on
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

``kyoukai.web.SessionError``, a session that cannot be kept, is another child of the root.

The first two branches end a start-up, and the process exits with 1. The third ends one request: ``code`` is
the status of its answer, ``description`` the sentence in its body, and ``identifier`` names its entry in the
table of refusals, :mod:`kyoukai.core.refusals`.
"""

from typing import Any, Final, TypeVar

from click import ClickException
from werkzeug import exceptions
from werkzeug.exceptions import HTTPException

AnyError = TypeVar("AnyError", bound=HTTPException)


class KyoukaiError(Exception):
    """The root of every error that Kyoukai raises on purpose."""


class ConfigurationError(ClickException, KyoukaiError, ValueError):
    """A setting is wrong: the message names it, its value, and what would be right.

    Asphalt's command line and ours are Click's, which shows a ``ClickException`` as one line where
    another exception would be a traceback.
    """


class BackendError(ConfigurationError):
    """The backend that was named cannot be used."""


class UnknownBackendError(BackendError):
    """No installed distribution registers a backend of that name."""


class BackendConflictError(BackendError):
    """More than one distribution registers a backend of that name."""


class BackendLoadError(BackendError):
    """Importing the backend failed; the original exception is the ``__cause__``."""


class NotABackendError(BackendError):
    """The name leads to something that is no usable :class:`~kyoukai.core.contract.backend.Backend`."""


class BackendVersionError(BackendError):
    """The backend was written for a version of the contract that this server does not speak."""


class BackendListError(BackendError):
    """Backends that were named together cannot serve together: one is there twice, or two are too alike."""


class BackendOptionError(BackendError):
    """The backend does not know an option, or not that value of it."""


class ListenError(KyoukaiError, OSError):
    """The address cannot be listened on: it is taken, forbidden, or not of this machine."""


class ProtocolError(KyoukaiError, HTTPException):
    """A request is refused, and its connection is closed after the answer.

    Each one is Werkzeug's error of its status as well: an error handler for that class takes it.
    :func:`refused` makes one with its identifier. One that is made without has that of its class.

    :param description: one sentence for the client; it must not repeat what the client sent.
    """

    identifier: str = "message-malformed"
    """Which entry of the table of refusals it is: ``host-missing``. Answers and log lines carry it."""


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
        """Return the fields of the answer.

        RFC 9110 section 12.5.3: a server that answers so for an unsupported content coding ought to
        say in Accept-Encoding which ones it takes.
        """
        return [*super().get_headers(*args, **kwargs), ("Accept-Encoding", "gzip, deflate")]


class ExpectationFailed(ProtocolError, exceptions.ExpectationFailed):
    """417 (RFC 9110 section 15.5.18): ``Expect`` asks for something other than 100-continue."""

    code = 417
    identifier = "expectation-unknown"
    description = "The only expectation this server meets is 100-continue."


class HeaderFieldsTooLarge(ProtocolError, exceptions.RequestHeaderFieldsTooLarge):
    """431 (RFC 6585 section 5): the head, one field, or the number of fields passes its limit."""

    code = 431
    identifier = "head-too-large"
    description = "The request's header fields are larger than this server takes."


class NotImplementedByServer(ProtocolError, exceptions.NotImplemented):
    """501 (RFC 9110 section 15.6.2): a method or a transfer coding that no part implements."""

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
"""The class of each status."""


def refused(identifier: str) -> ProtocolError:
    """Return the error that refuses a request for a reason of the table.

    ``raise refused("host-missing")`` answers with the status and the sentence of that entry, and closes the
    connection. The author of a backend names so what an error of the parser means.

    :param identifier: of the table of refusals.
    :raises KeyError: if the table has no such entry, or its status is none that closes the connection.
    """
    from .refusals.table import TABLE

    return identified(CLASSES[TABLE[identifier].status](), identifier)


def identified(error: AnyError, identifier: str) -> AnyError:
    """Give an HTTP error the identifier and the sentence of an entry of the table, and return it.

    It is for answers after which the connection goes on, such as the 403 of a WebSocket.

    :param identifier: of the table of refusals.
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
