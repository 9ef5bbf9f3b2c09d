import asyncio
import gc
import warnings
import weakref
from typing import Any

import pytest
from asphalt.core import Context, NoCurrentContext, current_context, inject, resource
from werkzeug.routing import BuildError
from werkzeug.wrappers import Request, Response

from kyoukai.web import (
    Blueprint,
    HTTPRequestContext,
    Kyoukai,
    RouteCompletedEvent,
    RouteInvokedEvent,
    RouteMatchedEvent,
)

from .asking import ask, environ_of, within

SIGNALS = ("route_matched", "route_invoked", "route_completed")


async def index(ctx: HTTPRequestContext, **params: Any) -> str:
    return "index"


def test_attributes_of_a_context() -> None:
    app = Kyoukai("app")
    blueprint = Blueprint("b", prefix="/b", parent=app)

    @blueprint.route("/<int:x>")
    async def handler(ctx: HTTPRequestContext, x: int) -> str:
        assert ctx is current_context()
        assert ctx.app is app
        assert ctx.bp is blueprint
        assert ctx.route is blueprint.routes[0]
        assert ctx.rule is ctx.route.rule
        assert ctx.rule.rule == "/b/<int:x>"
        assert ctx.params == {"x": 3}
        assert ctx.environ is ctx.request.environ
        assert ctx.proto is None
        assert ctx.loop is asyncio.get_running_loop()
        assert not ctx.closed
        return "ok"

    assert ask(app, "/b/3").get_data() == b"ok"


def test_attributes_without_a_route() -> None:
    app = Kyoukai("app")

    def look(ctx: HTTPRequestContext) -> Any:
        return ctx.route, ctx.rule, dict(ctx.params), ctx.bp

    assert within(app, look) == (None, None, {}, app)


def test_given_parent_outranks_the_current_context() -> None:
    app = Kyoukai("app")
    seen: list[Context | None] = []

    @app.route("/")
    async def handler(ctx: HTTPRequestContext) -> str:
        seen.append(ctx.parent)
        return ctx.require_resource(str)

    async def main() -> Response:
        request = Request(environ_of())
        with pytest.raises(NoCurrentContext):
            current_context()
        async with Context() as parent:
            parent.add_resource("from the parent")
            async with Context() as another:
                another.add_resource("from another")
                first = await app.process_request(request, parent)
                assert first.get_data() == b"from the parent"
                assert current_context() is another
                second = await app.process_request(request, another)
                assert second.get_data() == b"from another"
            assert seen == [parent, another]
            return second

    asyncio.run(main())


def test_attributes_are_looked_up_in_the_parents() -> None:
    app = Kyoukai("app")

    @app.route("/")
    async def handler(ctx: HTTPRequestContext) -> str:
        async with Context() as inner:
            assert inner.parent is ctx
            assert inner.request is ctx.request
            with pytest.raises(AttributeError, match="no such context variable: nothing"):
                _ = inner.nothing
        return str(ctx.setting)

    def prepare(parent: Any) -> None:
        parent.setting = "on"

    assert ask(app, prepare=prepare).get_data() == b"on"


def test_nothing_warns() -> None:
    app = Kyoukai("app")
    app.route("/")(index)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ask(app).status_code == 200


def test_it_is_made_as_any_other_context() -> None:
    async def main() -> None:
        async with Context() as parent:
            ctx = HTTPRequestContext(parent, Request(environ_of()), Kyoukai("app"))
            ours, theirs = vars(ctx), vars(Context())
            assert {name: getattr(ctx, name) for name in theirs} == theirs
            # Of what was not there before it was asked for, too, there is one.
            assert all(ours[name] is getattr(ctx, name) for name in theirs)
            assert set(ours) - set(theirs) == {"_loop", "request", "app"}
            assert ours["_loop"] is asyncio.get_running_loop()
            another = HTTPRequestContext(parent, Request(environ_of()), Kyoukai("app"))
            assert another._resources is not ctx._resources

    asyncio.run(main())


@pytest.mark.parametrize("entered", [True, False])
def test_a_thread_can_ask_for_the_loop(entered: bool) -> None:
    app = Kyoukai("app")

    @app.route("/")
    def handler(ctx: HTTPRequestContext) -> str:
        return str(ctx.loop.is_running())

    async def main() -> Response:
        parent = Context()
        if entered:
            async with parent:
                return await app.process_request(Request(environ_of()), parent)
        return await app.process_request(Request(environ_of()), parent)

    assert asyncio.run(main()).get_data() == b"True"


def test_it_works_as_any_other_context() -> None:
    app = Kyoukai("app")
    called: list[Any] = []

    async def main() -> None:
        async with Context() as parent:
            async with HTTPRequestContext(parent, Request(environ_of()), app) as ctx:
                assert current_context() is ctx
                ctx.add_teardown_callback(called.append, pass_exception=True)
            assert current_context() is parent
            assert ctx.closed

    asyncio.run(main())
    assert called == [None]


def test_injection() -> None:
    app = Kyoukai("app")

    @app.route("/coroutine")
    @inject
    async def coroutine(ctx: HTTPRequestContext, *, text: str = resource()) -> str:
        return text

    @app.route("/plain/<x>")
    @inject
    def plain(ctx: HTTPRequestContext, x: str, *, text: str = resource()) -> str:
        assert current_context() is ctx
        return text + x

    @app.before_request
    @inject
    async def hook(ctx: HTTPRequestContext, *, text: str = resource()) -> None:
        ctx.add_resource(f"{text} and hook", types=[str], name="more")

    @app.route("/more")
    @inject
    async def more(ctx: HTTPRequestContext, *, text: str = resource("more")) -> str:
        return text

    def prepare(parent: Context) -> None:
        parent.add_resource("injected")

    assert ask(app, "/coroutine", prepare=prepare).get_data() == b"injected"
    assert ask(app, "/plain/x", prepare=prepare).get_data() == b"injectedx"
    assert ask(app, "/more", prepare=prepare).get_data() == b"injected and hook"


def test_a_thread_can_call_back_into_the_loop() -> None:
    app = Kyoukai("app")

    @app.route("/")
    def handler(ctx: HTTPRequestContext) -> str:
        def in_loop() -> str:
            assert asyncio.get_running_loop() is ctx.loop
            return "called"

        return ctx.call_async(in_loop)

    assert ask(app).get_data() == b"called"


def listening_context(log: list[Any]) -> type[HTTPRequestContext]:
    class Listening(HTTPRequestContext):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            for topic in SIGNALS:
                getattr(self, topic).connect(log.append)

    return Listening


def test_signals() -> None:
    log: list[Any] = []
    app = Kyoukai("app", context_class=listening_context(log))

    @app.route("/<int:x>")
    async def handler(ctx: HTTPRequestContext, x: int) -> str:
        log.append("handler")
        return "a"

    @app.before_request
    async def before(ctx: HTTPRequestContext) -> None:
        log.append("before")

    @app.after_request
    async def after(ctx: HTTPRequestContext, response: Response) -> Any:
        log.append("after")
        return "b", 202

    response = ask(app, "/3")
    matched, _, invoked, _, _, completed = log
    assert log[1::2] == ["before", "handler", completed]
    assert log[4] == "after"
    for event, kind in (
        (matched, RouteMatchedEvent),
        (invoked, RouteInvokedEvent),
        (completed, RouteCompletedEvent),
    ):
        assert type(event) is kind
        assert isinstance(event.source, HTTPRequestContext)
        assert event.route is app.routes[0]
        assert event.params == {"x": 3}
    assert [event.topic for event in (matched, invoked, completed)] == list(SIGNALS)
    assert completed.response is response
    assert response.status_code == 202


def test_signals_of_a_request_that_fails() -> None:
    log: list[Any] = []
    app = Kyoukai("app", context_class=listening_context(log))

    @app.route("/")
    async def handler(ctx: HTTPRequestContext) -> str:
        return {}["x"]

    response = ask(app)
    assert [event.topic for event in log] == list(SIGNALS)
    assert log[-1].response is response
    assert response.status_code == 500
    log.clear()
    assert ask(app, "/missing").status_code == 404
    assert log == []


def test_uncalled_handler_sends_no_signal() -> None:
    log: list[Any] = []
    app = Kyoukai("app", context_class=listening_context(log))
    app.route("/")(index)
    app.before_request(index)
    ask(app)
    assert [event.topic for event in log] == ["route_matched", "route_completed"]


def test_listeners_are_waited_for_and_cannot_spoil_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    app = Kyoukai("app")
    log: list[str] = []

    async def listen(event: RouteCompletedEvent) -> None:
        await asyncio.sleep(0)
        assert not event.source.closed
        log.append(event.response.get_data(as_text=True))
        raise ValueError

    @app.route("/")
    async def handler(ctx: HTTPRequestContext) -> str:
        ctx.route_completed.connect(listen)
        return "a"

    assert ask(app).get_data() == b"a"
    assert log == ["a"]
    assert "Uncaught exception in event listener" in caplog.text


def test_signal_without_a_listener_makes_no_event(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[object] = []
    monkeypatch.setattr(RouteMatchedEvent, "__init__", lambda *args: made.append(args))
    app = Kyoukai("app")
    app.route("/")(index)
    assert within(app, lambda ctx: ctx.route_completed is ctx.route_completed)
    assert made == []


def test_no_signal_is_bound_without_listeners() -> None:
    app = Kyoukai("app")
    seen: list[HTTPRequestContext] = []

    @app.route("/")
    async def handler(ctx: HTTPRequestContext) -> str:
        seen.append(ctx)
        return ""

    ask(app)
    for topic in SIGNALS:
        assert topic not in vars(seen[0])
        assert len(getattr(HTTPRequestContext, topic).bound_signals) == 0
    assert not seen[0].observed


def test_use_of_the_context_by_a_handler_is_noticed() -> None:
    log: list[Any] = []
    app = Kyoukai("app")

    @app.route("/<x>")
    async def handler(ctx: HTTPRequestContext, x: str) -> str:
        if x == "signal":
            ctx.route_completed.connect(log.append)
        if x == "teardown":
            ctx.add_teardown_callback(lambda: log.append("closed"))
        return ""

    ask(app, "/none")
    assert not log
    ask(app, "/signal")
    ask(app, "/teardown")
    assert [type(event) for event in log] == [RouteCompletedEvent, str]


def test_changed_parameters_belong_to_one_request() -> None:
    app = Kyoukai("app")

    @app.route("/<x>")
    async def handler(ctx: HTTPRequestContext, **params: str) -> str:
        params["y"] = ctx.params["z"] = "changed"  # type: ignore[index]
        return str(sorted([*params, *ctx.params]))

    for _ in range(3):
        assert ask(app, "/a").get_data() == b"['x', 'x', 'y', 'z']"


def test_a_context_leaves_no_cycle_behind() -> None:
    app = Kyoukai("app")
    references: list[weakref.ref[HTTPRequestContext]] = []

    @app.route("/")
    async def handler(ctx: HTTPRequestContext) -> str:
        references.append(weakref.ref(ctx))
        return ""

    async def main() -> None:
        gc.disable()
        try:
            async with Context() as parent:
                await app.process_request(Request(environ_of()), parent)
            assert references[0]() is None
        finally:
            gc.enable()

    asyncio.run(main())


@pytest.fixture
def app() -> Kyoukai:
    app = Kyoukai("app")
    users = Blueprint("users", prefix="/users", parent=app)
    posts = Blueprint("posts", prefix="/<int:user>/posts", parent=users)
    app.route("/")(index)
    app.route("/", ["POST"], endpoint="post")(index)
    users.route("/")(index)
    posts.route("/<slug>")(index)
    posts.route("/<slug>/edit", ["PUT"], endpoint="index")(index)
    return app


@pytest.mark.parametrize(
    ("arguments", "values", "url"),
    [
        ("index", {}, "/"),
        ("users.index", {}, "/users/"),
        ("users.posts.index", {"user": 3, "slug": "a b é"}, "/users/3/posts/a%20b%20%C3%A9"),
        ("users.posts.index", {"user": 3, "slug": "a", "_method": "PUT"}, "/users/3/posts/a/edit"),
        ("index", {"q": "a b", "r": [1, 2], "none": None}, "/?q=a+b&r=1&r=2"),
        ("index", {"_anchor": "a b#c"}, "/#a%20b#c"),
        ("index", {"_external": True}, "http://localhost/"),
        ("users.index", {"_external": True, "_anchor": "x", "q": 1}, "http://localhost/users/?q=1#x"),
        ("index", {"endpoint": "e", "self": "s"}, "/?endpoint=e&self=s"),
    ],
)
def test_url_for(app: Kyoukai, arguments: str, values: dict[str, Any], url: str) -> None:
    assert within(app, lambda ctx: ctx.url_for(arguments, **values)) == url


def test_url_for_behind_a_prefix_and_tls(app: Kyoukai) -> None:
    def make(ctx: HTTPRequestContext) -> tuple[str, str]:
        return ctx.url_for("users.index"), ctx.url_for("users.index", _external=True)

    urls = within(app, make, base_url="https://example.org:8443/root/")
    assert urls == ("/root/users/", "https://example.org:8443/root/users/")


def test_url_for_is_unmoved_by_an_upgrade(app: Kyoukai) -> None:
    headers = {"Connection": "Upgrade", "Upgrade": "websocket"}
    url = within(app, lambda ctx: ctx.url_for("index", _external=True), headers=headers)
    assert url == "http://localhost/"


@pytest.mark.parametrize(
    ("path", "endpoint", "url"),
    [
        ("/users/", ".index", "/users/"),
        ("/", ".index", "/"),
        ("/missing", ".index", "/"),
        ("/users/3/posts/a", ".index", "/users/4/posts/b"),
        ("/users/3/posts/a", "..index", "/users/"),
        ("/users/3/posts/a", "...index", "/"),
        ("/users/", "..users.posts.index", "/users/4/posts/b"),
    ],
)
def test_url_for_relative_to_the_blueprint(app: Kyoukai, path: str, endpoint: str, url: str) -> None:
    values = {"user": 4, "slug": "b"} if "posts" in url else {}
    assert within(app, lambda ctx: ctx.url_for(endpoint, **values), path) == url


@pytest.mark.parametrize(
    ("endpoint", "values"), [("nothing", {}), ("..index", {}), ("users.posts.index", {"user": 3})]
)
def test_urls_that_cannot_be_made(app: Kyoukai, endpoint: str, values: dict[str, Any]) -> None:
    def attempt(ctx: HTTPRequestContext) -> bool:
        with pytest.raises(BuildError):
            ctx.url_for(endpoint, **values)
        return True

    assert within(app, attempt)


HINT = [("Link", "</style.css>; rel=preload")]


def test_early_hints_without_a_server():
    assert within(Kyoukai("test"), lambda ctx: ctx.send_early_hints(HINT)) is False

    def attempt(ctx):
        with pytest.raises(ValueError, match="not a token"):
            ctx.send_early_hints([("Li nk", "x")])
        return True

    assert within(Kyoukai("test"), attempt)


def test_no_early_hints_by_a_context_that_is_closed():
    sent = []

    class Connection:
        def send_early_hints(self, fields):
            sent.append(fields)
            return True

    overrides = {"kyoukai.protocol": Connection()}
    ctx = within(
        Kyoukai("test"), lambda ctx: ctx if ctx.send_early_hints(HINT) else None, overrides=overrides
    )
    assert not ctx.send_early_hints(HINT)
    assert sent == [HINT]
