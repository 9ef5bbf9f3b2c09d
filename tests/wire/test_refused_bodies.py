"""Bodies that are refused after their head was accepted: the application answers, as for any other error."""

import asyncio
import gc
import gzip
import logging
import weakref

import pytest
from werkzeug import exceptions
from werkzeug.wrappers import Request, Response

from kyoukai import Blueprint, Kyoukai, ProtocolError, answer_as_problem
from kyoukai.core.errors import identified

from ..serving import Answering, chunks, error_records, message

LIMIT = 1000
CHUNKED = "Transfer-Encoding: chunked"
GZIPPED = "Content-Encoding: gzip"

# Status, header fields, and what is sent behind the head.
CASES = {
    "a length above the limit": (413, [f"Content-Length: {LIMIT + 1}"], b""),
    "one that is waited with": (413, [f"Content-Length: {LIMIT + 1}", "Expect: 100-continue"], b""),
    "a length above any limit": (413, [f"Content-Length: {2**62}"], b""),
    "chunks above the limit": (413, [CHUNKED], chunks(bytes(600), bytes(600))),
    "too large once decoded": (413, [CHUNKED, GZIPPED], chunks(gzip.compress(bytes(LIMIT + 1)))),
    "an unknown coding": (415, ["Content-Encoding: br", "Content-Length: 3"], b"abc"),
    "an unknown coding, unsent": (415, ["Content-Encoding: br", "Content-Length: 3"], b""),
    "an unknown coding, in chunks": (415, ["Content-Encoding: br", CHUNKED], chunks(b"abc")),
    "no gzip": (400, [GZIPPED, "Content-Length: 3"], b"abc"),
    "half of a gzip": (400, [GZIPPED, "Content-Length: 9"], gzip.compress(b"abc")[:9]),
    "a chunk size that is none": (400, [CHUNKED], b"xyz\r\n"),
    "a chunk with no end": (400, [CHUNKED], b"3\r\nabcdef"),
    "a trailer that frames": (400, [CHUNKED], b"3\r\nabc\r\n0\r\nContent-Length: 3\r\n\r\n"),
    "trailers above the limit": (431, [CHUNKED], b"0\r\n" + b"X: y\r\n" * 101 + b"\r\n"),
}


def make(**options):
    """Return an application with a route that has its body in memory, and one that has it as it comes."""
    app = Kyoukai("app")
    api = Blueprint("api", prefix="/api", parent=app)

    for name, stream in (("memory", False), ("stream", True)):

        @api.post(f"/{name}/<int:number>", endpoint=name, stream=stream, **options)
        async def take(ctx, number):
            body = await ctx.stream().read()
            return f"took {len(body)}"

    @api.after_request
    async def allow_other_origins(ctx, response):
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["X-Route"] = f"{ctx.route.name} {ctx.params['number']}"

    return app, api


def answered(server, target, fields, rest):
    """Return the answer to a request, after which the server ends the connection."""
    with server.connect() as client:
        client.send(message("POST", target, *fields) + rest)
        answer = client.receive()
        assert answer.fields["connection"] == "close"
        assert client.receive_rest() == b""
    return answer


@pytest.mark.parametrize("name", ["memory", "stream"])
def test_error_handlers_and_hooks_after_see_them(serve, name, caplog):
    app, _ = make()
    failures = []

    @app.errorhandler(exceptions.RequestEntityTooLarge)
    @app.errorhandler(415)
    @app.errorhandler(range(400, 500))
    async def show(ctx, error):
        assert isinstance(error, ProtocolError)
        ctx.add_teardown_callback(failures.append, pass_exception=True)
        return f"the application's {error.code}"

    server = serve(app, limits={"max_body_size": LIMIT})
    with caplog.at_level(logging.INFO, "kyoukai.access"):
        for status, fields, rest in CASES.values():
            answer = answered(server, f"/api/{name}/7", fields, rest)
            assert (answer.status, answer.body) == (status, f"the application's {status}".encode())
            assert answer.fields["access-control-allow-origin"] == "*"
            assert answer.fields["x-route"] == f"{name} 7"
            assert ("accept-encoding" in answer.fields) is (status == 415)
    statuses = [status for status, _, _ in CASES.values()]
    logged = [record.getMessage() for record in caplog.records if record.name == "kyoukai.access"]
    assert [int(line.split('" ')[1].split()[0]) for line in logged] == statuses
    assert [failure.code for failure in failures] == statuses
    assert not error_records(caplog)


@pytest.mark.parametrize("name", ["memory", "stream"])
def test_without_error_handlers_they_are_rendered_as_ever(serve, name):
    app, _ = make()
    server = serve(app, limits={"max_body_size": LIMIT})
    for status, fields, rest in CASES.values():
        answer = answered(server, f"/api/{name}/7", [*fields, "Accept: text/html"], rest)
        assert (answer.status, answer.fields["content-type"]) == (status, "text/html; charset=utf-8")
        assert answer.fields["x-route"] == f"{name} 7"
    api_problem = Kyoukai("problems")
    api_problem.post("/<name>", stream=name == "stream")(_never)
    api_problem.errorhandler(exceptions.HTTPException)(answer_as_problem)
    server = serve(api_problem, limits={"max_body_size": LIMIT})
    answer = answered(server, "/x", [f"Content-Length: {LIMIT + 1}", "Accept: text/html"], b"")
    assert (answer.status, answer.fields["content-type"]) == (413, "application/problem+json")


async def _never(ctx, name):
    await ctx.stream().read()
    raise AssertionError("the body was refused")


@pytest.mark.parametrize("name", ["memory", "stream"])
def test_a_limit_of_the_route(serve, name):
    app, _ = make(max_body_size=10)
    server = serve(app)
    for fields, rest in [(["Content-Length: 11"], b""), ([CHUNKED], chunks(bytes(11)))]:
        answer = answered(server, f"/api/{name}/1", fields, rest)
        assert (answer.status, answer.fields["x-route"]) == (413, f"{name} 1")
    with server.connect() as client:
        assert client.request(message("POST", f"/api/{name}/1", body=bytes(10))).body == b"took 10"


@pytest.mark.parametrize("name", ["memory", "stream"])
@pytest.mark.parametrize("rest", [b"", b"abc"], ids=["nothing", "a part"])
def test_a_body_that_is_late_and_one_that_is_not_whole(serve, name, rest):
    app, _ = make()
    server = serve(app, limits={"body_timeout": 0.2})
    answer = answered(server, f"/api/{name}/7", ["Content-Length: 9"], rest)
    assert (answer.status, answer.fields["x-route"]) == (408, f"{name} 7")
    server = serve(app)
    for fields, piece in [(["Content-Length: 9"], rest), ([CHUNKED], rest and b"5\r\nabc")]:
        with server.connect() as client:
            client.send(message("POST", f"/api/{name}/7", *fields) + piece)
            client.end()
            answer = client.receive()
            assert (answer.status, answer.fields["x-route"]) == (400, f"{name} 7")
            assert client.receive_rest() == b""


def test_server_answers_unaccepted_heads_itself(serve):
    app, _ = make()

    @app.after_request
    @app.before_request
    async def never(ctx, response=None):
        raise AssertionError("the application was called")

    server = serve(app)
    for status, data in [
        (417, message("POST", "/api/memory/7", "Expect: magic", "Content-Length: 3")),
        (400, message("POST", "/api/memory/7", "Content-Length: 3", "Content-Length: 3")),
        (400, message("POST", "/api/memory/7", "Host: b", "Content-Length: 99999999999")),
        (400, message("POST", "http://a b/api/memory/7", "Content-Encoding: br", "Content-Length: 3")),
        (431, message("POST", "/api/memory/7", "X: " + "x" * 20_000)),
        (501, message("POST", "/api/memory/7", "Transfer-Encoding: br, chunked")),
    ]:
        with server.connect() as client:
            answer = client.request(data)
            assert (answer.status, "x-route" in answer.fields) == (status, False)


def test_not_found_outranks_a_refused_body(serve):
    app, _ = make()
    server = serve(app, limits={"max_body_size": LIMIT})
    for _, fields, rest in CASES.values():
        assert server.request(message("POST", "/api/other", *fields) + rest).status == 404


def test_hooks_before_run_and_get_the_error_when_they_read(serve, caplog):
    app, api = make()
    caught = []

    @app.before_request
    async def look(ctx):
        ctx.began = True
        for read in (ctx.request.get_data, ctx.stream().read):
            try:
                data = read()
                await data
            except ProtocolError as error:
                caught.append(error.code)
        if "X-Closed" in ctx.request.headers:
            return "closed", 503
        return None

    @api.before_request
    def look_in_a_thread(ctx):
        # It is not caught, and answered as what the handler would raise.
        ctx.request.form.get("name")

    @app.after_request
    async def after(ctx, response):
        assert ctx.began

    server = serve(app)
    form = ["Content-Type: application/x-www-form-urlencoded", CHUNKED]
    answer = answered(server, "/api/memory/7", form, b"xyz\r\n")
    assert (answer.status, answer.fields["x-route"]) == (400, "memory 7")
    answer = answered(server, "/api/memory/7", [*form, "X-Closed: yes"], b"xyz\r\n")
    assert (answer.status, answer.body) == (503, b"closed")
    assert caught == [400, 400, 400, 400]
    assert not error_records(caplog)


def test_an_error_handler_that_takes_its_time_while_the_client_sends(serve):
    app, _ = make()
    entered, may_go_on = asyncio.Event(), asyncio.Event()

    @app.errorhandler(413)
    async def wait(ctx, error):
        entered.set()
        await may_go_on.wait()
        return "late", 413

    server = serve(app, limits={"max_body_size": LIMIT})
    with server.connect() as client:
        client.send(message("POST", "/api/memory/7", "Content-Length: 3000000"))
        server.wait_until(entered.is_set)
        client.send(bytes(2_000_000))
        server.call(may_go_on.set)
        client.send(bytes(1_000_000))
        answer = client.receive()
        assert (answer.status, answer.body, answer.fields["connection"]) == (413, b"late", "close")
        assert client.receive_rest() == b""
    server.wait_until_empty()


def is_refused(server):
    """Return whether the last request of a connection is refused, and waits."""
    return any(line.queue.waiting and line.queue.waiting[-1].error for line in server.server.connections)


def test_refusal_behind_a_running_request(serve):
    app, _ = make()
    may_go_on = asyncio.Event()

    @app.get("/slow")
    async def slow(ctx):
        await may_go_on.wait()
        return "slow"

    server = serve(app)
    for name in ("memory", "stream"):
        server.call(may_go_on.clear)
        with server.connect() as client:
            client.send(message("GET", "/slow") + message("POST", f"/api/{name}/7", CHUNKED) + b"xyz\r\n")
            server.wait_until(lambda: is_refused(server))
            server.call(may_go_on.set)
            assert client.receive().body == b"slow"
            answer = client.receive()
            assert (answer.status, answer.fields["x-route"]) == (400, f"{name} 7")
            assert client.receive_rest() == b""
        server.wait_until_empty()


def test_error_handler_is_cancelled_with_its_client_like_handlers(serve):
    app, _ = make()
    entered, cancelled = asyncio.Event(), asyncio.Event()

    @app.errorhandler(400)
    async def wait(ctx, error):
        entered.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    server = serve(app, cancel_on_disconnect=True)
    with server.connect() as client:
        client.send(message("POST", "/api/memory/7", CHUNKED) + b"xyz\r\n")
        server.wait_until(entered.is_set)
        client.reset()
        server.wait_until(cancelled.is_set)
    server.wait_until_empty()


def test_an_error_handler_that_fails(serve, caplog):
    app, _ = make()

    @app.errorhandler(413)
    async def fail(ctx, error):
        raise LookupError("as it was told to")

    server = serve(app, limits={"max_body_size": LIMIT})
    answer = answered(server, "/api/memory/7", [f"Content-Length: {LIMIT + 1}"], b"")
    assert (answer.status, answer.fields["x-route"]) == (500, "memory 7")
    (record,) = error_records(caplog)
    assert record.exc_info[0] is LookupError


def test_overridden_process_request_sees_refused_bodies(serve):
    class Application(Kyoukai):
        async def process_request(self, request, parent_context):
            request.environ["PATH_INFO"] = "/elsewhere"
            response = await super().process_request(self.request_class(request.environ), parent_context)
            response.headers["X-Wrapped"] = "yes"
            return response

    app = Application("app")

    @app.post("/elsewhere")
    async def elsewhere(ctx):
        raise AssertionError("the body was refused")

    @app.errorhandler(413)
    async def show(ctx, error):
        return ctx.route.name

    server = serve(app, limits={"max_body_size": LIMIT})
    answer = answered(server, "/here", [CHUNKED], chunks(bytes(LIMIT + 1)))
    assert (answer.status, answer.body, answer.fields["x-wrapped"]) == (413, b"elsewhere", "yes")


def test_refused_bodies_leave_nothing(serve):
    app, _ = make()
    seen = []

    @app.before_request
    async def note(ctx):
        seen.append(weakref.ref(ctx.request))

    server = serve(app, limits={"max_body_size": LIMIT})
    gc.collect()
    gc.disable()
    try:
        for status, fields, rest in CASES.values():
            assert answered(server, "/api/memory/7", fields, rest).status == status
        server.wait_until_empty()
        server.wait_until(lambda: not [request for request in seen if request() is not None])
    finally:
        gc.enable()
    assert len(seen) == len(CASES)


class Refusing(Answering):
    """A bare application that answers refusals by a function, too."""

    def __init__(self, function):
        super().__init__(function)
        self.seen = []

    async def process_refusal(self, request: Request, parent_context, error: ProtocolError) -> Response:
        self.seen.append((request.path, error.code))
        with pytest.raises(type(error)):
            request.get_data()
        return await self.function(error)


def test_application_without_routing_may_answer_refused_bodies(serve, caplog):
    @Refusing
    async def app(error):
        return Response(f"own {error.code}", error.code)

    server = serve(app, limits={"max_body_size": LIMIT})
    for status, fields, rest in CASES.values():
        answer = answered(server, "/here", fields, rest)
        assert (answer.status, answer.body) == (status, f"own {status}".encode())
    assert app.seen == [("/here", status) for status, _, _ in CASES.values()]
    with server.connect() as client:
        client.send(message("POST", "/here", "Content-Length: 3") + b"ab")
        client.end()
        assert client.receive().body == b"own 400"
    assert not error_records(caplog)


@pytest.mark.parametrize("fails", [True, False])
def test_where_the_application_fails_the_server_answers(serve, caplog, fails):
    @Refusing
    async def app(error):
        if fails:
            raise LookupError("as it was told to")
        return "no response"

    server = serve(app, limits={"max_body_size": LIMIT})
    for status, fields, rest in CASES.values():
        answer = answered(server, "/here", fields, rest)
        assert answer.status == status
        assert answer.body.startswith(b"%d " % status)
    assert len(error_records(caplog)) == len(CASES)
    caplog.clear()


def test_reraised_refusal_is_not_a_failure(serve, caplog):
    @Refusing
    async def app(error):
        raise error

    server = serve(app, limits={"max_body_size": LIMIT})
    assert answered(server, "/here", [CHUNKED], b"xyz\r\n").status == 400
    assert not error_records(caplog)


def test_application_without_refusal_handling_is_not_asked(serve):
    @Answering
    async def app(request):
        raise AssertionError("the application was called")

    server = serve(app, limits={"max_body_size": LIMIT})
    for status, fields, rest in CASES.values():
        assert answered(server, "/", fields, rest).status == status
    with server.connect() as client:
        client.send(message("POST", "/here", "Content-Length: 3") + b"ab")
        client.end()
        assert client.receive_rest() == b""


@pytest.mark.parametrize(
    ("target", "fields", "status", "is_refused"),
    [("/got/x", (), 405, False), ("/x", ("X-Closed: yes",), 503, False), ("/x", (), 415, True)],
)
def test_only_answered_refusals_are_reported(serve, caplog, target, fields, status, is_refused):
    app = Kyoukai("app")
    app.get("/got/<name>")(_never)
    app.post("/<name>")(_never)

    @app.before_request
    async def close(ctx):
        return ("closed", 503) if "X-Closed" in ctx.request.headers else None

    server = serve(app, access_log_format="{status} {refusal}")
    caplog.clear()
    caplog.set_level(logging.INFO)
    answer = server.request(message("POST", target, "Content-Encoding: zip", *fields, body=b"a=b"))
    assert answer.status == status
    server.wait_until_empty()
    warnings = [record.getMessage() for record in caplog.records if record.name == "kyoukai.refusals"]
    assert [line[:42] for line in warnings] == (
        ["refused with 415: content-coding-unknown: "] if is_refused else []
    )
    [access] = [record.getMessage() for record in caplog.records if record.name == "kyoukai.access"]
    assert access == f"{status} {'content-coding-unknown' if is_refused else '-'}"


@pytest.mark.parametrize("is_raised", [True, False])
def test_warning_of_a_refusal_whose_error_handler_raises_it_again(serve, caplog, is_raised):
    app = Kyoukai("app")

    @app.get("/")
    async def refuse(ctx):
        raise identified(exceptions.ServiceUnavailable(), "threads-busy")

    @app.errorhandler(503)
    async def show(ctx, error):
        if is_raised:
            raise error
        return "busy"

    answer = serve(app).request(message())
    assert answer.status == (500 if is_raised else 503)
    warnings = [record.getMessage() for record in caplog.records if record.name == "kyoukai.refusals"]
    assert [line[:32] for line in warnings] == ([] if is_raised else ["refused with 503: threads-busy: "])
