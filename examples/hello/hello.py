from kyoukai import HTTPRequestContext, Kyoukai

app = Kyoukai("hello")


@app.route("/")
async def index(ctx: HTTPRequestContext) -> str:
    return "hello, world"


@app.route("/echo", methods=["POST"])
async def echo(ctx):
    return ctx.request.get_data()
