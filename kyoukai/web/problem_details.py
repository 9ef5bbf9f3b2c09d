"""Errors as problem details (RFC 9457), which programs can read.

Every HTTP error is answered so to a client that asks for JSON. This module has an error with details beyond
its status, and an error handler for parts of an application whose errors are always JSON.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.wrappers import Response

from kyoukai.core.errors import identified
from kyoukai.core.exchange.error_response import error_response

from .context import HTTPRequestContext

STATUSES: Final = range(400, 600)

# The members that RFC 9457 section 3.1 defines.
DEFINED: Final = frozenset({"type", "status", "title", "detail", "instance"})


class Problem(HTTPException):
    """An HTTP error with problem details (RFC 9457): raise it.

    Clients that prefer JSON to text and HTML get all members; others get status, title and detail.

    :param status: a status from 400 to 599.
    :param detail: an explanation of this occurrence, for humans; by default the title.
    :param type: a URI that identifies the kind of problem, preferably one with an explanation.
    :param title: a summary of the kind of problem, the same each time; by default the name of the status.
    :param instance: a URI that identifies this occurrence.
    :param headers: further header fields of the answer.
    :param members: further members of the JSON object (section 3.2).
    :raises ValueError: if the status is not from 400 to 599, or a member has a reserved name.
    """

    def __init__(
        self,
        status: int,
        detail: str | None = None,
        *,
        type: str | None = None,  # noqa: A002 - the name that RFC 9457 gives it
        title: str | None = None,
        instance: str | None = None,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        members: Mapping[str, Any] | None = None,
    ) -> None:
        if status not in STATUSES:
            raise ValueError(f"the status of a problem must be from 400 to 599, not {status!r}")
        taken = DEFINED & set(members or ())
        if taken:
            raise ValueError(
                f"members must not contain {', '.join(sorted(taken))}; Problem has arguments for it"
            )
        super().__init__(detail)
        self.code = status
        self.title = title
        self.fields = Headers(headers)
        given = {"type": type, "instance": instance}
        self.problem_members = {
            **{name: value for name, value in given.items() if value is not None},
            **(members or {}),
        }

    @property
    def name(self) -> str:
        """The title if given, or else the name of the status."""
        return self.title if self.title is not None else super().name

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """Return the header fields of the answer."""
        return [*super().get_headers(*args, **kwargs), *self.fields]


async def answer_as_problem(ctx: HTTPRequestContext, error: Exception) -> Response:
    """Answer an error with problem details, whatever the client accepts; an error handler.

    ``api.errorhandler(HTTPException)(answer_as_problem)`` answers all errors of a blueprint so. An exception
    without an error handler becomes a 500 without details.

    :param ctx: the context of the request.
    :param error: the error; any error that is not an HTTP error is answered as a 500.
    """
    known = error if isinstance(error, HTTPException) else identified(InternalServerError(), "handler-failed")
    return error_response(known, "application/problem+json", ctx.app.response_class)
