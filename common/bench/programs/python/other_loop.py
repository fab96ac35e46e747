"""What the workloads with several threads share: where a thread runs, and a second loop in a thread of its own."""

import asyncio
import os
import threading

PROCESSORS = sorted(os.sched_getaffinity(0))


def pin_thread(place):
    """From here on the thread that calls runs on the `place`th processor, counted round."""
    os.sched_setaffinity(0, {PROCESSORS[place % len(PROCESSORS)]})


class OtherLoop:
    """A loop that a thread runs for as long as a with block goes on; gives the loop."""

    def __init__(self, place):
        self._place = place

    def __enter__(self):
        there = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._loop.call_soon(there.set)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        there.wait()
        return self._loop

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _serve(self):
        pin_thread(self._place)
        self._loop.run_forever()
