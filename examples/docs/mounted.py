from flask import Flask, request, url_for

from kyoukai import HTTPRequestContext, Kyoukai

shop = Flask("shop")  # the old application
app = Kyoukai("shop")  # replaces the old one, page by page
app.mount("/", shop.wsgi_app)


@shop.get("/")
def index() -> str:
    return f"Flask's page; there are {url_for('orders', page=1)} and /stock"


@shop.get("/orders")
def orders() -> dict[str, str]:
    return {"page": request.args["page"]}


@shop.get("/stock")
def old_stock() -> str:
    return "Flask's stock, which nobody sees any more"


@app.route("/stock")
async def stock(ctx: HTTPRequestContext) -> str:
    return "Kyoukai's stock"
