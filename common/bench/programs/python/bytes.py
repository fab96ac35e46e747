"""Memory of one sleeping task."""

import asyncio

from main import resident_bytes


async def bench(run):
    before = resident_bytes()
    tasks = []
    for _ in range(run.operations):
        tasks.append(asyncio.create_task(asyncio.sleep(3600)))
        await asyncio.sleep(0)
    run.total = resident_bytes() - before
    run.report_and_exit()
