"""Refusals of request lines, and of bytes that are not HTTP."""

from typing import Final

from .entry import Group, Refusal

GROUP: Final = Group(
    "Request lines",
    (
        Refusal(
            "method-malformed",
            400,
            "The request does not begin with a method and a space.",
            wrong="""
                The first word of the request is not a method: it is empty, contains a character that no token
                may contain, or is not followed by one space.
            """,
            senders="""
                Port scanners and probes for other protocols (SSH, SMB, RDP, databases); clients that write a
                body longer than its `Content-Length`, so that the rest is read as the next request; scripts
                that begin a request with spaces.
            """,
            client="""
                Check that the client speaks HTTP to this port. If earlier requests of the connection were
                served, check the `Content-Length` of the last one.
            """,
            source="RFC 9112 section 3",
        ),
        Refusal(
            "method-unknown",
            501,
            "This server does not know the request method.",
            wrong="""
                The method is neither in the IANA registry nor declared by the application, or it is written
                in small letters. Methods are case-sensitive.
            """,
            senders="""
                Scanners; `curl -X get`; clients of protocols that extend HTTP (RTSP, SIP, `PURGE` of caches);
                a body that is longer than its `Content-Length` and is read as a request.
            """,
            client="Write the method in capitals, and use a registered one.",
            source="RFC 9110 section 9.1",
            server="Declare the method in a route (`methods=[...]`), or in the `extra_methods` of a mount.",
        ),
        Refusal(
            "connect-not-served",
            501,
            "This server makes no tunnels.",
            wrong="The method is `CONNECT`, which asks a proxy for a tunnel. This server is no proxy.",
            senders="""
                Clients with this server as their proxy (`https_proxy`, `curl -x`, a browser's proxy setting);
                scanners that look for open proxies.
            """,
            client="Take this server out of the client's proxy settings, and request its URLs directly.",
            source="RFC 9110 section 9.3.6",
        ),
        Refusal(
            "target-malformed",
            400,
            "The request target is missing or malformed, or the method does not allow its form.",
            wrong="""
                The target in the request line is not a path such as `/page?x=1`, an absolute `http` URL, or
                (for `OPTIONS`) `*`. Or it contains a character that it must not contain: a space, a control
                character, a byte above ASCII, `#`, or a backslash in its path.
            """,
            senders="""
                Scripts that build URLs from unencoded text; `curl` with a URL that contains a raw space or
                `#` from a template; scanners that try `\\`, `..\\` or full URLs of other schemes; clients
                that omit the leading slash.
            """,
            client="""
                Percent-encode the path and the query (`urllib.parse.quote`, `encodeURI`). Do not send the
                fragment. Begin the path with a slash.
            """,
            source="RFC 9112 section 3.2",
        ),
        Refusal(
            "target-too-long",
            414,
            "The request target is longer than this server takes.",
            wrong="The path and the query together exceed `max_target_size`.",
            senders="""
                Forms with the method GET and large fields; single-page applications that keep their state in
                the query; redirect loops that append to the URL; scanners.
            """,
            client="Send large data in the body of a POST request.",
            source="RFC 9110 section 15.5.15",
            server="Raise `max_target_size`. A proxy in front has a limit of its own.",
        ),
        Refusal(
            "version-malformed",
            400,
            "The request line does not end in an HTTP version.",
            wrong="""
                The request line does not end in `HTTP/` and two digits with a dot between them, or has more
                than one space between its parts.
            """,
            senders="""
                Clients that do not encode a space in the path; other protocols with similar request lines,
                such as RTSP; a proxy that sends the PROXY protocol's header; scanners.
            """,
            client="""
                Percent-encode spaces in the path as `%20`. Write the version as `HTTP/1.1`, in capitals.
            """,
            source="RFC 9112 section 2.3",
            server="""
                If a proxy sends the header of the PROXY protocol, set `proxy_protocol` for the listener.
            """,
        ),
        Refusal(
            "version-unknown",
            505,
            "This server speaks HTTP/1.1 and HTTP/1.0.",
            wrong="""
                The request has another major version than 1, or none, as in HTTP/0.9. It may be the preface
                of HTTP/2.
            """,
            senders="""
                `curl --http2-prior-knowledge`, gRPC clients and proxies that speak HTTP/2 without TLS;
                `telnet` and scripts that send `GET /` alone; scanners.
            """,
            client="Send HTTP/1.1 (`curl --http1.1`), or HTTP/2 to a server that serves it.",
            source="RFC 9110 section 15.6.6",
            server="""
                To serve HTTP/2, add the backend `h2` before the others: `--backend h2 --backend httptools`.
            """,
        ),
        Refusal(
            "tls-on-plain-port",
            400,
            "The client speaks TLS, and this port is for HTTP without TLS.",
            wrong="The first byte of the connection begins a TLS handshake. This port has no certificate.",
            senders="""
                Browsers and clients with an `https://` URL for an `http://` port; load balancers whose
                backend protocol is HTTPS; health checks by TLS; scanners.
            """,
            client="""
                Use `http://`, or the port that serves TLS. Set the load balancer's backend protocol to HTTP.
            """,
            source="RFC 8446 section 5.1",
            server="To serve TLS here, give the listener a certificate: the setting `ssl`.",
        ),
        Refusal(
            "bare-lf",
            400,
            "A line ends in LF without CR.",
            wrong="""
                The request line, a field line or a line of a chunk ends in LF without CR. HTTP lines end in
                CRLF. Some recipients accept LF alone and some do not, so an attacker could make them see
                different requests. Therefore the request is refused.
            """,
            senders="""
                `printf` and `echo` into `nc`; scripts and test files with Unix line ends; old embedded
                clients; request smuggling attempts.
            """,
            client="End each line with `\\r\\n`. For `nc` on a terminal, use `nc -C`.",
            source="RFC 9112 section 2.2",
        ),
        Refusal(
            "bare-cr",
            400,
            "A CR is not followed by LF.",
            wrong="A CR stands inside of a line. HTTP has CR at the end of a line only, before LF.",
            senders="""
                Clients that copy text with line ends into a field value; response or request splitting
                attempts; request smuggling attempts.
            """,
            client="Remove CR and LF from field values before sending them.",
            source="RFC 9112 section 2.2",
        ),
    ),
)
