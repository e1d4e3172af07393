"""Running a service: everything it does is one task group; SIGTERM ends it in order and in time."""

import asyncio
import contextlib
import math
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator

import structlog
import uvicorn
import uvloop
from starlette.types import ASGIApp

from wire.settings import ServiceSettings

log = structlog.get_logger()

MAX_HTTP_CONNECTIONS = 10_000
BACKLOG = 2048
"""Of a port that is shared; it is uvicorn's own, too."""

_serving: dict[asyncio.Task[None], uvicorn.Server] = {}
"""The HTTP servers of this process, for `run` to end first."""


class _Server(uvicorn.Server):
    """Leaves signals to `run`, so that HTTP is only one of the things that end in order."""

    def __init__(self, config: uvicorn.Config, ending: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self._ending = ending

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._ending()
        await super().shutdown(sockets)


async def _nothing() -> None:
    pass


async def serve_http(
    app: ASGIApp,
    settings: ServiceSettings,
    ending: Callable[[], Awaitable[None]] = _nothing,
    *,
    shares_port: bool = False,
    **options: object,
) -> None:
    """Serve until cancelled; then refuse new requests and finish those under way, within `drain_seconds`.

    `ending` is called first of all then: it lets go of requests that are held open, such as long polls.
    `shares_port`: with other processes that say so, too; each new connection is given to one of them.
    """
    config = uvicorn.Config(
        app,
        host=settings.http_host,
        port=settings.http_port,
        loop="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=math.ceil(settings.drain_seconds),
        **{"limit_concurrency": MAX_HTTP_CONNECTIONS, **options},  # type: ignore[arg-type]
    )
    server = _Server(config, ending)
    task = asyncio.create_task(server.serve([_shared(settings)] if shares_port else None))
    _serving[task] = server
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        server.should_exit = True
        await task
        raise
    finally:
        del _serving[task]


def _shared(settings: ServiceSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.http_host else socket.AF_INET
    address = (settings.http_host, settings.http_port)
    return socket.create_server(address, family=family, backlog=BACKLOG, reuse_port=True)


def run(main: Callable[[], Awaitable[None]], *, drain_seconds: float) -> None:
    """Run `main` until it ends, or SIGTERM or SIGINT ends it: HTTP first, while bus and database are still
    there, then `main` is cancelled. Exits hard, with status 1, if that takes twice `drain_seconds`."""
    uvloop.run(_until_signal(main, drain_seconds))


async def _until_signal(main: Callable[[], Awaitable[None]], drain_seconds: float) -> None:
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(main())
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    stopped = asyncio.create_task(stopping.wait())
    await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if task.done():
        await task
        return
    log.info("service.draining")
    overrun = loop.time() + 2 * drain_seconds
    for server in _serving.values():
        server.should_exit = True
    if _serving:
        await asyncio.wait(set(_serving), timeout=2 * drain_seconds)
    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=max(0, overrun - loop.time()))
    if not done:
        log.error("service.drain_overran")
        os._exit(1)
    with contextlib.suppress(asyncio.CancelledError):
        await task
    log.info("service.stopped")
