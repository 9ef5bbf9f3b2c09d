"""Requests for the rows of the tables in `docs/http.md`, for `tests/test_docs_http.py` to send."""

GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
EXPECT = b"Expect: 100-continue\r\n"


def start(text: bytes) -> bytes:
    """A request that begins with this line."""
    return text + b"\r\nHost: a\r\n\r\n"


def field(text: bytes) -> bytes:
    """A request with this field."""
    return GET + text + b"\r\n\r\n"


def sized(text: bytes) -> bytes:
    """A request with this Content-Length."""
    return POST + b"Content-Length:" + text + b"\r\n\r\nabc"


def coded(text: bytes) -> bytes:
    """A request with this Transfer-Encoding."""
    return POST + b"Transfer-Encoding: " + text + b"\r\n\r\n0\r\n\r\n"


def chunk(text: bytes) -> bytes:
    """A request with this for a chunk."""
    return CHUNKED + text + b"0\r\n\r\n"


# Row by row: the requests, and for one that is served, what must be in the answer of `echo`.
REQUESTS: dict[str, dict[bytes, str]] = {
    "the target in absolute form": {
        start(b"GET http://b.example/p?q=1 HTTP/1.1"): "'host': 'b.example', 'path': '/p', 'query': b'q=1'",
        start(b"GET http://b.example HTTP/1.1"): "'host': 'b.example', 'path': '/'",
    },
    "`OPTIONS *`": {start(b"OPTIONS * HTTP/1.1"): ""},
    "`*` with another method, the authority form, any other form, a fragment, a scheme other than HTTP's,"
    " non-ASCII bytes": dict.fromkeys(
        map(
            start,
            (
                b"GET * HTTP/1.1",
                b"GET a:80 HTTP/1.1",
                b"GET x HTTP/1.1",
                b"GET /#f HTTP/1.1",
                b"GET ftp://a/ HTTP/1.1",
                b"GET /\xe9 HTTP/1.1",
            ),
        ),
        "",
    ),
    "`CONNECT`": {start(b"CONNECT a:80 HTTP/1.1"): ""},
    "a method that is not registered, or in small letters": {
        start(b"BREW / HTTP/1.1"): "",
        start(b"get / HTTP/1.1"): "",
        start(b"LABEL / HTTP/1.1"): "",
        start(b"SOURCE / HTTP/1.1"): "",
    },
    "a registered method that no route of the path takes": {
        start(b"DELETE / HTTP/1.1"): "",
        start(b"QUERY / HTTP/1.1"): "",
    },
    "HTTP/1.2 to HTTP/1.9": {
        start(b"GET / HTTP/1.2"): "'protocol': 'HTTP/1.1'",
        start(b"GET / HTTP/1.9"): "'protocol': 'HTTP/1.1'",
    },
    "HTTP/2.0, HTTP/3.0, HTTP/0.9, the HTTP/2 preface": {
        start(b"GET / HTTP/2.0"): "",
        start(b"GET / HTTP/3.0"): "",
        start(b"GET / HTTP/0.9"): "",
        b"GET /\r\n\r\n": "",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n": "",
    },
    "a target longer than `max_target_size`": {start(b"GET /%b HTTP/1.1" % (b"a" * 8192)): ""},
    "bytes that are not HTTP, such as a TLS hello": {
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03": "",
        b"hello there\r\n\r\n": "",
    },
    "empty lines before it": {b"\r\n\r\n" + field(b"X: 1"): "'X': '1'"},
    "HTTP/1.1 without Host, several Host fields, a Host that is empty or no `host[:port]`": {
        b"GET / HTTP/1.1\r\n\r\n": "",
        field(b"Host: a"): "",
        b"GET / HTTP/1.1\r\nHost:\r\n\r\n": "",
        b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n": "",
        b"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n": "",
    },
    "HTTP/1.0 without Host": {b"GET / HTTP/1.0\r\n\r\n": "'protocol': 'HTTP/1.0'"},
    "white space before the colon or at a line's start, an empty name, a name that is no token, no"
    " colon": dict.fromkeys(map(field, (b"X : 1", b"X: 1\r\n 2", b": x", b"X(: x", b"Xabc")), ""),
    "a control character other than tab in a value, a bare CR, a line that ends in LF alone": dict.fromkeys(
        map(field, (b"X: a\0b", b"X: a\x01b", b"X: a\x7fb", b"X: a\rb", b"X: a\nY: b")), ""
    ),
    "bytes 0x80 to 0xFF in a value": {field(b"X: \xe9"): "'X': 'é'"},
    "a name with an underscore": {field(b"X_Y: 1"): "'X-Y': None"},
    "a field several times": {
        field(b"X: 1\r\nX: 2"): "'X': '1,2'",
        field(b"Cookie: a=1\r\nCookie: b=2"): "'Cookie': 'a=1; b=2'",
    },
    "Content-Type twice": {field(b"Content-Type: a/b\r\nContent-Type: a/b"): ""},
    "more fields than `max_fields`, one longer than `max_field_size`, all longer than `max_head_size`": {
        field(b"\r\n".join([b"X: 1"] * 100)): "",
        field(b"X: " + b"a" * 16384): "",
        field(b"\r\n".join([b"X: " + b"a" * 16000] * 5)): "",
    },
    "`Upgrade` to anything": {
        POST + b"Upgrade: websocket\r\nConnection: upgrade\r\nContent-Length: 3\r\n\r\nabc": "'body': b'abc'",
        POST
        + b"Upgrade: h2c\r\nConnection: upgrade\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n": (
            "'body': b'abc'"
        ),
    },
    "Content-Length and Transfer-Encoding together": {
        POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n": ""
    },
    "Content-Length twice, even if equal; a list, a sign, a space, an underscore, hexadecimal, nothing, or"
    " too many digits in it": dict.fromkeys(
        map(
            sized,
            (b"3\r\nContent-Length:3", b"3,3", b"+3", b"-3", b"1 2", b"1_0", b"0x3", b"", b"9" * 26),
        ),
        "",
    ),
    "Transfer-Encoding in HTTP/1.0; `chunked` not last, or twice, or with parameters": {
        coded(b"chunked").replace(b"HTTP/1.1", b"HTTP/1.0"): "",
        coded(b"chunked, gzip"): "",
        coded(b"chunked, chunked"): "",
        coded(b"chunked\r\nTransfer-Encoding: chunked"): "",
        coded(b"chunked;a=b"): "",
    },
    "a transfer coding other than `chunked` before it": {
        coded(b"gzip, chunked"): "",
        coded(b"gzip\r\nTransfer-Encoding: chunked"): "",
    },
    "a chunk size that is empty, or has a sign, `0x`, an underscore, a space, or is too large": dict.fromkeys(
        (chunk(size + b"\r\nabc\r\n") for size in (b"", b"+3", b"0x3", b"0_3", b"3 ", b"F" * 17)), ""
    ),
    "a chunk that is not followed by CRLF, a bare LF or CR in a chunk's size line": dict.fromkeys(
        map(chunk, (b"3\r\nabcX\r\n", b"3\r\nabc\n", b"3\nabc\r\n", b"3\rabc\r\n", b"3;a\nb\r\nabc\r\n")), ""
    ),
    "chunk extensions": {chunk(b'3;a=b;c="d"\r\nabc\r\n'): "'body': b'abc'"},
    "trailer fields": {CHUNKED + b"0\r\nX: 1\r\n\r\n": "'X': None, 'X-Y': None, 'trailers': [(b'X', b'1')]"},
    "Content-Length above `max_body_size`": {sized(b"4097"): ""},
    "a chunked body that passes `max_body_size`": {chunk(b"1001\r\n" + b"a" * 4097 + b"\r\n"): ""},
    "`Expect: 100-continue` with Content-Length above `max_body_size`": {
        POST + EXPECT + b"Content-Length: 4097\r\n\r\n": ""
    },
    "`Expect: 100-continue` in HTTP/1.0, or without a body": {
        b"POST / HTTP/1.0\r\n" + EXPECT + b"Content-Length: 3\r\n\r\nabc": "'body': b'abc'",
        GET + EXPECT + b"\r\n": "'body': b''",
    },
    "any other expectation": {POST + b"Expect: more\r\nContent-Length: 3\r\n\r\nabc": ""},
}


# What the last table of the page says that the two answer differently. One that has come to answer
# as the other does has lost its row.
DIFFERING = {
    "an empty line before the request line that is a bare LF": b"\n" + field(b"X: 1"),
    "a chunk size of more than 16 digits with zeros in front": chunk(b"%017d\r\nabc\r\n" % 3),
    "chunk extensions longer than `max_head_size`": chunk(b"3;" + b"a" * 65537 + b"\r\nabc\r\n"),
    "more empty lines before a request line than `max_head_size`, in one piece with it": (
        b"\r\n" * 40000 + field(b"X: 1")
    ),
}
