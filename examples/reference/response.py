from kyoukai import HTTPRequestContext, Kyoukai, Response
from kyoukai.test_client import BlockingClient

app = Kyoukai("shop")


@app.get("/")
async def index(ctx: HTTPRequestContext) -> Response:
    response = Response("a,b\n1,2\n", mimetype="text/csv")
    response.set_cookie("seen", "1")
    return response


with BlockingClient(app) as client:
    answer = client.get("/")
    print(answer.content_type)  # text/csv; charset=utf-8
    print(answer.headers["Set-Cookie"])  # seen=1; Path=/
