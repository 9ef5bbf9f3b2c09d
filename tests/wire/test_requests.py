"""Requests and answers over a real socket."""

from kyoukai import Kyoukai


def echo_app() -> Kyoukai:
    app = Kyoukai("echo")

    @app.route("/")
    async def index(ctx):
        return "hello"

    @app.route("/echo", methods=["POST"])
    async def echo(ctx):
        return ctx.request.get_data()

    return app


def test_get(serve):
    answer = serve(echo_app()).request(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (answer.status, answer.body) == (200, b"hello")


def test_100_pipelined_requests_are_answered_in_order(serve):
    server = serve(echo_app())
    with server.connect() as client:
        client.send(
            b"".join(
                b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n%03d" % number
                for number in range(100)
            )
        )
        assert [client.receive().body for _ in range(100)] == [b"%03d" % n for n in range(100)]
