from kyoukai import HTTPRequestContext, Kyoukai

app = Kyoukai("guests")


@app.get("/")
async def index(ctx: HTTPRequestContext) -> str:
    return "<h1>Guests</h1>\n"
