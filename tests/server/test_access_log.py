"""The access log: its line by a template, as JSON, and that no client can forge one."""

import json
import logging
import re
from types import SimpleNamespace
from typing import Any

import pytest
from werkzeug.wrappers import Request, Response

from kyoukai.core.errors import ConfigurationError, refused
from kyoukai.core.semantics.request_head import RequestHead
from kyoukai.server import access_fields
from kyoukai.server.access_fields import FIELDS, MAX_LOGGED_SIZE
from kyoukai.server.access_log import DEFAULT_FORMAT, JSON_FIELDS, AccessLog, compile_format

ENVIRON = {"REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": "50712"}
BEGAN = 1000.0


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_fields, "perf_counter", lambda: BEGAN + 0.000317)


def answered(
    target: bytes = b"/guests?page=2",
    fields: Any = (),
    method: str = "GET",
    version: str = "1.1",
    status: int = 200,
    environ: Any = ENVIRON,
) -> Any:
    """Return an exchange that was answered, as an observer sees it."""
    return SimpleNamespace(
        head=RequestHead(method, target, version, fields),
        status=status,
        sent=1432,
        received=12,
        began=BEGAN,
        environ=environ,
        client_environ=environ,
        request_id="0af7651916cd43dd8448eb211c80319c",
        answer_head=None,
        error=None,
    )


def line(template: str, exchange: Any = None, request: Any = None, response: Any = None) -> str:
    """Return a line by a template."""
    return compile_format(template)(exchange or answered(), request, response)


def test_the_default_line() -> None:
    assert line(DEFAULT_FORMAT) == '127.0.0.1:50712 "GET /guests?page=2 HTTP/1.1" 200 1432 0.000317'


def test_a_request_that_was_not_understood() -> None:
    exchange = answered(b"", method="", status=400, environ={})
    assert line(DEFAULT_FORMAT, exchange) == '- "- - HTTP/1.1" 400 1432 0.000317'


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("client", "127.0.0.1:50712"),
        ("address", "127.0.0.1"),
        ("method", "GET"),
        ("target", "/guests?page=2"),
        ("path", "/guests"),
        ("query", "page=2"),
        ("protocol", "HTTP/1.1"),
        ("scheme", "http"),
        ("host", "example.org"),
        ("status", "200"),
        ("refusal", "-"),
        ("sent", "1432"),
        ("received", "12"),
        ("duration", "0.000317"),
        ("duration_ms", "0.317"),
        ("route", "/guests"),
        ("request_id", "1"),
        ("referer", "http://a/"),
        ("user_agent", "curl/8\\x20(x)"),
        ("request.X-Colour", "red,\\x20blue"),
        ("request.x-none", "-"),
        ("response.content-type", "text/plain;\\x20charset=utf-8"),
        ("response.X-None", "-"),
    ],
)
def test_fields(name: str, value: str) -> None:
    fields = [
        (b"Host", b"example.org"),
        (b"Referer", b"http://a/"),
        (b"User-Agent", b"curl/8 (x)"),
        (b"x-colour", b"red"),
        (b"X-Colour", b"blue"),
    ]
    request: Any = Request({**ENVIRON, "kyoukai.request_id": "1"})
    request.matched_route = SimpleNamespace(rule=SimpleNamespace(rule="/guests"))
    assert line(f"<{{{name}}}>", answered(fields=fields), request, Response("a")) == f"<{value}>"


def test_every_field_is_tested() -> None:
    (mark,) = test_fields.pytestmark  # type: ignore[attr-defined]
    tested = {name for name, _ in mark.args[1]}
    assert set(FIELDS) - tested == {"time", "request_line", "trace_id"}  # They have tests of their own.


def test_the_identifier_of_a_refusal() -> None:
    exchange = answered(status=400)
    exchange.error = refused("host-missing")
    assert line("{status} {refusal}", exchange) == "400 host-missing"


def test_time_is_local_with_its_offset() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d", line("{time}"))


def test_what_is_refused_has_no_request() -> None:
    template = '{route} {request_id} {scheme} "{response.x}"'
    exchange = answered(environ={"wsgi.url_scheme": "https"})
    assert line(template, exchange) == '- 0af7651916cd43dd8448eb211c80319c https "-"'


def test_fields_of_an_answer_by_the_lower_form() -> None:
    exchange = answered()
    exchange.answer_head = SimpleNamespace(fields=(("X-A", "1"), ("x-a", "2")))
    assert line("{response.x-A} {response.x-b}", exchange) == "1,\\x202 -"


def test_fields_of_a_response_that_could_not_be_sent_are_not_known() -> None:
    assert line("{response.x-a}", answered(status=500), None, Response(headers={"X-A": "1"})) == "-"
    assert line("{response.x-a}", answered(), None, Response(headers={"X-A": "1"})) == "1"


def test_braces_and_percent_signs_are_text_where_doubled_or_alone() -> None:
    assert line("{{%s}} 100% {status}") == "{%s} 100% 200"


@pytest.mark.parametrize("name", ["target", "path", "query", "request_line", "request.x"])
def test_a_long_value_is_cut(name: str) -> None:
    long = "a" * MAX_LOGGED_SIZE
    fields = [(b"x", long.encode() + b"b")]
    text = line(f"{{{name}}}", answered(f"/{long}?{long}b".encode(), fields))
    assert "aaa..." in text
    assert len(text) < MAX_LOGGED_SIZE + 50


def test_long_target_is_cut_at_the_limit_of_targets() -> None:
    target = b"/" + b"a" * (MAX_LOGGED_SIZE - 1)
    assert f'"GET {target.decode()} HTTP/1.1"' in line(DEFAULT_FORMAT, answered(target))
    assert f'"GET {target.decode()}... HTTP/1.1"' in line(DEFAULT_FORMAT, answered(target + b"b"))


ANYTHING = [
    *("method", "target", "path", "query", "request_line", "protocol", "scheme", "host", "client", "address"),
    *("referer", "user_agent", "request.x-any", "response.x-any", "route"),
]


class Forged(Request):
    """Each thing that it says is an octet of a client's."""

    def __init__(self, text: str) -> None:
        super().__init__({"wsgi.url_scheme": text})
        self.matched_route = SimpleNamespace(rule=SimpleNamespace(rule=text))

    @property
    def remote_addr(self) -> Any:
        return self.environ["wsgi.url_scheme"]

    @remote_addr.setter
    def remote_addr(self, value: str | None) -> None:
        pass


def forged(octet: int) -> tuple[Any, Any, Any]:
    """Return what says one octet wherever a client could, or might."""
    value = b"a" + bytes([octet]) + b"b"
    text = value.decode("latin-1")
    names = (b"host", b"referer", b"user-agent", b"x-any")
    exchange = answered(value + b"?" + value, [(name, value) for name in names], text, text)
    exchange.answer_head = SimpleNamespace(fields=(("x-any", text),))
    return exchange, Forged(text), None


@pytest.mark.parametrize("octet", range(256))
def test_no_octet_escapes_its_line_quotes_or_column(octet: int) -> None:
    exchange, request, response = forged(octet)
    quoted = compile_format("|".join(f'"{{{name}}}"' for name in ANYTHING))(exchange, request, response)
    bare = compile_format(" ".join(f"{{{name}}}" for name in ANYTHING))(exchange, request, response)
    for text in (quoted, bare):
        assert text.isascii()
        assert text.isprintable()
    assert quoted.replace("\\\\", "").replace('\\"', "").count('"') == 2 * len(ANYTHING)
    assert bare.count(" ") == len(ANYTHING) - 1
    lines = compile_format(f"json:{','.join(ANYTHING)}")(exchange, request, response)
    assert lines.isascii()
    assert lines.isprintable()
    assert set(json.loads(lines)) == {"logger", *ANYTHING}


def test_json() -> None:
    fields = [(b"User-Agent", "ça va".encode()), (b"Referer", b"\xff")]
    values = json.loads(line("json", answered(fields=fields)))
    assert set(values) == {"logger", *JSON_FIELDS}
    assert re.fullmatch(r"\d{4}-.*", values.pop("time"))
    assert values == {
        "logger": "kyoukai.access",
        "client": "127.0.0.1:50712",
        "method": "GET",
        "target": "/guests?page=2",
        "protocol": "HTTP/1.1",
        "status": 200,
        "sent": 1432,
        "received": 12,
        "duration": pytest.approx(0.000317),
        "route": None,
        "request_id": "0af7651916cd43dd8448eb211c80319c",
        "trace_id": None,
        "referer": "\xff",
        "user_agent": "ça va",
    }


def test_json_of_chosen_fields() -> None:
    text = line("json:status, request.x-a", answered(fields=[(b"X-A", b"1")]))
    assert json.loads(text) == {"logger": "kyoukai.access", "status": 200, "request.x-a": "1"}


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{statu}", ["unknown field 'statu'", "did you mean status?", "request.NAME"]),
        ("json:statu", ["unknown field 'statu'", "did you mean status?"]),
        ("json:", ["unknown field ''"]),
        ("{}", ["unknown field ''"]),
        ("{request}", ["unknown field 'request'"]),
        ("{answer.x}", ["unknown field 'answer.x'"]),
        ("{request.}", ["'request.'", "is not a field name"]),
        ("{request.a b}", ["'a b' is not a field name"]),
        ("{status", ["'{status'", "expected '}'"]),
        ("status}", ["'status}'", "Single '}'"]),
        ("{status:5}", ["'status'", "with a format or conversion"]),
        ("{status!r}", ["'status'", "with a format or conversion"]),
        ("{status}\n", ["control characters"]),
        ("{status}\x1b[31m", ["control characters"]),
        ("", ["access_log_format is ''"]),
        (7, ["access_log_format is 7"]),
    ],
)
def test_invalid_template(template: Any, said: list[str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        compile_format(template)
    for text in said:
        assert text in caught.value.message


def test_logging(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "kyoukai.access")
    AccessLog("{target}")(answered(b"/%s%d"), None, None)
    AccessLog()(answered(status=0), None, None)
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("kyoukai.access", "INFO")
    assert record.getMessage() == "/%s%d"


def test_no_formatting_without_a_handler(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "kyoukai.access")
    exchange = answered()
    exchange.head = None  # Formatting it would raise.
    AccessLog()(exchange, None, None)
    assert not caplog.records


def test_fields_absent_from_the_template_are_not_read() -> None:
    exchange = SimpleNamespace(status=200)  # Nothing else of it can be read.
    assert line("{status}", exchange) == "200"
