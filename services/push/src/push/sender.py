"""Sending: deliveries that are due go out, a bounded number at once, and their outcomes come back.

A process killed between sending and writing back leaves its deliveries pending; when their lease ends they
are sent again. The phone shows no second banner: the copy has the same `apns-id` and `apns-collapse-id`, so
it takes the place of the first.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import structlog
from prometheus_client import Counter, Gauge

from push import deliveries, delivery, store
from push.deliveries import Claimed
from push.delivery import State, Step
from push.domain import URGENT
from push.notifier import Environment, Notifier, Outcome, Platform, Push, Verdict
from push.settings import Settings
from push.tables import DeviceRow
from wire.sql import Database

log = structlog.get_logger()

PUSHES = Counter("waggle_pushes_total", "Attempts to deliver a notification to a device", ["result"])
BACKLOG = Gauge("waggle_pushes_pending", "Deliveries that are in no final state")

LEASE_MARGIN = 2
"""Seconds beyond the longest attempt until a delivery that was not written back is taken up again. Short,
because a crash must not cost an offer its 30 s."""
BACKLOG_EVERY = 5
"""Seconds between two counts of the backlog."""


class Sender:
    """`wake` is set by whoever has committed new deliveries."""

    def __init__(
        self,
        database: Database,
        notifiers: Mapping[Platform, Notifier],
        wake: asyncio.Event,
        settings: Settings,
    ) -> None:
        self._database, self._notifiers, self._wake, self._settings = database, notifiers, wake, settings
        self._lease = timedelta(seconds=settings.push_timeout_seconds + LEASE_MARGIN)
        self._under_way: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """For ever. When cancelled, attempts under way get `drain_seconds` to be answered and written back;
        those that are not are sent again by whoever comes next."""
        try:
            while True:
                await self._round()
        finally:
            if self._under_way:
                _, unanswered = await asyncio.wait(self._under_way, timeout=self._settings.drain_seconds)
                for task in unanswered:
                    task.cancel()
                await asyncio.gather(*unanswered, return_exceptions=True)

    async def _round(self) -> None:
        self._wake.clear()
        free = self._settings.push_concurrency - len(self._under_way)
        claimed = await self._claim(free)
        for one in claimed:
            task = asyncio.create_task(self._deliver(one))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        if len(claimed) == free:  # all places are taken, and more may be waiting
            await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.push_poll_seconds):
                await self._wake.wait()

    async def _claim(self, limit: int) -> list[Claimed]:
        try:
            async with self._database.transaction() as tx:
                return await deliveries.claim(tx.session, tx.now, self._lease, limit)
        except Exception as error:  # the database is away; the next round asks again
            log.warning("push.claim_failed", error=repr(error))
            return []

    async def _deliver(self, claimed: Claimed) -> None:
        expires_at = claimed.delivery.expires_at
        outcome = None
        step = delivery.before(claimed.device is not None, expires_at, datetime.now(UTC))
        if step is None and claimed.device:
            outcome = await self._attempt(claimed, claimed.device)
            step = delivery.after(outcome, claimed.attempt, expires_at, datetime.now(UTC))
        if step is None:
            return
        _report(claimed, step, outcome)
        try:
            await self._settle(claimed, step, outcome)
        except Exception:  # its lease ends, and it is sent again under the same id
            log.warning("push.not_written_back", delivery_id=str(claimed.id), exc_info=True)

    async def _attempt(self, claimed: Claimed, device: DeviceRow) -> Outcome:
        push = _push(claimed, device)
        left = (push.expires_at - datetime.now(UTC)).total_seconds()
        try:
            async with asyncio.timeout(min(self._settings.push_timeout_seconds, left)):
                return await self._notifiers[Platform(device.platform)].send(push)
        except TimeoutError:
            return Outcome(Verdict.retry, "no answer in time")
        except Exception as error:
            log.exception("push.attempt_failed", delivery_id=str(claimed.id))
            return Outcome(Verdict.retry, repr(error))

    async def _settle(self, claimed: Claimed, step: Step, outcome: Outcome | None) -> None:
        async with self._database.transaction() as tx:
            await deliveries.settle(tx.session, claimed, step, tx.now)
            if outcome and outcome.verdict is Verdict.gone:
                # Without a time from APNs: dead when we asked. A registration since then stands.
                since = outcome.dead_since or claimed.claimed_at
                if await store.delete_dead_device(tx.session, claimed.delivery.token, since):
                    log.info("device.removed", reason=outcome.reason, user_id=claimed.notification.user_id)


def _push(claimed: Claimed, device: DeviceRow) -> Push:
    told = claimed.notification
    return Push(
        id=claimed.id,
        token=device.token,
        app=device.app,
        environment=Environment(device.environment),
        title=told.title,
        body=told.body,
        data=told.data,
        collapse_id=told.collapse_id,
        urgent=told.kind in URGENT,
        expires_at=claimed.delivery.expires_at,
    )


def _report(claimed: Claimed, step: Step, outcome: Outcome | None) -> None:
    result = "retry" if step.state is State.pending else step.state.value
    if outcome and outcome.verdict is Verdict.gone:
        result = "gone"
    PUSHES.labels(result).inc()
    quiet = step.state in {State.sent, State.dropped}
    (log.debug if quiet else log.warning)(
        "push.attempted",
        result=result,
        reason=step.reason,
        attempt=claimed.attempt,
        delivery_id=str(claimed.id),
        notification_id=str(claimed.notification.id),
    )


async def watch_backlog(database: Database) -> None:
    """Keep the backlog's metric true, for ever."""
    while True:
        try:
            async with database.transaction() as tx:
                BACKLOG.set(await deliveries.pending(tx.session))
        except Exception as error:
            log.warning("push.backlog_unknown", error=repr(error))
        await asyncio.sleep(BACKLOG_EVERY)
