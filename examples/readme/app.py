from kyoukai import HTTPRequestContext, Kyoukai

app = Kyoukai("guests")


@app.route("/guests/<int:number>")
async def guest(ctx: HTTPRequestContext, number: int) -> dict[str, int]:
    return {"guest": number, "page": ctx.request.args.get("page", 1, type=int)}
