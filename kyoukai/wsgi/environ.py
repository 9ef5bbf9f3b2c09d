"""What the environ of a request lacks of what PEP 3333 and its applications ask for."""

from typing import Any

from werkzeug.wsgi import FileWrapper


def adapt(environ: dict[str, Any]) -> None:
    """Make an environ of ours one that an application of WSGI may have to itself, in a thread.

    :param environ: as :func:`~kyoukai.core.exchange.environ.build_environ` has made it; it is changed. What a
        hook has read of its body can be read again.
    """
    # The connection and its streams belong to another thread.
    environ.pop("kyoukai.protocol", None)
    environ.pop("kyoukai.body", None)
    environ["wsgi.file_wrapper"] = FileWrapper
    # RFC 3875 section 4.1.8 has it always; a client of a Unix socket has no address.
    environ.setdefault("REMOTE_ADDR", "")
    body = environ["wsgi.input"]
    if hasattr(body, "getbuffer"):
        # Many know the end of a body by nothing but its length.
        body.seek(0)
        if environ.pop("HTTP_TRANSFER_ENCODING", None) is not None:
            environ["CONTENT_LENGTH"] = str(len(body.getbuffer()))
