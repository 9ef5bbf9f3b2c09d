"""What a line of a log says of a client and of what it sent: escaped, so that no line can be forged."""

from typing import TYPE_CHECKING, Any

from ..faults import is_fault

# Codecs are imported when they are first used, and there may be no descriptor left by then.
"".encode("unicode_escape")

if TYPE_CHECKING:
    from werkzeug.wrappers import Request


def escape(text: str) -> str:
    """Return ``text`` with quotes, backslashes, control and non-ASCII characters escaped."""
    return text.encode("unicode_escape").decode("ascii").replace('"', '\\"')


def client_address(request: "Request | None", environ: dict[str, Any]) -> str | None:
    """Return the address of who asked; ``None`` where it is not known.

    :param request: ``None`` where none was made. Its ``remote_addr`` is the client's address.
    :param environ: the one that the connection's requests share.
    """
    peer = environ.get("REMOTE_ADDR")
    try:
        address = peer if request is None else request.remote_addr
    except BaseException as exc:
        if not is_fault(exc):
            raise
        # A class of the application's reads it its own way, and nothing hangs on what the log says.
        address = peer
    return str(address) if address else None


def client_name(request: "Request | None", environ: dict[str, Any]) -> str | None:
    """Return who asked, as the log has it: the address, and the port where that is known.

    The parameters are those of :func:`client_address`.
    """
    name = client_address(request, environ)
    if name is None or name != environ.get("REMOTE_ADDR"):
        return name
    # A web server in front may name the client, and not its port.
    port = environ.get("REMOTE_PORT")
    if port is None:
        return name
    # RFC 3986 section 3.2.2: an IPv6 address has colons of its own.
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
