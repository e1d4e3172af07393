"""Commands as HTTP and the bus both give them, where something follows the transaction."""

from uuid import UUID

import structlog
from nats.aio.client import Client

from booking import usecases
from booking.outgoing import job_of
from contracts.models import Identity, Job
from contracts.requests import EndSearch
from wire.problem import ProblemError
from wire.rpc import request
from wire.sql import Database

log = structlog.get_logger()

END_SECONDS = 1.0
"""Longest that a cancel waits for matching."""


async def cancel(
    nc: Client, database: Database, caller: Identity, booking_id: UUID, reason: str | None
) -> Job:
    """See `usecases.cancel`. When this returns the search has ended, and no driver can accept (ADR 12).

    Unless matching is away or takes longer than `END_SECONDS`: then, as if this process had died after the
    commit, the event in the outbox ends the search.
    """
    async with database.transaction() as tx:
        job = job_of(await usecases.cancel(tx, caller, booking_id, reason))
    try:
        await request(nc, EndSearch(job=job), END_SECONDS)
    except ProblemError as refusal:
        log.info("cancel.search_not_ended", job_id=str(job.id), code=refusal.problem.code)
    return job
