"""A stand-in for a service: answers every request with 200 and its pid on WAGGLE_HTTP_PORT.

WAGGLE_STANDIN: "hang" ignores SIGTERM, "crash" ends at once with status 3, "parent" has a child process,
which like any child holds its standard output open, "mute" never listens.
"""

import asyncio
import os
import re
import signal
import subprocess
import sys

MODE = os.environ.get("WAGGLE_STANDIN", "")


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    if length := re.search(rb"(?i)content-length: (\d+)", head):
        await reader.readexactly(int(length[1]))
    body = str(os.getpid()).encode()
    writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    await writer.drain()
    writer.close()


async def main() -> None:
    ended = asyncio.Event()
    end = ended.set if MODE != "hang" else lambda: None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end)
    print("first words", "é", flush=True)
    if MODE == "mute":
        await ended.wait()
    async with await asyncio.start_server(answer, "127.0.0.1", int(os.environ["WAGGLE_HTTP_PORT"])):
        await ended.wait()
    print("last words", flush=True)


if MODE == "parent":
    subprocess.Popen(["sleep", "60"])
if MODE == "crash":
    print("cannot go on", file=sys.stderr)
    sys.exit(3)
asyncio.run(main())
