"""What happened to a search, as contracts; and a driver as others see it."""

from collections.abc import Sequence
from typing import Any, TypedDict
from uuid import UUID

from contracts.events import (
    AssignmentCreated,
    AssignmentReleased,
    DispatchMode,
    DriverState,
    DriverStatusChanged,
    Event,
    FeedClosed,
    OfferCreated,
    OfferDeclined,
    OfferExpired,
    OfferWithdrawn,
    SearchFailed,
    SearchFailure,
    SearchStarted,
    SearchTimedOut,
)
from contracts.models import DriverCard, Job, JobStatus, PendingOffer
from contracts.requests import ActiveJob, DriverView
from matching.states import (
    Assigned,
    Closed,
    Ended,
    Happened,
    Offer,
    Offered,
    OfferState,
    Released,
    Search,
    SearchState,
    Started,
)
from matching.store import DriverRow, OfferRow, SearchRow


class _About(TypedDict):
    job_id: UUID
    customer_id: str
    search_id: UUID
    attempt: int
    service_type: str


class _Put(TypedDict):
    offer_id: UUID
    driver_id: str
    number: int
    exclusive: bool


def _put(offer: Offer) -> _Put:
    return _Put(offer_id=offer.id, driver_id=offer.driver, number=offer.number, exclusive=offer.exclusive)


def events_of(row: SearchRow, search: Search, happened: Happened, driver: DriverRow | None) -> list[Event]:
    """The events that tell of one happening. `driver`: who was assigned, for the card."""
    about = _About(
        job_id=row.job_id,
        customer_id=row.customer_id,
        search_id=row.id,
        attempt=row.attempt,
        service_type=row.job["service_type"],
    )
    mode = DispatchMode(search.rules.mode)
    match happened:
        case Started():
            return [SearchStarted(**about, mode=mode, deadline=search.deadline)]
        case Offered(offer):
            job = Job.model_validate(row.job)
            return [OfferCreated(**about, **_put(offer), job=job, expires_at=offer.expires_at)]
        case Closed(offer, reason):
            return _closed(about, offer, reason)
        case Assigned(offer):
            assert driver is not None  # noqa: S101  # whoever accepts was locked before
            told = AssignmentCreated(**about, driver_id=driver.id, mode=mode, driver=card(driver))
            return [told, *_feed_closed(about, search, JobStatus.accepted)]
        case Released(driver_id, reason):
            return [AssignmentReleased(**about, driver_id=driver_id, reason=reason)]
        case Ended():
            return _ended(about, search)


def _closed(about: _About, offer: Offer, reason: str) -> list[Event]:
    if offer.state is OfferState.declined:
        return [OfferDeclined(**about, **_put(offer))]
    if offer.state is OfferState.expired:
        return [OfferExpired(**about, **_put(offer))]
    # A shared offer ends with the feed's entry (feed.closed), told once to all.
    return [OfferWithdrawn(**about, **_put(offer), reason=reason)] if offer.exclusive else []


def _ended(about: _About, search: Search) -> list[Event]:
    tried = len(search.tried)
    if search.state is SearchState.failed and search.failure:
        failed = SearchFailed(**about, reason=SearchFailure(search.failure.value), tried=tried)
        return [failed, *_feed_closed(about, search, JobStatus.unfulfilled)]
    if search.state is SearchState.timed_out:
        timed_out = SearchTimedOut(**about, tried=tried)
        return [timed_out, *_feed_closed(about, search, JobStatus.unfulfilled)]
    return _feed_closed(about, search, JobStatus.cancelled)


def _feed_closed(about: _About, search: Search, status: JobStatus) -> list[Event]:
    """To everybody: only if more than one driver at a time may have it on the screen."""
    if search.step.exclusive and all(offer.exclusive for offer in search.offers):
        return []
    return [FeedClosed(**about, driver_id=search.driver, status=status)]


def card(driver: DriverRow) -> DriverCard:
    """What a customer is shown (A6, B7)."""
    return DriverCard(
        id=driver.id,
        name=driver.name,
        phone=driver.phone,
        avatar=driver.avatar,
        vehicle_type=driver.vehicle_type,
        truck_type=driver.truck_type,
        rating=driver.rating,
        total_jobs=driver.completed_jobs,
    )


def state_of(driver: DriverRow) -> DriverState:
    """Busy outranks offline: a driver on a job is on it, whatever its phone does."""
    if driver.active_job is not None:
        return DriverState.busy
    return DriverState.available if driver.online else DriverState.offline


def status_of(driver: DriverRow) -> DriverStatusChanged:
    """A driver's availability, for every replica's supply map."""
    return DriverStatusChanged(
        driver_id=driver.id,
        state=state_of(driver),
        approved=driver.approved,
        is_operator=driver.is_operator,
        vehicle_type=driver.vehicle_type,
        version=driver.version,
    )


def view_of(driver: DriverRow, offers: Sequence[PendingOffer] = ()) -> DriverView:
    """A driver's availability, active job and offers, as an answer on the bus."""
    active = None
    if driver.active_job and driver.active_customer:
        active = ActiveJob(job_id=driver.active_job, customer_id=driver.active_customer)
    return DriverView(
        driver_id=driver.id,
        state=state_of(driver),
        approved=driver.approved,
        active_job=active,
        offers=list(offers),
    )


def pending_of(offer: OfferRow, job: dict[str, Any]) -> PendingOffer:
    """An offer as its driver was told of it; `job` as the search keeps it."""
    return PendingOffer(
        offer_id=offer.id,
        exclusive=offer.exclusive,
        number=offer.number,
        expires_at=offer.expires_at,
        job=Job.model_validate(job),
    )
