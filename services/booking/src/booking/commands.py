"""Commands as HTTP and the bus both give them, where matching is asked before or after the transaction.

Never inside one: no row is locked while another service is waited for.
"""

from uuid import UUID

import structlog
from nats.aio.client import Client

from booking import store, usecases
from booking.domain import Status
from booking.outgoing import job_of
from contracts.models import Identity, Job, JobStatus, Role
from contracts.requests import EndSearch, ViewSearch
from wire.problem import ProblemError
from wire.rpc import request
from wire.sql import Database

log = structlog.get_logger()

MATCHING_SECONDS = 1.0
"""Longest that a command waits for matching."""


async def cancel(
    nc: Client, database: Database, caller: Identity, booking_id: UUID, reason: str | None
) -> Job:
    """See `usecases.cancel`. When this returns the search has ended, and no driver can accept (ADR 12).

    Unless matching is away or takes longer than `MATCHING_SECONDS`: then, as if this process had died after
    the commit, the event in the outbox ends the search.
    """
    async with database.transaction() as tx:
        job = job_of(await usecases.cancel(tx, caller, booking_id, reason))
    try:
        await request(nc, EndSearch(job=job), MATCHING_SECONDS)
    except ProblemError as refusal:
        log.info("cancel.search_not_ended", job_id=str(job.id), code=refusal.problem.code)
    return job


async def retry(nc: Client, database: Database, caller: Identity, booking_id: UUID) -> Job:
    """See `usecases.retry`. The customer may be told of the search's end before booking is (ADR 13)."""
    await _look_at_search(nc, database, booking_id)
    async with database.transaction() as tx:
        return job_of(await usecases.retry(tx, caller, booking_id))


async def advance(nc: Client, database: Database, caller: Identity, booking_id: UUID, step: JobStatus) -> Job:
    """See `usecases.advance`. The driver may have the job before booking is told (ADR 13)."""
    await _look_at_search(nc, database, booking_id)
    async with database.transaction() as tx:
        return job_of(await usecases.advance(tx, caller, booking_id, step))


async def view(nc: Client, database: Database, caller: Identity, booking_id: UUID) -> Job:
    """See `usecases.view`. The driver may have the job before booking is told (ADR 13)."""
    if caller.role is Role.pilot:
        await _look_at_search(nc, database, booking_id)
    async with database.transaction() as tx:
        return job_of(await usecases.view(tx, caller, booking_id))


async def _look_at_search(nc: Client, database: Database, booking_id: UUID) -> None:
    """If booking knows of no end of the search, ask matching, which tells apps of it at the same time as us.

    What it answers is written as what its event would have written. Matching is away, or slow: the command
    goes by what booking knows.
    """
    async with database.transaction() as tx:
        row = await store.find(tx.session, booking_id)
    if row is None or row.status != Status.pending:
        return
    try:
        search = await request(nc, ViewSearch(job_id=booking_id), MATCHING_SECONDS)
    except ProblemError as refusal:
        log.info("search.not_seen", job_id=str(booking_id), code=refusal.problem.code)
        return
    async with database.transaction() as tx:
        await usecases.search_seen(tx, search)
