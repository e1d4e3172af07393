"""A small service, run as a process by the tests of `wire.run`. It prints what happens, in order.

Environment: WAGGLE_ settings, and SERVICE_MODE: "hang" does not end when cancelled, "fail" ends by itself.
"""

import asyncio
import os
from typing import NoReturn

from nats.aio.client import Client

from wire.connection import check, connect
from wire.http import create_app
from wire.run import run, serve_http
from wire.settings import ServiceSettings
from wire.telemetry import set_up

MODE = os.environ.get("SERVICE_MODE", "")


def say(text: str) -> None:
    print(text, flush=True)


async def work() -> NoReturn:
    if MODE == "fail":
        raise ZeroDivisionError
    say("working")
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            say("work cancelled")
            if MODE != "hang":
                raise


async def main(settings: ServiceSettings) -> None:
    set_up("test", settings)
    nc = Client()
    app = create_app("test", "1.2.3", settings, {"nats": check(nc)})
    go_on = asyncio.Event()

    @app.get("/slow")
    async def slow() -> dict[str, bool]:
        say("slow begun")
        asyncio.get_running_loop().call_later(0.5, go_on.set)
        await go_on.wait()
        await nc.flush()
        say("slow done")
        return {"nats": nc.is_connected}

    async with asyncio.TaskGroup() as group:
        group.create_task(serve_http(app, settings))
        try:
            async with (
                connect(nc, settings.nats_url, name="test", drain_seconds=settings.drain_seconds),
                asyncio.TaskGroup() as inner,
            ):
                inner.create_task(work())
        finally:
            say("nats closed")


if __name__ == "__main__":
    chosen = ServiceSettings()
    try:
        run(lambda: main(chosen), drain_seconds=chosen.drain_seconds)
    finally:
        say("end")
