"""What a framework would not let one do: a callable of ASGI, with an endpoint for each corner of it."""

import asyncio
import json

import given


async def answer(send, body, status=200, headers=()):
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def tell(send, value):
    await answer(send, json.dumps(value).encode(), headers=[(b"content-type", b"application/json")])


async def read(receive):
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


async def scope(scope, receive, send):
    names = ("type", "method", "scheme", "path", "query_string", "raw_path", "root_path", "headers")
    found = {name: scope[name] for name in names}
    found["asgi"] = sorted(scope["asgi"])
    found["client"] = scope["client"][0]
    found["server"] = scope["server"][0]
    await tell(send, json.loads(json.dumps(found, default=ascii)))


async def version(scope, receive, send):
    await tell(send, [scope["http_version"], scope["asgi"]["version"]])


async def extensions(scope, receive, send):
    await tell(send, sorted(name for name in scope.get("extensions", {}) if name != "http.response.debug"))


async def hints(scope, receive, send):
    if "http.response.early_hint" in scope.get("extensions", {}):
        await send({"type": "http.response.early_hint", "links": [b"</style.css>; rel=preload"]})
    await answer(send, b"hinted")


async def trailers(scope, receive, send):
    known = "http.response.trailers" in scope.get("extensions", {})
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"trailer", b"x-sum")], "trailers": known}
    )
    await send({"type": "http.response.body", "body": b"content"})
    if known:
        await send({"type": "http.response.trailers", "headers": [(b"x-sum", b"7")]})


async def pathsend(scope, receive, send):
    headers = [(b"content-length", str(given.FILE.stat().st_size).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if "http.response.pathsend" in scope.get("extensions", {}):
        await send({"type": "http.response.pathsend", "path": str(given.FILE)})
    else:
        await send({"type": "http.response.body", "body": given.FILE.read_bytes()})


async def no_fields(scope, receive, send):
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body"})


async def pieces(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for piece in (b"a", b"", b"b"):
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b"c", "more_body": False})


async def with_length(scope, receive, send, size, *sent):
    headers = [(b"content-length", size)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for piece in sent:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def short(scope, receive, send):
    await with_length(scope, receive, send, b"10", b"12345")


async def long(scope, receive, send):
    await with_length(scope, receive, send, b"5", b"1234567890")


async def body_of_204(scope, receive, send):
    await answer(send, b"content", 204)


async def body_of_304(scope, receive, send):
    await answer(send, b"content", 304, [(b"content-length", b"7"), (b"etag", b'"a"')])


async def nothing(scope, receive, send):
    return


async def no_end(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"a", "more_body": True})


async def no_start(scope, receive, send):
    await send({"type": "http.response.body", "body": b"a"})


async def two_starts(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.start", "status": 200, "headers": []})


async def unknown(scope, receive, send):
    await send({"type": "http.response.unknown"})


async def injection(scope, receive, send):
    await answer(send, b"body", headers=[(b"x-a", b"1\r\nx-b: 2")])


async def capitals(scope, receive, send):
    await answer(send, b"body", headers=[(b"X-Capitals", b"Yes"), (b"x-spaces", b" a ")])


async def framing(scope, receive, send):
    await answer(send, b"body", headers=[(b"transfer-encoding", b"chunked"), (b"connection", b"close")])


async def text_field(scope, receive, send):
    await answer(send, b"body", headers=[("x-text", "value")])


async def caught(scope, receive, send):
    """Answer what ``send`` raises for a message that is out of order."""
    try:
        await send({"type": "http.response.body", "body": b"too early"})
    except Exception as error:
        await answer(send, type(error).__name__.encode())


async def echo(scope, receive, send):
    await answer(send, await read(receive))


async def messages(scope, receive, send):
    """Answer whether each message has what the specification says, and what comes after the last."""
    message = await receive()
    while message["type"] == "http.request" and message.get("more_body", False):
        message = await receive()
    await answer(send, json.dumps([message["type"], message.get("more_body", False)]).encode())
    given.seen["after"] = (await receive())["type"]


async def leaving(scope, receive, send):
    given.seen["gone"] = None
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"a", "more_body": True})
    while (await receive())["type"] != "http.disconnect":
        pass
    given.seen["gone"] = True


async def late(scope, receive, send):
    await answer(send, b"answered")
    given.seen["late"] = None
    await asyncio.sleep(0.002)
    given.seen["late"] = "done"


async def seen(scope, receive, send):
    await tell(send, given.seen.get(scope["path"].rpartition("/")[2]))


async def state(scope, receive, send):
    scope["state"]["own"] = True
    await tell(send, sorted(scope["state"]))


async def lifespan(scope, receive, send):
    await receive()
    scope["state"]["greeting"] = "hello"
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def ws_scope(scope, receive, send):
    first = (await receive())["type"]
    names = ("type", "scheme", "path", "query_string", "raw_path", "root_path", "subprotocols")
    found = {name: scope[name] for name in names}
    found["first"] = first
    found["fields"] = [n for n, _ in scope["headers"] if not n.startswith((b"sec-", b"upg", b"conn"))]
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": json.dumps(found, default=ascii)})
    await send({"type": "websocket.close"})


async def ws_returns(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    await receive()


async def ws_returns_early(scope, receive, send):
    await receive()


async def ws_send_early(scope, receive, send):
    await receive()
    await send({"type": "websocket.send", "text": "early"})


async def ws_after_close(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": 4000})
    given.seen["after close"] = (await receive())["code"]


async def ws_denied(scope, receive, send):
    await receive()
    headers = [(b"content-type", b"text/plain"), (b"x-denied", b"yes")]
    await send({"type": "websocket.http.response.start", "status": 402, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": b"pay ", "more_body": True})
    await send({"type": "websocket.http.response.body", "body": b"first"})


async def ws_empty(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept", "subprotocol": None, "headers": [(b"x-empty", b"")]})
    message = await receive()
    await send({"type": "websocket.send", "bytes": b"", "text": None})
    await send({"type": "websocket.send", "bytes": None, "text": ""})
    given.seen["message"] = sorted(name for name, value in message.items() if value is not None)
    await send({"type": "websocket.close", "code": 1000, "reason": None})


HTTP = {
    "scope": scope, "version": version, "extensions": extensions, "hints": hints, "trailers": trailers,
    "pathsend": pathsend, "no-fields": no_fields, "pieces": pieces, "short": short, "long": long,
    "body-of-204": body_of_204, "body-of-304": body_of_304, "nothing": nothing, "no-end": no_end,
    "no-start": no_start, "two-starts": two_starts, "unknown": unknown, "injection": injection,
    "capitals": capitals, "framing": framing, "text-field": text_field, "caught": caught, "echo": echo,
    "messages": messages, "leaving": leaving, "late": late, "seen": seen, "state": state,
}  # fmt: skip
WEBSOCKETS = {
    "scope": ws_scope, "returns": ws_returns, "returns-early": ws_returns_early, "send-early": ws_send_early,
    "after-close": ws_after_close, "denied": ws_denied, "empty": ws_empty,
}  # fmt: skip


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await lifespan(scope, receive, send)
    elif scope["type"] == "websocket":
        await WEBSOCKETS[scope["path"].split("/")[2]](scope, receive, send)
    else:
        await HTTP[scope["path"].split("/")[1]](scope, receive, send)
