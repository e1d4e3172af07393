"""Waiting until a process does its work. Another program gives us no event for that, so we ask."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx

from stack.ports import HOST

INTERVAL = 0.1  # seconds between two questions


async def until(answers: Callable[[], Awaitable[bool]]) -> None:
    while not await answers():  # noqa: ASYNC110
        await asyncio.sleep(INTERVAL)


async def http_ok(url: str) -> None:
    """Wait until GET `url` answers 200."""
    async with httpx.AsyncClient(timeout=2.0, trust_env=False) as client:

        async def ok() -> bool:
            try:
                return (await client.get(url)).status_code == httpx.codes.OK
            except httpx.HTTPError:
                return False

        await until(ok)


async def listens(port: int) -> None:
    """Wait until somebody accepts connections on `port`."""

    async def accepts() -> bool:
        try:
            _reader, writer = await asyncio.open_connection(HOST, port)
        except OSError:
            return False
        writer.close()
        return True

    await until(accepts)
