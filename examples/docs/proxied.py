from typing import Any, cast

from werkzeug.middleware.proxy_fix import ProxyFix

from kyoukai import HTTPRequestContext, Kyoukai, Request

# It is WSGI middleware, and what it does to an environ is all that is wanted of it. One proxy is
# trusted, to say these things; what a client says of them itself, the proxy has replaced.
believe_proxy = ProxyFix(lambda environ, start_response: [], x_for=1, x_proto=1, x_host=0)


class ProxiedRequest(Request):
    def __init__(self, environ: dict[str, Any], *args: Any, **options: Any) -> None:
        believe_proxy(environ, cast(Any, None))  # Nothing starts a response here.
        super().__init__(environ, *args, **options)


app = Kyoukai("shop", request_class=ProxiedRequest)


@app.route("/basket/")
async def basket(ctx: HTTPRequestContext) -> str:
    return f"{ctx.request.remote_addr} asks for {ctx.request.url}"
