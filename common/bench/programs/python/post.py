"""Threads post callbacks into a running loop."""

import asyncio
import threading

from other_loop import pin_thread


async def bench(run):
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    everybody = threading.Barrier(run.parameter + 1)
    arrived = 0

    def count():
        nonlocal arrived
        arrived += 1
        if arrived == run.operations:
            run.stop()
            done.set()

    def work(number):
        pin_thread(1 + number)
        everybody.wait()
        share = run.operations * (number + 1) // run.parameter - run.operations * number // run.parameter
        for _ in range(share):
            loop.call_soon_threadsafe(count)

    pin_thread(0)
    threads = [threading.Thread(target=work, args=(number,)) for number in range(run.parameter)]
    for thread in threads:
        thread.start()
    run.start()
    everybody.wait()
    await done.wait()
    for thread in threads:
        thread.join()
