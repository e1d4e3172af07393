"""What was told of a job, on the bus and to drivers, against what its rows say happened."""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

import asyncpg
from nats.aio.client import Client

from contracts.events import FeedClosed, OfferEvent, SearchEvent
from contracts.streams import MATCHING_DISPATCH
from contracts.subjects import of_job
from wire.envelope import unseal

from .process import PATIENCE_S

WINNERS = """
    SELECT s.job_id, o.driver_id FROM offer o JOIN search s ON s.id = o.search_id
    WHERE o.state = 'accepted' AND s.job_id = ANY($1)
"""
TOLD = """
    SELECT 'search.started', id FROM search WHERE job_id = $1 AND state <> 'cancelled'
    UNION ALL SELECT 'search.' || state, id FROM search WHERE job_id = $1 AND state IN ('failed', 'timed_out')
    UNION ALL SELECT 'offer.created', o.id FROM offer o JOIN search s ON s.id = o.search_id
        WHERE s.job_id = $1 AND o.state <> 'accepted'
    UNION ALL SELECT 'offer.' || o.state, o.id FROM offer o JOIN search s ON s.id = o.search_id
        WHERE s.job_id = $1 AND (o.state IN ('declined', 'expired') OR o.state = 'withdrawn' AND o.exclusive)
    UNION ALL SELECT 'assignment.created', o.search_id FROM offer o JOIN search s ON s.id = o.search_id
        WHERE s.job_id = $1 AND o.state = 'accepted'
    UNION ALL SELECT 'assignment.released', id FROM search WHERE job_id = $1 AND state = 'cancelled'
        AND EXISTS (SELECT 1 FROM offer WHERE search_id = search.id AND state = 'accepted')
"""
TAKEN = """
    SELECT o.id FROM offer o JOIN search s ON s.id = o.search_id WHERE s.job_id = $1 AND o.state = 'accepted'
"""
"""Offers that may have been declined, have expired or have never been put before: the job stood open."""
NOT_ALWAYS_TOLD = ("search.started", "feed.closed")
"""Of a search cancelled before it began, of a job that only one driver had on the screen."""


Told = tuple[UUID, str]
"""A job, and a driver."""


async def winners_were_told(
    database: asyncpg.Pool, jobs: Sequence[UUID], won: set[Told], unanswered: set[Told]
) -> None:
    """Whoever was answered 200 has won, and nobody who was refused has."""
    winners = {(row["job_id"], row["driver_id"]) for row in await database.fetch(WINNERS, jobs)}
    assert won <= winners, won - winners
    silent = winners - won
    assert silent <= unanswered, silent


async def all_was_told(database: asyncpg.Pool, nc: Client, job_id: UUID) -> None:
    """What the rows say happened is in the stream, once; and nothing else is."""
    told = await _stream(nc, job_id)
    happened = {tuple(row) for row in await database.fetch(TOLD, job_id)}
    taken = {row["id"] for row in await database.fetch(TAKEN, job_id)}
    assert set(told.values()) <= {1}, told
    assert happened <= told.keys(), happened - told.keys()
    more = {(kind, about) for kind, about in told.keys() - happened if about not in taken}
    assert all(kind.startswith(NOT_ALWAYS_TOLD) for kind, _ in more), more


async def _stream(nc: Client, job_id: UUID) -> Counter[tuple[str, UUID]]:
    """How often each thing was told of each search or offer of the job."""
    told = Counter[tuple[str, UUID]]()
    stream = MATCHING_DISPATCH.stream
    heard = await nc.jetstream().subscribe(of_job(job_id), stream=stream, ordered_consumer=True)
    while True:
        message = await heard.next_msg(timeout=PATIENCE_S)
        event = unseal(message.headers, message.data).event
        if isinstance(event, SearchEvent):
            about = event.offer_id if isinstance(event, OfferEvent) else event.search_id
            how = f" {event.status}" if isinstance(event, FeedClosed) else ""
            told[event.type + how, about] += 1
        if message.metadata.num_pending == 0:
            break
    await heard.unsubscribe()
    return told
