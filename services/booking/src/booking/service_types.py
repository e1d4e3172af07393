"""Which service types can be ordered: matching's, as far as they are known here."""

import asyncio

from nats.aio.client import Client

from contracts.requests import ListServiceTypes
from wire.rpc import request


class ServiceTypes:
    """Those that the settings name are known without asking, so that orders never wait for matching.

    Another is looked up when it is ordered for the first time, and remembered: none is ever taken away.
    """

    def __init__(self, nc: Client, known: frozenset[str]) -> None:
        self._nc, self.known = nc, set(known)
        self._asking = asyncio.Lock()

    async def has(self, name: str) -> bool:
        """Whether jobs can be ordered as this. ProblemError 503 when it is new and matching is away."""
        if name in self.known:
            return True
        async with self._asking:  # one question at a time, however many orders wait for its answer
            if name not in self.known:
                self.known |= (await request(self._nc, ListServiceTypes())).names
        return name in self.known
