"""Sending: deliveries of one channel that are due go out, a bounded number at once, and their outcomes come
back.

A process killed between sending and writing back leaves its deliveries pending; when their lease ends they
are sent again. The phone shows no second banner: the copy has the same `apns-id` and `apns-collapse-id`, so
it takes the place of the first.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog

from push import circuit, deliveries, delivery, store
from push.deliveries import Claim, Claimed, Settled
from push.delivery import State, Step
from push.domain import URGENT
from push.localized import from_kept
from push.metrics import CIRCUIT, PUSHES
from push.notifier import Channel, Environment, Notifier, Outcome, Push, Verdict
from push.settings import Settings
from wire.sql import Database, Transaction

log = structlog.get_logger()

LEASE_MARGIN = 2
"""Seconds beyond the longest attempt until a delivery that was not written back is taken up again. Short,
because a crash must not cost an offer its 30 s."""
GATHER = 0.005
"""Seconds that what was finished or committed waits for others, to be written back and claimed at once."""

NO_ANSWER = "no answer in time"


@dataclass(frozen=True)
class Done:
    """An attempt that is over, not written back yet. It keeps its place until it is."""

    claimed: Claimed
    step: Step
    outcome: Outcome


class Sender:
    """`wake` is set by whoever has committed new deliveries."""

    def __init__(
        self,
        database: Database,
        channel: Channel,
        notifier: Notifier,
        wake: asyncio.Event,
        settings: Settings,
    ) -> None:
        self._database, self._channel, self._notifier = database, channel, notifier
        self._wake, self._settings = wake, settings
        self._longest = timedelta(seconds=settings.push_timeout_seconds)
        self._under_way: set[asyncio.Task[None]] = set()
        self._done: list[Done] = []
        self._circuit = circuit.CLOSED
        self._probe: UUID | None = None

    async def run(self) -> None:
        """For ever. When cancelled, attempts under way get `drain_seconds` to be answered, and what was is
        written back; the others are sent again by whoever comes next."""
        CIRCUIT.labels(self._channel.value).set(0)
        try:
            while True:
                await self._round()
        finally:
            if self._under_way:
                _, unanswered = await asyncio.wait(self._under_way, timeout=self._settings.drain_seconds)
                for task in unanswered:
                    task.cancel()
                await asyncio.gather(*unanswered, return_exceptions=True)
            await self._exchange(0)

    async def _round(self) -> None:
        self._wake.clear()
        free = self._settings.push_concurrency - len(self._under_way)
        claim = await self._exchange(self._circuit.allowed(free, datetime.now(UTC)))
        if claim.full and claim.over:  # places are free still, and more may be due
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.push_poll_seconds):
                await self._wake.wait()
        await asyncio.sleep(GATHER)

    async def _exchange(self, limit: int) -> Claim:
        """Write back what is done, and take up to `limit` others, in one transaction."""
        done, claim = self._done[:], Claim()
        if not done and not limit:
            return claim
        try:
            async with self._database.transaction() as tx:
                await self._write_back(tx, done)
                if limit:
                    lease = self._longest + timedelta(seconds=LEASE_MARGIN)
                    claim = await deliveries.claim(tx.session, self._channel, tx.now, lease, limit)
        except Exception as error:  # the database is away; the next round tries again
            log.warning("push.not_exchanged", channel=self._channel.value, error=repr(error))
            return Claim()
        del self._done[: len(done)]
        self._start(claim)
        return claim

    async def _write_back(self, tx: Transaction, done: list[Done]) -> None:
        # Devices first, as whoever makes deliveries locks them: nobody waits in a circle.
        for one in sorted(done, key=lambda one: one.claimed.delivery.token):
            if one.outcome.verdict is Verdict.gone:
                # Without a time from the push service: dead when we asked. A registration since then stands.
                since = one.outcome.dead_since or one.claimed.claimed_at
                if await store.delete_dead_device(tx.session, one.claimed.delivery.token, since):
                    user = one.claimed.notification.user_id
                    log.info("device.removed", reason=one.outcome.reason, user_id=user)
        settled = [Settled(one.claimed.delivery.id, one.claimed.attempt, one.step) for one in done]
        await deliveries.settle(tx.session, settled, tx.now)

    def _start(self, claim: Claim) -> None:
        for settled in claim.over:
            _report(settled, settled.step.state.value)
        if claim.ready and self._circuit.is_open:
            self._circuit = circuit.probing(self._circuit, self._longest, datetime.now(UTC))
            self._probe = claim.ready[0].delivery.id
        for one in claim.ready:
            task = asyncio.create_task(self._deliver(one))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _deliver(self, claimed: Claimed) -> None:
        outcome = await self._attempt(_push(claimed))
        now = datetime.now(UTC)
        step = delivery.after(outcome, claimed.attempt, claimed.delivery.expires_at, now)
        self._judge(outcome, claimed.delivery.id, now)
        result = "retry" if step.state is State.pending else step.state.value
        gone = outcome.verdict is Verdict.gone
        settled = Settled(claimed.delivery.id, claimed.attempt, step)
        _report(settled, "gone" if gone else result, trace_id=claimed.notification.trace_id)
        self._done.append(Done(claimed, step, outcome))
        self._wake.set()

    async def _attempt(self, push: Push) -> Outcome:
        longest = self._settings.push_timeout_seconds
        left = (push.expires_at - datetime.now(UTC)).total_seconds()
        try:
            async with asyncio.timeout(min(longest, left)):
                return await self._notifier.send(push)
        except TimeoutError:
            if left < longest:
                return Outcome(Verdict.expired, NO_ANSWER)
            return Outcome(Verdict.retry, NO_ANSWER, outage=True)
        except Exception as error:
            log.exception("push.attempt_failed", delivery_id=str(push.id))
            return Outcome(Verdict.retry, repr(error))

    def _judge(self, outcome: Outcome, delivery_id: UUID, now: datetime) -> None:
        was_open, was_probe = self._circuit.is_open, delivery_id == self._probe
        self._circuit = circuit.judged(self._circuit, outcome, now, was_probe=was_probe)
        if self._circuit.is_open is not was_open:
            state = "opened" if self._circuit.is_open else "closed"
            log.warning("push.circuit", channel=self._channel.value, state=state, reason=outcome.reason)
            CIRCUIT.labels(self._channel.value).set(int(self._circuit.is_open))


def _push(claimed: Claimed) -> Push:
    told, device = claimed.notification, claimed.device
    return Push(
        id=claimed.delivery.id,
        token=device.token,
        app=device.app,
        environment=Environment(device.environment),
        title=told.title,
        body=told.body,
        data=told.data,
        collapse_id=told.collapse_id,
        urgent=told.kind in URGENT,
        expires_at=claimed.delivery.expires_at,
        localized=from_kept(told.localized),
    )


def _report(settled: Settled, result: str, **more: str | None) -> None:
    PUSHES.labels(result).inc()
    step = settled.step
    loud = step.state in {State.pending, State.failed, State.expired}
    (log.warning if loud else log.info)(
        "push.attempted",
        result=result,
        reason=step.reason,
        attempt=settled.attempt,
        delivery_id=str(settled.id),
        **{name: value for name, value in more.items() if value},
    )
