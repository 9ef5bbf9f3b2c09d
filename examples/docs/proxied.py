from kyoukai import HTTPRequestContext, Kyoukai

app = Kyoukai("shop")


@app.route("/basket/")
async def basket(ctx: HTTPRequestContext) -> str:
    return f"{ctx.request.remote_addr} asks for {ctx.request.url}"
