"""One yield among 1000 tasks that all yield."""

import asyncio

from main import TASKS


async def yielder(rounds):
    for _ in range(rounds):
        await asyncio.sleep(0)


async def bench(run):
    tasks = [asyncio.create_task(yielder(run.operations // TASKS)) for _ in range(TASKS)]
    run.start()
    for task in tasks:
        await task
    run.stop()
