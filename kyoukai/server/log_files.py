"""Log files that can be rotated and may fail.

If a file cannot be written to, for example because the disk is full, its lines are lost. The server neither
stops nor slows down, and reports the failure once on standard error.
"""

import contextlib
import json
import logging
import os
import sys
import time
from typing import Any, Final

from kyoukai.core.errors import ConfigurationError
from kyoukai.private_names import current_context_var

FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"

STANDARD_OUTPUT: Final = "-"

FORMS: Final = ("text", "json")


class LogFile(logging.Handler):
    """Appends each record to a file at once, in one write, so that several processes can share the file.

    :param path: the path of the file; ``-``: standard output.
    :raises ConfigurationError: if it cannot be opened.
    """

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        self._lost = 0
        self._is_cut = False
        try:
            self._descriptor = self._open()
        except OSError as error:
            raise ConfigurationError(f"the log file {path!r} cannot be opened: {error.strerror}") from error

    def _open(self) -> int:
        if self.path == STANDARD_OUTPUT:
            return os.dup(sys.stdout.fileno()) if sys.stdout is not None else os.open(os.devnull, os.O_WRONLY)
        return os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        try:
            data = f"{self.format(record)}\n".encode("utf-8", "backslashreplace")
        except Exception:
            self.handleError(record)
            return
        try:
            # End a line that was cut off by a failed write.
            self._write(b"\n" + data if self._is_cut else data)
        except OSError as error:
            self._note_failure(error)
        else:
            self._note_success()

    def _write(self, data: bytes) -> None:
        while data:
            written = os.write(self._descriptor, data)
            data = data[written:]
            self._is_cut = bool(data)

    def _note_failure(self, error: OSError) -> None:
        self._lost += 1
        if self._lost == 1:
            self._say(f"cannot be written to: {error.strerror}; its lines are lost until it can")

    def _note_success(self) -> None:
        if self._lost:
            self._say(f"can be written to again; {self._lost} lines are lost")
            self._lost = 0

    def _say(self, what: str) -> None:
        name = "standard output" if self.path == STANDARD_OUTPUT else self.path
        with contextlib.suppress(OSError, ValueError, AttributeError):
            sys.stderr.write(f"kyoukai: the log file {name} {what}\n")
            sys.stderr.flush()

    def reopen(self) -> None:
        """Reopen the file by its path, after log rotation has moved the old one away.

        If it cannot be opened, report this on standard error and keep the old file.
        """
        if self.path == STANDARD_OUTPUT:
            return
        self.acquire()
        try:
            descriptor = self._open()
        except OSError as error:
            self._say(f"cannot be opened again: {error.strerror}")
        else:
            os.close(self._descriptor)
            self._descriptor, self._is_cut = descriptor, False
        finally:
            self.release()

    def close(self) -> None:
        """Close the file."""
        self.acquire()
        try:
            if self._descriptor >= 0:
                os.close(self._descriptor)
            self._descriptor = -1
        finally:
            self.release()
        super().close()


def reopen_log_files() -> None:
    """Reopen the files of all handlers, including those of :mod:`logging`. SIGUSR1 does this."""
    loggers = [logging.root, *logging.root.manager.loggerDict.values()]
    handlers = {
        handler for logger in loggers if isinstance(logger, logging.Logger) for handler in logger.handlers
    }
    for handler in handlers:
        if isinstance(handler, LogFile):
            handler.reopen()
        elif isinstance(handler, logging.FileHandler):
            _reopen(handler)


def _reopen(handler: logging.FileHandler) -> None:
    handler.acquire()
    try:
        # Handlers of this kind keep their stream until it is replaced.
        fresh = handler._open()
    except OSError as error:
        logging.getLogger("kyoukai.server").error(
            "the log file %s cannot be opened again: %s", handler.baseFilename, error.strerror
        )
    else:
        former = handler.setStream(fresh)
        if former is not None:
            with contextlib.suppress(OSError):
                former.close()
    finally:
        handler.release()


class RequestFilter(logging.Filter):
    """Adds the attributes ``request_id`` and ``trace_id`` of the current request to each record.

    They are for an application's own formats: ``%(request_id)s``. Without a request, the value is ``-``. The
    filter rejects no record.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Set the two attributes."""
        record.request_id = current_request_id() or "-"
        record.trace_id = current_trace_id() or "-"
        return True


def current_request_id() -> str | None:
    """Return the id of the current request, also in a thread that works for it."""
    number: str | None = getattr(current_context_var.get(None), "request_id", None)
    return number


def current_trace_id() -> str | None:
    """Return the id of the current OpenTelemetry trace; ``None`` without tracing."""
    trace: Any = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None


class JSONFormatter(logging.Formatter):
    """Formats a record as one line of JSON.

    The keys are ``time``, ``level``, ``logger`` and ``message``, and, if known, ``request_id``, ``trace_id``
    and ``exception``, the traceback. An access log line that is JSON is left unchanged.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        message = record.getMessage()
        if record.name == "kyoukai.access" and message.startswith("{"):
            return message
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(record.created))
        zone = time.strftime("%z", time.localtime(record.created))
        values: dict[str, Any] = {
            "time": f"{moment}.{int(record.msecs):03d}{zone[:3]}:{zone[3:]}",
            "level": record.levelname,
            "logger": record.name,
            "message": message,
        }
        for name, value in (("request_id", current_request_id()), ("trace_id", current_trace_id())):
            if value is not None:
                values[name] = value
        if record.exc_info:
            values["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            values["stack"] = record.stack_info
        return json.dumps(values)


def make_formatter(form: str) -> logging.Formatter:
    """Return the formatter for ``text`` or ``json``.

    :raises ConfigurationError: if the form is neither.
    """
    if form not in FORMS:
        raise ConfigurationError(f"log_format is {form!r}; it must be one of {', '.join(FORMS)}")
    return JSONFormatter() if form == "json" else logging.Formatter(FORMAT)
