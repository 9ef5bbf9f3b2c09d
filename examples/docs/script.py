from kyoukai import HTTPRequestContext, Kyoukai

app = Kyoukai("script")


@app.route("/")
async def index(ctx: HTTPRequestContext) -> str:
    return "hello"


if __name__ == "__main__":
    app.run(port=8000, limits={"max_body_size": 1024 * 1024})
