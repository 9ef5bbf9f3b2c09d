"""The parts of generated requests, valid and invalid, for :mod:`kyoukai.testing.generation`.

Each tuple starts with valid or common values. Values that some recipient misreads follow.
"""

from typing import Any, Final


def words(*texts: bytes, separator: bytes = b" ") -> tuple[bytes, ...]:
    """Return the words of several texts."""
    return tuple(word for text in texts for word in text.split(separator))


def items(*texts: bytes) -> tuple[bytes, ...]:
    """Return the parts between vertical bars; they may contain spaces."""
    return words(*texts, separator=b"|")


# Limits, besides the defaults, that a short conversation can exceed.
LIMITS: Final[tuple[tuple[tuple[str, Any], ...], ...]] = (
    (("max_body_size", 40),),
    (("max_field_size", 256), ("max_head_size", 1024), ("max_target_size", 256)),
    (("max_fields", 4), ("max_pipelined", 1)),
    (("max_body_size", 0), ("max_head_size", 1024), ("max_target_size", 256)),
    (("max_body_size", 300), ("max_field_size", 600), ("max_fields", 8), ("max_head_size", 1024)),
)

METHODS: Final = (
    *words(b"GET POST PUT HEAD OPTIONS DELETE PATCH GET POST PUT POST POST POST OPTIONS"),
    *words(b"TRACE QUERY LINK SEARCH PROPFIND REPORT MKCOL ACL MERGE COPY LOCK UNLOCK BIND"),
    # llhttp knows these methods; no server here serves them.
    *words(b"CONNECT PRI SOURCE M-SEARCH PURGE NOTIFY SUBSCRIBE DESCRIBE SETUP GET_PARAMETER"),
    *words(b"get Post GETT GE FOO MKWORKSPACE G@T G:T"),
    *(b"", b"A" * 32, b"A" * 33),
)
TARGETS: Final = (
    *words(b"/ /a /a?b=c /a%20b?c=%41 //a///b /.. /a;b=c?d?e /*?* /? /1 /a/b.c /%zz /%00 /%c3%a9"),
    *words(b"* http://a/ http://a HTTP://a:80/x?y https://[::1]:8/ http://a? http://a?b=c"),
    *words(b"a:80 a /a#b http:/a http:// http://u@a/ http://a#b http://?a http://:80/ ftp://a/ http:a"),
    *words(b'/\x80 /\xc3\xa9 /\x7f /a\x00 /a\tb /\\ /"<>^`{|} ** ?a #a /a|b [::1] https://a:b/'),
    *words(b"http://a:80:80/ http://[a/ http://a%/ /a%2 http:///a HTTPS://a 1 ./a \\a http://a/\x80"),
    *(b"/a b", b""),
)
VERSIONS: Final = (
    *(b"HTTP/1.1",) * 14,
    *(b"HTTP/1.0",) * 3,
    *words(b"HTTP/1.2 HTTP/1.9 HTTP/0.9 HTTP/2.0 HTTP/3.0 HTTP/9.9 HTTP/1.10 HTTP/01.1 HTTP/1,1"),
    *words(b"http/1.1 Http/1.1 HTTP/1. HTTP/.1 HTTP/1 HTTP HTTPS/1.1 ICE/1.0 RTSP/1.0 HTTP/1.1x"),
    *(b"xHTTP/1.1", b"HTTP /1.1", b""),
)

# Used around a field's value, and before a request.
WHITE_SPACE: Final = (*items(b" ||\t|  | \t |\x0b|\x0c|\xa0|\x85|\x1c|\x00"),)
BEFORE: Final = (*(b"",) * 60, *items(b"\r\n|\r\n\r\n|\n|\r| |\x00|\xef\xbb\xbf"))

HOSTS: Final = items(b"a|a:80|[::1]||a.b-c_d|%41|a b|a,b|u@a|[::1|a:x|\xe9|a:|a/b|[v1.a]|a:123456|%4|[::1]a")
LENGTHS: Final = words(
    b"0 00 +5 -5 5,5 5_0 0x5 5.0 5; 18446744073709551616 9999999999999999999 18446744073709551615",
    b"\xb2 \xd9\xa5 00000000000000000005 000000000000000005 5 41 40 1e1",
)
CODINGS: Final = items(
    b"chunked|Chunked|CHUNKED|gzip, chunked|identity|chunked, chunked|chunked, gzip|chunked;a=b|xchunked|",
    b'chunked,|,chunked|identity, chunked|gzip|chunked, identity|chun ked|"chunked"|chunked x|a,chunked',
    b"chunked\tx|chunked ,chunked|gzip,|chunked, x|x, chunked, y|chunkedd|chunke|gzip;a=b, chunked|;chunked",
)
CONNECTIONS: Final = items(
    b"keep-alive|close|Close|upgrade|Upgrade, close|keep-alive, upgrade|close, keep-alive|, close|x|clos",
    b'keep-alive,close|x-a|TE, close|content-length|"close"|close;|upgrade,keep-alive|Keep-Alive|close\tx|',
    b"closee|close close|upgradee|x,upgrade|transfer-encoding|keep-alive x|xclose|close,,|up grade",
)
EXPECTATIONS: Final = items(b"100-continue|100-Continue|x|100-continue, x||100-continue;a")
UPGRADES: Final = items(b"websocket|h2c|h2c, websocket|TLS/1.0||HTTP/2.0")
CONTENT_CODINGS: Final = items(b"gzip|deflate|x-gzip|identity|GZIP|br|gzip, gzip||gzip;q=1|compress")

FIELDS: Final = items(
    b"Content-Type: text/plain|Content-Type: multipart/form-data; boundary=a|Cookie: a=b|Cookie: c=d; e",
    b"X-A: 1|X-A: 2|x-a: |Accept: application/json|Accept: text/html|X-T: a\tb|X-O: \x80\xff|TE: trailers",
    b"Keep-Alive: timeout=5|Proxy-Connection: close|Proxy-Connection: keep-alive|Trailer: X-T",
    b'X-Q: "a\\"b|X_A: 3',
    # The rest is drawn rarely.
    b"Content_Length: 7|Transfer_Encoding: chunked|Host_: b|HTTP_HOST: b|Proxy: http://b/|TE: chunked",
    b"Range: bytes=0-1|If-Match: *|X-Forwarded-For: 1.2.3.4|HTTP2-Settings: AAMAAABk|Date: x|Accept: x",
    b'Content-MD5: x|X-E\xc3\xa9: 1|X A: 1|: 1|X-A : 1|"X": 1|Content-Length\t: 5',
    b"Transfer-Encoding : chunked|Content-Lengt: 5|Content-Length-: 5|Content-Lengthh: 5",
    b"Transfer-Encodin: chunked|Connectio: close",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==|Sec-WebSocket-Version: 13|Upgrade-Insecure-Requests: 1",
)

EXTENSIONS: Final = items(
    b';a|;a=b|;a="b"|;a="b\\"c"|;a;b=c|;a="\r\n"|; a|;|;a=| ;a|;a =b|;=b|;a="b|;a=b"c|;"a"|,a|;a="\xe9"|\t',
    b';a="\x00"|\x0b|;a="\\|;a="b"c|;a="b";c|;a=b=c|;;a|;a="b" |;a="b"\t|;a=""|;a="|;a= b|;\xe9',
)
SIZES: Final = items(
    b"0x5|+5|-5|5.|5_0||g|\xb2|fffffffffffffff|ffffffffffffffff|10000000000000000|0000000000000005",
    b"00000000000000005|7fffffffffffffff| 5|5 |5\t|fffffffffffffffff|0000000000000000|00000000000000000",
)
TRAILERS: Final = items(
    b"X-T: 1|X-T:2 |x_t: 3|X-U:\t1\t|X-T: \xe9|Cookie: a|Content-Length: 5|Transfer-Encoding: chunked",
    b"Host: b|Connection: close|Expect: x|Upgrade: h2c|X-T : 1| folded|X-T|: 1|X-\xe9: 1|Trailer: X",
    b"Content-Encoding: gzip|Content-Type: a|Connection: upgrade|content-length: 0",
    b"Content_Length: 5|X-T: a\x00b|X-T:",
)

# If the framing says so, text that looks like framing or a request is data.
BODIES: Final = (
    *(
        b"",
        b"a",
        b"hello",
        b"0\r\n\r\n",
        b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n",
        b"b" * 40,
        b"\r\n\x00\x80\xff",
    ),
)
