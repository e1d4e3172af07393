"""Asking the edges who is there (C5). NATS answers for those that are not: "no responders", at once.

That answer is as good as our own connection. After a restart of the bus we may be back on it before the edges
are, so for a while after each connect nobody's absence is believed.
"""

from datetime import UTC, datetime, timedelta

import nats.errors
from nats.aio.client import Client

from contracts.requests import FindDriver, FindEdge, Present

ANSWER_SECONDS = 1.0
"""How long an edge that listens may take to answer."""


class UnknownError(Exception):
    """It cannot be told right now; ask again later."""


class Presence:
    """`settle`: how long after a connect everybody else needs to be back on the bus."""

    def __init__(self, nc: Client, settle: timedelta) -> None:
        self.nc, self.settle = nc, settle
        self.connected()

    def connected(self) -> None:
        """Just now, for the first time or again."""
        self._since = datetime.now(UTC)

    @property
    def hears_since(self) -> datetime | None:
        """From when on nothing said on the bus has escaped us; None while we are cut off."""
        return self._since if self.nc.is_connected else None

    async def edge_of(self, driver_id: str) -> str | None:
        """The id of an edge that holds a socket of this driver; None when none does. UnknownError."""
        return await self._ask(FindDriver(driver_id=driver_id))

    async def lives(self, edge_id: str) -> bool:
        """Whether this edge does. UnknownError."""
        return await self._ask(FindEdge(edge_id=edge_id)) is not None

    async def _ask(self, question: FindDriver | FindEdge) -> str | None:
        body = question.model_dump_json().encode()
        try:
            answer = await self.nc.request(question.subject(), body, timeout=ANSWER_SECONDS)
            return Present.model_validate_json(answer.data).edge_id
        except nats.errors.NoRespondersError as error:
            since = self.hears_since
            if since is None or datetime.now(UTC) < since + self.settle:
                raise UnknownError("we are not back for long enough ourselves") from error
            return None
        except (nats.errors.Error, TimeoutError, ValueError) as error:
            raise UnknownError(repr(error)) from error
