"""What booking counts of its jobs. Of several replicas STEPS adds up; OPEN says the same on each."""

import asyncio

import structlog
from prometheus_client import Counter, Gauge

from booking import store
from booking.domain import UNDER_WAY
from wire.sql import Database

log = structlog.get_logger()

STEPS = Counter(
    "waggle_job_steps_total",
    "Jobs from one status to the next; new ones from `none`",
    ["from", "to"],
)
OPEN = Gauge("waggle_jobs_open", "Jobs under way, by status", ["status"])

EVERY_S = 15.0
"""As often as Prometheus looks."""


async def watch(database: Database, every: float = EVERY_S) -> None:
    """Keep OPEN true, for ever. While the database is away, what it said last stands."""
    while True:
        try:
            async with database.transaction() as tx:
                found = await store.under_way(tx.session)
            for status in UNDER_WAY:
                OPEN.labels(status.value).set(found.get(status.value, 0))
        except Exception as error:
            log.warning("jobs.not_counted", error=repr(error))
        await asyncio.sleep(every)
