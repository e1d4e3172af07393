"""What matching hears and answers on the bus."""

from collections.abc import Mapping
from uuid import UUID

from nats.aio.client import Client

from contracts.events import (
    AssignmentCreated,
    DriverDisconnected,
    Event,
    JobCancelled,
    JobCreated,
    JobRetried,
    JobStatusChanged,
)
from contracts.explained import DispatchView
from contracts.requests import (
    Acceptance,
    AcceptJob,
    Declined,
    DeclineJob,
    DriverView,
    EndSearch,
    GoOffline,
    GoOnline,
    ListServiceTypes,
    SearchOver,
    SearchView,
    ServiceTypes,
    ViewDispatch,
    ViewDriver,
    ViewSearch,
)
from matching import commands, drivers, explain, service_types, usecases
from matching.asking import Reach
from matching.availability import Patience
from matching.outgoing import view_of
from wire.inbox import DueHandler, Handler
from wire.rpc import Endpoint
from wire.sql import Database, Transaction


def handlers(reach: Reach) -> Mapping[type[Event], Handler]:
    """Event → use case."""

    async def start(tx: Transaction, event: JobCreated | JobRetried) -> None:
        await usecases.start_search(tx, reach, event)

    async def off(tx: Transaction, event: JobCancelled) -> None:
        await usecases.job_cancelled(tx, event.job)

    async def taken(tx: Transaction, event: AssignmentCreated) -> None:
        await usecases.driver_taken(tx, reach, event)

    return {
        JobCreated: start,
        JobRetried: start,
        JobCancelled: off,
        JobStatusChanged: usecases.job_moved_on,
        AssignmentCreated: taken,
    }


def due_handlers(reach: Reach) -> Mapping[str, DueHandler]:
    """Kind of deadline → use case."""

    async def offer(tx: Transaction, offer_id: UUID) -> None:
        await usecases.offer_due(tx, reach, offer_id)

    return {usecases.OFFER: offer, usecases.SEARCH: usecases.search_due}


def driver_handlers(patience: Patience) -> Mapping[type[Event], Handler]:
    """What edges tell of drivers → use case."""

    async def dropped(tx: Transaction, event: DriverDisconnected) -> None:
        await drivers.lost_contact(tx, event, patience)

    return {DriverDisconnected: dropped}


def endpoints(database: Database, reach: Reach, nc: Client, patience: Patience) -> list[Endpoint]:
    """Request → command. A driver's id is the one in the token that the edge verified."""

    async def accept(question: AcceptJob) -> Acceptance:
        await commands.accept(database, question.driver_id, question.job_id)
        return Acceptance(job_id=question.job_id, driver_id=question.driver_id)

    async def decline(question: DeclineJob) -> Declined:
        await commands.decline(database, reach, question.driver_id, question.job_id)
        return Declined(job_id=question.job_id, driver_id=question.driver_id)

    async def end(question: EndSearch) -> SearchOver:
        await commands.end_search(database, question.job)
        return SearchOver(job_id=question.job.id)

    async def online(question: GoOnline) -> DriverView:
        return view_of(await commands.go_online(database, reach, nc, question, patience))

    async def offline(question: GoOffline) -> DriverView:
        return view_of(await commands.go_offline(database, reach, question.driver_id))

    async def driver(question: ViewDriver) -> DriverView:
        async with database.transaction() as tx:
            row = await drivers.find(tx, question.driver_id)
            return view_of(row, await drivers.offers_held(tx, row))

    async def search(question: ViewSearch) -> SearchView:
        async with database.transaction() as tx:
            return await explain.newest_search(tx, question.job_id)

    async def dispatch(question: ViewDispatch) -> DispatchView:
        async with database.transaction() as tx:
            return await explain.dispatch(tx, reach.whereabouts, question)

    async def known_service_types(_: ListServiceTypes) -> ServiceTypes:
        async with database.transaction() as tx:
            rows = await service_types.every_one(tx.session)
        return ServiceTypes(names=frozenset(row.name for row in rows))

    return [
        Endpoint(AcceptJob, accept),
        Endpoint(DeclineJob, decline),
        Endpoint(EndSearch, end),
        Endpoint(GoOnline, online),
        Endpoint(GoOffline, offline),
        Endpoint(ViewDriver, driver),
        Endpoint(ViewSearch, search),
        Endpoint(ViewDispatch, dispatch),
        Endpoint(ListServiceTypes, known_service_types),
    ]
