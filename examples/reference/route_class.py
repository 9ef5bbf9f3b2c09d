from kyoukai import HTTPRequestContext, Kyoukai
from kyoukai.test_client import BlockingClient
from kyoukai.web import Route


async def show(ctx: HTTPRequestContext, page: str) -> str:
    return f"page {page}"


app = Kyoukai("book")
# `@app.route` makes such objects; they also fit routes that are read from a table.
for url in ("/pages/<page>", "/p/<page>"):
    app.add_route(Route(show, url, methods=["GET"], endpoint="show"))

with BlockingClient(app) as client:
    print(client.get("/p/7").text)  # page 7
