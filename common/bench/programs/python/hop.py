"""Two loops in two threads post to each other, turn and turn about."""

import asyncio

from other_loop import OtherLoop, pin_thread


async def bench(run):
    here = asyncio.get_running_loop()
    done = asyncio.Event()
    left = run.operations

    def ping():
        nonlocal left
        if left == 0:
            run.stop()
            done.set()
            return
        left -= 1
        there.call_soon_threadsafe(pong)

    def pong():
        here.call_soon_threadsafe(ping)

    pin_thread(0)
    with OtherLoop(run.parameter - 1) as there:
        run.start()
        ping()
        await done.wait()
