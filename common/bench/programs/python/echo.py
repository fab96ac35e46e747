"""TCP echo with asyncio's streams, which are its coroutine interface."""

import asyncio

from main import BUFFER


async def serve_client(reader, writer):
    try:
        while data := await reader.read(BUFFER):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def bench(run):
    server = await asyncio.start_server(serve_client, "127.0.0.1", 0, backlog=4096)
    print(f"port {server.sockets[0].getsockname()[1]}\n", end="", flush=True)
    await server.serve_forever()
