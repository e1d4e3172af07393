"""What booking hears and answers on the bus."""

from collections.abc import Mapping

from nats.aio.client import Client

from booking import commands, usecases
from booking.outgoing import job_of
from contracts.events import AssignmentCreated, Event, SearchFailed, SearchTimedOut
from contracts.requests import (
    AdvanceBooking,
    BookingView,
    CancelBooking,
    ListOpenBookings,
    OpenBookings,
    RetryBooking,
    ViewBooking,
)
from wire.inbox import Handler
from wire.rpc import Endpoint
from wire.sql import Database

HANDLERS: Mapping[type[Event], Handler] = {
    AssignmentCreated: usecases.assigned,
    SearchFailed: usecases.search_ended,
    SearchTimedOut: usecases.search_ended,
}


def endpoints(database: Database, nc: Client) -> list[Endpoint]:
    """Request → use case. The identity in a request is the one that the edge verified.

    `nc`: where matching is asked.
    """

    async def view(question: ViewBooking) -> BookingView:
        return BookingView(job=await commands.view(nc, database, question.identity, question.booking_id))

    async def open_ones(question: ListOpenBookings) -> OpenBookings:
        async with database.transaction() as tx:
            rows = await usecases.open_bookings(tx, question.identity)
            return OpenBookings(jobs=[job_of(row) for row in rows])

    async def cancel(question: CancelBooking) -> BookingView:
        job = await commands.cancel(nc, database, question.identity, question.booking_id, question.reason)
        return BookingView(job=job)

    async def retry(question: RetryBooking) -> BookingView:
        return BookingView(job=await commands.retry(nc, database, question.identity, question.booking_id))

    async def advance(question: AdvanceBooking) -> BookingView:
        job = await commands.advance(nc, database, question.identity, question.booking_id, question.status)
        return BookingView(job=job)

    return [
        Endpoint(ViewBooking, view),
        Endpoint(ListOpenBookings, open_ones),
        Endpoint(CancelBooking, cancel),
        Endpoint(RetryBooking, retry),
        Endpoint(AdvanceBooking, advance),
    ]
