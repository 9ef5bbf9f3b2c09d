"""All refusals, by identifier. The module is imported when the first request is refused."""

from typing import Final

from . import bodies, fields, framing, http2, proxy_headers, request_lines, server, time_limits, websockets
from .entry import Group, Refusal

GROUPS: Final[tuple[Group, ...]] = (
    request_lines.GROUP,
    fields.GROUP,
    framing.GROUP,
    bodies.GROUP,
    time_limits.GROUP,
    websockets.GROUP,
    http2.GROUP,
    proxy_headers.GROUP,
    server.GROUP,
)

TABLE: Final[dict[str, Refusal]] = {
    refusal.identifier: refusal for group in GROUPS for refusal in group.refusals
}
