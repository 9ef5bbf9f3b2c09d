"""Errors as problem details (RFC 9457): what a program can read of what went wrong.

Any HTTP error is one to a client that asks for JSON. Here are an error that says more than its
status, and an error handler for those parts of an application whose errors are always JSON.
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

# RFC 9457 section 3.1, the members that it defines.
DEFINED: Final = frozenset({"type", "status", "title", "detail", "instance"})


class Problem(HTTPException):
    """An HTTP error that says what kind of problem it is: raise it.

    Clients that accept JSON better than text and HTML get all of it; others get status, title and detail.

    :param status: from 400 to 599.
    :param detail: what went wrong this time, for a human; by default the title.
    :param type: a URI that names the kind of problem, at best one where it is explained.
    :param title: a summary of that kind, the same each time; by default the status's name.
    :param instance: a URI that names this occurrence.
    :param headers: further fields of the answer.
    :param members: further members of the JSON object (section 3.2).
    :raises ValueError: if the status is none of an error, or a member has a name that is taken.
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
            raise ValueError(f"a problem has {', '.join(sorted(taken))} by its argument, and not by members")
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
        """The title: the one that was given, or the status's name."""
        return self.title if self.title is not None else super().name

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """Return the fields of the answer."""
        return [*super().get_headers(*args, **kwargs), *self.fields]


async def answer_as_problem(ctx: HTTPRequestContext, error: Exception) -> Response:
    """Answer an error with problem details, whatever the client accepts; an error handler.

    ``api.errorhandler(HTTPException)(answer_as_problem)`` makes all errors of a blueprint so; an
    exception that nothing claims is one of them, as a 500 that says nothing of it.
    """
    known = error if isinstance(error, HTTPException) else identified(InternalServerError(), "handler-failed")
    return error_response(known, "application/problem+json", ctx.app.response_class)
