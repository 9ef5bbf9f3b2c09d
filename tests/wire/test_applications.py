"""What an application's handlers are given, asked for by sockets."""

import pytest
from asphalt.core import inject, resource
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from kyoukai import (
    Blueprint,
    ConfigurationError,
    HTTPRequestContext,
    Kyoukai,
    KyoukaiComponent,
    RouteGroup,
    after_request,
    before_request,
    errorhandler,
    route,
)

from ..serving import message


def test_the_connection_and_the_resources_of_the_component(serve):
    app = Kyoukai("app")
    seen = []

    @app.route("/<int:number>")
    @inject
    async def index(ctx: HTTPRequestContext, number: int, component: KyoukaiComponent = resource()) -> str:
        seen.extend([ctx.proto, component])
        return str(number)

    @app.route("/plain/<int:number>")
    @inject
    def plain(ctx: HTTPRequestContext, number: int, component: KyoukaiComponent = resource()) -> str:
        seen.extend([ctx.proto, component])
        return str(number)

    server = serve(app)
    with server.connect() as client:
        for path in ("/7", "/plain/7"):
            assert client.request(message("GET", path)).body == b"7"
            assert seen.pop() is server.component
            assert seen.pop() is server.connection


def test_resource_without_a_provider_is_refused_at_the_start(serve):
    app = Kyoukai("app")

    @app.route("/")
    async def index(ctx: HTTPRequestContext, component: KyoukaiComponent = resource()) -> str:
        return ""

    with pytest.raises(ConfigurationError, match=r"asks for the resource 'component'.*@inject"):
        serve(app)


def test_attributes_of_the_contexts_above(serve):
    app = Kyoukai("app")

    @app.route("/")
    async def index(ctx: HTTPRequestContext) -> str:
        return ctx.motto

    server = serve(app)
    with server.connect() as client:
        server.wait_until(lambda: server.server.connections)
        server.call(setattr, server.connection.parent_context, "motto", "festina lente")
        assert client.request(message()).body == b"festina lente"


def test_a_group_of_routes(serve):
    class Base(RouteGroup, prefix="/base"):
        seen = 0

        @before_request
        async def count(self, ctx: HTTPRequestContext) -> None:
            self.seen += 1

        @after_request
        async def tell(self, ctx: HTTPRequestContext, response: Response) -> None:
            response.headers["X-Seen"] = str(self.seen)

        async def sign(self, ctx: HTTPRequestContext, response: Response) -> None:
            response.headers["X-Signed"] = "base"

        @route("/<int:number>", after=[sign])
        @inject
        async def item(self, ctx: HTTPRequestContext, number: int, component: KyoukaiComponent = resource()):
            return [self.seen, number, ctx.bp.name if component.url else ""]

        @errorhandler(404)
        async def missing(self, ctx: HTTPRequestContext, error: Exception) -> str:
            return "missing"

    class Derived(Base, prefix="/derived"):
        async def sign(self, ctx: HTTPRequestContext, response: Response) -> None:
            response.headers["X-Signed"] = "derived"

        @route("/plain")
        def plain(self, ctx: HTTPRequestContext) -> str:
            raise NotFound

    app = Kyoukai("app")
    app.add_route_group(Base())
    app.add_route_group(Derived())
    with serve(app).connect() as client:
        base, derived = (client.request(message("GET", f"/{name}/7")) for name in ("base", "derived"))
        assert (base.body, base.fields["x-signed"], base.fields["x-seen"]) == (b'[1,7,"Base"]', "base", "1")
        assert (derived.body, derived.fields["x-signed"]) == (b'[1,7,"Derived"]', "derived")
        missing = client.request(message("GET", "/derived/plain"))
        assert (missing.status, missing.body, missing.fields["x-seen"]) == (404, b"missing", "2")


def test_hosts_and_subdomains(serve):
    app = Kyoukai("app", server_name="example.com")
    api = Blueprint("api", subdomain="api", parent=app)
    tenants = Blueprint("tenants", host="<tenant>.example.org", parent=app)

    @app.route("/")
    async def index(ctx: HTTPRequestContext) -> str:
        return ctx.url_for("api.item", number=7)

    @api.route("/<int:number>/")
    async def item(ctx: HTTPRequestContext, number: int) -> str:
        return f"{number} {ctx.url_for('index')}"

    @tenants.route("/")
    async def home(ctx: HTTPRequestContext, tenant: str) -> str:
        return tenant

    with serve(app).connect() as client:

        def ask(host: str, target: str, method: str = "GET"):
            fields = f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"
            return client.request(fields.encode(), method)

        assert ask("example.com", "/").body == b"http://api.example.com/7/"
        assert ask("localhost:81", "/").body == b"http://api.example.com:81/7/"
        assert ask("api.example.com", "/7/").body == b"7 /"
        assert ask("API.example.com:81", "/7/").body == b"7 /"
        assert ask("example.com", "/7/").status == 404
        assert ask("other.example", "http://api.example.com/7/").body == b"7 /"
        assert ask("a.example.org", "/").body == b"a"
        redirect = ask("api.example.com:81", "/7?q=1")
        assert (redirect.status, redirect.fields["location"]) == (308, "http://api.example.com:81/7/?q=1")
        refused = ask("a.example.org", "/", "POST")
        assert (refused.status, refused.fields["allow"]) == (405, "GET, HEAD, OPTIONS")
