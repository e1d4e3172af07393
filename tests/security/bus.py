"""A real nats-server with the generated permissions, and users at its door."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import nats
from nats.aio.client import Client

from contracts.permissions import inbox_of
from stack.house import House


class User:
    """Connected as this user. `refused`: what the server did not let it do, in the server's words."""

    def __init__(self, nc: Client, refused: list[str]) -> None:
        self.nc, self.refused = nc, refused

    async def tries(self, *subjects: str) -> set[str]:
        """Publish to each; those that the server refused."""
        return await self._refused(subjects, self.nc.publish, "publish")

    async def listens(self, *subjects: str) -> set[str]:
        """Subscribe to each; those that the server refused."""
        return await self._refused(subjects, self.nc.subscribe, "subscription")

    async def _refused(self, subjects: tuple[str, ...], act: Any, verb: str) -> set[str]:
        self.refused.clear()
        for subject in subjects:
            await act(subject)
        await self.nc.flush()  # what is refused is said before the PONG
        await self.nc.flush()
        told = [f'permissions violation for {verb} to "{subject.lower()}"' for subject in subjects]
        assert len(self.refused) <= len(subjects)
        return {
            subject
            for subject, words in zip(subjects, told, strict=True)
            if any(words in one for one in self.refused)
        }


@asynccontextmanager
async def user(house: House, name: str, seed: str | None = None) -> AsyncIterator[User]:
    """`seed`: another than the one that this user has."""
    refused: list[str] = []

    async def heard(error: Exception) -> None:
        refused.append(str(error))

    nc = await nats.connect(
        house.nats_url,
        name=name,
        nkeys_seed_str=seed or house.plan.bus.seeds[name],
        inbox_prefix=inbox_of(name),
        error_cb=heard,
        allow_reconnect=False,
    )
    try:
        yield User(nc, refused)
    finally:
        await asyncio.wait_for(nc.close(), 30)
