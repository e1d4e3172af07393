"""The commands that a killed process may leave undone, and the places in them where it can be killed."""

from dataclasses import dataclass

from .stopping import Point

LADDER = {
    "steps": [
        {"policy": "cascade", "offer_seconds": 0.5, "tries": 1},
        {"policy": "cascade", "offer_seconds": 3600},
    ],
    "search_seconds": 3600,
}
PATIENT = {"steps": [{"policy": "cascade", "offer_seconds": 3600}], "search_seconds": 3600}
BRIEF = {"steps": [{"policy": "cascade", "offer_seconds": 3600}], "search_seconds": 0.5}
BROADCAST = {"steps": [{"policy": "broadcast"}], "search_seconds": 3600}


@dataclass(frozen=True)
class Step:
    """A command of matching: how the job stands before it and after it, what the drivers then do about it
    (command, driver, answer), and what is told of the job in the end, in the alphabet's order."""

    name: str
    told_by: str
    rules: dict[str, object]
    before: str
    after: str
    then: list[tuple[str, int, int]]
    history: list[str]


OFFER = Step(
    "offer",
    "offer.created",
    PATIENT,
    "none",
    "searching: pending",
    [("decline", 1, 200), ("accept", 1, 409), ("accept", 2, 200)],
    [
        "assignment.created 2",
        "job.created",
        "offer.created 1",
        "offer.created 2",
        "offer.declined 1",
        "search.started",
    ],
)
EXPIRE = Step(
    "expire",
    "offer.expired",
    LADDER,
    "searching: pending",
    "searching: expired, pending",
    [("accept", 1, 409), ("accept", 2, 200)],
    [
        "assignment.created 2",
        "job.created",
        "offer.created 1",
        "offer.created 2",
        "offer.expired 1",
        "search.started",
    ],
)
ACCEPT = Step(
    "accept",
    "assignment.created",
    BROADCAST,
    "searching: pending, pending",
    "assigned: accepted, withdrawn; on it",
    [("accept", 1, 200), ("accept", 2, 409)],
    [
        "assignment.created 1",
        "feed.closed 1",
        "job.created",
        "offer.created 1",
        "offer.created 2",
        "search.started",
    ],
)
TIME_OUT = Step(
    "time out",
    "search.timed_out",
    BRIEF,
    "searching: pending",
    "timed_out: withdrawn",
    [("accept", 1, 409)],
    ["job.created", "offer.created 1", "offer.withdrawn 1", "search.started", "search.timed_out"],
)
STEPS = [OFFER, EXPIRE, ACCEPT, TIME_OUT]


def letter(event: str, name: str, change: str = "INSERT", *, at_commit: bool = False) -> Point:
    """The letter that tells of it. It is the last thing written before the commit."""
    row = "OLD" if change == "DELETE" else "NEW"
    when = f"{row}.subject LIKE '{event}.{{job}}.%'"
    return Point(name, table="outbox", change=change, when=when, at_commit=at_commit)


THE_JOB = "NEW.job_id = '{job}'"
UNCOMMITTED = [
    (OFFER, Point("before the order is marked as heard", table="inbox")),
    (OFFER, Point("before the search is written", table="search", when=THE_JOB)),
    (OFFER, Point("before the offer is written", table="offer", when="NEW.driver_id = '{driver}'")),
    (OFFER, letter("offer.created", "before the commit")),
    (
        EXPIRE,
        Point("before the offer ends", table="offer", change="UPDATE", when="NEW.driver_id = '{driver}'"),
    ),
    (EXPIRE, Point("before the next offer is written", table="offer", when="NEW.driver_id = '{next}'")),
    (EXPIRE, letter("offer.expired", "before the commit")),
    (
        ACCEPT,
        Point("before the search is locked", row="SELECT 1 FROM search WHERE job_id = '{job}' FOR UPDATE"),
    ),
    (
        ACCEPT,
        Point(
            "search locked, the driver not yet", row="SELECT 1 FROM driver WHERE id = '{driver}' FOR UPDATE"
        ),
    ),
    (ACCEPT, Point("before the search is assigned", table="search", change="UPDATE", when=THE_JOB)),
    (
        ACCEPT,
        Point("before the driver is busy", table="driver", change="UPDATE", when="NEW.active_job = '{job}'"),
    ),
    (ACCEPT, letter("assignment.created", "before the commit")),
    (TIME_OUT, Point("before the search ends", table="search", change="UPDATE", when=THE_JOB)),
    (TIME_OUT, letter("search.timed_out", "before the commit")),
]
COMMITTED = [
    (step, point)
    for step in STEPS
    for point in (
        letter(step.told_by, "the commit given, its end unheard", at_commit=True),
        letter(step.told_by, "told, and not known to be told", "DELETE"),
    )
]
