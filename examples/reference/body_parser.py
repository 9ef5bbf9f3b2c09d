from kyoukai import BodyParser, HTTP1Backend, HTTPProtocol, HTTPRequestContext, Kyoukai, RequestHead
from kyoukai.test_client import BlockingClient


class Sized:
    """Reads bodies of a known size. The server has read the head."""

    def __init__(self, protocol: HTTPProtocol) -> None:
        self.protocol = protocol
        self.left = 0

    def begin_message(self, head: RequestHead, /) -> None:
        if head.body_size is None:
            raise ValueError("chunks are not read here")
        self.left = head.body_size
        if not self.left:
            self.protocol.on_message_complete()

    def feed_data(self, data: bytes, /) -> None:
        self.left -= len(data)
        self.protocol.on_body(data)
        if not self.left:
            self.protocol.on_message_complete()


class SizedProtocol(HTTPProtocol):
    parser_errors = (ValueError,)

    def make_parser(self) -> BodyParser:
        return Sized(self)


class SizedBackend(HTTP1Backend):
    api_version = 1
    features = HTTP1Backend.features - {"chunked", "trailers"}
    protocol_class = SizedProtocol


app = Kyoukai("echo")


@app.post("/")
async def echo(ctx: HTTPRequestContext) -> bytes:
    return ctx.request.get_data()


with BlockingClient(app, backend=f"{__name__}:SizedBackend") as client:
    print(client.post("/", data=b"abc").data)  # b'abc'
