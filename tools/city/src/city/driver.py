"""A driver: online, on the map, shown jobs, and choosing."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from city.city import City
from city.clock import now
from city.demand import Spot
from city.drive import Route, drive, resume
from city.edge import UnreachableError
from city.ledger import Accept, OfferSeen, Outcome
from city.phone import Phone

SPEED = 9.0  # metres a second
ONLINE_RETRY, ONLINE_RETRY_SLOWEST = 1.0, 8.0  # seconds: all come back at once after a restart
UNANSWERED = "unavailable"  # the edge had no answer in time: the accept may have taken effect
STALE_WAIT = 8.0  # seconds for which one who insists waits to be told that the offer is over


@dataclass(frozen=True)
class Shown:
    """What a driver was shown, while it thinks about it. `greedy`: takes it although on another job."""

    job_id: str
    offer: OfferSeen
    route: Route
    greedy: bool


class Driver:
    """One pilot with one phone. `job` is what it believes to be on."""

    def __init__(self, driver_id: str, token: str, spot: Spot, city: City) -> None:
        self.id, self.token, self.spot, self.city = driver_id, token, spot, city
        self.phone = Phone(
            city.edge.url,
            token,
            city.edge.session,
            self._heard,
            self._restore,
            returned=city.returned,
        )
        self.job: str | None = None
        self.online = asyncio.Event()
        """Set once, when it came online for the first time."""
        self.released = asyncio.Event()
        self._offers: dict[str, OfferSeen] = {}
        self._choosing = asyncio.Lock()

    async def work(self) -> None:
        """Stay connected and on the map until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.phone.stay())
            group.create_task(self._idle())

    async def go_home(self) -> None:
        await self.phone.ask("pilot:offline")

    async def tell_place(self) -> None:
        """Where the driver is, now."""
        place = {"lat": self.spot.lat, "lng": self.spot.lng, "speed": SPEED}
        if await self.phone.tell("pilot:location", place):
            self.city.ledger.count["locations_sent"] += 1

    async def _idle(self) -> None:
        while True:
            await asyncio.sleep(self.city.pick(self.city.habits.idle_ping))
            if self.job is None:
                await self.tell_place()

    async def _restore(self) -> None:
        """After each connect: online again, then take up the job that the house says we are on."""
        place = {"vehicleId": f"{self.id}-vehicle", "lat": self.spot.lat, "lng": self.spot.lng}
        pause = ONLINE_RETRY
        while (ack := await self.phone.ask("pilot:online", place)) is None or not ack.ok:
            self.city.ledger.count[f"online_refused:{ack.code if ack else 'no_ack'}"] += 1
            await asyncio.sleep(pause * self.city.rng.uniform(0.5, 1.5))
            pause = min(ONLINE_RETRY_SLOWEST, 2 * pause)
        self.online.set()
        if self.phone.connections > 1 and not self._choosing.locked():
            self.city.soon(self._take_up())

    async def _take_up(self) -> None:
        async with self._choosing:
            with suppress(UnreachableError):
                me = await self.city.edge.get("/v1/drivers/me", self.token)
                if (active := me.body.get("active_job_id")) and self.job is None:
                    self.begin(active)
                    self.city.soon(resume(self, active))

    def begin(self, job_id: str) -> None:
        self.job = job_id
        self.released.clear()

    def _heard(self, event: str, data: Any) -> None:
        if not isinstance(data, dict):
            return
        job_id = str(data.get("bookingId") or data.get("job_id") or data.get("id") or "")
        match event:
            case "booking:offer":
                self._shown(job_id, data, exclusive=True)
            case "job:new":
                self._shown(job_id, data, exclusive=False)
            case "offer:expired" | "offer:withdrawn":
                self._over(job_id, event.removeprefix("offer:"))
            case "job:accepted":
                self._offers.pop(job_id, None)
                self.city.ledger.told(job_id, event, str(data.get("driver_id")))
            case "job:closed":
                self._over(job_id, "closed")
            case "booking:status":
                self._status(job_id, str(data.get("status")))
            case "booking:released":
                self._lose(job_id)

    def _shown(self, job_id: str, data: dict[str, Any], *, exclusive: bool) -> None:
        offer = self.city.ledger.offered(job_id, self.id, exclusive=exclusive)
        self._offers[job_id] = offer
        greedy = not exclusive and self.city.chance(self.city.habits.greedy)
        if self.job is None or greedy:
            shown = Shown(job_id, offer, Route.of(data), greedy)
            self.city.soon(self._consider(shown))

    def _over(self, job_id: str, how: str) -> None:
        self.city.ledger.count[how] += 1
        if (offer := self._offers.pop(job_id, None)) is not None:
            offer.end(how)

    def _status(self, job_id: str, status: str) -> None:
        self.city.ledger.step(job_id, self.id, status, self.phone.connections)
        if status == "cancelled":
            self._lose(job_id)

    def _lose(self, job_id: str) -> None:
        if job_id == self.job:
            self.released.set()

    async def _consider(self, shown: Shown) -> None:
        habits, city = self.city.habits, self.city
        await asyncio.sleep(city.pick(habits.think))
        if not shown.offer.exclusive:
            if shown.greedy or city.chance(habits.accepts_broadcast):
                await self._accept(shown)
            return
        mood = city.rng.random()
        if mood < habits.accepts_offer:
            await self._accept(shown)
        elif mood < habits.accepts_offer + habits.declines_offer:
            city.ledger.count["declines"] += 1
            await self.phone.ask("offer:decline", {"bookingId": shown.job_id})
        elif city.chance(habits.insists):
            await self._insist(shown)

    async def _insist(self, shown: Shown) -> None:
        """Tap on a pop-up that should be gone: must be refused."""
        with suppress(TimeoutError):
            await asyncio.wait_for(shown.offer.ended.wait(), STALE_WAIT)
            await self._accept(shown)

    async def _accept(self, shown: Shown) -> None:
        """Say yes, one at a time and only when free; but the greedy at any time."""
        if shown.greedy:
            await self._say_yes(shown)
            return
        async with self._choosing:
            if self.job is None:
                await self._say_yes(shown)

    async def _say_yes(self, shown: Shown) -> None:
        ledger, accept = self.city.ledger, Accept(self.id, now())
        ledger.job(shown.job_id).accepts.append(accept)
        ledger.count["accepts"] += 1
        ack = await self.phone.ask("offer:accept", {"bookingId": shown.job_id})
        if ack is None or ack.code == UNANSWERED:
            await self._ask_again(shown.job_id, accept)
        else:
            ledger.answered(shown.job_id, accept, Outcome.won if ack.ok else Outcome.refused, ack.code)
        if accept.outcome is Outcome.won and self.job is None:  # two jobs at once: left to the check
            self.begin(shown.job_id)
            self.city.soon(drive(self, shown.job_id, shown.route))

    async def _ask_again(self, job_id: str, accept: Accept) -> None:
        """The answer was lost. Accepting is repeatable: who won already is answered success again (A5)."""
        self.city.ledger.count["acks_lost"] += 1
        with suppress(UnreachableError):
            answer = await self.city.edge.call("POST", f"/v1/jobs/{job_id}/accept", self.token)
            outcome = Outcome.won if answer.ok else Outcome.refused
            self.city.ledger.answered(job_id, accept, outcome, answer.code)
