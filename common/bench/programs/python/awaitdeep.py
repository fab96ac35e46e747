"""One level of a chain of 1000 nested awaits."""

from main import DEPTH


async def nested(depth):
    if depth <= 1:
        return 1
    return 1 + await nested(depth - 1)


async def bench(run):
    run.start()
    levels = 0
    while levels < run.operations:
        levels += await nested(DEPTH)
    run.stop()
