"""Where lines of the log go: files that fail, and files that are moved away."""

import json
import logging
import os
import signal
from pathlib import Path

import pytest

from kyoukai.core.errors import ConfigurationError
from kyoukai.private_names import current_context_var
from kyoukai.server.log_files import (
    JSONFormatter,
    LogFile,
    RequestFilter,
    make_formatter,
    reopen_log_files,
)
from kyoukai.server.logs import LogSettings

from ..processes import python
from ..serving import message


def record(text: str = "a line", name: str = "shop", **others: object) -> logging.LogRecord:
    return logging.makeLogRecord({"name": name, "msg": text, "levelname": "INFO", "levelno": 20, **others})


@pytest.fixture
def file(tmp_path):
    handler = LogFile(str(tmp_path / "log"))
    yield handler
    handler.close()


def test_each_record_is_a_line(file, tmp_path):
    file.handle(record("first"))
    file.handle(record("é\ud800"))
    assert (tmp_path / "log").read_text("utf-8") == "first\né\\ud800\n"
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o640 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_record_that_cannot_be_formatted_does_not_raise(file, tmp_path, capsys):
    file.handle(record("%d", args=("x",)))
    file.handle(record("next"))
    assert (tmp_path / "log").read_text() == "next\n"
    assert "--- Logging error ---" in capsys.readouterr().err


def test_full_disk_is_reported_once(capsys):
    handler = LogFile("/dev/full")
    for _ in range(100):
        handler.handle(record())
    assert capsys.readouterr().err == (
        "kyoukai: the log file /dev/full cannot be written to: No space left on device; its lines are lost"
        " until it can\n"
    )
    handler.close()


def test_a_disk_that_has_room_again(file, tmp_path, capsys, monkeypatch):
    real, room = os.write, [5, 0]

    def write(descriptor, data):
        if not room:
            return real(descriptor, data)
        size = room.pop(0)
        if not size:
            raise OSError(28, "No space left on device")
        return real(descriptor, data[:size])

    monkeypatch.setattr(os, "write", write)
    for text in ("a cut line", "next", "last"):
        file.handle(record(text))
    monkeypatch.undo()
    assert (tmp_path / "log").read_text() == "a cut\nnext\nlast\n"
    assert "can be written to again; 1 lines are lost\n" in capsys.readouterr().err


def test_files_are_opened_again(tmp_path, file):
    other = logging.FileHandler(tmp_path / "other")
    loggers = [logging.getLogger("reopened.a"), logging.getLogger("reopened.b")]
    for logger, handler in zip(loggers, (file, other), strict=True):
        logger.propagate = False
        logger.addHandler(handler)
    try:
        for round_ in ("before", "after"):
            for logger in loggers:
                logger.error(round_)
            for name in ("log", "other"):
                os.rename(tmp_path / name, tmp_path / f"{name}.{round_}")
            reopen_log_files()
        for name in ("log", "other"):
            assert [(tmp_path / f"{name}.{round_}").read_text() for round_ in ("before", "after")] == [
                "before\n",
                "after\n",
            ]
            assert (tmp_path / name).read_text() == ""
    finally:
        for logger, handler in zip(loggers, (file, other), strict=True):
            logger.removeHandler(handler)
        other.close()


def test_a_file_that_cannot_be_opened_again_is_kept(tmp_path, capsys):
    folder = tmp_path / "logs"
    folder.mkdir()
    handler = LogFile(str(folder / "log"))
    os.rename(folder, tmp_path / "moved")
    handler.reopen()
    handler.handle(record("kept"))
    assert (tmp_path / "moved" / "log").read_text() == "kept\n"
    assert "cannot be opened again: No such file or directory" in capsys.readouterr().err
    handler.close()


def test_a_file_that_cannot_be_opened_ends_the_start(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be opened: No such file or directory"):
        LogFile(str(tmp_path / "none" / "log"))


@pytest.mark.parametrize("text", ["a\nb", 'q"', "\x1b[31m", "\u2028", "é"])
def test_json_is_one_line(text):
    line = JSONFormatter().format(record("said %s", args=(text,)))
    assert line.isascii()
    assert line.isprintable()
    values = json.loads(line)
    assert values.pop("time")[10] == "T"
    assert values == {"level": "INFO", "logger": "shop", "message": f"said {text}"}


def test_json_of_an_exception():
    try:
        raise ValueError("no")
    except ValueError as error:
        exc_info = (type(error), error, error.__traceback__)
    values = json.loads(JSONFormatter().format(record(exc_info=exc_info, stack_info="the stack")))
    assert values["exception"].endswith("ValueError: no")
    assert values["stack"] == "the stack"


def test_a_line_of_the_access_log_that_is_json_stays_as_it_is():
    line = JSONFormatter().format(record('{"status": 200}', "kyoukai.access"))
    assert line == '{"status": 200}'
    assert json.loads(JSONFormatter().format(record("text", "kyoukai.access")))["message"] == "text"
    assert json.loads(JSONFormatter().format(record('{"a": 1}')))["message"] == '{"a": 1}'


def test_lines_of_an_application_have_the_id_of_the_request():
    class Context:
        request_id = "0af7"

    told = record()
    assert RequestFilter().filter(told) is True
    assert (told.request_id, told.trace_id) == ("-", "-")
    token = current_context_var.set(Context())
    try:
        RequestFilter().filter(told)
        assert told.request_id == "0af7"
        assert json.loads(JSONFormatter().format(told))["request_id"] == "0af7"
    finally:
        current_context_var.reset(token)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"log_format": "xml"}, "log_format is 'xml'; it must be one of text, json"),
        ({"log_format": 7}, "log_format is 7; it must be one of text, json"),
        ({"log_file": ""}, "log_file is ''"),
        ({"access_log_file": 3}, "access_log_file is 3"),
    ],
)
def test_invalid_settings(settings, said):
    with pytest.raises(ConfigurationError, match=said):
        LogSettings.take(settings)


def test_settings_are_taken_out_of_the_others():
    settings = {"log_file": "-", "port": 80, "log_format": None}
    assert LogSettings.take(settings) == LogSettings("-", "text", None)
    assert settings == {"port": 80}
    with pytest.raises(ConfigurationError):
        make_formatter("yaml")


APPLICATION = """
import logging
import sys

from kyoukai import Kyoukai
from kyoukai.server.log_files import RequestFilter, reopen_log_files

app = Kyoukai("shop")
{set_up}


@app.route("/")
def hello(ctx):
    logging.getLogger("shop").warning("a line of the shop, in a thread")
    return ctx.request_id


@app.route("/fail")
async def fail(ctx):
    raise RuntimeError("broken")


@app.route("/reopen")
async def reopen(ctx):
    reopen_log_files()
    return ""


app.run(port=0, **{settings})
"""


def run(folder: Path, settings: dict[str, str], set_up: str = ""):
    (folder / "shop.py").write_text(APPLICATION.format(settings=settings, set_up=set_up))
    return python("shop.py", folder=folder)


def ask(process, url, path="/"):
    with process.connect_to(url) as client:
        return client.request(message("GET", path))


def stop(process):
    process.send(signal.SIGTERM)
    assert process.finish() == 0


def test_lines_go_where_the_settings_say(tmp_path):
    settings = {"log_file": "server.log", "log_format": "json", "access_log_file": "access.log"}
    (tmp_path / "server.log").touch()
    with run(tmp_path, settings) as process:
        process.until(lambda: b"serves http" in (tmp_path / "server.log").read_bytes())
        url = json.loads((tmp_path / "server.log").read_text().splitlines()[0])["message"]
        number = ask(process, url).body.decode()
        assert ask(process, url, "/fail").status == 500
        for name in ("server.log", "access.log"):
            os.rename(tmp_path / name, tmp_path / f"{name}.1")
        ask(process, url, "/reopen")
        stop(process)
    assert process.stderr == process.stdout == ""
    lines = [json.loads(line) for line in (tmp_path / "server.log.1").read_text().splitlines()]
    (said,) = [line for line in lines if line["logger"] == "shop"]
    assert said["request_id"] == number
    (failed,) = [line for line in lines if line["level"] == "ERROR"]
    assert f"(request id {failed['request_id']})" in failed["message"]
    assert "RuntimeError: broken" in failed["exception"]
    access = (tmp_path / "access.log.1").read_text().splitlines()
    assert [line.split('"')[1] for line in access] == ["GET / HTTP/1.1", "GET /fail HTTP/1.1"]
    assert '"GET /reopen HTTP/1.1" 200' in (tmp_path / "access.log").read_text()
    assert json.loads((tmp_path / "server.log").read_text().splitlines()[-1])["message"] == "stopped"


def test_a_full_disk_does_not_stop_the_server(tmp_path):
    settings = {"access_log_file": "/dev/full"}
    with run(tmp_path, settings) as process, process.connect() as client:
        for _ in range(50):
            assert client.request(message()).status == 200
        stop(process)
    assert process.stderr.count("/dev/full") == 1


def test_an_application_that_has_set_up_logging_keeps_it(tmp_path):
    set_up = (
        'logging.basicConfig(format="mine %(name)s %(request_id)s %(message)s", stream=sys.stderr)\n'
        "logging.root.handlers[0].addFilter(RequestFilter())"
    )
    (tmp_path / "server.log").touch()
    with run(tmp_path, {"log_file": "server.log", "access_log_file": "-"}, set_up) as process:
        process.until(lambda: "serves http" in (tmp_path / "server.log").read_text())
        url = (tmp_path / "server.log").read_text()
        number = ask(process, url).body.decode()
        stop(process)
    assert f"mine shop {number} a line of the shop" in process.stderr
    assert "a line of the shop" not in (tmp_path / "server.log").read_text()
    assert '"GET / HTTP/1.1" 200 32' in process.stdout
