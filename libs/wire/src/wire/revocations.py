"""Whose tokens are void before they expire: heard on the bus, and read from the stream that keeps it."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import nats.errors
import stamina
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts.events import IdentityRevoked
from contracts.models import Identity, Role
from contracts.streams import IDENTITY
from contracts.subjects import all_of, live
from wire import direct
from wire.connection import on_reconnect
from wire.envelope import UndecodableError, unseal
from wire.problem import ProblemError

log = structlog.get_logger()

AWAY = (nats.errors.Error, TimeoutError)


@dataclass(frozen=True)
class _Void:
    """Tokens issued before this are void, all of them if it is None, until the stream forgets it."""

    issued_before: datetime | None
    until: datetime

    def covers(self, issued_at: datetime | None, now: datetime) -> bool:
        if now >= self.until:
            return False
        return issued_at is None or self.issued_before is None or issued_at < self.issued_before


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Revocations:
    """What was revoked within the memory of the stream (a day). `follow` has to run.

    A token that lives for longer than that comes to life again: issuers make theirs shorter.
    """

    now: Callable[[], datetime] = _utc_now
    _void: dict[tuple[str, Role | None], list[_Void]] = field(default_factory=dict)
    _listeners: list[Callable[[IdentityRevoked], None]] = field(default_factory=list)
    _known: bool = False

    @property
    def is_known(self) -> bool:
        """Whether the stream was read. Until then nobody counts as revoked: a service that cannot reach the
        bus takes orders all the same, though it is not ready; who wants it stricter asks here."""
        return self._known

    async def check(self) -> None:
        """Raises ConnectionError as long as the stream was never read."""
        if not self._known:
            raise ConnectionError("the revoked tokens were not read yet")

    def refuse(self, identity: Identity, issued_at: datetime | None) -> None:
        """ProblemError 401 `token_revoked` if a token of this person and time is void. One that does not say
        when it was issued counts as the oldest."""
        if self.covers(identity, issued_at):
            raise ProblemError("token_revoked", "The token was revoked", 401)

    def covers(self, identity: Identity, issued_at: datetime | None) -> bool:
        """Whether a token of this person and time is void."""
        now = self.now()
        found = (self._void.get((identity.subject, role), ()) for role in (None, identity.role))
        return any(one.covers(issued_at, now) for several in found for one in several)

    @contextmanager
    def told_to(self, listener: Callable[[IdentityRevoked], None]) -> Iterator[None]:
        """`listener` is called for each revocation that is new here, while the block runs."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    async def follow(self, nc: Client) -> None:
        """Run for ever, on a connected client. What came while the connection was down is read afterwards."""
        unread = asyncio.Event()
        unread.set()
        # What is stored from now on comes by itself, and what was stored before is read: nothing in between.
        await nc.subscribe(live(all_of(IdentityRevoked)), cb=self._heard)
        with on_reconnect(nc, unread.set):
            while True:
                await unread.wait()
                unread.clear()
                async for attempt in stamina.retry_context(on=AWAY, attempts=None, timeout=None, wait_max=1):
                    with attempt:
                        await self._read(nc)
                self._known = True

    async def _read(self, nc: Client) -> None:
        self._forget()
        async for message in direct.matching(nc, IDENTITY.name, all_of(IdentityRevoked)):
            await self._heard(message)

    async def _heard(self, message: Msg) -> None:
        try:
            received = unseal(message.headers, message.data)
        except UndecodableError as error:
            log.warning("revocation.undecodable", subject=message.subject, reason=str(error)[:300])
            return
        if isinstance(received.event, IdentityRevoked):
            self._learn(received.event, received.time)

    def _learn(self, event: IdentityRevoked, time: datetime) -> None:
        known = self._void.setdefault((event.subject_id, event.role), [])
        one = _Void(event.issued_before, time + IDENTITY.max_age)
        if one in known or one.until <= self.now():
            return
        known.append(one)
        log.info("identity.revoked", subject=event.subject_id, role=event.role, reason=event.reason)
        for listener in tuple(self._listeners):
            listener(event)

    def _forget(self) -> None:
        now = self.now()
        for key, several in list(self._void.items()):
            self._void[key] = [one for one in several if one.until > now]
            if not self._void[key]:
                del self._void[key]
