import datetime
import json
import secrets
import sys
import time
from typing import Any

import pytest
from itsdangerous import URLSafeTimedSerializer
from werkzeug.exceptions import NotFound
from werkzeug.http import parse_cookie
from werkzeug.wrappers import Response

from kyoukai.core.errors import ConfigurationError
from kyoukai.web import CookieSessions, HTTPRequestContext, Kyoukai, SessionError

from .asking import ask

KEY = "0123456789abcdef"
OTHER = b"fedcba9876543210"


def application(sessions: CookieSessions | None = None, **options: Any) -> Kyoukai:
    app = Kyoukai("app", sessions=sessions or CookieSessions(KEY, **options))

    @app.route("/")
    async def read(ctx: HTTPRequestContext) -> dict[str, Any]:
        return dict(ctx.session)

    @app.route("/none")
    async def none(ctx: HTTPRequestContext) -> str:
        return "none"

    @app.route("/set/<value>")
    def write(ctx: HTTPRequestContext, value: str) -> str:
        ctx.session["value"] = value
        return "set"

    @app.route("/append")
    async def append(ctx: HTTPRequestContext) -> str:
        ctx.session.setdefault("list", []).append(1)
        return "appended"

    @app.route("/clear")
    async def clear(ctx: HTTPRequestContext) -> str:
        ctx.session.clear()
        return "cleared"

    return app


def cookie_of(response: Response) -> str:
    """Return the cookie that a client sends back."""
    return response.headers["Set-Cookie"].partition(";")[0]


def visit(app: Kyoukai, path: str, cookie: str = "", **options: Any) -> Response:
    return ask(app, path, headers={"Cookie": cookie} if cookie else {}, **options)


def test_stored_value_is_returned() -> None:
    app = application()
    response = visit(app, "/set/a")
    assert response.headers["Vary"] == "Cookie"
    name, value, *attributes = response.headers["Set-Cookie"].replace("=", "; ", 1).split("; ")
    assert (name, attributes) == ("session", ["HttpOnly", "Path=/", "SameSite=Lax"])
    assert "value" not in value
    assert visit(app, "/", cookie_of(response)).get_json() == {"value": "a"}


def test_request_without_a_session() -> None:
    app = application()
    response = visit(app, "/none", cookie_of(visit(app, "/set/a")))
    assert "Set-Cookie" not in response.headers
    assert "Vary" not in response.headers


def test_session_is_saved_only_after_a_change() -> None:
    app = application()
    cookie = cookie_of(visit(app, "/set/a"))
    for path in ("/", "/set/a"):
        response = visit(app, path, cookie)
        assert "Set-Cookie" not in response.headers
        assert response.headers["Vary"] == "Cookie"
    assert "Set-Cookie" in visit(app, "/set/b", cookie).headers
    assert "Set-Cookie" not in visit(app, "/").headers


def test_change_within_a_value_is_saved() -> None:
    app = application()
    cookie = cookie_of(visit(app, "/append"))
    assert visit(app, "/", cookie_of(visit(app, "/append", cookie))).get_json() == {"list": [1, 1]}


def test_an_emptied_session_is_deleted() -> None:
    app = application()
    deleted = visit(app, "/clear", cookie_of(visit(app, "/set/a"))).headers["Set-Cookie"]
    assert deleted.startswith("session=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0;")
    assert deleted.endswith("HttpOnly; Path=/; SameSite=Lax")
    assert "Set-Cookie" not in visit(app, "/clear").headers


def test_cookie_is_secure_for_a_secure_request() -> None:
    response = visit(application(), "/set/a", base_url="https://localhost")
    assert "; Secure;" in response.headers["Set-Cookie"]
    assert (
        "Secure" not in visit(application(secure=False), "/set/a", base_url="https://x").headers["Set-Cookie"]
    )


def test_attributes() -> None:
    response = visit(
        application(
            name="__Secure-shop", path="/shop", domain="example.org", secure=True, samesite="Strict",
            httponly=False, permanent=True, max_age=60,
        ),
        "/set/a",
    )  # fmt: skip
    value, *attributes = response.headers["Set-Cookie"].split("; ")
    assert value.startswith("__Secure-shop=")
    assert [a for a in attributes if not a.startswith("Expires")] == [
        "Domain=example.org", "Max-Age=60", "Secure", "Path=/shop", "SameSite=Strict",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "spoil",
    [
        lambda cookie: cookie[:-3] + ("A" if cookie[-3] != "A" else "B") + cookie[-2:],
        lambda cookie: "session=" + "A" + cookie[9:],
        lambda cookie: "session=",
        lambda cookie: "session=nonsense",
        lambda cookie: "session=\xff.\xff.\xff",
        lambda cookie: "session=" + URLSafeTimedSerializer(KEY, salt="else").dumps({"value": "a"}),
        lambda cookie: "session=" + CookieSessions(OTHER).signer.dumps({"value": "a"}),
        lambda cookie: "session=" + CookieSessions(KEY).signer.dumps(["value"]),
    ],
)
def test_foreign_signature_is_not_read(spoil: Any, caplog: pytest.LogCaptureFixture) -> None:
    app = application()
    assert visit(app, "/", spoil(cookie_of(visit(app, "/set/a")))).get_json() == {}
    assert caplog.records == []


def test_max_age(monkeypatch: pytest.MonkeyPatch) -> None:
    app = application(max_age=60)
    cookie = cookie_of(visit(app, "/set/a"))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 58)
    assert visit(app, "/", cookie).get_json() == {"value": "a"}
    monkeypatch.setattr(time, "time", lambda: now + 62)
    assert visit(app, "/", cookie).get_json() == {}
    assert "Set-Cookie" in visit(app, "/set/a", cookie).headers


def test_renewal(monkeypatch: pytest.MonkeyPatch) -> None:
    app = application(max_age=60, renew_after=30)
    cookie = cookie_of(visit(app, "/set/a"))
    assert "Set-Cookie" not in visit(app, "/", cookie).headers
    now = time.time() + 40
    monkeypatch.setattr(time, "time", lambda: now)
    monkeypatch.setattr("kyoukai.web.sessions.time", lambda: now)
    renewed = cookie_of(visit(app, "/", cookie))
    monkeypatch.setattr(time, "time", lambda: now + 40)
    assert visit(app, "/", renewed).get_json() == {"value": "a"}
    assert visit(app, "/", cookie).get_json() == {}


def test_rotation_of_keys() -> None:
    cookie = cookie_of(visit(application(), "/set/a"))
    rotated = application(CookieSessions(OTHER, secret_key_fallbacks=[KEY]))
    assert visit(rotated, "/", cookie).get_json() == {"value": "a"}
    anew = cookie_of(visit(rotated, "/set/b", cookie))
    assert visit(application(CookieSessions(OTHER)), "/", anew).get_json() == {"value": "b"}
    assert visit(application(), "/", anew).get_json() == {}


def test_too_large_session_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    app = application(max_size=200)
    response = visit(app, f"/set/{secrets.token_hex(100)}")
    assert response.status_code == 500
    assert "Set-Cookie" not in response.headers
    (record,) = caplog.records
    assert record.exc_info is not None
    assert str(record.exc_info[1]).startswith("the session is too large: its cookie 'session' has ")


@pytest.mark.parametrize("value", [datetime.date(2026, 1, 1), float("nan")])
def test_unserializable_session_raises_a_handleable_error(value: object) -> None:
    app = application()

    @app.route("/odd")
    async def odd(ctx: HTTPRequestContext) -> str:
        ctx.session["value"] = value
        return "odd"

    @app.errorhandler(SessionError)
    async def answer(ctx: HTTPRequestContext, error: SessionError) -> tuple[str, int]:
        return str(error), 507

    response = visit(app, "/odd")
    assert response.status_code == 507
    assert response.get_data(as_text=True).startswith("the session cannot be serialized: ")


def test_it_is_saved_with_the_answer_to_an_error() -> None:
    app = application()

    @app.route("/missing")
    async def missing(ctx: HTTPRequestContext) -> str:
        ctx.session["value"] = "missed"
        raise NotFound

    response = visit(app, "/missing")
    assert response.status_code == 404
    assert visit(app, "/", cookie_of(response)).get_json() == {"value": "missed"}


def test_hooks_and_unrouted_requests_have_a_session() -> None:
    app = application()

    @app.before_request
    async def before(ctx: HTTPRequestContext) -> None:
        ctx.session["seen"] = ["before"]

    @app.after_request
    async def after(ctx: HTTPRequestContext, response: Response) -> None:
        ctx.session["seen"].append("after")

    response = visit(app, "/no-such-page")
    assert response.status_code == 404
    text = parse_cookie(cookie_of(response))["session"]
    assert CookieSessions(KEY).signer.loads(text) == {"seen": ["before", "after"]}


def test_new() -> None:
    app = application()
    seen = []

    @app.before_request
    async def before(ctx: HTTPRequestContext) -> None:
        seen.append(ctx.session.new)

    visit(app, "/", cookie_of(visit(app, "/set/a")))
    assert seen == [True, False]


def test_a_serializer_of_ones_own() -> None:
    cookie = cookie_of(visit(application(serializer=json), "/set/a"))
    assert visit(application(serializer=json), "/", cookie).get_json() == {"value": "a"}


def test_an_application_without_sessions() -> None:
    app = Kyoukai("plain")

    @app.route("/")
    async def index(ctx: HTTPRequestContext) -> str:
        with pytest.raises(RuntimeError, match=r"'plain' has no sessions.*sessions=CookieSessions"):
            _ = ctx.session
        return "none"

    assert ask(app).get_data() == b"none"


@pytest.mark.parametrize("domain", [None, "example.com", ".example.com", "localhost", "127.0.0.1"])
def test_domains(domain: str | None) -> None:
    assert CookieSessions("0123456789abcdef", domain=domain).domain == domain


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"secret_key": "short"}, "secret_key has 5 bytes and must have 16"),
        ({"secret_key": None}, "secret_key must be a str or bytes, not a NoneType"),
        ({"secret_key_fallbacks": "0123456789abcdef"}, "must be a sequence of earlier keys"),
        ({"secret_key_fallbacks": ["old"]}, "one of secret_key_fallbacks has 3 bytes"),
        ({"name": "a b"}, "token such as 'session', not 'a b'"),
        ({"name": ""}, "token such as 'session', not ''"),
        ({"path": "shop"}, "must start with '/', not be 'shop'"),
        ({"domain": "exa mple;x"}, "the domain of the cookie 'session' must be a name in lower case"),
        ({"domain": "example.com:80"}, "without a port, such as 'example.com', not 'example.com:80'"),
        ({"domain": ""}, "the domain of the cookie 'session' must be"),
        ({"domain": 3}, "the domain of the cookie 'session' must be"),
        ({"name": "__Host-s"}, "unless it is secure: set secure=True"),
        ({"name": "__Host-s", "secure": True, "path": "/a"}, "with path '/a' and domain None"),
        ({"max_age": 0}, "max_age of a session must be an int above 0, not 0"),
        ({"renew_after": "1"}, "renew_after of a session must be an int above 0, not '1'"),
        ({"max_size": True}, "max_size of a session must be an int above 0, not True"),
        ({"samesite": "lax"}, "samesite must be one of Strict, Lax, None, not 'lax'"),
        ({"samesite": "None", "secure": False}, "browsers drop such a cookie"),
    ],
)
def test_invalid_settings(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        CookieSessions(**{"secret_key": KEY, **options})
    assert said in str(caught.value)
    assert KEY not in str(caught.value)


def test_without_itsdangerous(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "itsdangerous", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'kyoukai\[sessions\]'"):
        CookieSessions(KEY)


def test_session_settings_of_an_application() -> None:
    with pytest.raises(ConfigurationError, match=r"sessions must be CookieSessions\(secret_key\), not 'x'"):
        Kyoukai("app", sessions="x")  # type: ignore[arg-type]
