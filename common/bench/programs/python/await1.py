"""Await a coroutine that finishes at once."""

from spawn1 import leaf


async def bench(run):
    run.start()
    for i in range(run.operations):
        await leaf(i)
    run.stop()
