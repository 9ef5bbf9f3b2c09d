from kyoukai import HTTP1Backend, HTTPProtocol, HTTPRequestContext, Kyoukai, RequestParser
from kyoukai.backends import reference
from kyoukai.test_client import BlockingClient


class MyProtocol(HTTPProtocol):
    """One connection. The exceptions of `parser_errors` become a 400."""

    parser_errors = ()

    def make_parser(self) -> RequestParser:
        return reference.RequestParser(self)  # Yours goes here; this one is borrowed.


class MyBackend(HTTP1Backend):
    api_version = 1
    protocol_class = MyProtocol


app = Kyoukai("hello")


@app.get("/")
async def index(ctx: HTTPRequestContext) -> str:
    return f"hello by {type(ctx.proto).__name__}"


with BlockingClient(app, backend=f"{__name__}:MyBackend") as client:
    print(client.get("/").text)  # hello by MyProtocol
