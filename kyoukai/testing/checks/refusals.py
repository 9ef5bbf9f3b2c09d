"""K10, refusals: the server's own errors reach the client as answers, in any wire format."""

from typing import Final

from ..adapter import WireAnswer
from ..subject import Subject
from ..wire_client import WireClient, shown
from . import check

LIMIT: Final = 100
"""The largest body allowed, in bytes."""


async def _refusal(client: WireClient, status: int) -> WireAnswer:
    """Wait for the answer to a refused request.

    :raises RuleBroken: if it has another status or is incomplete, or if the application was called.
    """
    answer = await client.until_answered()
    if answer is None or answer.status != status or not answer.is_whole:
        raise client.broken(f"the refused request got {shown(answer)}", f"{status}, complete")
    if client.line.seen:
        raise client.broken("the application was called for a refused request", "no call")
    return answer


@check("K10.16")
async def heads(subject: Subject) -> None:
    """Send heads that the policy refuses."""
    refused = (("FROBNICATE", "/", "localhost", 501), ("GET", "/", "local host", 400))
    for method, target, host, status in refused:
        async with subject.serve() as stage:
            client = subject.client(stage)
            client.send(method, target, [("Host", host)])
            await _refusal(client, status)


@check("K10.17")
async def too_large(subject: Subject) -> None:
    """Announce a body that is too large."""
    async with subject.serve(max_body_size=LIMIT) as stage:
        client = subject.client(stage)
        client.send_head("POST", "/large", size=10 * LIMIT)
        await client.settle()
        if client.answer is None:
            # In a wire format whose heads give no size, the server learns the size from the body.
            client.send_data(b"x" * 2 * LIMIT)
        await _refusal(client, 413)


@check("K10.18")
async def rest(subject: Subject) -> None:
    """Keep sending after a body was refused."""
    async with subject.serve(max_body_size=LIMIT) as stage:
        client = subject.client(stage)
        client.send_head("POST", "/rest", size=10 * LIMIT)
        for _ in range(3):
            if client.line.transport.is_closing():
                message = "the connection was closed while the client was still sending a refused body"
                raise client.broken(message, "an open connection until the rest was read")
            client.send_data(b"x" * LIMIT)
            await client.settle()
        await _refusal(client, 413)


@check("K10.19")
async def late(subject: Subject) -> None:
    """Send a part of a body, and then nothing."""
    async with subject.serve(body_timeout=0.05) as stage:
        client = subject.client(stage)
        client.send_head("POST", "/late", size=10)
        client.send_data(b"01234")
        await client.settle()
        await _refusal(client, 408)
