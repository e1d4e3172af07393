import asyncio
from pathlib import Path

import aiohttp
import httpx

from city.demand import Demand
from city.people import TRUCKS, platform_of
from city.phones import count_pushes
from city.run import Options, Run
from city.screen import pushes_told
from fcm_standin import standin

SOON = 30
"""Seconds: bounds a failure."""


def test_half_of_the_phones_are_android_also_those_of_truck_drivers() -> None:
    everybody = [platform_of(number) for number in range(1, 161)]
    assert everybody.count("android") == everybody.count("ios") == 80
    assert everybody[TRUCKS - 1 :: TRUCKS].count("android") == 10


async def test_pushes_are_counted_from_when_the_city_began(tmp_path: Path) -> None:
    run = Run(Options("", "", Demand((), 0, 1, 1), "", 1, 1, None))
    async with (
        standin(tmp_path) as fcm,
        aiohttp.ClientSession() as session,
        httpx.AsyncClient(http2=True, verify=fcm.client_context()) as sender,
    ):
        await sender.post(f"{fcm.url}/v1/projects/{fcm.project}/messages:send", json={})
        counting = asyncio.create_task(count_pushes(run, session, "android", fcm.control_url))
        async with asyncio.timeout(SOON):
            while run.pushes != {"android": 0}:
                await asyncio.sleep(0.01)
            await sender.post(f"{fcm.url}/v1/projects/{fcm.project}/messages:send", json={})
            while run.pushes != {"android": 1}:
                await asyncio.sleep(0.01)
        counting.cancel()


def test_pushes_are_told_by_platform() -> None:
    assert pushes_told({"ios": 118, "android": 120}) == "120 android, 118 ios"
    assert pushes_told({}) == "-"
