"""Completing an environ for WSGI applications (PEP 3333)."""

from typing import Any

from werkzeug.wsgi import FileWrapper


def adapt(environ: dict[str, Any]) -> None:
    """Turn an environ of the server into one that a WSGI application may own, in a thread.

    :param environ: from :func:`~kyoukai.core.exchange.environ.build_environ`. It is changed in place. A body
        that a hook has read can be read again.
    """
    # The connection and its streams belong to another thread.
    environ.pop("kyoukai.protocol", None)
    environ.pop("kyoukai.body", None)
    environ["wsgi.file_wrapper"] = FileWrapper
    # RFC 3875 section 4.1.8 always requires it, but a client on a Unix socket has no address.
    environ.setdefault("REMOTE_ADDR", "")
    body = environ["wsgi.input"]
    if hasattr(body, "getbuffer"):
        # Many applications find the end of a body only by its length.
        body.seek(0)
        if environ.pop("HTTP_TRANSFER_ENCODING", None) is not None:
            environ["CONTENT_LENGTH"] = str(len(body.getbuffer()))
