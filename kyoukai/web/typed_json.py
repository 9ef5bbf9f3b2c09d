"""Reads the JSON of a request as the type that a handler names."""

from typing import TypeVar

from kyoukai.core.errors import ConfigurationError
from kyoukai.core.extras import extra_command

from .context import HTTPRequestContext
from .problem_details import Problem

T = TypeVar("T")


def read_json(ctx: HTTPRequestContext, kind: type[T]) -> T:
    """Return the JSON body of a request as an object of type ``kind``.

    ``kind`` may be a dataclass, a ``NamedTuple``, a ``TypedDict``, a ``msgspec.Struct``, or a type such as
    ``list[Draft]``. Members of the JSON that ``kind`` does not have are ignored. A ``ValueError`` or
    ``TypeError`` that a dataclass raises in ``__post_init__`` is a mistake of the client too, and the client
    gets its text. Needs the extra ``msgspec``.

    :raises Problem: 415 if the request's Content-Type is not JSON, 400 if the body is not JSON, and 422 if
        the JSON does not fit ``kind``; the detail names the member and what was expected.
    :raises ConfigurationError: if msgspec is not installed.
    """
    try:
        from msgspec import DecodeError, ValidationError
        from msgspec.json import decode
    except ImportError as exc:
        raise ConfigurationError(
            f"read_json needs msgspec, which is not installed: {extra_command('msgspec')}"
        ) from exc
    # A form of another site can send text/plain, but no application/json without asking this server first.
    if not ctx.request.is_json:
        sent = (
            f", not {ctx.request.mimetype}" if ctx.request.mimetype else "; the request has no Content-Type"
        )
        raise Problem(415, f"The body must be application/json{sent}.")
    try:
        return decode(ctx.request.get_data(), type=kind)
    except ValidationError as exc:
        raise Problem(422, f"{exc}.") from exc
    except (DecodeError, RecursionError) as exc:
        raise Problem(400, f"The body is not JSON: {exc}.") from exc
