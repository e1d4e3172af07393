"""Asking the admin's API how everything stands, until it agrees or patience ends."""

import asyncio
from collections.abc import Iterable

from pydantic import ValidationError

from city.api import Aftermath, Booking, Dispatch, DriverRecord
from city.clock import now
from city.edge import Answer, Edge, UnreachableError
from city.evidence import Evidence, Violation
from city.invariants import violations
from city.ledger import Ledger

AT_ONCE = 12  # requests
PATIENCE = 10.0  # seconds without progress after which what does not agree never will
AT_MOST = 60.0  # seconds in all
AGAIN = 0.5
NOT_FOUND = 404


class Inquiry:
    """`after` holds what was answered last; `unanswered` counts what got neither 200 nor 404."""

    def __init__(self, edge: Edge, admin: str) -> None:
        self.after = Aftermath()
        self.unanswered = 0
        self._edge, self._admin = edge, admin
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def ask(self, jobs: Iterable[str], drivers: Iterable[str]) -> None:
        """Ask anew about these jobs and drivers."""
        async with asyncio.TaskGroup() as group:
            for job_id in jobs:
                group.create_task(self._job(job_id))
            for driver_id in drivers:
                group.create_task(self._driver(driver_id))

    async def _job(self, job_id: str) -> None:
        if (answer := await self._get(f"/v1/bookings/{job_id}")) is not None:
            self.after.bookings[job_id] = Booking.model_validate(answer.body) if answer.ok else None
        if (answer := await self._get(f"/v1/jobs/{job_id}/dispatch")) is not None:
            self.after.dispatches[job_id] = Dispatch.model_validate(answer.body) if answer.ok else None

    async def _driver(self, driver_id: str) -> None:
        if (answer := await self._get(f"/v1/drivers/{driver_id}")) is not None:
            self.after.drivers[driver_id] = DriverRecord.model_validate(answer.body) if answer.ok else None

    async def _get(self, path: str) -> Answer | None:
        async with self._turn:
            try:
                answer = await self._edge.get(path, self._admin)
            except UnreachableError:
                self.unanswered += 1
                return None
        if not answer.ok and answer.status != NOT_FOUND:
            self.unanswered += 1
            return None
        return answer


async def check(
    edge: Edge, admin: str, ledger: Ledger, drivers: list[str], *, disturbed: bool
) -> tuple[Aftermath, list[Violation]]:
    """The aftermath and what is wrong with it.

    Violations about how things stand may only be events under way: those jobs and drivers are asked about
    again as long as they become fewer. A house that is behind with its work is given time to catch up.
    """
    inquiry, began = Inquiry(edge, admin), now()
    found, fewest, progress = list[Violation](), 0, began
    try:
        await inquiry.ask(ledger.jobs, drivers)
        while found := violations(Evidence(ledger.jobs, inquiry.after, disturbed)):
            if len(found) < fewest or not fewest:
                fewest, progress = len(found), now()
            if now() - progress > PATIENCE or now() - began > AT_MOST:
                break
            await asyncio.sleep(AGAIN)
            await inquiry.ask(_all(v.jobs for v in found), _all(v.drivers for v in found))
    except* ValidationError as errors:
        found = [Violation(6, f"an answer of the API cannot be read: {errors.exceptions[0]}")]
    if inquiry.unanswered:
        found.append(Violation(1, f"{inquiry.unanswered} questions to the API were not answered"))
    return inquiry.after, found


def _all(groups: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*groups)
