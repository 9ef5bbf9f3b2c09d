from kyoukai import HTTPRequestContext, Kyoukai
from kyoukai.testing import TestKyoukai

app = Kyoukai("hello")


@app.route("/")
async def hello(ctx: HTTPRequestContext) -> str:
    return "hello"


testing = TestKyoukai.wrap_existing_app(app)


async def test_hello() -> None:
    response = await testing.inject_request({"Accept": "text/plain"}, "/")
    assert (response.status_code, response.text) == (200, "hello")


async def test_something_else() -> None:
    with testing.testing_bp() as bp:

        @bp.route("/else")
        async def something_else(ctx: HTTPRequestContext) -> str:
            return "else"

        assert (await testing.inject_request({}, "/else")).text == "else"
    assert (await testing.inject_request({}, "/else")).status_code == 404
