"""Arm and cancel a timer while 10,000 others are armed, with a turn of the loop after every 100."""

import asyncio

from main import LIVE_TIMERS, TIMERS_PER_TURN, deadlines


def ignore():
    pass


async def bench(run):
    loop = asyncio.get_running_loop()
    delays = deadlines()
    live = [loop.call_later(next(delays), ignore) for _ in range(LIVE_TIMERS)]
    ahead = [next(delays) for _ in range(run.operations)]  # not to measure Python's arithmetic
    run.start()
    for i in range(0, run.operations, TIMERS_PER_TURN):
        for delay in ahead[i : i + TIMERS_PER_TURN]:
            loop.call_later(delay, ignore).cancel()
        await asyncio.sleep(0)
    run.stop()
    for timer in live:
        timer.cancel()
