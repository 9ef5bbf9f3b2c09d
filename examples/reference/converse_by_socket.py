import asyncio

from asphalt.core import Context

from kyoukai import KyoukaiComponent
from kyoukai.testing import RecordingApplication, Reply, Seen, converse_by_socket

REQUEST = b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"


async def main() -> None:
    application = RecordingApplication()
    component = KyoukaiComponent(application, backend="reference", port=0)
    async with Context() as ctx:
        await component.start(ctx)

        def ask() -> Seen:
            outcome = converse_by_socket(
                component.address,
                application,
                [REQUEST],
                reply=Reply(body=b"thanks"),
                answers=1,
                closes=False,
            )
            print(outcome.answers[0].content, outcome.closed)  # b'thanks' False
            return outcome.seen[0]

        seen = await asyncio.to_thread(ask)
        print(seen.method, seen.fields["host"], seen.body)  # POST h b'abc'


asyncio.run(main())
