"""Werkzeug's request and response with faster constructors and the same interface.

Werkzeug's constructors call a dozen functions for each message, which takes longer than the rest of the work
of an application. Here a response combines fields that Werkzeug has checked once, and a request reads its
environ lazily.

``_list`` of Headers, and ``_status``, ``_status_code`` and ``_on_close`` of Response, are private names of
Werkzeug's: see :mod:`kyoukai.private_names`. The tests compare the attributes of these messages with
Werkzeug's.
"""

from collections.abc import AsyncIterable, Iterable, Mapping
from http import HTTPStatus
from io import SEEK_CUR, BytesIO
from typing import IO, TYPE_CHECKING, Any, Final, Literal, overload

from werkzeug import wrappers
from werkzeug.datastructures import EnvironHeaders, Headers
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.utils import get_content_type

from kyoukai.core.semantics.methods import METHODS

from . import json_input
from .cached_attribute import CachedAttribute

if TYPE_CHECKING:
    from .route import Route

Body = Iterable[bytes] | AsyncIterable[bytes] | Iterable[str] | AsyncIterable[str] | bytes | str
Field = tuple[str, str]
Given = Mapping[str, str | Iterable[str]] | Iterable[tuple[str, str]]

MAX_TYPES: Final = 256
"""The number of cached content types. They may come from clients, if an application repeats them."""

MAX_TYPE_SIZE: Final = 128
"""The longest cached content type, in characters."""

JSON_TYPES: Final = frozenset(
    {"application/json"}
    | {f"application/json;{space}charset={name}" for space in ("", " ") for name in ("utf-8", "UTF-8")}
)
"""The content types by which clients send JSON."""

MAX_LENGTHS: Final = 1024
"""The number of cached lengths of bodies."""

_new: Final = object.__new__

_lengths: dict[int, Field] = {}
_by_type: dict[str, Field] = {}
_by_mimetype: dict[str, Field] = {}

_codes = {code: wrappers.Response(status=code) for code in HTTP_STATUS_CODES}
STATUSES: Final[dict[object, tuple[str, int]]] = {
    code: (response.status, code) for code, response in _codes.items()
}
"""Status line and code, by the code."""


def _read_server(request: wrappers.Request) -> tuple[str, int | None] | None:
    environ = request.environ
    name = environ.get("SERVER_NAME")
    if name is None:
        return None
    try:
        return name, int(environ["SERVER_PORT"])
    except (KeyError, TypeError, ValueError):
        return name, None  # A Unix socket has no port.


class Request(wrappers.Request):
    """A Werkzeug request that reads its environ lazily.

    :param environ: the WSGI environ.
    :param populate_request: whether to set ``environ["werkzeug.request"]``.
    :param shallow: whether reading the body raises an error.
    """

    scheme = CachedAttribute(lambda request: request.environ.get("wsgi.url_scheme", "http"))
    server = CachedAttribute(_read_server)
    root_path = CachedAttribute(lambda request: decoded(request.environ.get("SCRIPT_NAME") or "").rstrip("/"))
    query_string = CachedAttribute(lambda request: request.environ.get("QUERY_STRING", "").encode("latin-1"))
    headers = CachedAttribute(lambda request: EnvironHeaders(request.environ))
    remote_addr = CachedAttribute(lambda request: request.environ.get("REMOTE_ADDR"))

    json_module = json_input

    matched_route: "Route | None"
    """The route of the request, once it is found."""

    file_streams: "CachedAttribute[list[IO[bytes]]]" = CachedAttribute(lambda request: [])
    """The files that uploads of its form were written to, also those of an aborted upload."""

    def __init__(self, environ: dict[str, Any], populate_request: bool = True, shallow: bool = False) -> None:
        self.environ = environ
        self.shallow = shallow
        self.matched_route = None
        method = environ.get("REQUEST_METHOD", "GET")
        self.method = method if method in METHODS else method.upper()
        path = environ.get("PATH_INFO") or ""
        self.path = "/" + (path if path.isascii() else decoded(path)).lstrip("/")
        if populate_request and not shallow:
            environ["werkzeug.request"] = self

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """Return the body parsed as JSON. The parameters are Werkzeug's."""
        noted, environ = self.__dict__, self.environ
        headers = noted.get("headers")
        if (
            environ.get("CONTENT_TYPE") in JSON_TYPES
            and (headers is None or headers == EnvironHeaders(environ))
            and "_cached_json" not in noted
            and "_parsed_content_type" not in noted
            and "json_module" not in noted
            and (body := _unread_body(self)) is not None
        ):
            data = body.read()
            try:
                value = json_input.loads(data)
            except ValueError:
                # Werkzeug handles the error.
                body.seek(-len(data), SEEK_CUR)
            else:
                if cache:
                    self._cached_data = data
                    self._cached_json = value, value
                return value
        return super().get_json(force, silent, cache)

    @overload
    def get_data(
        self, cache: bool = True, as_text: Literal[False] = False, parse_form_data: bool = False
    ) -> bytes: ...
    @overload
    def get_data(
        self, cache: bool = True, as_text: Literal[True] = ..., parse_form_data: bool = False
    ) -> str: ...
    def get_data(
        self, cache: bool = True, as_text: bool = False, parse_form_data: bool = False
    ) -> bytes | str:
        """Return the body, or the unread rest of it. The parameters are Werkzeug's."""
        body = None if as_text or parse_form_data else _unread_body(self)
        if body is None:
            return super().get_data(cache, as_text, parse_form_data)  # type: ignore[call-overload, no-any-return]
        data = body.read()
        if cache:
            self._cached_data = data
        return data

    def _get_file_stream(self, *args: Any, **kwargs: Any) -> IO[bytes]:
        stream = super()._get_file_stream(*args, **kwargs)
        self.file_streams.append(stream)
        return stream

    def close(self) -> None:
        """Close the files of its form, also those of an aborted upload."""
        super().close()
        for stream in self.__dict__.get("file_streams", ()):
            stream.close()


def _unread_body(request: Request) -> BytesIO | None:
    """Return the buffered body if it is unread, and no subclass or limit applies.

    It needs no stream around it. Werkzeug's own steps give the same, but take longer than parsing a small
    document.
    """
    environ, noted = request.environ, request.__dict__
    body = environ.get("wsgi.input")
    if (
        type(body) is BytesIO
        and type(request) is Request
        and request.max_content_length is None
        and not request.shallow
        and "wsgi.input_terminated" in environ
        and "_cached_data" not in noted
        and "stream" not in noted
    ):
        return body
    return None


class Response(wrappers.Response):
    """A Werkzeug response with a fast constructor, which calls no other method of the class.

    The parameters are Werkzeug's.

    :param response: the body: text, bytes, an iterable of either, or an async iterable of either.
    :param status: a status code, or a code and a reason; by default 200.
    :param headers: a mapping, or pairs of name and value.
    :param mimetype: the media type; text types get a charset of UTF-8.
    :param content_type: the whole Content-Type field, in place of ``mimetype``.
    :param direct_passthrough: whether the body is sent without checks, as a file wrapper is.
    """

    def __init__(
        self,
        response: Body | None = None,
        status: int | str | HTTPStatus | None = None,
        headers: Given | None = None,
        mimetype: str | None = None,
        content_type: str | None = None,
        direct_passthrough: bool = False,
    ) -> None:
        length: Field | None = None
        if type(response) is list:
            self.response = response
        elif response is None:
            self.response = []
        else:
            data = response.encode() if isinstance(response, str) else response
            if type(data) is bytes or isinstance(data, (bytes, bytearray)):
                self.response = [data]
                if self.automatically_set_content_length:
                    length = _lengths.get(len(data)) or _learn_length(len(data))
            else:
                self.response = data  # type: ignore[assignment] # what sends it knows both kinds
        if headers is None:
            # Same as Werkzeug's constructor where nothing has to be checked.
            self.headers = _new(Headers)
            field: Field | None
            if content_type is not None:
                field = _by_type.get(content_type) or _learn_type(content_type)
            else:
                if mimetype is None:
                    mimetype = self.default_mimetype
                field = None if mimetype is None else _by_mimetype.get(mimetype) or _learn_mimetype(mimetype)
            if length is None:
                self.headers._list = [] if field is None else [field]
            else:
                self.headers._list = [length] if field is None else [field, length]
        else:
            _add_fields(self, headers, mimetype, content_type, length)
        if status is None:
            status = self.default_status
        known = STATUSES.get(status)
        if known is not None:
            self._status, self._status_code = known
        else:
            self.status = status
        self.direct_passthrough = direct_passthrough
        self._on_close = []


def decoded(text: str) -> str:
    """Return a path of an environ as text; bytes that are not UTF-8 are replaced (PEP 3333)."""
    return text if text.isascii() else text.encode("latin-1").decode(errors="replace")


def _add_fields(
    response: Response, given: Given, mimetype: str | None, content_type: str | None, length: Field | None
) -> None:
    """Set the given fields on a response, and the default fields that they lack."""
    response.headers = headers = given if isinstance(given, Headers) else Headers(given or None)
    if content_type is None:
        if mimetype is None and "Content-Type" not in headers:
            mimetype = response.default_mimetype
        content_type = None if mimetype is None else get_content_type(mimetype, "utf-8")
    if content_type is not None:
        headers["Content-Type"] = content_type
    if length is not None:
        headers[length[0]] = length[1]


def _learn_length(length: int) -> Field:
    """Return the Content-Length field for a length, and cache it."""
    if len(_lengths) >= MAX_LENGTHS:
        _lengths.clear()
    field = _lengths[length] = ("Content-Length", str(length))
    return field


def _learn_type(content_type: str) -> Field:
    return _learn(_by_type, content_type, content_type)


def _learn_mimetype(mimetype: str) -> Field:
    return _learn(_by_mimetype, mimetype, get_content_type(mimetype, "utf-8"))


def _learn(table: dict[str, Field], key: str, content_type: str) -> Field:
    """Return the Content-Type field for a content type, as Werkzeug checks and makes it, and cache it.

    :raises ValueError: if the content type contains a line break.
    """
    headers = Headers()
    headers["Content-Type"] = content_type
    [field] = headers
    if len(key) <= MAX_TYPE_SIZE:
        if len(table) >= MAX_TYPES:
            table.clear()
        table[key] = field
    return field
