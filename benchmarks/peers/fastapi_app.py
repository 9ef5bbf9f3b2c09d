"""FastAPI, with its own routing, its validation of parameters and bodies, and its responses."""

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, PlainTextResponse, StreamingResponse
from pydantic import BaseModel

from benchmarks import content

app = FastAPI(openapi_url=None)


class Item(BaseModel):
    """One line of an order."""

    sku: str
    count: int
    price: int


class Order(BaseModel):
    """What is posted."""

    customer: str
    express: bool
    items: list[Item]
    note: str


class Receipt(BaseModel):
    """What an order is answered with."""

    customer: str
    items: int
    total: int


@app.get("/", response_class=PlainTextResponse)
async def hello() -> Response:
    """Answer with text."""
    return PlainTextResponse(content.TEXT)


@app.get("/json")
async def document() -> dict[str, str]:
    """Answer with a document."""
    return content.DOCUMENT


@app.get("/users/{name}/posts/{number}", response_class=PlainTextResponse)
async def post(name: str, number: int) -> str:
    """Answer with what the path says."""
    return content.post(name, number)


@app.post("/orders")
async def order(order: Order) -> Receipt:
    """Parse and validate a document, and answer with another."""
    return Receipt(**content.receipt(order.model_dump()))


@app.post("/upload", response_class=PlainTextResponse)
async def upload(request: Request) -> str:
    """Read a body whole."""
    return str(len(await request.body()))


@app.get("/download")
async def download() -> Response:
    """Answer with a large body that is in memory."""
    return Response(content.BINARY, media_type=content.BINARY_TYPE)


@app.get("/stream")
async def stream() -> Response:
    """Answer with a body that is made part by part."""
    return StreamingResponse(content.parts(), media_type=content.BINARY_TYPE)


@app.get("/file")
async def file() -> Response:
    """Answer with a file from disk."""
    return FileResponse(content.FILE, media_type=content.BINARY_TYPE)
