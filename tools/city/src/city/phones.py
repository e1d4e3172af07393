"""The phones' side of pushes: how many reached them, asked of the stand-ins for APNs and FCM."""

import asyncio
from typing import TYPE_CHECKING

import aiohttp

if TYPE_CHECKING:
    from city.run import Run

EVERY = 1.0  # seconds
AFTER_ALL = 10**12  # a push number that is not reached: only the last one's number is wanted


async def count_pushes(run: "Run", session: aiohttp.ClientSession, platform: str, control_url: str) -> None:
    """Keep the platform's share of `run.pushes` up to date until cancelled."""
    first: int | None = None
    while True:
        try:
            async with session.get(f"{control_url}/control/pushes?since={AFTER_ALL}") as response:
                last = int((await response.json())["last"])
                first = last if first is None or last < first else first
                run.pushes[platform] = last - first
        except (aiohttp.ClientError, TimeoutError, ValueError, KeyError):
            pass  # it is being restarted
        await asyncio.sleep(EVERY)
