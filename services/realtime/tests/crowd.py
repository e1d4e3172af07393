"""The phones of a city's people, spread over two edges: what they try, what they hear, what is theirs."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from nats.aio.client import Client

from contracts import events as happened
from contracts.models import Role
from contracts.subjects import live_track
from stack.tokens import mint

from . import made
from .city import Anything, City, Story
from .conftest import KEY, Publish
from .neighbours import Neighbours
from .phone import Phone

PLAIN, RECOVERABLE, LEAVING, LEAVING_PLAIN = range(4)
"""What a client is: with `recover: true` or not, and whether it is away for a while."""


class Crowd:
    """`due` counts what everybody had to hear until now, by person and name of the event."""

    def __init__(self, city: City, edges: list[str], neighbours: Neighbours, nc: Client) -> None:
        self.city, self.edges, self.neighbours, self.nc = city, edges, neighbours, nc
        self.phones: dict[str, list[Phone]] = {person: [] for person in city.people}
        self.present: set[str] = set()
        self.due: Counter[tuple[str, str]] = Counter()
        self.unread: Counter[tuple[str, str]] = Counter()
        """What admins have still to hear; others know by their notifications how far they are."""
        self.types: set[type] = set()
        self.kinds = {person: number % 4 for number, person in enumerate(city.people)}
        self.kinds |= dict(zip(city.admins(), (PLAIN, LEAVING), strict=True))
        for story in city.stories.values():
            neighbours.add(story.job)

    def phone(self, person: str) -> Phone:
        """The one in use."""
        return self.phones[person][-1]

    def heard(self, person: str) -> list[tuple[str, Any]]:
        return [event for phone in self.phones[person] for event in phone.events]

    def names_heard(self, person: str) -> list[str]:
        """Of the events. A notification counts once: by an older offset of somebody else it is told again."""
        heard = self.heard(person)
        notifications = {payload["id"] for name, payload in heard if name == "notification"}
        return [name for name, _ in heard if name != "notification"] + ["notification"] * len(notifications)

    async def start(self) -> None:
        """All connect; admins ask for what they may, and most drivers go online."""
        await asyncio.gather(*map(self._come, self.city.people))
        for admin in self.city.admins():
            assert (await self.phone(admin).ask("admin:subscribe_assignments"))["ok"]
        for driver in self.city.online:
            assert (await self.phone(driver).ask("pilot:online"))["ok"]

    async def leave(self) -> None:
        for person in self._of_kind(LEAVING, LEAVING_PLAIN):
            await self.phone(person).hang_up()
            self.present.discard(person)

    async def come_back(self) -> None:
        """To the other edge; who can be told what it missed says where somebody else was."""
        leaving = [person for person in self._of_kind(LEAVING) if person not in self.city.admins()]
        others = dict(zip(leaving, leaving[1:] + leaving[:1], strict=True))
        for person in self._of_kind(LEAVING):
            kept = self.phones[others.get(person, person)][0]
            await self._come(person, pid=kept.pid, offset=kept.offset)
        for person in self._of_kind(LEAVING_PLAIN):
            await self._come(person)

    async def try_all(self) -> None:
        """Everybody asks to follow every booking; only those of C6 are let in."""
        await asyncio.gather(*map(self._try, self.present))

    async def act(self, publish: Publish, events: Callable[[Story], Iterable[Anything]]) -> None:
        """Let this happen in every story, and wait until all who are here have heard of it."""
        for story in self.city.stories.values():
            for event in events(story):
                await self._publish(publish, event)
            self.neighbours.add(story.job)
        marks = [made.notification(person) for person in self.present - set(self.city.admins())]
        for mark in marks:
            await self._publish(publish, mark)
        for mark in marks:
            while (await self.phone(mark.user_id).next("notification"))["id"] != str(mark.notification_id):
                pass
        for admin in self.present & set(self.city.admins()):
            await self._read_all(admin)

    def _of_kind(self, *kinds: int) -> list[str]:
        return [person for person, kind in self.kinds.items() if kind in kinds]

    async def _come(self, person: str, **more: object) -> None:
        phones, role = self.phones[person], self.city.people[person]
        if self.kinds[person] in (RECOVERABLE, LEAVING):
            more["recover"] = True
        url = self.edges[(list(self.city.people).index(person) // 4 + len(phones)) % 2]
        phones.append(await Phone().dial(url, mint(person, role.value, key=KEY), **more))
        self.present.add(person)
        if role is not Role.admin and not more.get("offset"):
            await self.phone(person).greeted()

    async def _try(self, person: str) -> None:
        for job_id, story in self.city.stories.items():
            answer = await self.phone(person).ask("booking:subscribe", {"bookingId": job_id})
            driver = story.job.driver.id if story.job.driver else None
            allowed = person in (*self.city.admins(), story.job.customer_id, driver)
            assert answer["ok"] is allowed, (person, story)

    async def _publish(self, publish: Publish, event: Anything) -> None:
        self.types.add(type(event))
        if isinstance(event, happened.NotificationCreated):
            self.city.notified[str(event.notification_id)] = event.user_id
        for person, name in self.city.due(event):
            if person in self.present or self.kinds[person] == LEAVING:
                self.due[person, name] += 1
                if person in self.city.admins():
                    self.unread[person, name] += 1
        if isinstance(event, happened.JobTracked):
            await self.nc.publish(live_track(event.job_id), event.model_dump_json().encode())
        else:
            await publish(event)

    async def _read_all(self, admin: str) -> None:
        for person, name in list(self.unread):
            if person == admin:
                for _ in range(self.unread.pop((person, name))):
                    await self.phone(admin).next(name)

    async def hang_up(self) -> None:
        for person in self.present:
            await self.phone(person).hang_up()
