"""Spawn one task and await it."""

import asyncio


async def leaf(x):
    return x + 1


async def bench(run):
    run.start()
    for i in range(run.operations):
        await asyncio.create_task(leaf(i))
    run.stop()
