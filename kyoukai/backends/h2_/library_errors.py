"""Map errors of the library ``h2`` to refusals."""

from typing import Final

from h2.exceptions import DenialOfServiceError, FlowControlError, FrameTooLargeError, ProtocolError

from .floods import FloodError, WireError
from .frames import FrameSizeError
from .windows import WindowError

IDENTIFIERS: Final[dict[type[ProtocolError], str]] = {
    DenialOfServiceError: FloodError.identifier,
    FlowControlError: WindowError.identifier,
    FrameTooLargeError: FrameSizeError.identifier,
}


def identify(error: ProtocolError) -> str:
    """Return the identifier of the refusal for an error that ends the connection."""
    return IDENTIFIERS.get(type(error), WireError.identifier)
