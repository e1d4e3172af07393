"""Each violation is found, and a good run has none."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from city.agreement import legal
from city.api import Aftermath, Attempt, Booking, Card, Decision, Dispatch, DriverRecord, Offer
from city.evidence import ORDER, Evidence
from city.invariants import violations
from city.ledger import Accept, JobSeen, OfferSeen, Outcome, Step

START = datetime(2026, 1, 1, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


@dataclass
class Scene:
    """A job `j` that driver `a` did from second 1 to second 9, after driver `b` had let its offer expire."""

    job: JobSeen = field(
        default_factory=lambda: JobSeen(
            "j",
            keys=["k"],
            offers=[OfferSeen("b", True, 0.1, over_at=0.6, over="expired"), OfferSeen("a", True, 0.7)],
            accepts=[Accept("a", 1.0, outcome=Outcome.won)],
            told={("booking:driver_assigned", "a")},
            steps={"customer": [Step(status, 1) for status in ORDER[1:]]},
        )
    )
    booking: dict[str, Any] = field(
        default_factory=lambda: {"status": "completed", "driver": Card(id="a"), "updated_at": after(9)}
    )
    offers: list[Offer] = field(
        default_factory=lambda: [
            offer("b", "expired", 0.0, expires=0.5, answered=0.5),
            offer("a", "accepted", 0.6, expires=3.6, answered=1.0),
        ]
    )
    decisions: list[Decision] = field(default_factory=list)
    state: str = "assigned"
    driver: str | None = "a"
    drivers: dict[str, DriverRecord | None] = field(
        default_factory=lambda: {"a": DriverRecord(id="a", state="available")}
    )
    others: list[tuple[JobSeen, Booking | None, Dispatch | None]] = field(default_factory=list)
    disturbed: bool = False

    def found(self) -> list[str]:
        attempt = Attempt(
            attempt=1,
            state=self.state,
            driver_id=self.driver,
            offers=self.offers,
            decisions=self.decisions,
        )
        aftermath = Aftermath(
            bookings={"j": Booking(id="j", **self.booking)},
            dispatches={"j": Dispatch(job_id="j", attempts=[attempt])},
            drivers=self.drivers,
        )
        jobs = {"j": self.job}
        for job, booking, dispatch in self.others:
            jobs[job.id] = job
            aftermath.bookings[job.id], aftermath.dispatches[job.id] = booking, dispatch
        return [str(each) for each in violations(Evidence(jobs, aftermath, self.disturbed))]


def offer(driver: str, state: str, created: float, *, expires: float, answered: float | None) -> Offer:
    decided = int(after(created).timestamp() * 1000)
    return Offer(
        id=UUID(int=(decided << 80) | (7 << 76) | (0b10 << 62)),
        driver_id=driver,
        state=state,
        exclusive=True,
        created_at=after(created),
        expires_at=after(expires),
        answered_at=None if answered is None else after(answered),
    )


def another(scene: Scene, start: float, **changes: Any) -> None:
    """A second job, `k`, offered to and accepted by `a` at `start`."""
    taken = offer("a", "accepted", start - 0.1, expires=start + 3, answered=start)
    booking = {"status": "completed", "driver": Card(id="a"), "updated_at": after(start + 5)} | changes
    dispatch = Dispatch(
        job_id="k", attempts=[Attempt(attempt=1, state="assigned", driver_id="a", offers=[taken])]
    )
    scene.others.append((JobSeen("k", keys=["k2"]), Booking(id="k", **booking), dispatch))


def test_a_good_run_has_no_violation() -> None:
    scene = Scene()
    another(scene, 10)
    assert scene.found() == []


def test_a_lapsed_offer_taken_while_the_job_stands_open_to_all_is_no_violation() -> None:
    scene = Scene()
    won_after_withdrawal(scene)
    accepted_after_expiry(scene)
    scene.decisions = [Decision(at=after(0), policy="cascade"), Decision(at=after(0.95), policy="broadcast")]
    assert scene.found() == []


def test_a_lapsed_offer_taken_by_who_waited_while_the_job_was_opened_to_all_is_no_violation() -> None:
    scene = Scene()
    accepted_after_expiry(scene)
    scene.decisions = [Decision(at=after(1.1), policy="broadcast")]
    assert scene.found() == []


def cancelled(scene: Scene, at: float) -> None:
    scene.booking |= {"status": "cancelled", "updated_at": after(at)}
    scene.job.cancelled_at = at
    scene.job.steps.clear()
    scene.state = "cancelled"


def test_an_accept_that_crosses_a_cancel_and_is_released_is_no_violation() -> None:
    scene = Scene()
    cancelled(scene, 0.8)
    assert scene.found() == []


def test_a_step_that_a_lost_connection_skipped_is_no_violation() -> None:
    scene = Scene()
    scene.job.steps = {"customer": [Step("accepted", 1), Step("in_progress", 3), Step("completed", 3)]}
    assert scene.found() == []


def test_a_skipped_step_is_no_violation_when_a_process_was_killed() -> None:
    scene = Scene(disturbed=True)
    scene.job.steps = {"customer": [Step("accepted", 1), Step("in_progress", 1)]}
    assert scene.found() == []


def test_a_stale_accept_that_is_refused_is_no_violation() -> None:
    scene = Scene()
    scene.job.accepts.append(Accept("b", 2.0, outcome=Outcome.refused))
    scene.job.accepts.append(Accept("c", 2.0))
    assert scene.found() == []


def test_winning_a_newer_offer_that_is_still_on_its_way_is_no_violation() -> None:
    scene = Scene()
    scene.offers.insert(0, offer("a", "expired", -9, expires=-6, answered=-6))
    scene.job.offers[1].over_at, scene.job.offers[1].over = 0.9, "expired"
    assert scene.found() == []


def test_an_offer_whose_transaction_waited_for_the_end_of_the_one_before_is_no_violation() -> None:
    scene = Scene()
    scene.others.append((JobSeen("k", keys=["k2"]), *expired_offer("k", created=0.2, decided=0.51)))
    assert scene.found() == []
    scene.others[0] = (JobSeen("k", keys=["k2"]), *expired_offer("k", created=0.2, decided=0.4))
    assert any("b was offered k" in each for each in scene.found())


def expired_offer(job_id: str, *, created: float, decided: float) -> tuple[Booking, Dispatch]:
    """To driver `b`, in a transaction that began at `created`."""
    made = offer("b", "expired", decided, expires=3, answered=3).model_copy(
        update={"created_at": after(created)}
    )
    attempt = Attempt(attempt=1, state="failed", offers=[made])
    booking = Booking(id=job_id, status="unfulfilled", updated_at=after(4))
    return booking, Dispatch(job_id=job_id, attempts=[attempt])


def lose_booking(scene: Scene) -> None:
    scene.others.append((JobSeen("gone", keys=["k3"]), None, None))


def two_bookings_for_a_key(scene: Scene) -> None:
    another(scene, 10)
    scene.others[0][0].keys[:] = ["k"]


def one_booking_for_two_keys(scene: Scene) -> None:
    scene.job.keys.append("other")


def two_winners(scene: Scene) -> None:
    scene.job.accepts.append(Accept("b", 0.5, outcome=Outcome.won))


def told_another(scene: Scene) -> None:
    scene.job.told.add(("job:accepted", "b"))


def booked_another(scene: Scene) -> None:
    scene.booking["driver"] = Card(id="b")


def accepted_twice_in_matching(scene: Scene) -> None:
    scene.offers[0] = offer("b", "accepted", 0.0, expires=0.5, answered=0.4)


def two_jobs_at_once(scene: Scene) -> None:
    another(scene, 5)


def second_job_while_first_is_open(scene: Scene) -> None:
    scene.booking |= {"status": "in_progress", "updated_at": after(3)}
    scene.drivers["a"] = DriverRecord(id="a", state="busy", active_job_id="j")
    another(scene, 20)


def won_before_completing(scene: Scene) -> None:
    scene.job.completing_at, scene.job.accepts[0].answered_at = 9.0, 1.1
    another(scene, 10)
    accept = Accept("a", 8.5, 8.8, Outcome.won)
    scene.others[0][0].accepts.append(accept)
    scene.others[0][0].completing_at = 14.0


def two_live_offers(scene: Scene) -> None:
    scene.offers[1] = offer("a", "accepted", 0.6, expires=30, answered=8.0)
    another(scene, 7, status="completed", updated_at=after(7.5))


def accepted_after_expiry(scene: Scene) -> None:
    scene.offers[1] = offer("a", "accepted", 0.6, expires=0.9, answered=1.0)


def accepted_after_expiry_of_a_job_that_never_stood_open(scene: Scene) -> None:
    accepted_after_expiry(scene)
    scene.decisions = [Decision(at=after(0.95), policy="cascade")]


def accepted_long_after_cancel(scene: Scene) -> None:
    cancelled(scene, 0.8)
    scene.job.cancelled_at = None
    scene.offers[1] = offer("a", "accepted", 0.6, expires=30, answered=40)


def won_after_withdrawal(scene: Scene) -> None:
    scene.job.offers[1].over_at, scene.job.offers[1].over = 0.9, "withdrawn"


def won_long_after_cancel_answered(scene: Scene) -> None:
    cancelled(scene, 0.8)
    scene.job.accepts[0].sent_at = 40


def step_back(scene: Scene) -> None:
    scene.job.steps["customer"].insert(3, Step("accepted", 1))


def step_skipped(scene: Scene) -> None:
    del scene.job.steps["customer"][2]


def step_after_the_end(scene: Scene) -> None:
    scene.job.steps["customer"].append(Step("cancelled", 9))


def matching_knows_nothing(scene: Scene) -> None:
    another(scene, 10)
    scene.others[0] = (*scene.others[0][:2], None)


def matching_still_searches(scene: Scene) -> None:
    scene.booking |= {"status": "unfulfilled", "driver": None}
    scene.job = JobSeen("j", keys=["k"])
    scene.offers, scene.state = [], "searching"


def matching_has_another_driver(scene: Scene) -> None:
    scene.driver = "b"


def assigned_though_cancelled(scene: Scene) -> None:
    cancelled(scene, 5)
    scene.state = "assigned"


def stuck_driver(scene: Scene) -> None:
    scene.drivers["a"] = DriverRecord(id="a", state="busy", active_job_id="j")


def busy_with_nothing(scene: Scene) -> None:
    scene.drivers["a"] = DriverRecord(id="a", state="busy")


def driver_gone(scene: Scene) -> None:
    scene.drivers["a"] = None


def two_busy_with_one_job(scene: Scene) -> None:
    scene.booking |= {"status": "arrived"}
    scene.job.steps.clear()
    scene.drivers = {name: DriverRecord(id=name, state="busy", active_job_id="j") for name in ("a", "b")}


FAULTS: list[tuple[Callable[[Scene], None], int, str]] = [
    (lose_booking, 1, "does not exist"),
    (two_bookings_for_a_key, 1, "gave bookings j, k"),
    (one_booking_for_two_keys, 1, "for 2 orders"),
    (two_winners, 2, "has 2 drivers"),
    (told_another, 2, "b (job:accepted)"),
    (booked_another, 2, "b (booking)"),
    (accepted_twice_in_matching, 2, "b (matching)"),
    (two_jobs_at_once, 2, "while on j"),
    (second_job_while_first_is_open, 2, "while on j"),
    (won_before_completing, 2, "won job k 0.2 s before j"),
    (two_live_offers, 3, "while holding j's offer"),
    (accepted_after_expiry, 3, "after the offer's expiry"),
    (accepted_after_expiry_of_a_job_that_never_stood_open, 3, "after the offer's expiry"),
    (accepted_long_after_cancel, 3, "after its cancel"),
    (won_after_withdrawal, 3, "withdrawn"),
    (won_long_after_cancel_answered, 3, "after its cancel and won"),
    (step_back, 6, "was told accepted after arrived"),
    (step_skipped, 6, "was told in_progress after en_route"),
    (step_after_the_end, 6, "was told cancelled after completed"),
    (matching_knows_nothing, 6, "does not know it"),
    (matching_still_searches, 6, "search is searching"),
    (matching_has_another_driver, 6, "has driver a, matching b"),
    (assigned_though_cancelled, 6, "search is assigned"),
    (stuck_driver, 6, "is stuck with job j"),
    (busy_with_nothing, 6, "busy with active job None"),
    (driver_gone, 6, "is not known any more"),
    (two_busy_with_one_job, 2, "2 drivers are busy with job j"),
]


@pytest.mark.parametrize(("fault", "rule", "text"), FAULTS, ids=[fault.__name__ for fault, _, _ in FAULTS])
def test_a_fault_is_found_and_named(fault: Callable[[Scene], None], rule: int, text: str) -> None:
    scene = Scene()
    fault(scene)
    found = scene.found()
    assert any(each.startswith(f"invariant {rule}:") and text in each for each in found), found


@pytest.mark.parametrize(
    ("before", "next_one", "gap", "may"),
    [
        ("pending", "accepted", False, True),
        ("pending", "en_route", False, False),
        ("pending", "en_route", True, True),
        ("accepted", "accepted", False, True),
        ("en_route", "accepted", True, False),
        ("pending", "unfulfilled", False, True),
        ("unfulfilled", "pending", False, True),
        ("unfulfilled", "accepted", False, True),
        ("accepted", "pending", True, False),
        ("in_progress", "cancelled", False, True),
        ("cancelled", "accepted", True, False),
        ("completed", "cancelled", False, False),
        ("accepted", "nonsense", True, False),
    ],
)
def test_what_a_client_may_hear_next(before: str, next_one: str, gap: bool, may: bool) -> None:
    """C8, C12: steps in their order; a lost connection may skip some, never turn them back."""
    assert legal(before, next_one, gap=gap) is may
