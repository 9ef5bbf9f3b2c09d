"""How log lines name a client and quote its input: escaped, so that no line can be forged."""

from typing import TYPE_CHECKING, Any

from ..errors import identifier_of
from ..faults import is_fault

# Python imports a codec when it is first used, and by then no file descriptor may be free.
"".encode("unicode_escape")

if TYPE_CHECKING:
    from werkzeug.wrappers import Request


def escape(text: str) -> str:
    """Return ``text`` with quotes, backslashes, control and non-ASCII characters escaped."""
    return text.encode("unicode_escape").decode("ascii").replace('"', '\\"')


def client_address(request: "Request | None", environ: dict[str, Any]) -> str | None:
    """Return the client's address; ``None`` if it is not known.

    :param request: ``None`` if none was made. Its ``remote_addr`` is the client's address.
    :param environ: the variables that the connection's requests share.
    """
    peer = environ.get("REMOTE_ADDR")
    try:
        address = peer if request is None else request.remote_addr
    except BaseException as exc:
        if not is_fault(exc):
            raise
        # The property of the application's request class failed. The peer is good enough for the log.
        address = peer
    return str(address) if address else None


def client_name(request: "Request | None", environ: dict[str, Any]) -> str | None:
    """Return the client's name for the log: its address, with the port if that is known.

    Parameters are those of :func:`client_address`.
    """
    name = client_address(request, environ)
    if name is None or name != environ.get("REMOTE_ADDR"):
        return name
    # A web server in front may report the client's address without its port.
    port = environ.get("REMOTE_PORT")
    if port is None:
        return name
    # RFC 3986 section 3.2.2: an IPv6 address has colons of its own.
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"


def answered_refusal(exchange: Any) -> str:
    """Return the identifier of the refusal, or nothing if the application answered with another status."""
    error = exchange.error
    return identifier_of(error) if error is not None and error.code == exchange.status else ""
