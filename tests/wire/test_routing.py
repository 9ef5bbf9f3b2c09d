"""What the tree of blueprints answers, asked for by sockets."""

import json

import pytest

from kyoukai import Blueprint, HTTPRequestContext, Kyoukai

from ..serving import message

pytestmark = pytest.mark.every_wire


@pytest.fixture
def client(serve):
    app = Kyoukai("app")
    shops = Blueprint("shops", prefix="/shops/<int:shop>", parent=app)
    items = Blueprint("items", prefix="/items", parent=shops)

    @app.route("/", endpoint="home")
    async def index(ctx: HTTPRequestContext) -> str:
        return ctx.url_for("shops.items.one", shop=1, item="a b", _external=True, _anchor="x y", q=2)

    @items.route("/")
    async def all_items(ctx: HTTPRequestContext, shop: int) -> list[str]:
        return [ctx.url_for(endpoint, shop=shop) for endpoint in ("..about", "...home")]

    @items.route("/", methods=["POST"])
    async def create(ctx: HTTPRequestContext, shop: int) -> dict[str, object]:
        return {"shop": shop, "body": ctx.request.get_data(as_text=True)}

    @items.route("/<item>")
    @items.route("/<item>/<int:page>", methods=["GET", "PUT"], endpoint="one")
    @items.route("/named/<item>", methods=["DELETE"], endpoint="one", defaults={"page": 0})
    async def one(ctx: HTTPRequestContext, shop: int, item: str, page: int = 1) -> dict[str, object]:
        assert ctx.app is app
        assert ctx.bp is items
        assert {"page": 1, **ctx.params} == {"shop": shop, "item": item, "page": page}
        assert ctx.route is not None
        return {
            "page": page,
            "endpoint": ctx.route.endpoint,
            "rule": ctx.rule.rule,
            "delete": ctx.url_for(".one", shop=shop, item=item, _method="DELETE"),
        }

    @shops.route("/about/", strict_slashes=False)
    async def about(ctx: HTTPRequestContext, shop: int) -> str:
        return "about"

    with serve(app).connect() as client:
        yield client


def ask(client, path, method="GET", body=None):
    return client.request(message(method, path, body=body), method)


def test_urls(client):
    assert ask(client, "/").body == b"http://localhost/shops/1/items/a%20b?q=2#x%20y"
    assert ask(client, "/shops/7/items/").body == b'["/shops/7/about/","/?shop=7"]'


@pytest.mark.parametrize(
    ("path", "method", "page", "rule"),
    [
        ("/shops/7/items/a", "GET", 1, "/<item>"),
        ("/shops/7/items/a/3", "PUT", 3, "/<item>/<int:page>"),
        ("/shops/7/items/named/a", "DELETE", 0, "/named/<item>"),
    ],
)
def test_several_paths_of_one_route(client, path, method, page, rule):
    # The second time, what the map said may be known.
    for _ in range(2):
        assert json.loads(ask(client, path, method).body) == {
            "page": page,
            "endpoint": "shops.items.one",
            "rule": "/shops/<int:shop>/items" + rule,
            "delete": "/shops/7/items/named/a",
        }


def test_a_redirect_keeps_method_and_body(client):
    redirect = ask(client, "/shops/7/items", "POST", b"body")
    assert (redirect.status, redirect.fields["location"]) == (308, "http://localhost/shops/7/items/")
    assert ask(client, "/shops/7/items/", "POST", b"body").body == b'{"shop":7,"body":"body"}'


def test_loose_slashes(client):
    assert ask(client, "/shops/7/about").body == ask(client, "/shops/7/about/").body == b"about"


def test_unrouted_requests(client):
    assert ask(client, "/shops/a/items/").status == 404
    refused = ask(client, "/shops/7/items/", "PATCH")
    assert (refused.status, refused.fields["allow"]) == (405, "GET, HEAD, OPTIONS, POST")


def test_routes_of_one_method(serve):
    app = Kyoukai("app")
    below = app.add_child(Blueprint("below", prefix="/below"))
    for blueprint in (app, below):
        for method in ("get", "post", "put", "patch", "delete"):

            @getattr(blueprint, method)("/", endpoint=method)
            async def answer(ctx):
                return f"{ctx.route.endpoint} {ctx.request.get_data(as_text=True)}"

    @app.post("/<path:rest>", stream=True, before=[lambda ctx: None])
    async def rest(ctx, rest):
        return await ctx.stream().read()

    with serve(app).connect() as client:
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            for target, name in (("/", ""), ("/below/", "below.")):
                answer = client.request(message(method, target, body=b"body"))
                assert answer.body == f"{name}{method.lower()} body".encode()
        assert client.request(message("HEAD", "/"), "HEAD").status == 200
        assert client.request(message("POST", "/a/b", body=b"streamed")).body == b"streamed"
        assert client.request(message("GET", "/a/b")).fields["allow"] == "OPTIONS, POST"


@pytest.mark.parametrize("host", [None, "example.org"])
def test_no_url_is_made_of_an_impossible_host(serve, host):
    app = Kyoukai("app")
    app.add_child(Blueprint("other", host=host)).route("/other")(lambda ctx: "other")

    @app.route("/directory/")
    async def answer(ctx):
        return ctx.request.path

    @app.route("/url")
    async def url(ctx):
        return ctx.url_for("answer", _external=True)

    with serve(app).connect() as client:
        for name, answers in {
            b"x,y": [(400, None), (200, None), (400, None)],
            b"x-y": [(308, "http://x-y/directory/"), (200, None), (200, None)],
        }.items():
            for target, (status, location) in zip(
                (b"/directory", b"/directory/", b"/url"), answers, strict=True
            ):
                answer = client.request(b"GET %b HTTP/1.1\r\nHost: %b\r\n\r\n" % (target, name))
                assert (answer.status, answer.fields.get("location")) == (status, location)


def test_a_preflight_gets_the_fields_that_the_blueprint_adds(serve):
    app = Kyoukai("app")
    api = Blueprint("api", prefix="/api", parent=app)

    @api.after_request
    async def allow_other_origins(ctx, response):
        response.headers["Access-Control-Allow-Origin"] = "https://example.org"
        response.headers["Access-Control-Allow-Methods"] = response.headers.get("Allow", "")

    @api.put("/items/<int:item>")
    async def change(ctx, item):
        return str(item)

    @app.get("/")
    async def index(ctx):
        return "index"

    with serve(app).connect() as client:
        ask_first = ("Origin: https://example.org", "Access-Control-Request-Method: PUT")
        for _ in range(2):
            answer = client.request(message("OPTIONS", "/api/items/1", *ask_first))
            assert (answer.status, answer.fields["allow"], answer.body) == (200, "OPTIONS, PUT", b"")
            assert answer.fields["access-control-allow-origin"] == "https://example.org"
            assert answer.fields["access-control-allow-methods"] == "OPTIONS, PUT"
            answer = client.request(message("PUT", "/api/items/1", *ask_first[:1], body=b"new"))
            assert (answer.body, "access-control-allow-origin" in answer.fields) == (b"1", True)
        for target in ("/", "*"):
            answer = client.request(message("OPTIONS", target, *ask_first))
            assert (answer.status, "access-control-allow-origin" in answer.fields) == (200, False)


@pytest.mark.parametrize(
    ("target", "status", "told"),
    [
        ("/a/b", 200, "ab"),
        ("/a//b", 308, "http://localhost/a/b"),
        ("//a/b", 200, "ab"),
        ("//a//b", 308, "http://localhost/a/b"),
        ("/v/x//y", 200, "x//y"),
        ("/old//x", 200, "//x"),
        ("//old//x", 200, "//x"),
    ],
)
def test_doubled_slashes(serve, target, status, told):
    app = Kyoukai("slashes")

    @app.route("/a/b")
    async def ab(ctx):
        return "ab"

    @app.route("/v/<path:rest>")
    async def variable(ctx, rest):
        return rest

    def mounted(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [environ["PATH_INFO"].encode()]

    app.mount("/old", mounted)
    answer = serve(app).request(message("GET", target))
    assert answer.status == status
    assert told == (answer.fields["location"] if status == 308 else answer.body.decode())
