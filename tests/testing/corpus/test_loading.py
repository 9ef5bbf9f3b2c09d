import inspect

import pytest

from kyoukai.testing import Action, CorpusError, Reply, load_corpus
from kyoukai.testing.corpus import LEVELS, load_files, parse_corpus

HEAD = 'title = "Group"\nabout = "About it."\n'


def text(send='"x"', rest="", *, name="c", answers="[]", connection="open", level="MUST"):
    return inspect.cleandoc(
        f"""
[[case]]
name = "{name}"
level = "{level}"
source = "RFC 9112 section 3"
why = "It matters."
send = {send}
answers = {answers}
connection = "{connection}"
{rest}
"""
    )


def parse(*cases, head=HEAD):
    return parse_corpus([("file.toml", "\n".join([head, *cases]))])


def parse_one(*args, **kwargs):
    [case] = parse(text(*args, **kwargs))
    return case


def test_the_corpus_itself():
    cases = load_corpus()
    assert len(cases) > 100
    assert {case.level for case in cases} == set(LEVELS)
    assert load_corpus() is cases
    assert all(case.data or case.ending or not case.answers for case in cases)


def test_a_case():
    case = parse_one()
    assert (case.name, case.group, case.level) == ("c", "Group", "MUST")
    assert (case.source, case.why) == ("RFC 9112 section 3", "It matters.")
    assert (case.data, case.ending, case.answers, case.closed) == (b"x", None, (), False)
    assert (dict(case.limits), case.continued, case.reply) == ({}, None, Reply())
    assert not case.is_timed
    assert case.pause_at is None


def test_each_character_is_a_byte():
    assert parse_one(r'"\u0000\u00E9é\r\n\t\u007F"').data == b"\0\xe9\xe9\r\n\t\x7f"


@pytest.mark.parametrize(
    ("send", "data", "ending"),
    [
        ('["a", "b"]', b"ab", None),
        ('["a", {repeat = "bc", times = 3}, "d"]', b"abcbcbcd", None),
        ('["a", {end = true}]', b"a", Action.END),
        ("[{end = true}]", b"", Action.END),
        ('["a", {reset = true}]', b"a", Action.RESET),
    ],
)
def test_bytes_that_a_case_sends(send, data, ending):
    case = parse_one(send, connection="closed")
    assert (case.data, case.ending) == (data, ending)


def test_limits():
    case = parse_one(rest="limits = {max_body_size = 10, head_timeout = 0.1}")
    assert case.limits == {"max_body_size": 10, "head_timeout": 0.1}
    assert case.is_timed


def test_a_reply():
    case = parse_one(
        rest="reply = {status = 404, close = true, fails_after = 1, "
        'fields = [["X", "é"]], pieces = ["a", "é"]}'
    )
    assert case.reply == Reply(404, (("X", "é"),), b"ok", (b"a", b"\xe9"), 1, False, True)
    assert parse_one(rest='reply = {body = "é", raises = true}').reply == Reply(body=b"\xe9", raises=True)


def test_answers():
    case = parse_one(
        answers='[{status = 200, body = "é", fields = {X-A = "1"}, absent = ["X-B"], '
        'trailers = [["T", "1"]]}, {status = 404, application = false, '
        'has = {ALLOW = "GET"}, lacks = ["Server"], content = "é"}, 400]'
    )
    first, second, third = case.answers
    assert first.application
    assert first.seen == {"body": b"\xe9", "trailers": (("T", "1"),)}
    assert (first.fields, first.absent) == ({"x-a": "1"}, ("x-b",))
    assert not second.application
    assert (second.has, second.lacks, second.content) == ({"allow": "GET"}, ("server",), b"\xe9")
    assert (third.status, third.application, third.content, third.cut) == (400, False, None, False)


EXPECTING = r"POST / HTTP/1.1\r\nexpect : 100-continue\r\nA: b\r\n\r\n"


@pytest.mark.parametrize(
    ("send", "after"),
    [
        (EXPECTING, b""),
        (EXPECTING + "body", b"body"),
        (r"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nExpect:x\r\n\r\nb\r\n\r\n", b"b\r\n\r\n"),
    ],
)
def test_where_a_client_waits(send, after):
    case = parse_one(f'"{send}"', "continue = true")
    assert case.data[case.pause_at :] == after
    assert parse_one(f'"{send}"', "continue = false").pause_at is None
    assert parse_one(f'"{send}"').pause_at is None


def test_where_no_client_waits():
    assert parse_one(r'"POST / HTTP/1.1\r\n\r\n"', "continue = true").pause_at is None


def test_files_of_a_folder(tmp_path):
    (tmp_path / "b.toml").write_text(HEAD + text(name="second"), "utf-8")
    (tmp_path / "a.toml").write_text(HEAD + text('"é"', name="first"), "utf-8")
    (tmp_path / "a.txt").write_text("no case", "utf-8")
    first, second = load_files(tmp_path)
    assert (first.name, first.data, second.name) == ("first", b"\xe9", "second")


def test_a_name_comes_once():
    with pytest.raises(CorpusError, match=r"file.toml: the name 'c' is used twice"):
        parse(text(), text())
    with pytest.raises(CorpusError, match=r"b: the name 'c' is used twice"):
        parse_corpus([("a", HEAD + text()), ("b", HEAD + text())])


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("", "file.toml: title is missing"),
        ('title = " "\nabout = "x"\n', "file.toml: title is empty"),
        ('title = "x"\n', "file.toml: about is missing"),
        (HEAD + "more = 1\n", "file.toml: unknown keys: more"),
        ("title = \n", "file.toml: Invalid value"),
    ],
)
def test_invalid_file(head, message):
    with pytest.raises(CorpusError, match=message):
        parse(text(), head=head)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "A"}, "lower-case letters"),
        ({"level": "MAY"}, "level is 'MAY'; it must be one of MUST, SHOULD, HARDENING"),
        ({"connection": "shut"}, "connection is 'shut'"),
        ({"rest": "more = 1"}, "file.toml, c: unknown keys: more"),
        ({"rest": "continue = 1"}, "continue is 1; it must be of the type bool"),
        ({"rest": "limits = {max_head_sise = 9}"}, "unknown limit 'max_head_sise'"),
        ({"rest": "limits = {max_fields = 0}"}, "max_fields is 0"),
        ({"send": "1"}, "send must be a string, or a list"),
        ({"send": "[]"}, "send must be a string, or a list"),
        ({"send": '"\\u0100"'}, "send has a character above U\\+00FF"),
        ({"send": "[1]"}, "1 must be a table"),
        ({"send": '[{repeat = "a"}]'}, "send: times is missing"),
        ({"send": '[{repeat = "a", times = -1}]'}, "times is -1; it must not be negative"),
        ({"send": '[{repeat = "a", times = true}]'}, "times is True; it must be of the type int"),
        ({"send": '[{repeat = "a", times = 1, more = 1}]'}, "send: unknown keys: more"),
        ({"send": '[{end = true}, "a"]', "connection": "closed"}, "nothing can be sent after the end"),
        ({"send": "[{end = true}, {end = true}]", "connection": "closed"}, "nothing can be sent after"),
        ({"send": '["a", {end = true}]'}, "connection must be 'closed'"),
        ({"rest": "reply = 1"}, "reply: 1 must be a table"),
        ({"rest": "reply = {more = 1}"}, "reply: unknown keys: more"),
        ({"rest": "reply = {fails_after = 1}"}, "fails_after needs pieces"),
        ({"rest": "reply = {pieces = [1]}"}, "pieces has 1, which is not a string"),
        ({"rest": 'reply = {fields = [["a"]]}'}, r"fields has \['a'\], which is not a name and a value"),
        ({"answers": "1"}, "answers is 1; it must be of the type list"),
        ({"answers": '["x"]'}, "answers: 'x' must be a table"),
        ({"answers": "[true]"}, "answers: True must be a table"),
        ({"answers": "[100]"}, "that of a final answer"),
        ({"answers": "[600]"}, "that of a final answer"),
        ({"answers": "[{}]"}, "answers: status is missing"),
        ({"answers": "[{status = 200, more = 1}]"}, "answers: unknown keys: more"),
        ({"answers": "[{status = 200, method = 1}]"}, "method is 1; it must be of the type str"),
        ({"answers": "[{status = 200, fields = {a = 1}}]"}, "it must be a table of strings"),
        ({"answers": "[{status = 200, absent = [1]}]"}, "it must be a list of strings"),
        (
            {"answers": '[{status = 400, application = false, method = "GET"}]'},
            "nothing about the request can be expected",
        ),
        (
            {"answers": '[{status = 400, application = false, absent = ["a"]}]'},
            "nothing about the request can be expected",
        ),
        (
            {"answers": "[{status = 400, application = false, body_size = 0}]"},
            "nothing about the request can be expected",
        ),
    ],
)
def test_invalid_case(changes, message):
    with pytest.raises(CorpusError, match=message):
        parse_one(**changes)


@pytest.mark.parametrize("key", ["name", "level", "source", "why", "send", "answers", "connection"])
def test_required_keys_of_a_case(key):
    lines = [line for line in text().splitlines() if not line.startswith(f"{key} =")]
    with pytest.raises(CorpusError, match=f"{key} is missing"):
        parse("\n".join(lines))
