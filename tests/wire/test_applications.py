"""What an application's handlers are given, asked for by sockets."""

import pytest
from asphalt.core import inject, resource

from kyoukai import ConfigurationError, HTTPRequestContext, Kyoukai, KyoukaiComponent

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


def test_a_resource_that_nothing_brings_is_refused_at_the_start(serve):
    app = Kyoukai("app")

    @app.route("/")
    async def index(ctx: HTTPRequestContext, component: KyoukaiComponent = resource()) -> str:
        return ""

    with pytest.raises(ConfigurationError, match=r"asks for the resource 'component'.*@inject"):
        serve(app)
