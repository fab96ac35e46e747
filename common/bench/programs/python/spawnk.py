"""Spawn 1000 tasks, then await them all."""

import asyncio

from main import TASKS
from spawn1 import leaf


async def bench(run):
    run.start()
    left = run.operations
    while left > 0:
        batch = min(left, TASKS)
        tasks = [asyncio.create_task(leaf(i)) for i in range(batch)]
        for task in tasks:
            await task
        left -= batch
    run.stop()
