"""A Live Activity: the card of a booking under way on its customer's lock screen. Pure.

What it shows, for how long, and when it is sent again. Apple: "Displaying live data with Live Activities",
"Starting and updating Live Activities with ActivityKit push notifications".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from push.delivery import RETRY_DELAYS
from push.notifier import Outcome, Verdict

LIFE = timedelta(hours=8)
"""How long a card is kept without news; then iOS has ended it."""
SHOWN_AFTER_END = timedelta(minutes=15)
"""How long a card stays after the booking's end, and one without a driver waits for another search."""
STALE_AFTER = timedelta(minutes=2)
"""With a driver under way something comes more often; without it the phone marks the card as out of date."""
TEXT_SHOWN = 100
"""Characters of a name. A payload has room for 4,096 bytes."""

ENDED = frozenset({"completed", "cancelled"})
UNFULFILLED = "unfulfilled"
WITH_DRIVER = frozenset({"accepted", "en_route", "arrived", "in_progress"})

Content = Mapping[str, str | int | float]
"""What the app's `ContentState` decodes. Times are whole seconds since 1970: what Swift makes of a `Date` by
default counts from 2001."""


def booking_content(
    job_id: UUID, status: str, driver_name: str | None, driver_vehicle: str | None
) -> dict[str, str | int | float]:
    """How far the booking has come, and who drives. What is unknown is left out."""
    driver = {"driverName": driver_name, "driverVehicle": driver_vehicle}
    shown = {key: text[:TEXT_SHOWN] for key, text in driver.items() if text}
    return {"jobId": str(job_id), "status": status, **shown}


def position_content(
    lat: float, lng: float, heading: float | None, at: datetime
) -> dict[str, str | int | float]:
    """Where the driver was `at`: degrees (WGS 84), heading in degrees from north."""
    content: dict[str, str | int | float] = {"driverLat": lat, "driverLng": lng}
    if heading is not None:
        content["driverHeading"] = heading
    return content | {"positionAt": int(at.timestamp())}


def ends_at(status: str, changed_at: datetime) -> datetime | None:
    """When the card ends; None while the booking is under way. One without a driver can be searched for
    again (B10), which an ended card could not show."""
    if status in ENDED:
        return changed_at
    return changed_at + SHOWN_AFTER_END if status == UNFULFILLED else None


def is_over(status: str, changed_at: datetime, now: datetime) -> bool:
    """Whether there is nothing more to show."""
    end = ends_at(status, changed_at)
    return status in ENDED or (end is not None and now >= end)


def stale_at(status: str, now: datetime) -> datetime | None:
    """When what is sent now is out of date, if nothing follows it."""
    return now + STALE_AFTER if status in WITH_DRIVER else None


@dataclass(frozen=True)
class Step:
    """Where a card stands after an attempt: when it is sent next, as far as is known. `over`: never."""

    failures: int = 0
    next_at: datetime | None = None
    over: bool = False


def after(outcome: Outcome, failures: int, ended: bool, end: datetime | None, now: datetime) -> Step:
    """What an attempt leads to, after `failures` of them in a row. `ended`: it carried the end; `end` is when
    that is due. What APNs will never take is not sent again: the next state may be."""
    if outcome.verdict is Verdict.retry:
        delay = timedelta(seconds=RETRY_DELAYS[min(failures, len(RETRY_DELAYS) - 1)])
        return Step(failures + 1, now + max(delay, outcome.retry_after or delay))
    return Step(over=True) if ended else Step(next_at=end)
