"""Sending cards: each as it is now, and what became of it comes back.

A process killed between sending and writing back leaves its cards due; when their lease ends they are sent
again, as they are then, with a later timestamp.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog
from prometheus_client import Counter

from contracts.ids import new_id
from push import activities, activity
from push.activities import LiveActivityRow
from push.notifier import ActivityUpdate, Environment, LiveActivities, Outcome, Verdict
from push.rounds import Pace, work_off
from push.settings import Settings
from push.signals import ActivitySignals
from wire.sql import Database

log = structlog.get_logger()

PUSHES = Counter(
    "waggle_live_activity_pushes_total", "Attempts to bring a Live Activity up to date", ["kind", "result"]
)
LEASE_MARGIN = 2
"""Seconds beyond the longest attempt until a card that was not written back is taken up again."""
WRITES = 4
"""Attempts that are written back at once: most connections to the database are the notifications' (A11)."""
FORGET_EVERY = 60
"""Seconds between two looks for cards that phones have ended themselves."""


class ActivitySender:
    """Sends what has places of its own, so that it never waits behind the other: status, or position."""

    def __init__(
        self, database: Database, phones: LiveActivities, signals: ActivitySignals, settings: Settings
    ) -> None:
        self._database, self._phones, self._signals, self._settings = database, phones, signals, settings
        self._lease = timedelta(seconds=settings.push_timeout_seconds + LEASE_MARGIN)
        self._writes = asyncio.Semaphore(WRITES)

    async def run(self) -> None:
        """For ever."""
        settings = self._settings
        pace = Pace(settings.live_activity_concurrency, settings.push_poll_seconds, settings.drain_seconds)
        async with asyncio.TaskGroup() as group:
            for wake, urgent in ((self._signals.status, True), (self._signals.position, False)):
                group.create_task(work_off(partial(self._claim, urgent), self._deliver, wake, pace))

    async def _claim(self, urgent: bool, limit: int) -> list[LiveActivityRow]:
        try:
            async with self._database.transaction() as tx:
                return await activities.claim(tx.session, tx.now, self._lease, limit, urgent=urgent)
        except Exception as error:  # the database is away; the next round asks again
            log.warning("live_activity.claim_failed", error=repr(error))
            return []

    async def _deliver(self, card: LiveActivityRow) -> None:
        asked_at = datetime.now(UTC)
        update = update_of(card, asked_at)
        outcome = await self._attempt(update)
        _report(update, card, outcome)
        try:
            await self._settle(card, update, outcome, asked_at)
        except Exception:  # its lease ends, and it is sent again
            log.warning("live_activity.not_written_back", job_id=str(card.job_id), exc_info=True)

    async def _attempt(self, update: ActivityUpdate) -> Outcome:
        try:
            async with asyncio.timeout(self._settings.push_timeout_seconds):
                return await self._phones.update(update)
        except TimeoutError:
            return Outcome(Verdict.retry, "no answer in time")
        except Exception as error:
            log.exception("live_activity.attempt_failed")
            return Outcome(Verdict.retry, repr(error))

    async def _settle(
        self, card: LiveActivityRow, update: ActivityUpdate, outcome: Outcome, asked_at: datetime
    ) -> None:
        async with self._writes, self._database.transaction() as tx:
            if outcome.verdict is Verdict.gone:
                await activities.delete_dead(tx.session, card.token, outcome.dead_since or asked_at)
            end = activity.ends_at(card.status, card.changed_at)
            step = activity.after(outcome, card.failures, update.ends, end, tx.now)
            await activities.settle(tx.session, card, step, tx.now)


def update_of(card: LiveActivityRow, now: datetime) -> ActivityUpdate:
    """The card as it is. Even a position lives as long as the card: for a phone that is away APNs keeps one
    push only, the last, so what takes the place of a status must not end before it."""
    ends = activity.is_over(card.status, card.changed_at, now)
    return ActivityUpdate(
        id=new_id(),
        token=card.token,
        app=card.app,
        environment=Environment(card.environment),
        timestamp=card.stamp,
        content=card.content | card.position,
        urgent=card.urgent,
        ends=ends,
        stale_at=None if ends else activity.stale_at(card.status, now),
        dismiss_at=card.changed_at + activity.SHOWN_AFTER_END if ends else None,
        expires_at=card.expires_at,
    )


def _report(update: ActivityUpdate, card: LiveActivityRow, outcome: Outcome) -> None:
    kind = "end" if update.ends else "status" if update.urgent else "position"
    PUSHES.labels(kind, outcome.verdict.value).inc()
    quiet = outcome.verdict in {Verdict.sent, Verdict.dropped}
    (log.debug if quiet else log.warning)(
        "live_activity.attempted",
        kind=kind,
        result=outcome.verdict.value,
        reason=outcome.reason,
        failures=card.failures,
        job_id=str(card.job_id),
    )


async def forget_expired(database: Database) -> None:
    """Forget cards of which nothing was heard for longer than phones show them, for ever."""
    while True:
        try:
            async with database.transaction() as tx:
                await activities.delete_expired(tx.session, tx.now)
        except Exception as error:
            log.warning("live_activity.not_forgotten", error=repr(error))
        await asyncio.sleep(FORGET_EVERY)
