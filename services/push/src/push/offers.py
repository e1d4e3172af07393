"""Which events end which offers. Pure."""

from uuid import UUID

from contracts.events import (
    AssignmentCreated,
    Event,
    FeedClosed,
    OfferDeclined,
    OfferExpired,
    OfferWithdrawn,
    SearchFailed,
    SearchTimedOut,
)

ENDINGS: tuple[type[Event], ...] = (
    OfferWithdrawn,
    OfferDeclined,
    OfferExpired,
    AssignmentCreated,
    FeedClosed,
    SearchFailed,
    SearchTimedOut,
)


def ended_by(event: Event) -> UUID | None:
    """The offer that `event` ends, or the search, with all its offers. Shared offers are withdrawn by their
    search's end alone: by its assignment, its failure, or by the job's leaving the feed (A7)."""
    match event:
        case OfferWithdrawn() | OfferDeclined() | OfferExpired():
            return event.offer_id
        case AssignmentCreated() | FeedClosed() | SearchFailed() | SearchTimedOut():
            return event.search_id
    return None
