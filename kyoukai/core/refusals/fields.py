"""Refusals of header and trailer fields."""

from typing import Final

from .entry import Group, Refusal

GROUP: Final = Group(
    "Fields",
    (
        Refusal(
            "host-missing",
            400,
            "The Host field is missing.",
            wrong="The request is HTTP/1.1 and has no `Host` field, so it does not say which site it means.",
            senders="""
                Scripts that write requests by hand; health checks of load balancers that are set to HTTP/1.1
                without a host (HAProxy's `httpchk`); scanners; `curl -H 'Host:'`.
            """,
            client="""
                Send `Host` with the host and port of the URL. Or send HTTP/1.0, which needs no Host. In
                HAProxy: `http-check send hdr Host ...`.
            """,
            source="RFC 9112 section 3.2",
        ),
        Refusal(
            "host-malformed",
            400,
            "The Host field is no host name.",
            wrong="""
                The `Host` field, or the host of an absolute target, is not `host` or `host:port`. It may be
                empty, a whole URL, a list, or contain a user, a path, a space or a letter above ASCII.
            """,
            senders="""
                Proxies that put a URL into `Host`; clients that do not convert an international name to its
                ASCII form; proxies that join two `Host` fields with a comma; scanners that test for cache
                poisoning.
            """,
            client="""
                Send the host and port alone: `example.org:8000`. Write international names as `xn--...`.
            """,
            source="RFC 9112 section 3.2; RFC 3986 section 3.2.2",
        ),
        Refusal(
            "host-repeated",
            400,
            "The Host field came more than once.",
            wrong="""
                The request has more than one `Host` field. A proxy and this server could choose different
                ones.
            """,
            senders="""
                Proxies that add a `Host` field in place of replacing it; `curl` with `-H host:...` through
                such a proxy; request smuggling and cache poisoning attempts.
            """,
            client="""
                Send one `Host` field. In a proxy, set the field (nginx: `proxy_set_header Host`), do not add
                it.
            """,
            source="RFC 9112 section 3.2",
        ),
        Refusal(
            "host-not-authority",
            400,
            "The Host field is not the :authority.",
            wrong="""
                An HTTP/2 request has a `Host` field that differs from its `:authority`, which is HTTP/2's own
                field for the host; or it has several `Host` fields.
            """,
            senders="""
                Proxies that rewrite one of the two; HTTP/2 clients with a `Host` field set by hand; host
                confusion attempts.
            """,
            client="Send `:authority` alone, or the same value in both.",
            source="RFC 9113 section 8.3.1",
        ),
        Refusal(
            "host-not-in-urls",
            400,
            "The host of the request cannot be used in a URL.",
            wrong="""
                The host contains a character, such as a comma, that RFC 3986 allows but real host names
                never have. The application routes by host, and could not build a URL with this host.
            """,
            senders="Scanners; clients with a mistake in their configured host name.",
            client="Send the host name under which the site is known.",
            source="RFC 3986 section 3.2.2",
        ),
        Refusal(
            "content-type-repeated",
            400,
            "The Content-Type field came more than once.",
            wrong="""
                The request has more than one `Content-Type` field, so its body could be read in two ways.
            """,
            senders="""
                HTTP libraries that add a default `Content-Type` next to the caller's own; `curl` wrappers;
                proxies that add fields.
            """,
            client="Send one `Content-Type` field.",
            source="RFC 9110 section 8.3",
        ),
        Refusal(
            "field-line-indented",
            400,
            "A field line begins with white space.",
            wrong="""
                A line of the header or trailer section begins with a space or a tab. In old versions of HTTP,
                such a line continued the previous line (line folding). HTTP/1.1 forbids this in requests.
            """,
            senders="""
                Old clients that fold long lines as in e-mail; scripts with indented field lines; request
                smuggling attempts.
            """,
            client="Write each field on one line, without white space before its name.",
            source="RFC 9112 section 5.2",
        ),
        Refusal(
            "field-colon-missing",
            400,
            "A field line has no colon.",
            wrong="A line of the header or trailer section is not `name: value`.",
            senders="Scripts that write requests by hand; bodies that begin too early; scanners.",
            client="Write each field as `name: value`. End the fields with an empty line before the body.",
            source="RFC 9112 section 5",
        ),
        Refusal(
            "field-name-padded",
            400,
            "A field name is followed by white space.",
            wrong="""
                There is a space or a tab between a field's name and its colon. Some recipients ignore such a
                field and some do not, so a server must refuse it.
            """,
            senders="""
                Scripts that write requests by hand; request smuggling attempts (`Transfer-Encoding :
                chunked`).
            """,
            client="Write the colon right behind the name.",
            source="RFC 9112 section 5.1",
        ),
        Refusal(
            "field-name-malformed",
            400,
            "A field name is not a token.",
            wrong="""
                A field's name is empty, or contains a character other than letters, digits and
                ``!#$%&'*+-.^_`|~``.
            """,
            senders="""
                Clients that make field names of user input; libraries that send a name in quotes or brackets;
                scanners; request smuggling attempts.
            """,
            client="Use letters, digits and dashes for the names of fields.",
            source="RFC 9110 section 5.1",
        ),
        Refusal(
            "field-value-control",
            400,
            "A field value has a control character.",
            wrong="""
                A field's value contains a control character other than a tab: NUL, escape, delete. Such bytes
                end or change the value in some recipients.
            """,
            senders="""
                Clients that copy binary or terminal text into a field; cookies with raw bytes; scanners;
                splitting attempts.
            """,
            client="Encode such values: percent-encoding, base64, or the form of RFC 8187.",
            source="RFC 9110 section 5.5",
        ),
        Refusal(
            "fields-too-many",
            431,
            "The request has more fields than this server takes.",
            wrong="The header section, or the trailer section, has more fields than `max_fields`.",
            senders="""
                Chains of proxies that each add fields; clients with one `Cookie` field for each cookie;
                attacks.
            """,
            client="Send fewer fields. Join cookies in one `Cookie` field.",
            source="RFC 6585 section 5",
            server="Raise `max_fields`.",
        ),
        Refusal(
            "field-too-large",
            431,
            "A field of the request is larger than this server takes.",
            wrong="The name and the value of one field together exceed `max_field_size`.",
            senders="""
                Browsers with many or large cookies for the site; tokens with many claims in `Authorization`
                (Kerberos, JWT with groups); long `Referer` fields.
            """,
            client="Delete old cookies of the site. Make tokens smaller.",
            source="RFC 6585 section 5",
            server="Raise `max_field_size`, and the limits of the proxies in front.",
        ),
        Refusal(
            "head-too-large",
            431,
            "The request's header fields are larger than this server takes.",
            wrong="""
                The request line and all header fields together, or all trailer fields, exceed
                `max_head_size`. Empty lines before the request line count.
            """,
            senders="""
                Browsers with many cookies; chains of proxies that each add fields; clients that never end a
                head; attacks.
            """,
            client="Delete old cookies of the site. Send fewer and shorter fields.",
            source="RFC 6585 section 5",
            server="Raise `max_head_size`, and the limits of the proxies in front.",
        ),
        Refusal(
            "trailer-frames-message",
            400,
            "A trailer field gives the length of the message.",
            wrong="""
                `Content-Length` or `Transfer-Encoding` is among the trailer fields, after the body. A
                recipient that merges trailers into the header would see another end of the message.
            """,
            senders="Request smuggling attempts; proxies that move all fields into the trailer section.",
            client="Send both fields in the header section only.",
            source="RFC 9110 section 6.5.1",
        ),
        Refusal(
            "expectation-unknown",
            417,
            "The only expectation this server meets is 100-continue.",
            wrong="The `Expect` field asks for something other than `100-continue`.",
            senders="Old .NET and SOAP clients with a custom expectation; scanners.",
            client="Remove the `Expect` field, or send `Expect: 100-continue`. With curl: `-H 'Expect:'`.",
            source="RFC 9110 section 10.1.1",
        ),
    ),
)
