"""What matching hears and answers on the bus."""

from collections.abc import Mapping
from uuid import UUID

from nats.aio.client import Client

from contracts.events import AssignmentCreated, Event, JobCancelled, JobCreated, JobRetried, JobStatusChanged
from contracts.requests import (
    Acceptance,
    AcceptJob,
    Declined,
    DeclineJob,
    DriverView,
    GoOffline,
    GoOnline,
    ViewDriver,
)
from matching import commands, drivers, usecases
from matching.outgoing import view_of
from matching.supply import Supply
from wire.inbox import DueHandler, Handler
from wire.rpc import Endpoint
from wire.sql import Database, Transaction


def handlers(supply: Supply) -> Mapping[type[Event], Handler]:
    """Event → use case."""

    async def start(tx: Transaction, event: JobCreated | JobRetried) -> None:
        await usecases.start_search(tx, supply, event)

    async def taken(tx: Transaction, event: AssignmentCreated) -> None:
        await usecases.driver_taken(tx, supply, event)

    return {
        JobCreated: start,
        JobRetried: start,
        JobCancelled: usecases.job_cancelled,
        JobStatusChanged: usecases.job_moved_on,
        AssignmentCreated: taken,
    }


def due_handlers(supply: Supply) -> Mapping[str, DueHandler]:
    """Kind of deadline → use case."""

    async def offer(tx: Transaction, offer_id: UUID) -> None:
        await usecases.offer_due(tx, supply, offer_id)

    return {usecases.OFFER: offer, usecases.SEARCH: usecases.search_due}


def endpoints(database: Database, supply: Supply, nc: Client) -> list[Endpoint]:
    """Request → command. The driver's id is the one in the token that the edge verified."""

    async def accept(question: AcceptJob) -> Acceptance:
        await commands.accept(database, question.driver_id, question.job_id)
        return Acceptance(job_id=question.job_id, driver_id=question.driver_id)

    async def decline(question: DeclineJob) -> Declined:
        await commands.decline(database, supply, question.driver_id, question.job_id)
        return Declined(job_id=question.job_id, driver_id=question.driver_id)

    async def online(question: GoOnline) -> DriverView:
        return view_of(await commands.go_online(database, supply, nc, question))

    async def offline(question: GoOffline) -> DriverView:
        return view_of(await commands.go_offline(database, supply, question.driver_id))

    async def driver(question: ViewDriver) -> DriverView:
        async with database.transaction() as tx:
            return view_of(await drivers.find(tx, question.driver_id))

    return [
        Endpoint(AcceptJob, accept),
        Endpoint(DeclineJob, decline),
        Endpoint(GoOnline, online),
        Endpoint(GoOffline, offline),
        Endpoint(ViewDriver, driver),
    ]
