"""An application that records its requests and gives prepared answers."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request, Response

if TYPE_CHECKING:
    from asphalt.core import Context


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer that the application gives."""

    status: int = 200
    fields: tuple[tuple[str, str], ...] = ()
    body: bytes = b"ok"
    pieces: tuple[bytes, ...] | None = None
    """Chunks for an async iterator, used instead of ``body``."""
    fails_after: int | None = None
    """The iterator raises after this many chunks."""
    raises: bool = False
    """The handler raises, so there is no response."""
    close: bool = False
    """The response asks to close the connection."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One request, as the application saw it."""

    method: str
    target: str
    """The target as sent."""
    path: str
    """The percent-decoded path, each byte as one latin-1 character."""
    query: str
    version: str
    """``HTTP/1.0`` or ``HTTP/1.1``."""
    fields: Mapping[str, str]
    """The header fields of the environ: names in lower case, with dashes."""
    body: bytes
    trailers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, request: Request) -> "Seen":
        """Record a request."""
        environ = request.environ
        return cls(
            method=environ["REQUEST_METHOD"],
            target=environ.get("RAW_URI", ""),
            path=environ["PATH_INFO"],
            query=environ["QUERY_STRING"],
            version=environ["SERVER_PROTOCOL"],
            fields=_fields(environ),
            body=request.get_data(),
            trailers=tuple(
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in environ.get("kyoukai.trailers", ())
            ),
        )


def _fields(environ: Mapping[str, Any]) -> dict[str, str]:
    fields = {
        key[5:].lower().replace("_", "-"): value for key, value in environ.items() if key.startswith("HTTP_")
    }
    for key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if key in environ:
            fields[key.lower().replace("_", "-")] = environ[key]
    return fields


class RecordingApplication:
    """Records each request and gives the prepared answer. It serves one conversation at a time."""

    request_class = Request

    declared_methods = ("BAKE", "NOTIFY", "PURGE")
    """Methods accepted in addition to the registered ones: one of its own, and two that llhttp knows. llhttp
    counts one of these two as a method of another protocol."""

    def __init__(self) -> None:
        self.reply = Reply()
        self.seen: list[Seen] = []

    def begin(self, reply: Reply) -> list[Seen]:
        """Begin a conversation, and return the list to which its requests will be added."""
        self.reply = reply
        self.seen = []
        return self.seen

    async def process_request(self, request: Request, parent_context: "Context") -> Response:
        """Record a ``request`` and answer it; ``parent_context`` is not used.

        :raises RuntimeError: if the reply says so.
        """
        reply = self.reply
        self.seen.append(Seen.of(request))
        if reply.raises:
            raise RuntimeError("the handler fails on purpose")
        # Given a list, Werkzeug leaves Content-Length to the reply and the server.
        body: Any = [reply.body] if reply.pieces is None else _iterate(reply.pieces, reply.fails_after)
        response = Response(body, status=reply.status, headers=list(reply.fields))
        if reply.close:
            response.headers["Connection"] = "close"
        return response


async def _iterate(pieces: tuple[bytes, ...], fails_after: int | None) -> AsyncIterator[bytes]:
    for number, piece in enumerate(pieces):
        if number == fails_after:
            raise RuntimeError("the body fails on purpose")
        yield piece
    if fails_after is not None and fails_after >= len(pieces):
        raise RuntimeError("the body fails on purpose")
