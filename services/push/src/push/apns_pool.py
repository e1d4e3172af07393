"""The open connections to one host of APNs."""

import asyncio
import math
import ssl
import time
from collections.abc import Callable
from typing import Any, cast

from aioapns.common import NotificationResult
from aioapns.connection import APNsBaseConnectionPool
from aioapns.exceptions import ConnectionClosed
from h2.exceptions import NoAvailableStreamIDError

from push.apns_connection import ApnsConnection, Headers


class ApnsPool(APNsBaseConnectionPool):
    """At most `max_connections`, made when first needed. `clock`: seconds since 1970."""

    def __init__(
        self,
        host: str,
        port: int,
        tls: ssl.SSLContext,
        max_connections: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(max_connections=max_connections)
        self._host, self._port, self._tls, self._clock = host, port, tls, clock
        self._room = asyncio.Event()

    async def create_connection(self) -> ApnsConnection:
        _, connection = await self.loop.create_connection(
            self._connection, self._host, self._port, ssl=self._tls
        )
        if connection.lost.done():
            raise ConnectionClosed("closed at once")
        return connection

    def _connection(self) -> ApnsConnection:
        return ApnsConnection(self._host, self.loop, self.discard_connection, self._room.set, self._clock)

    async def acquire(self) -> ApnsConnection:
        """One with room, however long that takes. aioapns would look every 10 ms, and never open another."""
        while len(self.connections) == self.max_connections and all(one.is_busy for one in self.connections):
            self._room.clear()
            await self._room.wait()
        return cast("ApnsConnection", await super().acquire())

    async def post(
        self, token: str, apns_id: str, headers: Headers, body: bytes, deadline: float = math.inf
    ) -> NotificationResult:
        """`ApnsConnection.post` on a connection with room; ConnectionError when none can be made."""
        connection = await self.acquire()
        try:
            return await connection.post(token, apns_id, headers, body, deadline)
        except NoAvailableStreamIDError as error:  # after 2^30 pushes; its successor starts from 1
            connection.close()
            raise ConnectionClosed("out of stream numbers") from error

    def discard_connection(self, connection: Any) -> None:
        """Forget one that has ended, also if it did before it was known here."""
        if connection in self.connections:
            super().discard_connection(connection)
        self._room.set()

    async def aclose(self) -> None:
        """Close all connections and wait a moment for their goodbyes."""
        lost = [connection.lost for connection in self.connections if isinstance(connection, ApnsConnection)]
        self.close()
        if lost:
            await asyncio.wait(lost, timeout=1)
