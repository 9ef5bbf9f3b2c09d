import asyncio

from kyoukai.testing import Reply, converse, faults, load_corpus, serving

case = next(case for case in load_corpus() if case.name == "host-missing")


async def main() -> None:
    async with serving("reference") as (component, ctx):
        outcome = await converse(component, ctx, [case.data], closes=True)
        print(faults(case, outcome))  # []

        head = b"GET /guests HTTP/1.1\r\nHost: example.org\r\n\r\n"
        # Cut in the middle of the head, and answered as the reply says.
        outcome = await converse(component, ctx, [head[:9], head[9:]], reply=Reply(404), answers=1)
        print(outcome.answers[0].status, outcome.seen[0].target)  # 404 /guests


asyncio.run(main())
