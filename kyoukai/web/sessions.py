"""Sessions: a dict for each client, kept in a signed cookie.

The client can read the session but not change it: itsdangerous signs it together with the time. It is read at
its first use by a request, and sent back only if it has changed.
"""

import json
import re
from collections.abc import Iterable
from time import time
from typing import TYPE_CHECKING, Any, Final, Protocol

from werkzeug.http import dump_cookie
from werkzeug.wrappers import Request, Response

from kyoukai.core.errors import ConfigurationError, KyoukaiError
from kyoukai.core.extras import extra_command

from .host_names import check_host

if TYPE_CHECKING:
    from itsdangerous import URLSafeTimedSerializer

MIN_KEY_SIZE: Final = 16
"""The length of the shortest key in bytes: 128 bits cannot be guessed."""

MAX_COOKIE_SIZE: Final = 4093
"""The largest cookie in bytes, with name and attributes, that all browsers keep; Flask's number.

RFC 6265 section 6.1 asks browsers for 4096. They drop a larger cookie silently."""

DAY: Final = 24 * 60 * 60
SAME_SITE: Final = ("Strict", "Lax", "None")

# RFC 6265 section 4.1.1: cookie-name = token
NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class SessionError(KyoukaiError):
    """A session cannot be saved: it is too large, or a value in it cannot be serialized."""


class Serializer(Protocol):
    """Converts a session to text and back: the module :mod:`json` is a serializer."""

    def dumps(self, obj: Any, /) -> str:
        """Return ``obj`` as text; equal content gives equal text."""

    def loads(self, text: str, /) -> Any:
        """Return the object that :meth:`dumps` serialized."""


class JSONSerializer:
    """Compact JSON. Keys become ``str``, and tuples become lists."""

    def dumps(self, obj: Any, /) -> str:
        """Return ``obj`` as JSON.

        :raises TypeError: if a value has no JSON form.
        :raises ValueError: if it contains a NaN, an infinity or itself.
        """
        return json.dumps(obj, ensure_ascii=False, allow_nan=False, separators=(",", ":"))

    def loads(self, text: str, /) -> Any:
        """Return the object that ``text`` represents.

        :raises ValueError: if it is not JSON.
        """
        return json.loads(text)


class Session(dict[str, Any]):
    """The session of one client: a dict of JSON values that is kept from request to request.

    :param data: the initial content.
    :ivar stored: the text that the client sent; ``None`` if it sent no valid session.
    :ivar signed_at: the time of its signature, in seconds since 1970.
    """

    __slots__ = ("signed_at", "stored")

    def __init__(self, data: Any = (), stored: str | None = None, signed_at: float = 0.0) -> None:
        super().__init__(data)
        self.stored = stored
        self.signed_at = signed_at

    @property
    def new(self) -> bool:
        """Whether the client sent no session, or an invalid or expired one."""
        return self.stored is None


class CookieSessions:
    """Keeps sessions in a signed cookie. It needs itsdangerous, by the extra ``sessions``.

    The attributes of the cookie have the names of RFC 6265 section 4.1.2.

    :param secret_key: the key that signs cookies: at least 16 secret bytes.
    :param secret_key_fallbacks: earlier keys. A cookie signed by one is valid, and the next save signs it by
        ``secret_key``.
    :param name: the name of the cookie.
    :param max_age: seconds that a signature is valid.
    :param permanent: whether the browser keeps the cookie after it is closed, for ``max_age``.
    :param renew_after: seconds after which the use of an unchanged session renews its signature, so that a
        session in use does not expire; ``None``: never.
    :param max_size: the largest cookie in bytes, with name and attributes.
    :param path: the URL path that the cookie is sent to.
    :param domain: the domain whose subdomains get the cookie too, such as ``"example.com"``; by default only
        the host.
    :param httponly: whether scripts in pages cannot read the cookie.
    :param secure: whether the cookie is sent by https only; ``None``: if the request came by https.
    :param samesite: ``"Lax"``: sent with links from other sites, not with their forms and scripts;
        ``"Strict"``: never sent from other sites; ``"None"``: always sent.
    :param serializer: converts sessions to text; by default JSON.
    :raises ConfigurationError: if a value cannot be used, or itsdangerous is not installed.
    """

    def __init__(
        self,
        secret_key: str | bytes,
        *,
        secret_key_fallbacks: Iterable[str | bytes] = (),
        name: str = "session",
        max_age: int = 14 * DAY,
        permanent: bool = False,
        renew_after: int | None = None,
        max_size: int = MAX_COOKIE_SIZE,
        path: str = "/",
        domain: str | None = None,
        httponly: bool = True,
        secure: bool | None = None,
        samesite: str = "Lax",
        serializer: Serializer | None = None,
    ) -> None:
        self.name = check_name(name, path=path, domain=domain, secure=secure)
        self.max_age = _check_number("max_age", max_age)
        self.permanent = permanent
        self.renew_after = None if renew_after is None else _check_number("renew_after", renew_after)
        self.max_size = _check_number("max_size", max_size)
        self.path = path
        self.domain = domain
        self.httponly = httponly
        self.secure = secure
        self.samesite = _check_same_site(samesite, secure)
        self.serializer = serializer or JSONSerializer()
        self.signer = make_signer(_check_keys(secret_key, secret_key_fallbacks), self.serializer)

    def open(self, request: Request) -> Session:
        """Return the session in a request's cookie; an empty one if there is no valid cookie."""
        from itsdangerous import BadData

        value = request.cookies.get(self.name)
        if value is None:
            return Session()
        try:
            data, signed_at = self.signer.loads(value, max_age=self.max_age, return_timestamp=True)
        except BadData:
            return Session()  # Expired, signed by another key, or forged: treated the same.
        if not isinstance(data, dict):
            return Session()
        return Session(data, self.serializer.dumps(data), signed_at.timestamp())

    def save(self, session: Session, request: Request, response: Response) -> None:
        """Set the cookie of ``session`` on ``response`` if necessary, and ``Vary: Cookie`` in any case.

        :param request: the request, whose scheme decides about ``Secure``.
        :raises SessionError: if it is too large for a cookie, or cannot be serialized.
        """
        # RFC 9110 section 12.5.5: a cache must not serve one client's page to another.
        response.vary.add("Cookie")
        if not session:
            if session.stored is not None:
                self._set_cookie(request, response, "", 0)
            return
        try:
            text = self.serializer.dumps(dict(session))
        except (TypeError, ValueError, RecursionError) as exc:
            raise SessionError(f"the session cannot be serialized: {exc}") from exc
        if text == session.stored and not self._is_due(session):
            return
        value = self.signer.dumps(dict(session))
        self._set_cookie(request, response, _as_text(value), self.max_age if self.permanent else None)

    def _is_due(self, session: Session) -> bool:
        """Return whether the signature of a session is to be renewed."""
        return self.renew_after is not None and time() - session.signed_at >= self.renew_after

    def _set_cookie(self, request: Request, response: Response, value: str, max_age: int | None) -> None:
        cookie = dump_cookie(
            self.name,
            value,
            max_age=max_age,
            expires=0 if max_age == 0 else None,
            path=self.path,
            domain=self.domain,
            secure=request.is_secure if self.secure is None else self.secure,
            httponly=self.httponly,
            samesite=self.samesite,
            max_size=0,  # Werkzeug only warns; here it is an error.
        )
        if len(cookie) > self.max_size:
            raise SessionError(
                f"the session is too large: its cookie {self.name!r} has {len(cookie)} bytes,"
                f" and may have {self.max_size}; store less, for example the key of a database row"
            )
        response.headers.add("Set-Cookie", cookie)


def make_signer(keys: list[bytes], serializer: Serializer) -> "URLSafeTimedSerializer":
    """Return a signer that signs with the last of ``keys`` and accepts signatures of all.

    :raises ConfigurationError: if itsdangerous is not installed.
    """
    try:
        from itsdangerous import URLSafeTimedSerializer
    except ImportError as exc:
        raise ConfigurationError(
            f"CookieSessions needs itsdangerous, which is not installed: {extra_command('sessions')}"
        ) from exc
    import hashlib

    # The salt distinguishes sessions from other data signed with the same key.
    options = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
    return URLSafeTimedSerializer(keys, salt="kyoukai.session", serializer=serializer, signer_kwargs=options)


def check_sessions(sessions: object) -> CookieSessions | None:
    """Return ``sessions`` if it is ``CookieSessions`` or ``None``.

    :raises ConfigurationError: if it is neither.
    """
    if sessions is not None and not isinstance(sessions, CookieSessions):
        raise ConfigurationError(f"sessions must be CookieSessions(secret_key), not {sessions!r}")
    return sessions


def check_name(name: object, *, path: str, domain: str | None, secure: bool | None) -> str:
    """Return ``name`` if it is valid as the name of a cookie.

    :raises ConfigurationError: if it is not, or if its prefix requires attributes that are not set
        (draft-ietf-httpbis-rfc6265bis section 4.1.3): browsers would drop the cookie.
    """
    if not isinstance(name, str) or NAME.fullmatch(name) is None:
        raise ConfigurationError(f"the name of a cookie must be a token such as 'session', not {name!r}")
    if not isinstance(path, str) or not path.startswith("/"):
        raise ConfigurationError(f"the path of the cookie {name!r} must start with '/', not be {path!r}")
    # RFC 6265 section 5.2.3: a leading dot is ignored.
    check_host(
        f"the domain of the cookie {name!r}",
        domain.removeprefix(".") if isinstance(domain, str) else domain,
        variables=False,
    )
    if name.startswith(("__Secure-", "__Host-")) and secure is not True:
        raise ConfigurationError(f"browsers drop the cookie {name!r} unless it is secure: set secure=True")
    if name.startswith("__Host-") and (path != "/" or domain is not None):
        raise ConfigurationError(
            f"browsers drop the cookie {name!r} unless its path is '/' and it has no domain,"
            f" not with path {path!r} and domain {domain!r}"
        )
    return name


def _check_keys(key: object, fallbacks: object) -> list[bytes]:
    """Return the keys from the oldest to the current one. Messages must not contain them."""
    if isinstance(fallbacks, str | bytes) or not isinstance(fallbacks, Iterable):
        raise ConfigurationError("secret_key_fallbacks must be a sequence of earlier keys")
    keys: list[bytes] = []
    for what, value in [("secret_key", key), *(("one of secret_key_fallbacks", old) for old in fallbacks)]:
        if not isinstance(value, str | bytes):
            raise ConfigurationError(f"{what} must be a str or bytes, not a {type(value).__name__}")
        data = value.encode() if isinstance(value, str) else value
        if len(data) < MIN_KEY_SIZE:
            raise ConfigurationError(
                f"{what} has {len(data)} bytes and must have {MIN_KEY_SIZE} or more that nobody can guess:"
                ' python -c "import secrets; print(secrets.token_hex())"'
            )
        keys.append(data)
    return keys[::-1]


def _check_number(what: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ConfigurationError(f"{what} of a session must be an int above 0, not {value!r}")
    return value


def _check_same_site(value: object, secure: bool | None) -> str:
    if not isinstance(value, str) or value not in SAME_SITE:
        raise ConfigurationError(f"samesite must be one of {', '.join(SAME_SITE)}, not {value!r}")
    if value == "None" and secure is False:
        raise ConfigurationError("samesite is 'None' and secure False: browsers drop such a cookie")
    return value


def _as_text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
