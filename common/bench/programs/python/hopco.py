"""A task awaits a coroutine that another loop, in another thread, runs."""

import asyncio

from other_loop import OtherLoop, pin_thread
from spawn1 import leaf


async def bench(run):
    pin_thread(0)
    with OtherLoop(run.parameter - 1) as other:
        run.start()
        for i in range(run.operations):
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(leaf(i), other))
        run.stop()
