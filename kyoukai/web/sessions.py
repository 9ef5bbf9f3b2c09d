"""Sessions: a dict for each client, kept in a signed cookie.

The client can read what is in it, and cannot change it: itsdangerous signs it, with the time. It is
read when a request first asks for it, and sent back only where it was changed.
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
"""Bytes of the shortest key: 128 bits, which nobody guesses."""

MAX_COOKIE_SIZE: Final = 4093
"""Bytes of the largest cookie, with its name and attributes, that all browsers keep; Flask's figure.

RFC 6265 section 6.1 asks them for 4096; a larger one is dropped without a word.
"""

DAY: Final = 24 * 60 * 60
SAME_SITE: Final = ("Strict", "Lax", "None")

# RFC 6265 section 4.1.1: cookie-name = token
NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class SessionError(KyoukaiError):
    """A session cannot be kept: it is too large, or has something in it that has no form as text."""


class Serializer(Protocol):
    """What turns a session into text and back: the module :mod:`json` is one."""

    def dumps(self, obj: Any, /) -> str:
        """Return ``obj`` as text; the same for the same content."""

    def loads(self, text: str, /) -> Any:
        """Return what :meth:`dumps` was given."""


class JSONSerializer:
    """Compact JSON; keys become ``str``, and tuples lists."""

    def dumps(self, obj: Any, /) -> str:
        """Return ``obj`` as JSON.

        :raises TypeError: if there is something in it that JSON has no form for.
        :raises ValueError: if there is a NaN or an infinity in it, or itself.
        """
        return json.dumps(obj, ensure_ascii=False, allow_nan=False, separators=(",", ":"))

    def loads(self, text: str, /) -> Any:
        """Return what ``text`` says.

        :raises ValueError: if it is no JSON.
        """
        return json.loads(text)


class Session(dict[str, Any]):
    """What is remembered of one client from request to request: any dict of what JSON has.

    :ivar stored: what the client sent, as text; ``None`` where it sent no valid one.
    :ivar signed_at: when that was signed, in seconds since 1970.
    """

    __slots__ = ("signed_at", "stored")

    def __init__(self, data: Any = (), stored: str | None = None, signed_at: float = 0.0) -> None:
        super().__init__(data)
        self.stored = stored
        self.signed_at = signed_at

    @property
    def new(self) -> bool:
        """Whether the client sent none, or one that is not valid or too old."""
        return self.stored is None


class CookieSessions:
    """Keeps sessions in a signed cookie. Needs itsdangerous, by the extra ``sessions``.

    The names of the cookie's attributes are those of RFC 6265 section 4.1.2.

    :param secret_key: what cookies are signed with; at least 16 bytes that nobody else knows.
    :param secret_key_fallbacks: earlier keys. What they signed is still valid, and is signed by
        ``secret_key`` when it is next saved.
    :param name: the cookie's.
    :param max_age: seconds for which a signature is valid.
    :param permanent: whether the browser keeps the cookie when it is closed, for ``max_age``.
    :param renew_after: seconds after which a session that a request asks for is signed anew, though
        nothing was changed, so that it does not end in the middle of things; ``None``: never.
    :param max_size: bytes of the largest cookie, all of it.
    :param path: of the URLs it is sent to.
    :param domain: to whose subdomains it is sent too, such as ``"example.com"``; by default to none.
    :param httponly: whether scripts in pages cannot read it.
    :param secure: whether it is sent by https alone; ``None``: where the request came by it.
    :param samesite: ``"Lax"``: other sites' links bring it, their forms and scripts do not;
        ``"Strict"``: nothing of theirs does; ``"None"``: all does.
    :param serializer: what turns a session into text; by default JSON.
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
        """Return the session that a request brings; an empty one, if it brings none that is valid."""
        from itsdangerous import BadData

        value = request.cookies.get(self.name)
        if value is None:
            return Session()
        try:
            data, signed_at = self.signer.loads(value, max_age=self.max_age, return_timestamp=True)
        except BadData:
            return Session()  # Too old, or signed by another key, or made up: there is nothing to tell.
        if not isinstance(data, dict):
            return Session()
        return Session(data, self.serializer.dumps(data), signed_at.timestamp())

    def save(self, session: Session, request: Request, response: Response) -> None:
        """Let a response carry a session, where it must; say in any case that it depends on it.

        :raises SessionError: if it is too large for a cookie, or cannot be written as text.
        """
        # RFC 9110 section 12.5.5: a cache must not give one client's page to another.
        response.vary.add("Cookie")
        if not session:
            if session.stored is not None:
                self._set_cookie(request, response, "", 0)
            return
        try:
            text = self.serializer.dumps(dict(session))
        except (TypeError, ValueError, RecursionError) as exc:
            raise SessionError(f"the session cannot be kept: {exc}") from exc
        if text == session.stored and not self._is_due(session):
            return
        value = self.signer.dumps(dict(session))
        self._set_cookie(request, response, _as_text(value), self.max_age if self.permanent else None)

    def _is_due(self, session: Session) -> bool:
        """Return whether it is time to sign a session anew."""
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
            max_size=0,  # It would warn; here it is an error.
        )
        if len(cookie) > self.max_size:
            raise SessionError(
                f"the session is too large: its cookie {self.name!r} has {len(cookie)} bytes,"
                f" and may have {self.max_size}; keep less in it, such as a key of a database"
            )
        response.headers.add("Set-Cookie", cookie)


def make_signer(keys: list[bytes], serializer: Serializer) -> "URLSafeTimedSerializer":
    """Return what signs sessions with the last of ``keys``, and accepts what any of them signed.

    :raises ConfigurationError: if itsdangerous is not installed.
    """
    try:
        from itsdangerous import URLSafeTimedSerializer
    except ImportError as exc:
        raise ConfigurationError(
            f"CookieSessions needs itsdangerous, which is not installed: {extra_command('sessions')}"
        ) from exc
    import hashlib

    # The salt keeps what was signed elsewhere with the same key from being taken for a session.
    options = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
    return URLSafeTimedSerializer(keys, salt="kyoukai.session", serializer=serializer, signer_kwargs=options)


def check_sessions(sessions: object) -> CookieSessions | None:
    """Return ``sessions``, if an application can keep sessions by it, or is to keep none.

    :raises ConfigurationError: if it cannot.
    """
    if sessions is not None and not isinstance(sessions, CookieSessions):
        raise ConfigurationError(f"sessions must be CookieSessions(secret_key), not {sessions!r}")
    return sessions


def check_name(name: object, *, path: str, domain: str | None, secure: bool | None) -> str:
    """Return ``name`` if it can be a cookie's.

    :raises ConfigurationError: if it cannot, or if its prefix promises what the attributes do not
        keep (draft-ietf-httpbis-rfc6265bis section 4.1.3): browsers would drop the cookie.
    """
    if not isinstance(name, str) or NAME.fullmatch(name) is None:
        raise ConfigurationError(f"the name of a cookie must be a token such as 'session', not {name!r}")
    if not isinstance(path, str) or not path.startswith("/"):
        raise ConfigurationError(f"the path of the cookie {name!r} must start with '/', not be {path!r}")
    # RFC 6265 section 5.2.3: a dot at its beginning is ignored.
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
    """Return the keys, from the oldest to the one that signs; messages must not have them."""
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
